"""The key ring of a cluster: what is read, how keys are added, when they are renewed."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest

from sealing import KeyOrder, KeyRing, NoSealingKey, parse_private_key, seal_value, unseal_value
from secretsync.errors import ConfigError, Forbidden, NotFound, Rejected
from secretsync.sealed.key_secrets import CREATED_AT_ANNOTATION
from secretsync.sealed.key_store import KeyOptions, KeyStore
from tests.keys.kit import DAY, LABEL, NOW, SECRET, SMALL, ThroughCluster, put_key, store
from tests.sealing.kit import YEAR, certificate, key_object, other_key, vector_key

PLACE = {"namespace": "web", "name": "db"}
NEVER = timedelta(0)


def names(ring):
    return [key.name for key in ring.keys]


def test_empty_namespace_has_an_empty_ring(arena):
    assert store(arena).load() == KeyRing()


def test_ring_holds_the_keys_that_sealed_secrets_left(arena):
    put_key(arena, "sealed-secrets-keyabcde", start=NOW - 9 * DAY)
    put_key(arena, "sealed-secrets-key", other_key(), labels={}, start=NOW - 99 * DAY)
    put_key(arena, "brought-in", other_key(1), start=NOW - 2 * DAY)
    ring = store(arena).load()
    assert names(ring) == ["brought-in", "sealed-secrets-keyabcde", "sealed-secrets-key"]
    assert ring.sealing_key(NOW).name == "brought-in"
    sealed = seal_value(b"x", certificate(other_key()), now=NOW, **PLACE)
    assert unseal_value(sealed, ring, **PLACE) == b"x"


def test_ring_leaves_out_other_secrets_and_other_namespaces(arena):
    put_key(arena, "unlabelled", labels={})
    elsewhere = key_object("sealed-secrets-keyabcde")
    elsewhere["metadata"]["namespace"] = arena.other_namespace
    arena.cluster.create(SECRET, elsewhere, field_manager="controller")
    assert store(arena).load() == KeyRing()
    assert names(store(arena, key_prefix="unlabelled").load()) == ["unlabelled"]


def test_compromised_key_neither_seals_nor_opens(arena):
    put_key(arena, "good", start=NOW - 9 * DAY)
    put_key(arena, "bad", other_key(), status="compromised")
    ring = store(arena).load()
    assert names(ring) == ["good"]
    assert [(key.name, key.status) for key in ring.inactive] == [("bad", "compromised")]


def test_broken_key_is_told_and_the_good_ones_work(arena):
    put_key(arena, "good")
    put_key(arena, "broken", data={"tls.key": base64.b64encode(b"junk").decode()})
    put_key(arena, "swapped", other_key(), data={"tls.crt": key_object("x")["data"]["tls.crt"]})
    ring = store(arena).load()
    assert names(ring) == ["good"]
    said = {key.name: str(key.error) for key in ring.broken}
    assert said == {
        "broken": "data does not contain a private key in PEM form",
        "swapped": "tls.crt belongs to another key than tls.key",
    }


def test_key_file_that_nobody_can_read_is_told(directory, tmp_path):
    put_key(directory, "good")
    folder = tmp_path / "cluster" / directory.namespace / "secrets"
    (folder / "cut.yaml").write_bytes(b"kind: Secret\nmetadata: [")
    (folder / "cut.yaml").chmod(0o600)
    ring = store(directory).load()
    assert names(ring) == ["good"]
    (broken,) = ring.broken
    assert broken.name == "cut"
    assert str(broken.error).startswith("the file: ")


def test_created_key_is_stored_as_sealed_secrets_writes_it(arena):
    options = KeyOptions(
        key_bits=2048, ttl=DAY, common_name="me", labels={"team": "a"}, annotations={"note": "b"}
    )
    key = store(arena).create(now=NOW, options=options)
    assert re.fullmatch("sealed-secrets-key[bcdfghjklmnpqrstvwxz2456789]{5}", key.name)
    stored = arena.live(key.name)
    assert stored["type"] == "kubernetes.io/tls"
    assert stored["metadata"]["labels"] == {LABEL: "active", "team": "a"}
    assert stored["metadata"]["annotations"] == {"note": "b"}
    assert set(stored["data"]) == {"tls.crt", "tls.key"}
    pem = base64.b64decode(stored["data"]["tls.key"])
    assert parse_private_key(pem).fingerprint == key.private_key.fingerprint
    assert (key.certificate.not_before, key.certificate.not_after) == (NOW, NOW + DAY)
    assert names(store(arena).load()) == [key.name]


def test_each_created_key_is_the_newest(arena):
    keys = store(arena)
    for _ in range(3):
        made = keys.create(now=NOW, options=SMALL)
        assert keys.load().sealing_key(NOW).name == made.name
    assert len(keys.load().keys) == 3


def test_key_of_another_clock_that_is_ahead_does_not_stay_the_sealing_one(directory):
    put_key(directory, "ahead", start=NOW + timedelta(seconds=20))
    made = store(directory).create(now=NOW, options=SMALL)
    assert store(directory).load().sealing_key(NOW).name == made.name


def test_key_that_was_made_elsewhere_is_added_to_the_ring(arena):
    added = store(arena).add(vector_key(), certificate())
    assert added.private_key.fingerprint == vector_key().fingerprint
    assert names(store(arena).load()) == [added.name]
    with pytest.raises(ValueError, match="belongs to another key"):
        store(arena).add(other_key(), certificate())


def test_store_of_a_name_that_is_none_is_refused(directory):
    with pytest.raises(ConfigError, match="name contains illegal character B"):
        store(directory, key_prefix="aBc")


@pytest.mark.parametrize("verb", ["create", "ensure"])
def test_key_of_a_namespace_that_does_not_exist_is_an_error(kubernetes, verb):
    absent = KeyStore(kubernetes.cluster, "no-such-namespace")
    with pytest.raises(NotFound, match="no-such-namespace"):
        getattr(absent, verb)(now=NOW, options=SMALL)


class Forgetful(ThroughCluster):
    """Confirms Secrets and does not keep them."""

    def around(self, verb, call, *args):
        return args[1] if (verb, args[:1]) == ("create", (SECRET,)) else call()


class Meddling(ThroughCluster):
    """Changes Secrets on their way in, as an admission webhook can."""

    def __init__(self, inner, change):
        super().__init__(inner)
        self.change = change

    def create(self, kind, obj, *, field_manager):
        changed = self.change(obj) if kind is SECRET else obj
        return self.inner.create(kind, changed, field_manager=field_manager)


def swap_data(obj):
    return {**obj, "data": key_object("x", other_key())["data"]}


def drop_label(obj):
    return {**obj, "metadata": {**obj["metadata"], "labels": {}}}


@pytest.mark.parametrize("verb", ["create", "ensure"])
@pytest.mark.parametrize(
    "faulty",
    [
        pytest.param(Forgetful, id="not kept"),
        pytest.param(lambda inner: Meddling(inner, swap_data), id="another key kept"),
        pytest.param(lambda inner: Meddling(inner, drop_label), id="label lost"),
    ],
)
def test_key_that_is_not_stored_as_given_never_seals(directory, faulty, verb):
    keys = KeyStore(faulty(directory.cluster), directory.namespace)
    with pytest.raises(Rejected, match=r"is not in dir:.* as it was given; its key is not used"):
        getattr(keys, verb)(now=NOW, options=SMALL)


def test_key_that_may_not_be_written_is_not_made(directory, tmp_path):
    from secretsync.cluster.directory import DirectoryCluster

    reader = DirectoryCluster(tmp_path / "cluster", read_only=True, now=lambda: NOW)
    keys = KeyStore(reader, directory.namespace)
    for make in (keys.create, keys.ensure):
        with pytest.raises(Forbidden, match="opened for reading"):
            make(now=NOW, options=SMALL)
    assert keys.load() == KeyRing()


@pytest.mark.parametrize(
    ("age", "period", "cutoff", "made"),
    [
        pytest.param(29 * DAY, 30 * DAY, None, 0, id="young"),
        pytest.param(30 * DAY, 30 * DAY, None, 1, id="as old as the period"),
        pytest.param(99 * DAY, NEVER, None, 0, id="no period"),
        pytest.param(DAY, 30 * DAY, NOW, 1, id="cut-off now"),
        pytest.param(DAY, 30 * DAY, NOW - 2 * DAY, 0, id="cut-off long ago"),
        pytest.param(DAY, 30 * DAY, NOW + DAY, 0, id="cut-off to come"),
    ],
)
def test_ensure_renews_by_period_and_cutoff_and_once(directory, age, period, cutoff, made):
    put_key(directory, "old", start=NOW - age)
    keys = store(directory)
    rule = {"now": NOW, "period": period, "cutoff_at": cutoff, "options": SMALL}
    ring, key = keys.ensure(**rule)
    assert len(ring.keys) == 1 + made
    assert (key is not None) is bool(made)
    assert ring.sealing_key(NOW).name == (key.name if key else "old")
    again, none = keys.ensure(**rule)
    assert (again, none) == (ring, None)


def test_ensure_at_a_cutoff_within_the_second_makes_one_key(directory):
    put_key(directory, "old", start=NOW - DAY)
    moment = NOW + timedelta(milliseconds=700)
    for expected in (True, False):
        _ring, key = store(directory).ensure(now=moment, cutoff_at=moment, options=SMALL)
        assert (key is not None) is expected


def test_ensure_makes_the_first_key(arena):
    ring, key = store(arena).ensure(now=NOW, options=SMALL)
    assert names(ring) == [key.name]
    assert store(arena).ensure(now=NOW, options=SMALL)[1] is None


def test_ensure_makes_a_key_in_place_of_a_compromised_one_and_keeps_it_out(directory):
    """Each mark of the newest key makes a new one, under a name that is free."""
    keys = store(directory)
    for _ in range(4):
        ring, key = keys.ensure(now=NOW, period=NEVER, options=SMALL)
        assert names(ring) == [key.name]
        directory.patch(key.name, {"metadata": {"labels": {LABEL: "compromised"}}})
    assert len(keys.load().inactive) == 4


def test_ensure_makes_a_key_where_all_are_broken(directory):
    put_key(directory, "broken", data={"tls.crt": "eA=="})
    ring, key = store(directory).ensure(now=NOW, period=NEVER, options=SMALL)
    assert names(ring) == [key.name]
    assert [each.name for each in ring.broken] == ["broken"]


def test_key_whose_certificate_is_over_is_replaced_unless_people_care_for_keys(directory):
    put_key(directory, "over", start=NOW - 2 * DAY, end=NOW - DAY)
    ring, key = store(directory).ensure(now=NOW, period=NEVER, options=SMALL)
    assert (names(ring), key) == (["over"], None)
    with pytest.raises(NoSealingKey, match="all 1 sealing certificates have expired"):
        ring.sealing_key(NOW)
    ring, key = store(directory).ensure(now=NOW, period=30 * DAY, options=SMALL)
    assert names(ring) == [key.name, "over"]


def test_newer_key_that_is_over_does_not_hide_that_an_older_one_is_due(directory):
    put_key(directory, "over", start=NOW - 2 * DAY, end=NOW - DAY)
    put_key(directory, "old", other_key(), start=NOW - 99 * DAY)
    _ring, key = store(directory).ensure(now=NOW, period=30 * DAY, options=SMALL)
    assert key is not None


def test_name_that_something_else_has_is_passed_over(directory):
    """A Secret without the label sits where the new key would go: another name is taken."""
    keys = store(directory)
    first = keys.ensure(now=NOW, options=SMALL)[1]
    directory.patch(first.name, {"metadata": {"labels": {LABEL: None}}})
    second = keys.ensure(now=NOW, options=SMALL)[1]
    assert second.name != first.name
    assert names(keys.load()) == [second.name]


def test_order_by_creation_follows_the_first_creation_of_restored_keys(arena):
    put_key(arena, "newer", start=NOW - 9 * DAY)
    for name, key, created_at in (
        ("restored-old", other_key(), "2020-01-01T00:00:00Z"),
        ("restored-new", other_key(1), "2021-01-01T00:00:00Z"),
    ):
        put_key(arena, name, key, start=NOW - 5 * DAY)
        note = {CREATED_AT_ANNOTATION: created_at}
        arena.patch(name, {"metadata": {"annotations": note}})
    by_creation = store(arena, order=KeyOrder.SECRET_CREATION_TIMESTAMP).load()
    assert names(by_creation) == ["newer", "restored-new", "restored-old"]
    assert names(store(arena).load())[-1] == "newer"


def test_ring_that_is_loaded_again_follows_the_cluster(arena):
    put_key(arena, "a", start=NOW - 2 * YEAR)
    put_key(arena, "b", other_key())
    keys = store(arena)
    assert names(keys.load()) == ["b", "a"]
    arena.delete("b")
    assert names(keys.load()) == ["a"]
    put_key(arena, "b", other_key(1))
    assert keys.load().keys[0].private_key.fingerprint == other_key(1).fingerprint
