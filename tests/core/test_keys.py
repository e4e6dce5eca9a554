"""Key conversion and validation."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.errors import InvalidKey, KeyCollision
from secretsync.core.keys import convert_key, convert_keys, validate_keys


@pytest.mark.parametrize(
    ("key", "default", "unicode"),
    [
        pytest.param("tls.crt", "tls.crt", "tls.crt", id="allowed"),
        pytest.param("A-b_c.0", "A-b_c.0", "A-b_c.0", id="all-allowed-marks"),
        pytest.param("/prod/db", "_prod_db", "_U002f_prod_U002f_db", id="slashes"),
        pytest.param("a b", "a_b", "a_U0020_b", id="blank"),
        pytest.param("clé", "clé", "clé", id="letters-of-other-scripts-stay"),
        pytest.param("½Ⅷ٣", "½Ⅷ٣", "½Ⅷ٣", id="numbers-of-other-scripts-stay"),
        pytest.param("k\U0001f511", "k_", "k_U1f511_", id="beyond-four-digits"),
        pytest.param("", "", "", id="empty"),
    ],
)
def test_convert_key_by_strategy(key: str, default: str, unicode: str) -> None:
    assert convert_key(key, "Default") == default
    assert convert_key(key, "Unicode") == unicode


def test_convert_keys_that_collide_are_refused() -> None:
    with pytest.raises(KeyCollision, match="collision during conversion: a_b") as caught:
        convert_keys({"a/b": b"hunter2", "a b": b"hunter3"}, "Default")
    assert "hunter" not in repr(caught.value)
    assert convert_keys({"a/b": 1, "a b": 2}, "Unicode") == {"a_U002f_b": 1, "a_U0020_b": 2}


def test_convert_keys_with_unknown_strategy_is_a_caller_bug() -> None:
    with pytest.raises(ValueError, match="conversionStrategy is one of Default, Unicode"):
        convert_keys({"a": 1}, "None")


@given(st.text())
def test_convert_key_unicode_can_be_undone(key: str) -> None:
    converted = convert_key(key, "Unicode")
    if "_U" in key:  # looks like a converted character already
        return
    assert re.sub("_U([0-9a-f]{4,6})_", lambda m: chr(int(m[1], 16)), converted) == key


@given(st.text(alphabet=st.characters(max_codepoint=127), min_size=1, max_size=40))
def test_convert_key_of_ascii_is_accepted(key: str) -> None:
    converted = "x" + convert_key(key, "Unicode")
    assert validate_keys({converted: 1}) == {converted: 1}


def test_validate_keys_drops_the_empty_key() -> None:
    assert validate_keys({"": 1, "a": 2, "..a"[1:]: 3}) == {"a": 2, ".a": 3}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param("k" * 254, "key has length 254 but max is 253: kkk", id="long"),
        pytest.param("a/b", "invalid character.*: a/b", id="slash"),
        pytest.param("clé", "invalid character.*: clé", id="letter-of-another-script"),
        pytest.param("a\n", r"invalid character.*: 'a\\n'", id="line-break"),
        pytest.param(".", "must not be '.'", id="dot"),
        pytest.param("..data", "begin with '..'", id="two-dots"),
    ],
)
def test_validate_keys_refuses_what_kubernetes_refuses(key: str, message: str) -> None:
    with pytest.raises(InvalidKey, match=message) as caught:
        validate_keys({"good": b"hunter2", key: b"hunter2"})
    assert caught.value.remedy
    assert "hunter2" not in repr(caught.value)


def test_validate_keys_accepts_the_longest_key() -> None:
    assert validate_keys({"k" * 253: 1}) == {"k" * 253: 1}
