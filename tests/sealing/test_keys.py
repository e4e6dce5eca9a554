"""Private keys: read, made, and never shown."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing import (
    InvalidKey,
    PrivateKey,
    UnsealFailed,
    UnsupportedKey,
    generate_private_key,
    parse_private_key,
    unseal_with,
)
from tests.sealing.kit import VECTOR_FINGERPRINT, vector_key

PEM = vector_key().reveal_pem()


def pem(key, form=serialization.PrivateFormat.PKCS8, password=b""):
    lock = serialization.BestAvailableEncryption(password) if password else None
    return key.private_bytes(serialization.Encoding.PEM, form, lock or serialization.NoEncryption())


def long_key():
    """Of known primes, so that none is searched for."""
    p, q, e = 2**4253 - 1, 2**4423 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    crt = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    numbers = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def test_fingerprint_is_the_one_openssh_shows():
    assert vector_key().fingerprint == VECTOR_FINGERPRINT


def test_key_goes_to_pkcs1_pem_and_back():
    assert PEM.startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")
    assert parse_private_key(PEM).fingerprint == VECTOR_FINGERPRINT


def test_key_is_read_from_pkcs8_amid_other_blocks():
    text = b"junk\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
    assert parse_private_key(text + pem(vector_key()._key)).fingerprint == VECTOR_FINGERPRINT


def test_generated_key_has_the_length_asked_for():
    assert generate_private_key(2048).key_bits == 2048


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        pytest.param(b"", InvalidKey, "does not contain a private key", id="empty"),
        pytest.param(PEM[:900], InvalidKey, "does not contain a private key", id="cut"),
        pytest.param(PEM.replace(b"a", b"b"), InvalidKey, "damaged", id="altered"),
        pytest.param(
            pem(vector_key()._key, password=b"x"), InvalidKey, "decrypt it first", id="encrypted"
        ),
        pytest.param(
            pem(ec.generate_private_key(ec.SECP256R1())),
            UnsupportedKey,
            "private key is not an RSA key",
            id="EC",
        ),
        pytest.param(
            pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - what must be refused
            UnsupportedKey,
            "has 1024 bits; at least 2048 are needed",
            id="short",
        ),
        pytest.param(
            pem(long_key()),
            UnsupportedKey,
            "has 8676 bits; at most 8192 are supported",
            id="long: checking it would take a quarter of a minute",
        ),
    ],
)
def test_key_that_cannot_serve_is_refused_with_the_cause(text, error, says):
    with pytest.raises(error, match=says):
        parse_private_key(text)


def test_generation_of_a_short_or_a_long_key_is_refused():
    with pytest.raises(UnsupportedKey, match="has 1024 bits"):
        generate_private_key(1024)
    with pytest.raises(UnsupportedKey, match="has 16384 bits; at most 8192"):
        generate_private_key(16384)


@settings(deadline=None)  # RSA on a busy machine
@given(st.binary(max_size=300), st.integers(0, len(PEM)))
def test_parse_of_damaged_text_gives_a_key_or_its_own_error(junk, at):
    text = PEM[:at] + junk + PEM[at + len(junk) :]
    try:
        key = parse_private_key(text)
    except (InvalidKey, UnsupportedKey):
        assert text != PEM
    else:
        assert key.fingerprint == VECTOR_FINGERPRINT


@pytest.mark.parametrize("show", [repr, str, format, "{!r:>9}".format, "%s".__mod__])
def test_key_shows_its_fingerprint_only(show):
    assert show(vector_key()).strip() == f"PrivateKey(*** {VECTOR_FINGERPRINT})"


@pytest.mark.parametrize(
    ("leak", "says"),
    [
        (pickle.dumps, "never copied or pickled"),
        (copy.copy, "never copied or pickled"),
        (copy.deepcopy, "never copied or pickled"),
        (json.dumps, "not JSON serializable"),
        (list, "not iterable"),
        (vars, "__dict__"),
    ],
    ids=["pickle", "copy", "deepcopy", "json", "list", "vars"],
)
def test_key_refuses_to_be_stored(leak, says):
    with pytest.raises(TypeError, match=says):
        leak(vector_key())


def test_key_takes_no_further_attributes():
    with pytest.raises(AttributeError):
        PrivateKey(vector_key()._key).note = "x"


def test_key_that_is_observed_twice_tells_both():
    seen = []
    key = vector_key().observed(lambda: seen.append("one")).observed(lambda: seen.append("two"))
    with pytest.raises(UnsealFailed, match="no key could decrypt secret"):
        unseal_with(b"", [key], b"")
    assert seen == ["two", "one"]
    assert key.fingerprint == VECTOR_FINGERPRINT


def test_observer_that_raises_stops_the_opening():
    def refuse():
        raise PermissionError("enough")

    with pytest.raises(PermissionError, match="enough"):
        unseal_with(b"", [vector_key().observed(refuse)], b"")
