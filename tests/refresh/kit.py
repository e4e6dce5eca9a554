"""What the refresh tests share: a clock that tests move, a provider that they script.

The provider stands in only where a real service cannot be timed (who reads first, what
fails how often); whatever depends on a service's answers runs against the real adapter.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from providers.base import (
    Changes,
    Credentials,
    FindQuery,
    ProviderError,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
)
from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.limiter import StoreLimiter
from secretsync.refresh.oneshot import PathSiblings
from secretsync.refresh.outcomes import Outcome
from secretsync.refresh.selectors import ClusterCredentials, Overlay
from secretsync.refresh.sessions import SessionKey, StoreSession
from secretsync.refresh.stores import StoreSource
from secretsync.refresh.wiring import Options, build_engine
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.manifests import Manifests, load_manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.secret_store import SecretStore, parse_secret_store

__all__ = [
    "START",
    "FakeClock",
    "Rig",
    "ScriptedProvider",
    "es_ref",
    "in_threads",
    "manifests",
    "open_session",
    "secret_manifest",
    "store",
    "store_manifest",
]

START = datetime(2026, 1, 1, tzinfo=UTC)
REGION = "eu-central-1"
ESO = "external-secrets.io/v1"


class FakeClock(Clock):
    """Time that passes only when somebody waits, or a test says so.

    Attributes:
        waits: how long each wait was asked to be, in seconds.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()
        super().__init__(self.stop)
        self.waits: list[float] = []
        self._passed_s = 0.0
        self._guard = threading.Lock()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._passed_s)

    def monotonic_s(self) -> float:
        return 5000.0 + self._passed_s

    def wait(self, seconds: float) -> bool:
        if self.stop.is_set():
            return False
        with self._guard:
            self.waits.append(seconds)
            self._passed_s += max(0.0, seconds)
        return True

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._guard:
            self._passed_s += seconds


class ScriptedProvider:
    """Answers as it is told; counts what it is asked.

    Attributes:
        answers: by key, what is answered: a value, an error, or what a call returns.
        fetches: the refs of each call of fetch.
        verdict: what changes() returns or raises.
        asked: watermark and known versions of each call of changes().
        before_fetch: called at the start of each fetch.
    """

    def __init__(self, answers: Mapping[str, Any] | None = None, *, pack_size: int = 20) -> None:
        self.answers = dict(answers or {})
        self.pack_size = pack_size
        self.fetches: list[list[SecretRef]] = []
        self.verdict: Changes | ProviderError = Changes({}, frozenset(), frozenset(), None)
        self.asked: list[tuple[object | None, dict[SecretRef, str]]] = []
        self.before_fetch: Callable[[], Any] = lambda: None
        self.closed = 0
        self._guard = threading.Lock()

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        size = self.pack_size
        return [list(refs[start : start + size]) for start in range(0, len(refs), size)]

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        with self._guard:
            self.fetches.append(list(refs))
        self.before_fetch()
        return {ref: self._answer(ref) for ref in refs}

    def _answer(self, ref: SecretRef) -> SecretValue | ProviderError:
        found = self.answers.get(ref.key, SecretNotFound(f"no {ref.key}", definite=True))
        found = found() if callable(found) else found
        if isinstance(found, SecretValue | ProviderError):
            return found
        if isinstance(found, Exception):
            raise found
        return SecretValue(SecretBytes(found.encode()), f"v-{found}")

    def find(self, query: FindQuery) -> list[SecretRef]:
        return []

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        self.asked.append((watermark, dict(known)))
        if isinstance(self.verdict, ProviderError):
            raise self.verdict
        return self.verdict

    def check(self, refs: Sequence[SecretRef]) -> None:
        return None

    def close(self) -> None:
        self.closed += 1

    @property
    def read(self) -> list[str]:
        """Every key that was read, in order, as often as it was."""
        return [ref.key for refs in self.fetches for ref in refs]


def store(
    name: str = "aws",
    *,
    kind: str = "SecretStore",
    namespace: str = "web",
    spec: Mapping[str, Any] | None = None,
    **aws: Any,
) -> SecretStore:
    """Return a parsed store at AWS."""
    parsed = parse_secret_store(
        Document(
            store_manifest(name, kind=kind, namespace=namespace, spec=spec, **aws), Origin("s")
        ),
        default_namespace="web",
    )
    assert parsed.value is not None, parsed.problems
    return parsed.value


def store_manifest(
    name: str = "aws",
    *,
    kind: str = "SecretStore",
    namespace: str = "web",
    spec: Mapping[str, Any] | None = None,
    **aws: Any,
) -> dict[str, Any]:
    """Return the manifest of a store at AWS."""
    where = {} if kind == "ClusterSecretStore" else {"namespace": namespace}
    provider = {"aws": {"service": "SecretsManager", "region": REGION, **aws}}
    return {
        "apiVersion": ESO,
        "kind": kind,
        "metadata": {"name": name, **where},
        "spec": {"provider": provider, **(spec or {})},
    }


def secret_manifest(name: str, namespace: str = "web", **values: str) -> dict[str, Any]:
    """Return the manifest of a Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": values,
    }


def open_session(
    provider: ScriptedProvider, clock: Clock, given: SecretStore | None = None, **limits: Any
) -> StoreSession:
    """Return a session that speaks to a scripted provider."""
    used = given or store()
    limiter = StoreLimiter(clock, **limits)
    return StoreSession(SessionKey(used.ref), used, provider, limiter, Credentials(), 0.0, 0.0)


def es_ref(name: str, namespace: str = "web") -> ObjectRef:
    """Return the reference of an ExternalSecret."""
    return ObjectRef("ExternalSecret", namespace, name)


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run work(0) … work(count - 1) at the same time; returns their results in order."""
    results: dict[int, Any] = {}
    errors: list[BaseException] = []

    def run(index: int) -> None:
        try:
            results[index] = work(index)
        except BaseException as exc:  # noqa: BLE001 - raised again below, in the test's thread
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]
    return [results[index] for index in range(count)]


def manifests(*objects: dict[str, Any]) -> Manifests:
    """Return parsed manifests without a problem."""
    loaded = load_manifests(
        [Document(obj, Origin("path.yaml")) for obj in objects], default_namespace="web"
    )
    assert loaded.problems == (), loaded.problems
    return loaded


class Rig:
    """A directory cluster and the pipeline over it.

    Args:
        items: all ExternalSecrets there are.
        objects: manifests of stores, and of the Secrets that they authenticate with; a
            SecretStore at AWS where none is given.
        tokens: acknowledged mass deletions.
        allowed: what the process allows to adapters.
        options: see `secretsync.refresh.wiring.Options`.
    """

    def __init__(
        self,
        root: Path,
        items: Sequence[ExternalSecret],
        *objects: dict[str, Any],
        clock: Clock,
        tokens: Sequence[str] = (),
        allowed: Allowances | None = None,
        **options: Any,
    ) -> None:
        self.items = list(items)
        self.cluster = DirectoryCluster(root, default_namespace="web", now=lambda: START)
        given = manifests(*(objects or (store_manifest(),)))
        stores = StoreSource(self.cluster, given)
        self.engine = build_engine(
            self.cluster,
            lookup=stores,
            credentials=ClusterCredentials(self.cluster, Overlay.of(given), allowed=allowed),
            siblings=PathSiblings(self.items, stores, tokens),
            claims=Claims(self.items),
            clock=clock,
            options=Options(**options),
        )

    def run(self, items: Sequence[ExternalSecret] | None = None) -> list[Outcome[ExternalSecret]]:
        """Run a batch: everything, or what is given."""
        return self.engine.pipeline.run(self.items if items is None else items)

    def ends(self, items: Sequence[ExternalSecret] | None = None) -> dict[str, str]:
        """Run a batch; returns how each ended, by name."""
        return {outcome.item.meta.name: str(outcome.progress) for outcome in self.run(items)}

    def secret(self, name: str = "db", namespace: str = "web") -> dict[str, str] | None:
        """Return the data of a Secret, None where there is none."""
        obj = self.cluster.get(KINDS["Secret"], namespace, name)
        if obj is None:
            return None
        data = obj.get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def close(self) -> None:
        """End its threads."""
        self.engine.close()
        self.cluster.close()
