"""Laws of sealing for any value and any place, and for any change to what was sealed."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import aead
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sealing import (
    PrivateKey,
    Scope,
    UnsealFailed,
    encryption_label,
    reseal_value,
    seal_secret,
    seal_value,
    unseal_manifest,
    unseal_value,
    unseal_with,
)
from tests.sealing.kit import NOW, certificate, other_key, vector_key
from tests.sealing.vectors import STRICT

SEALED = base64.b64decode(STRICT)
LABEL = b"myns/mysecret"
CERTIFICATE = certificate()
NEWER = certificate(other_key())
KEYS = [vector_key()]
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)
ITEMS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.binary(max_size=99))
SCOPES = st.sampled_from(Scope)
settings.register_profile("rsa", deadline=None)  # RSA on a busy machine
rsa = settings(settings.get_profile("rsa"))


@rsa
@given(st.binary(max_size=2000), SCOPES, NAMES, NAMES)
def test_unseal_turns_seal_back_for_any_value_in_any_place(plaintext, scope, namespace, name):
    place = {"scope": scope, "namespace": namespace, "name": name}
    text = seal_value(plaintext, CERTIFICATE, now=NOW, **place)
    assert unseal_value(text, KEYS, **place) == plaintext


@rsa
@given(st.binary(max_size=99), SCOPES, NAMES, NAMES)
def test_resealed_value_opens_in_the_same_place_with_the_new_key_alone(
    plaintext, scope, namespace, name
):
    place = {"scope": scope, "namespace": namespace, "name": name}
    text = seal_value(plaintext, CERTIFICATE, now=NOW, **place)
    anew = reseal_value(text, KEYS, NEWER, now=NOW, **place)
    assert unseal_value(anew, [other_key()], **place) == plaintext
    with pytest.raises(UnsealFailed, match="no key could decrypt secret"):
        unseal_value(anew, KEYS, **place)


@rsa
@given(ITEMS, SCOPES, NAMES, NAMES)
def test_unsealed_manifest_has_every_item_of_the_secret(items, scope, namespace, name):
    secret = {
        "metadata": {"name": name, "namespace": namespace},
        "data": {key: base64.b64encode(value).decode() for key, value in items.items()},
    }
    sealed = seal_secret(secret, CERTIFICATE, now=NOW, scope=scope, allow_empty_data=True)
    assert unseal_manifest(sealed, KEYS)["data"] == secret["data"]


@rsa
@given(SCOPES, SCOPES, NAMES, NAMES, NAMES, NAMES)
def test_value_opens_in_another_place_only_where_the_label_is_the_same(
    scope, other_scope, namespace, name, other_namespace, other_name
):
    here = {"scope": scope, "namespace": namespace, "name": name}
    there = {"scope": other_scope, "namespace": other_namespace, "name": other_name}
    assume(_label(here) != _label(there))
    text = seal_value(b"v", CERTIFICATE, now=NOW, **here)
    with pytest.raises(UnsealFailed, match=r"^no key could decrypt secret$"):
        unseal_value(text, KEYS, **there)


def _label(place):
    return encryption_label(place["scope"], namespace=place["namespace"], name=place["name"])


@given(NAMES, NAMES, NAMES, NAMES)
def test_labels_of_different_places_differ(namespace, name, other_namespace, other_name):
    """A namespace holds no slash, so that no label has two readings."""
    here = encryption_label(Scope.STRICT, namespace=namespace, name=name)
    there = encryption_label(Scope.STRICT, namespace=other_namespace, name=other_name)
    assert (here == there) == ((namespace, name) == (other_namespace, other_name))
    wide = encryption_label(Scope.NAMESPACE_WIDE, namespace=other_namespace, name="")
    assert here != wide


class Recorder:
    """AESGCM, with a record of what was opened with it."""

    generate_key = aead.AESGCM.generate_key
    opened: list[int]

    def __init__(self, key):
        self.inner = aead.AESGCM(key)

    def decrypt(self, nonce, data, associated_data):
        Recorder.opened.append(len(data))
        return self.inner.decrypt(nonce, data, associated_data)


@pytest.fixture
def recorder(monkeypatch):
    """What unsealing does: private-key operations, and decryptions after them."""
    real, used = aead.AESGCM, []
    monkeypatch.setattr(Recorder, "opened", [], raising=False)
    monkeypatch.setattr(Recorder, "__init__", lambda self, key: setattr(self, "inner", real(key)))
    monkeypatch.setattr(aead, "AESGCM", Recorder)
    keys = [key.observed(lambda: used.append("rsa")) for key in (other_key(), vector_key())]
    return keys, used


def outcome(sealed, keys, label=LABEL):
    """All that a failed opening tells."""
    with pytest.raises(UnsealFailed) as caught:
        unseal_with(sealed, keys, label)
    error = caught.value
    frames = []
    at = error.__traceback__
    while at is not None:
        frames.append(at.tb_frame.f_code.co_name)
        at = at.tb_next
    shown = (type(error), error.args, error.tried, error.__cause__, error.__context__)
    return (*shown, tuple(frames))


FLIPPED = [
    pytest.param(position, id=part)
    for part, position in {
        "first byte of the length": 0,
        "second byte of the length": 1,
        "first byte of the wrapped key": 2,
        "last byte of the wrapped key": 257,
        "value": 258,
        "tag": len(SEALED) - 1,
    }.items()
]


@pytest.mark.parametrize("position", FLIPPED)
def test_failure_takes_the_same_way_wherever_a_byte_is_flipped(recorder, position):
    """No oracle: for each key one RSA operation, then one AES-GCM decryption."""
    keys, used = recorder
    altered = bytearray(SEALED)
    altered[position] ^= 0x01
    told = outcome(bytes(altered), keys)
    assert told == outcome(SEALED, keys, b"another/place")
    assert used == ["rsa"] * 4
    assert len(Recorder.opened) == 4


@pytest.mark.parametrize("length", [0, 1, 2, 257, 258, 273, len(SEALED) - 1])
def test_failure_takes_the_same_way_wherever_a_value_is_cut(recorder, length):
    keys, used = recorder
    assert outcome(SEALED[:length], keys) == outcome(SEALED, keys, b"")
    assert used == ["rsa"] * 4
    assert len(Recorder.opened) == 4


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_value_with_any_byte_changed_fails_in_one_way(change):
    expected = outcome(SEALED, KEYS, b"")
    for position in range(len(SEALED)):
        altered = bytearray(SEALED)
        altered[position] ^= change
        assert outcome(bytes(altered), KEYS) == expected


@rsa
@given(st.binary(min_size=1, max_size=40), st.integers(0, len(SEALED)))
def test_value_with_bytes_put_in_fails_in_one_way(extra, at):
    altered = SEALED[:at] + extra + SEALED[at:]
    assert outcome(altered, KEYS) == outcome(SEALED, KEYS, b"")


@rsa
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 60))
def test_value_with_bytes_left_out_fails_in_one_way(at, length):
    assert outcome(SEALED[:at] + SEALED[at + length :], KEYS) == outcome(SEALED, KEYS, b"")


@rsa
@given(st.data())
def test_parts_of_two_values_never_open_together(data):
    one, two = (
        base64.b64decode(seal_value(value, CERTIFICATE, now=NOW, scope=Scope.CLUSTER_WIDE))
        for value in (b"first value", b"other value")
    )
    cut = data.draw(st.integers(1, len(one) - 1))
    spliced = one[:cut] + two[cut:]
    assume(spliced not in (one, two))
    assert outcome(spliced, KEYS, b"") == outcome(SEALED, KEYS, b"")


def test_key_of_another_length_is_told_like_any_other():
    long = PrivateKey(_long_key())
    assert outcome(SEALED, [long])[:2] == outcome(SEALED, [other_key()])[:2]


def _long_key():
    from cryptography.hazmat.primitives.asymmetric import rsa as algorithm

    return algorithm.generate_private_key(65537, 3072)
