"""Which key seals, which open, and what is told of the others."""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing import (
    InvalidCertificate,
    InvalidKey,
    InvalidManifest,
    KeyOrder,
    KeyRing,
    NoSealingKey,
    UnsupportedKey,
    key_secret,
    load_key_ring,
    parse_private_key,
    unseal_value,
)
from tests.sealing.kit import NOW, certificate, key_object, other_key, vector_key
from tests.sealing.vectors import STRICT

DAY = timedelta(days=1)
OLD = key_object("old", start=NOW - 9 * DAY, created_at="2026-03-01T00:00:00Z")
NEW = key_object("new", other_key(), start=NOW - 2 * DAY, created_at="2026-02-01T00:00:00Z")


def names(ring):
    return [key.name for key in ring.keys]


@pytest.mark.parametrize(
    ("secrets", "order", "newest"),
    [
        pytest.param([OLD, NEW], KeyOrder.CERT_NOT_BEFORE, "new", id="row 92: in order"),
        pytest.param([NEW, OLD], KeyOrder.CERT_NOT_BEFORE, "new", id="row 92: reversed"),
        pytest.param([OLD, NEW], KeyOrder.SECRET_CREATION_TIMESTAMP, "old", id="by creation"),
        pytest.param([NEW, OLD], KeyOrder.SECRET_CREATION_TIMESTAMP, "old", id="other way round"),
    ],
)
def test_newest_key_seals_whatever_the_order_of_the_secrets(secrets, order, newest):
    ring = load_key_ring(secrets, order=order)
    assert ring.sealing_key(NOW).name == newest
    assert {key.fingerprint for key in ring} == {
        vector_key().fingerprint,
        other_key().fingerprint,
    }
    assert unseal_value(STRICT, ring, namespace="myns", name="mysecret") == b"hunter2"


def test_keys_of_the_same_time_are_led_by_the_secret_created_first():
    later = key_object("a", other_key(), created_at="2026-02-02T00:00:00Z")
    first = key_object("b", created_at="2026-02-01T00:00:00Z")
    assert names(load_key_ring([later, first])) == ["b", "a"]


def test_expired_key_opens_and_does_not_seal():
    gone = key_object("gone", start=NOW - 2 * DAY, end=NOW - DAY)
    older = key_object("older", other_key(), start=NOW - 9 * DAY)
    ring = load_key_ring([gone, older])
    assert names(ring) == ["gone", "older"]
    assert ring.sealing_key(NOW).name == "older"
    with pytest.raises(NoSealingKey, match="all 1 sealing certificates have expired"):
        load_key_ring([gone]).sealing_key(NOW)


def test_ring_without_keys_has_none_to_seal_with():
    """Conformance row 93."""
    assert load_key_ring([]) == KeyRing()
    with pytest.raises(NoSealingKey, match="key registry has no keys"):
        KeyRing().sealing_key(NOW)
    with pytest.raises(ValueError, match="`now` has no time zone"):
        KeyRing().sealing_key(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake


@pytest.mark.parametrize("status", ["compromised", "", "Active"])
def test_key_with_another_label_value_is_not_loaded(status):
    ring = load_key_ring([key_object("k", status=status), NEW])
    assert names(ring) == ["new"]
    assert [(key.name, key.status) for key in ring.inactive] == [("k", status)]


def test_unlabelled_secret_named_as_the_prefix_is_a_key():
    """Conformance row 97."""
    secret = key_object("sealed-secrets-key")
    del secret["metadata"]["labels"]
    assert names(load_key_ring([secret])) == ["sealed-secrets-key"]
    assert names(load_key_ring([secret], key_prefix="mine")) == []
    marked = key_object("sealed-secrets-key", status="compromised")
    assert names(load_key_ring([marked])) == []


def changed(field, value, *path):
    secret = copy.deepcopy(OLD)
    inner = secret
    for part in path:
        inner = inner[part]
    if value is None:
        del inner[field]
    else:
        inner[field] = value
    return secret


def text(data):
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("secret", "error", "says"),
    [
        (changed("data", None), InvalidKey, "must contain tls.key under data"),
        (changed("tls.key", None, "data"), InvalidKey, "must contain tls.key"),
        (changed("tls.crt", None, "data"), InvalidKey, "must contain tls.crt"),
        (changed("tls.crt", "!", "data"), InvalidManifest, "data.tls.crt: illegal base64"),
        (changed("tls.crt", 7, "data"), InvalidManifest, "data.tls.crt: must be text"),
        (changed("tls.crt", "AAAA", "data"), InvalidCertificate, "any valid RSA"),
        (changed("tls.key", "AAAA", "data"), InvalidKey, "private key in PEM form"),
        (
            changed("tls.key", text(other_key().reveal_pem()), "data"),
            InvalidKey,
            "tls.crt belongs to another key",
        ),
        (changed("data", []), InvalidManifest, "data: must be a mapping, is a list"),
        (changed("creationTimestamp", "noon", "metadata"), InvalidKey, "is not a time"),
        (changed("creationTimestamp", 7, "metadata"), InvalidKey, "is not a time"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_broken_key_is_told_beside_the_good_ones(secret, error, says):
    ring = load_key_ring([secret, NEW])
    assert names(ring) == ["new"]
    (broken,) = ring.broken
    assert (broken.name, type(broken.error)) == ("old", error)
    assert says in str(broken.error)


def test_secret_with_an_ec_key_is_broken():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (broken,) = load_key_ring([changed("tls.key", text(pem), "data")]).broken
    assert isinstance(broken.error, UnsupportedKey)


def test_known_key_is_taken_as_it_is_where_key_and_certificate_are_the_same():
    before = load_key_ring([OLD, NEW])
    again = load_key_ring([NEW, OLD], known=before.keys)
    assert again == before
    assert [id(key) for key in again] == [id(key) for key in before]


def test_known_key_does_not_stand_in_for_another_one():
    before = load_key_ring([OLD, NEW])
    swapped = changed("tls.key", NEW["data"]["tls.key"], "data")
    again = load_key_ring([swapped, NEW], known=before.keys)
    assert names(again) == ["new"]
    assert str(again.broken[0].error) == "tls.crt belongs to another key than tls.key"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just("active"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["metadata", "labels", "name", "data", "tls.key", "creationTimestamp"])
            | st.just("sealedsecrets.bitnami.com/sealed-secrets-key"),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)  # RSA on a busy machine
@given(ANYTHING)
def test_any_object_is_sorted_without_an_error(secret):
    ring = load_key_ring([secret, NEW])
    assert names(ring) == ["new"]
    assert len(ring.broken) + len(ring.inactive) == 1


@pytest.mark.parametrize(
    "created_at",
    ["2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1)],  # noqa: DTZ001 - as YAML gives it
    ids=["text", "aware", "naive"],
)  # fmt: skip
def test_creation_time_is_read_in_every_form_a_reader_gives(created_at):
    secret = changed("creationTimestamp", created_at, "metadata")
    (key,) = load_key_ring([secret], order=KeyOrder.SECRET_CREATION_TIMESTAMP).keys
    assert key.ordering_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_key_secret_is_the_one_the_controller_writes():
    """Conformance row 100."""
    label = "sealedsecrets.bitnami.com/sealed-secrets-key"
    secret = key_secret(
        vector_key(),
        certificate(),
        namespace="kube-system",
        labels={"team": "a", label: "compromised"},
        annotations={"note": "b"},
    )
    assert secret["metadata"] == {
        "generateName": "sealed-secrets-key",
        "namespace": "kube-system",
        "labels": {"team": "a", label: "active"},
        "annotations": {"note": "b"},
    }
    assert (secret["type"], secret["kind"]) == ("kubernetes.io/tls", "Secret")
    pem = base64.b64decode(secret["data"]["tls.key"])
    assert parse_private_key(pem).fingerprint == vector_key().fingerprint
    assert base64.b64decode(secret["data"]["tls.crt"]) == certificate().pem


def test_key_secret_of_another_keys_certificate_is_refused():
    with pytest.raises(ValueError, match="belongs to another key"):
        key_secret(other_key(), certificate(), namespace="a")


def test_ring_shows_no_key_material():
    ring = load_key_ring([OLD, NEW, changed("tls.crt", None, "data")])
    private = vector_key().reveal_pem().decode().splitlines()[1]
    assert "BEGIN" not in repr(ring)
    assert private not in repr(ring)
