"""Decoding strategies and the null byte check."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.values import (
    CoreError,
    NullByteFound,
    UndecodableValue,
    ValueProblem,
    check_null_bytes,
    decode,
)
from secretsync.errors import SecretSyncError


@pytest.mark.parametrize(
    ("strategy", "value", "decoded"),
    [
        pytest.param("None", b"QUJD", b"QUJD", id="none"),
        pytest.param("", b"QUJD", b"QUJD", id="unset"),
        pytest.param("Base64", b"QUJD", b"ABC", id="standard"),
        pytest.param("Base64", b"", b"", id="empty"),
        pytest.param("Base64", b"Q\r\nUJD\n", b"ABC", id="line-breaks-do-not-count"),
        pytest.param("Base64", b"QQ=\n=", b"A", id="line-break-in-padding"),
        pytest.param("Base64", b"QR==", b"A", id="loose-last-bits"),
        pytest.param("Base64", b"+/+/", b"\xfb\xff\xbf", id="standard-alphabet"),
        pytest.param("Base64URL", b"-_-_", b"\xfb\xff\xbf", id="url-alphabet"),
        pytest.param("Auto", b"+/+/", b"\xfb\xff\xbf", id="auto-standard"),
        pytest.param("Auto", b"-_-_", b"\xfb\xff\xbf", id="auto-url"),
        pytest.param("Auto", b"hunter2!", b"hunter2!", id="auto-neither"),
        pytest.param("Auto", b"abcd", b"i\xb7\x1d", id="auto-mistakes-plain-text"),
        pytest.param("Auto", b"\xff\xfe", b"\xff\xfe", id="auto-binary"),
    ],
)
def test_decode_by_strategy(strategy: str, value: bytes, decoded: bytes) -> None:
    assert decode(value, strategy) == decoded


@pytest.mark.parametrize(
    ("strategy", "value"),
    [
        pytest.param("Base64", b"-_-_", id="url-alphabet-in-standard"),
        pytest.param("Base64", b"QQ", id="no-padding"),
        pytest.param("Base64", b"QQ=", id="short-padding"),
        pytest.param("Base64", b"QQ==QQ==", id="padding-inside"),
        pytest.param("Base64", b"Q===", id="one-digit"),
        pytest.param("Base64", b"QU JD", id="blank"),
        pytest.param("Base64URL", b"+/+/", id="standard-alphabet-in-url"),
        pytest.param("Base64URL", b"QQ", id="url-no-padding"),
        pytest.param("Base64", "\uff31\uff35\uff2a\uff24".encode(), id="wide-letters"),
    ],
)
def test_decode_that_does_not_fit_is_refused_without_quoting(strategy: str, value: bytes) -> None:
    with pytest.raises(
        UndecodableValue, match=f"^the value of key token is not valid {strategy}$"
    ) as caught:
        decode(value, strategy, key="token")
    assert caught.value.remedy
    assert value.decode() not in repr(caught.value)


def test_decode_with_unknown_strategy_is_a_caller_bug() -> None:
    with pytest.raises(ValueError, match="decodingStrategy is one of None"):
        decode(b"", "Rot13")


@given(st.binary())
def test_decode_undoes_encoding(value: bytes) -> None:
    assert decode(base64.b64encode(value), "Base64") == value
    assert decode(base64.encodebytes(value), "Base64") == value
    assert decode(base64.urlsafe_b64encode(value), "Base64URL") == value
    assert decode(base64.b64encode(value), "Auto") == value


@given(st.binary())
def test_decode_auto_is_total(value: bytes) -> None:
    assert isinstance(decode(value, "Auto"), bytes)


def test_check_null_bytes_finds_one_and_does_not_quote() -> None:
    check_null_bytes(b"text", key="k")  # does not raise
    with pytest.raises(NullByteFound, match=r"^the value of key k contains a null byte") as caught:
        check_null_bytes(b"hunter2\0", key="k")
    assert "hunter2" not in repr(caught.value)


def test_value_errors_have_the_package_root() -> None:
    assert issubclass(UndecodableValue, ValueProblem)
    assert issubclass(ValueProblem, CoreError)
    assert issubclass(CoreError, SecretSyncError)
