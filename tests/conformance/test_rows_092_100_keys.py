"""Rows 92 to 100: which key seals, and when a cluster gets a new one.

Where the controller's own tests wait, these say what time it is.
"""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from sealing import NoSealingKey, load_key_ring, parse_private_key
from secretsync.cluster.base import KINDS
from secretsync.sealed.key_store import KeyOptions, KeyStore
from tests.sealing.kit import NOW, key_object, other_key, vector_key

LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
PREFIX = "sealed-secrets-key"
SMALL = KeyOptions(key_bits=2048)
NEVER = timedelta(0)
PERIOD = timedelta(hours=1)
MS = timedelta(milliseconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def store(arena):
    return KeyStore(arena.cluster, arena.namespace)


def put(arena, name, *, age, labelled=True):
    """A key that is there from before."""
    secret = key_object(name, start=NOW - age)
    secret["metadata"] = {"name": name, "namespace": arena.namespace}
    if labelled:
        secret["metadata"]["labels"] = {LABEL: "active"}
    arena.cluster.create(KINDS["Secret"], secret, field_manager="controller")


def keys_in(store):
    return len(store.load().keys)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([0, 1, 2], id="row-092-oldest-first"),
        pytest.param([2, 1, 0], id="row-092-newest-first"),
        pytest.param([1, 2, 0], id="row-092-mixed"),
    ],
)
def test_newest_ordering_time_encrypts_whatever_the_registration_order(order):
    keys = [key_object(f"key{n}", other_key(n), start=NOW - (9 - n) * DAY) for n in range(3)]
    ring = load_key_ring([keys[n] for n in order])
    assert ring.sealing_key(NOW).name == "key2"


@pytest.mark.parametrize("secrets", [pytest.param([], id="row-093")])
def test_empty_registry_has_no_key_to_encrypt_with(secrets):
    with pytest.raises(NoSealingKey, match=r"^key registry has no keys$"):
        load_key_ring(secrets).sealing_key(NOW)


@pytest.mark.parametrize("period", [pytest.param(NEVER, id="row-094")])
def test_without_a_period_one_key_is_made_and_the_trigger_makes_another(store, period):
    first = store.ensure(now=NOW, period=period, options=SMALL)[1]
    assert keys_in(store) == 1
    assert store.ensure(now=NOW + 999 * DAY, period=period, options=SMALL)[1] is None
    second = store.create(now=NOW, options=SMALL)
    assert keys_in(store) == 2
    assert store.load().sealing_key(NOW).name == second.name != first.name


@pytest.mark.parametrize("period", [pytest.param(100 * MS, id="row-095")])
def test_with_a_period_the_next_key_comes_by_time(store, period):
    assert store.ensure(now=NOW, period=period, options=SMALL)[1]
    assert store.ensure(now=NOW + period - MS, period=period, options=SMALL)[1] is None
    assert store.ensure(now=NOW + period, period=period, options=SMALL)[1]
    assert keys_in(store) == 2


@pytest.mark.parametrize(
    ("name", "labelled"),
    [
        pytest.param("any-name", True, id="row-096"),
        pytest.param(PREFIX, False, id="row-097"),
    ],
)
def test_key_that_is_there_is_used_and_none_is_made(arena, store, name, labelled):
    put(arena, name, age=999 * DAY, labelled=labelled)
    ring, made = store.ensure(now=NOW, period=NEVER, options=SMALL)
    assert made is None
    assert ring.sealing_key(NOW).name == name
    assert [key.fingerprint for key in ring] == [vector_key().fingerprint]


@pytest.mark.parametrize("age", [pytest.param(PERIOD - 100 * MS, id="row-098")])
def test_key_that_is_nearly_as_old_as_the_period_is_followed_within_a_second(arena, store, age):
    """Certificates begin at whole seconds, so that the age is up to a second more."""
    put(arena, "old", age=age)
    begins_at = store.load().keys[0].certificate.not_before
    early = begins_at + PERIOD - MS
    assert store.ensure(now=early, period=PERIOD, options=SMALL)[1] is None
    ring, made = store.ensure(now=NOW + timedelta(seconds=1), period=PERIOD, options=SMALL)
    assert made is not None
    assert ring.sealing_key(NOW).name == made.name


@pytest.mark.parametrize("cutoff_at", [pytest.param(NOW, id="row-099")])
def test_key_that_is_older_than_the_cutoff_is_followed_by_a_new_one(arena, store, cutoff_at):
    put(arena, "young", age=timedelta(minutes=1))
    rule = {"now": NOW, "period": PERIOD, "options": SMALL}
    assert store.ensure(**rule)[1] is None
    made = store.ensure(**rule, cutoff_at=cutoff_at)[1]
    assert made is not None
    assert store.ensure(**rule, cutoff_at=cutoff_at)[1] is None
    assert keys_in(store) == 2


@pytest.mark.parametrize("prefix", [pytest.param("my-prefix", id="row-100")])
def test_written_key_has_label_prefix_further_labels_and_the_right_namespace(arena, prefix):
    options = KeyOptions(key_bits=2048, labels={"team": "a"}, annotations={"note": "b"})
    made = KeyStore(arena.cluster, arena.namespace, key_prefix=prefix).create(
        now=NOW, options=options
    )
    written = arena.live(made.name)
    metadata = written["metadata"]
    assert metadata["namespace"] == arena.namespace
    assert metadata["name"].startswith(prefix)
    assert len(metadata["name"]) == len(prefix) + 5
    # A directory keeps no generateName: it gives no names.
    assert metadata.get("generateName", prefix) == prefix
    assert metadata["labels"] == {LABEL: "active", "team": "a"}
    assert metadata["annotations"] == {"note": "b"}
    assert written["type"] == "kubernetes.io/tls"
    pem = base64.b64decode(written["data"]["tls.key"])
    assert parse_private_key(pem).fingerprint == made.certificate.fingerprint
