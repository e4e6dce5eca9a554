"""The ring keeper over a directory: published, counted, renewed, kept through faults."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secretsync.cluster.base import KINDS, WatchEvent, WatchEventType
from secretsync.cluster.directory import DirectoryCluster
from secretsync.controller.ring import Renewing, RingKeeper, RingObserver
from secretsync.errors import ClusterUnavailable, Forbidden
from secretsync.refresh.clock import Clock
from secretsync.sealed.key_store import KeyOptions, KeyStore
from tests.e2e.rig import eventually
from tests.e2e.sealed_rig import key_object
from tests.sealing.kit import other_key, vector_key

NAMESPACE = "keys"
SMALL = KeyOptions(key_bits=2048)
NEVER = Renewing(period=timedelta(0), options=SMALL)


class Observed(RingObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.uses = 0
        self.failures = 0
        self.keys: Mapping[str, int] = {}

    def private_key_used(self) -> None:
        self.uses += 1

    def ring_changed(self, keys: Mapping[str, int]) -> None:
        self.keys = keys

    def ring_failed(self) -> None:
        self.failures += 1


class Fallible(KeyStore):
    """A key store whose cluster fails as long as a test wants it to."""

    error: Exception | None = None

    def load(self):  # type: ignore[no-untyped-def] - as its base
        if self.error is not None:
            raise self.error
        return super().load()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    cluster = DirectoryCluster(tmp_path / "cluster", now=lambda: datetime.now(UTC))
    yield cluster
    cluster.close()


@contextlib.contextmanager
def keeping(
    cluster: DirectoryCluster,
    observed: Observed,
    *,
    renewing: Renewing = NEVER,
    changed: Callable[[], None] = lambda: None,
    error: Exception | None = None,
) -> Iterator[tuple[RingKeeper, Fallible]]:
    stop = threading.Event()
    store = Fallible(cluster, NAMESPACE, clock=Clock(stop))
    store.error = error
    keeper = RingKeeper(store, renewing, Clock(stop), observed, changed=changed)
    keeper.start()
    try:
        assert keeper.wait_tried(120)
        yield keeper, store
    finally:
        stop.set()
        keeper.close()
        keeper.join(30)


def put(cluster: DirectoryCluster, name: str, key: object = None) -> None:
    cluster.create(KINDS["Secret"], key_object(name, NAMESPACE, key), field_manager="x")


def told(name: str, **labels: str) -> WatchEvent:
    obj = {"metadata": {"namespace": NAMESPACE, "name": name, "labels": labels}}
    return WatchEvent(WatchEventType.MODIFIED, obj, "1")


def fingerprints(keeper: RingKeeper) -> set[str]:
    return {key.fingerprint for key in keeper.ring}


def test_first_key_is_made_stored_and_published(cluster: DirectoryCluster) -> None:
    observed, changes = Observed(), []
    with keeping(cluster, observed, changed=lambda: changes.append(1)) as (keeper, _):
        (key,) = keeper.ring.keys
        stored = cluster.get(KINDS["Secret"], NAMESPACE, key.name)
        assert stored is not None
        assert keeper.loaded
        assert keeper.failure is None
        assert observed.keys == {"active": 1, "broken": 0, "inactive": 0}
        assert changes


def test_ring_is_the_same_object_with_its_uses_counted(cluster: DirectoryCluster) -> None:
    put(cluster, "sealed-secrets-keya")
    observed = Observed()
    with keeping(cluster, observed) as (keeper, _):
        (before,) = keeper.ring
        with contextlib.suppress(ValueError):
            from sealing.envelope import _oaep

            before.decrypt(bytes(256), _oaep(b""))
        assert observed.uses == 1
        put(cluster, "sealed-secrets-keyb", other_key())
        keeper.look()
        eventually(lambda: len(keeper.ring.keys) == 2)
        assert any(key is before for key in keeper.ring)


@pytest.mark.parametrize(
    ("event", "looks"),
    [
        pytest.param(told("sealed-secrets-keya"), True, id="known-without-label"),
        pytest.param(told("sealed-secrets-key"), True, id="prefix"),
        pytest.param(
            told("x", **{"sealedsecrets.bitnami.com/sealed-secrets-key": "compromised"}),
            True,
            id="any-label-value",
        ),
        pytest.param(told("other"), False, id="another-secret"),
    ],
)
def test_event_about_a_key_leads_to_a_look(
    cluster: DirectoryCluster, event: WatchEvent, *, looks: bool
) -> None:
    put(cluster, "sealed-secrets-keya")
    with keeping(cluster, Observed()) as (keeper, _):
        put(cluster, "sealed-secrets-keyb", other_key())
        keeper.on_secret(event)
        if looks:
            eventually(lambda: len(keeper.ring.keys) == 2)
        else:
            assert len(keeper.ring.keys) == 1


@pytest.mark.parametrize("error", [ClusterUnavailable("away"), Forbidden("no"), OSError("x")])
def test_fault_keeps_the_last_good_ring(cluster: DirectoryCluster, error: Exception) -> None:
    put(cluster, "sealed-secrets-keya")
    observed = Observed()
    with keeping(cluster, observed) as (keeper, store):
        before = fingerprints(keeper)
        assert before == {vector_key().fingerprint}
        store.error = error
        keeper.look()
        eventually(lambda: observed.failures)
        assert fingerprints(keeper) == before
        store.error = None
        put(cluster, "sealed-secrets-keyb", other_key())
        eventually(lambda: len(keeper.ring.keys) == 2)


def test_ring_that_was_never_read_says_so(cluster: DirectoryCluster) -> None:
    observed, error = Observed(), Forbidden("secrets is forbidden")
    with keeping(cluster, observed, error=error) as (keeper, store):
        assert not keeper.loaded
        assert keeper.failure is error
        assert keeper.ring.keys == ()
        store.error = None
        eventually(lambda: keeper.loaded)
        eventually(lambda: keeper.failure is None)


def test_renewal_asked_for_is_done_once(cluster: DirectoryCluster) -> None:
    put(cluster, "sealed-secrets-keya")
    with keeping(cluster, Observed()) as (keeper, _):
        keeper.renew()
        eventually(lambda: len(keeper.ring.keys) == 2)
        assert keeper.ring.sealing_key(datetime.now(UTC)).private_key.fingerprint != (
            vector_key().fingerprint
        )
        keeper.look()
        keeper.look()
        assert len(keeper.ring.keys) == 2


def test_key_from_before_the_cutoff_gets_a_successor(cluster: DirectoryCluster) -> None:
    put(cluster, "sealed-secrets-keya")
    renewing = Renewing(timedelta(0), datetime.now(UTC), SMALL)
    with keeping(cluster, Observed(), renewing=renewing) as (keeper, _):
        assert len(keeper.ring.keys) == 2
        keeper.look()
    with keeping(cluster, Observed(), renewing=renewing) as (keeper, _):
        assert len(keeper.ring.keys) == 2
