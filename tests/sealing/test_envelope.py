"""One value: sealing, opening, and everything that must not open."""

from __future__ import annotations

import base64
import json
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealing import (
    CertificateExpired,
    MalformedEnvelope,
    MalformedValue,
    Scope,
    UnsealFailed,
    UnsupportedKey,
    encryption_label,
    seal_value,
    seal_with,
    unseal_value,
    unseal_with,
)
from sealing.envelope import Envelope, parse_envelope
from tests.sealing.kit import NOW, YEAR, certificate, other_key, vector_key
from tests.sealing.vectors import CLUSTER_WIDE, STRICT, VECTORS

PLACE = {"namespace": "myns", "name": "mysecret"}
SEALED = base64.b64decode(STRICT)
LABEL = b"myns/mysecret"
NO_KEY = "^no key could decrypt secret$"


@pytest.mark.parametrize("scope", VECTORS, ids=str)
def test_unseal_of_kubeseals_value_gives_its_plaintext(scope):
    """Conformance row 3."""
    text, plaintext = VECTORS[scope]
    assert unseal_value(text, [vector_key()], scope=scope, **PLACE) == plaintext


@pytest.mark.parametrize("scope", Scope, ids=str)
@pytest.mark.parametrize("plaintext", [b"", b"hunter2", bytes(range(256)), b"x" * 2**20])
def test_unseal_turns_seal_back(scope, plaintext):
    """Conformance row 1."""
    text = seal_value(plaintext, certificate(), now=NOW, scope=scope, **PLACE)
    assert unseal_value(text, [vector_key()], scope=scope, **PLACE) == plaintext
    assert len(base64.b64decode(text)) == 2 + 256 + len(plaintext) + 16
    assert text[:3] in ("AQA", "AQB", "AQC", "AQD")


def test_seal_of_the_same_value_differs_every_time():
    values = {seal_value(b"x", certificate(), now=NOW, **PLACE) for _ in range(3)}
    assert len({text[-24:] for text in values}) == 3


def test_seal_with_the_same_session_key_gives_the_same_ciphertext():
    public_key = certificate().public_key
    one, two = (seal_with(b"v", public_key, LABEL, session_key=bytes(32)) for _ in range(2))
    assert parse_envelope(one).ciphertext == parse_envelope(two).ciphertext
    assert unseal_with(one, [vector_key()], LABEL) == b"v"


@pytest.mark.parametrize(
    ("scope", "namespace", "name", "opens"),
    [
        pytest.param(Scope.STRICT, "myns", "myname", True, id="row 21: same place"),
        pytest.param(Scope.STRICT, "other", "myname", False, id="row 22: other namespace"),
        pytest.param(Scope.STRICT, "myns", "other", False, id="row 23: other name"),
        pytest.param(Scope.NAMESPACE_WIDE, "myns", "myname", True, id="row 24: right name"),
        pytest.param(Scope.NAMESPACE_WIDE, "myns", "other", True, id="row 24: wrong name"),
        pytest.param(Scope.NAMESPACE_WIDE, "myns", "", True, id="row 24: no name"),
        pytest.param(Scope.NAMESPACE_WIDE, "other", "myname", False, id="row 25"),
        pytest.param(Scope.CLUSTER_WIDE, "other", "other", True, id="row 26: other place"),
        pytest.param(Scope.CLUSTER_WIDE, "", "", True, id="row 26: no place"),
    ],
)
def test_unseal_in_a_place_follows_the_scope(scope, namespace, name, opens):
    text = seal_value(b"v", certificate(), now=NOW, scope=scope, namespace="myns", name="myname")
    place = {"scope": scope, "namespace": namespace, "name": name}
    if opens:
        assert unseal_value(text, [vector_key()], **place) == b"v"
    else:
        with pytest.raises(UnsealFailed, match=NO_KEY):
            unseal_value(text, [vector_key()], **place)


@pytest.mark.parametrize(
    ("sealed", "key"),
    [
        pytest.param(SEALED[:-1], vector_key, id="row 5: one byte cut"),
        pytest.param(SEALED + b"\0", vector_key, id="row 5: one byte added"),
        pytest.param(b"", vector_key, id="row 6: empty"),
        pytest.param(b"\0", vector_key, id="row 6: one byte"),
        pytest.param(b"\0\0", vector_key, id="no wrapped key"),
        pytest.param(b"\xff\xff" + SEALED[2:], vector_key, id="length beyond the end"),
        pytest.param(SEALED, other_key, id="row 4: another key"),
        pytest.param(SEALED[:258], vector_key, id="no ciphertext"),
        pytest.param(SEALED[:258] + bytes(16), vector_key, id="no tag of ours"),
        pytest.param(b"\1\0" + b"\xff" * 256 + bytes(16), vector_key, id="above the modulus"),
    ],
)
def test_unseal_of_what_does_not_open_gives_one_opaque_error(sealed, key):
    with pytest.raises(UnsealFailed, match=NO_KEY) as caught:
        unseal_with(sealed, [key()], LABEL)
    assert caught.value.tried == (key().fingerprint,)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


class Witness:
    """The vector key, with a record of what it was asked to decrypt."""

    key_bits = 2048
    fingerprint = "witness"

    def __init__(self):
        self._key, self.asked = self, []

    def decrypt(self, wrapped_key, padding):
        self.asked.append(len(wrapped_key))
        return vector_key()._key.decrypt(wrapped_key, padding)


@pytest.mark.parametrize("position", [None, 0, 1, 2, 100, 257, 258, len(SEALED) - 1])
@pytest.mark.parametrize("cut", [0, 1, 16, 100, len(SEALED)])
def test_unseal_does_the_same_work_whatever_is_wrong(position, cut):
    sealed = bytearray(SEALED)
    if position is not None:
        sealed[position] ^= 1
    witness = Witness()
    label = b"another" if position is None else LABEL
    with pytest.raises(UnsealFailed, match=NO_KEY):
        unseal_with(bytes(sealed[: len(sealed) - cut]), [witness], label)
    assert witness.asked == [256]


def test_unseal_refuses_a_session_key_of_another_length():
    """A shorter AES key would open it, and nothing that seals makes one."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from sealing.envelope import _oaep

    short = bytes(16)
    wrapped = certificate().public_key.encrypt(short, _oaep(LABEL))
    sealed = b"\1\0" + wrapped + AESGCM(short).encrypt(bytes(12), b"v", None)
    with pytest.raises(UnsealFailed, match=NO_KEY):
        unseal_with(sealed, [vector_key()], LABEL)


@pytest.mark.parametrize("stand_in", [bytes(32), b"\xff" * 32], ids=["zeros", "ones"])
def test_unseal_never_falls_back_to_a_known_session_key(stand_in):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    forged = b"\1\0" + bytes(256) + AESGCM(stand_in).encrypt(bytes(12), b"forged", None)
    with pytest.raises(UnsealFailed, match=NO_KEY):
        unseal_with(forged, [vector_key()], LABEL)


@pytest.mark.parametrize("scope", VECTORS, ids=str)
def test_unseal_of_a_value_with_any_byte_changed_fails(scope):
    text, _plaintext = VECTORS[scope]
    sealed = base64.b64decode(text)
    label = encryption_label(scope, **PLACE)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1 << position % 8
        with pytest.raises(UnsealFailed, match=NO_KEY):
            unseal_with(bytes(changed), [vector_key()], label)


def test_unseal_of_a_value_cut_anywhere_fails():
    for length in range(len(SEALED)):
        with pytest.raises(UnsealFailed, match=NO_KEY):
            unseal_with(SEALED[:length], [vector_key()], LABEL)


@settings(deadline=None)  # RSA on a busy machine
@given(st.binary(max_size=400))
@example(SEALED)
@example(SEALED[:-1])
@example(b"\0\0" + bytes(16))
def test_parse_of_any_bytes_gives_the_parts_or_its_own_error(sealed):
    try:
        parts = parse_envelope(sealed)
    except MalformedEnvelope:
        assert len(sealed) < 2 + int.from_bytes(sealed[:2], "big") + 16
    else:
        length = len(parts.wrapped_key).to_bytes(2, "big")
        assert length + parts.wrapped_key + parts.ciphertext == sealed


@settings(deadline=None)  # RSA on a busy machine
@given(st.binary(max_size=400), st.binary(max_size=20))
def test_unseal_of_any_bytes_fails_the_same_way(sealed, label):
    with pytest.raises(UnsealFailed, match=NO_KEY):
        unseal_with(sealed, [vector_key()], label)


def test_unseal_tries_every_key_and_names_those_it_tried():
    keys = [other_key(1), other_key(2)]
    assert unseal_with(SEALED, [*keys, vector_key()], LABEL) == b"hunter2"
    with pytest.raises(UnsealFailed) as caught:
        unseal_with(SEALED, keys, LABEL)
    assert caught.value.tried == tuple(sorted(key.fingerprint for key in keys))
    with pytest.raises(UnsealFailed, match=NO_KEY):
        unseal_with(SEALED, [], LABEL)


def test_parse_names_the_parts():
    parts = parse_envelope(base64.b64decode(CLUSTER_WIDE))
    assert isinstance(parts, Envelope)
    assert (len(parts.wrapped_key), len(parts.ciphertext)) == (256, 16)


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        pytest.param("\r\n".join(STRICT[i : i + 64] for i in range(0, 400, 64)), True, id="row 8"),
        pytest.param(STRICT[:9] + " " + STRICT[9:], False, id="row 9: blank"),
        pytest.param(STRICT.replace("+", "-").replace("/", "_"), False, id="row 9: URL-safe"),
        pytest.param(STRICT.rstrip("="), False, id="row 9: no padding"),
    ],
)
def test_unseal_of_text_takes_base64_as_the_controller_does(text, opens):
    if opens:
        assert unseal_value(text, [vector_key()], **PLACE) == b"hunter2"
    else:
        with pytest.raises(MalformedValue, match="illegal base64 data at input byte"):
            unseal_value(text, [vector_key()], **PLACE)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"name": "n"}, ValueError, "bound to a namespace; give `namespace`"),
        ({"namespace": "a"}, ValueError, "bound to the Secret's name; give `name`"),
        ({"scope": Scope.NAMESPACE_WIDE, "name": "n"}, ValueError, "give `namespace`"),
        ({**PLACE, "now": datetime(2026, 1, 1)}, ValueError, "`now` has no time zone"),  # noqa: DTZ001 - the mistake
        ({**PLACE, "now": NOW + 2 * YEAR}, CertificateExpired, "on May 4, 2027"),
        ({**PLACE, "plaintext": "text"}, TypeError, "must be bytes; encode text first"),
    ],
)  # fmt: skip
def test_seal_of_a_callers_mistake_says_what_to_do(options, error, text):
    arguments = {"plaintext": b"v", "certificate": certificate(), "now": NOW} | options
    with pytest.raises(error, match=text):
        seal_value(**arguments)


def test_seal_with_numbers_that_are_no_key_is_refused():
    damaged = rsa.RSAPublicNumbers(65537, 2**2048 - 2).public_key()
    with pytest.raises(UnsupportedKey, match="the RSA key cannot encrypt"):
        seal_with(b"v", damaged, b"", session_key=bytes(32))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_seal_with_a_session_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="the session key must have 32 bytes"):
        seal_with(b"", certificate().public_key, b"", session_key=bytes(length))


def test_sealed_value_is_text_that_json_can_hold():
    text = seal_value(b"\0\xff", certificate(), now=NOW, **PLACE)
    assert json.loads(json.dumps(text)) == text
    assert "\n" not in text
