"""Fingerprints show that a value differs and nothing else."""

from __future__ import annotations

import copy
import hashlib
import hmac
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.fingerprints import Fingerprinter

KEY = b"0123456789abcdef0123456789abcdef"


def test_fingerprint_is_the_documented_hmac() -> None:
    message = b"".join(
        len(part).to_bytes(8, "big") + part for part in (b"Secret a/b", b"password", b"hunter2")
    )
    expected = hmac.new(KEY, message, hashlib.sha256).hexdigest()[:12]
    assert Fingerprinter(KEY).fingerprint("Secret a/b", "password", b"hunter2") == expected


_TRIPLES = st.tuples(st.text(max_size=6), st.text(max_size=6), st.binary(max_size=6))


@given(_TRIPLES, _TRIPLES)
def test_fingerprint_differs_for_every_triple(
    left: tuple[str, str, bytes], right: tuple[str, str, bytes]
) -> None:
    prints = Fingerprinter(KEY)
    assert (prints.fingerprint(*left) == prints.fingerprint(*right)) == (left == right)
    assert re.fullmatch("[0-9a-f]{12}", prints.fingerprint(*left))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(("ab", "c", b"d"), ("a", "bc", b"d"), id="object-and-key"),
        pytest.param(("a", "bc", b"d"), ("a", "b", b"cd"), id="key-and-value"),
        pytest.param(("a", "b", b""), ("a", "", b"b"), id="empty"),
    ],
)
def test_fingerprint_frames_its_parts(
    left: tuple[str, str, bytes], right: tuple[str, str, bytes]
) -> None:
    prints = Fingerprinter(KEY)
    assert prints.fingerprint(*left) != prints.fingerprint(*right)


def test_fingerprint_depends_on_the_install_key() -> None:
    other = Fingerprinter(KEY[::-1])
    assert other.fingerprint("o", "k", b"v") != Fingerprinter(KEY).fingerprint("o", "k", b"v")


def test_fingerprinter_does_not_show_or_give_away_its_key() -> None:
    prints = Fingerprinter(KEY)
    assert repr(prints) == str(prints) == f"{prints}" == "Fingerprinter(***)"
    for escape in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="install key"):
            escape(prints)


def test_fingerprinter_with_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Fingerprinter(KEY[:31])
