"""Base64 as the controller reads it."""

from __future__ import annotations

import base64
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealing import MalformedValue
from sealing.encoding import decode_base64, encode_base64

#: Text → offset that Go's decoder reports; test_interop asks kubeseal about the same.
BAD = {
    "NOTVALIDBASE64": 12,
    "A": 0,
    "AAAA AAA": 4,
    "AAAA\tAAA": 4,
    "AA-_": 2,
    "AA": 0,
    "AAA": 0,
    "AA=": 3,
    "AA=A": 2,
    "AA=\nA": 3,
    "AA=\n": 4,
    "A===": 1,
    "====": 0,
    "AAAA====": 4,
    "AAAA=": 4,
    "AAA==": 4,
    "AAA=AAAA": 4,
    "AA==\nAA": 5,
    "AAAA\nAA": 5,
    "AA\n\nA": 2,
    "é": 0,
    "AAAé": 3,
}


@pytest.mark.parametrize(("text", "at"), BAD.items(), ids=ascii)
def test_decode_of_what_is_not_base64_names_gos_byte(text, at):
    with pytest.raises(MalformedValue, match=f"^illegal base64 data at input byte {at}$"):
        decode_base64(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param("", b"", id="empty"),
        pytest.param("\r\n\n", b"", id="line breaks alone"),
        pytest.param("aHVu\ndGVy\r\nMg==\n", b"hunter2", id="wrapped"),
        pytest.param("Mg=\n=", b"2", id="break inside the padding"),
        pytest.param("Mh==", b"2", id="bits after the end are ignored"),
    ],
)
def test_decode_of_base64_ignores_line_breaks(text, data):
    assert decode_base64(text) == data


@given(st.binary(max_size=200))
def test_decode_turns_encode_back(data):
    assert decode_base64(encode_base64(data)) == data
    assert encode_base64(data) == base64.b64encode(data).decode()


@given(st.text(alphabet="AB=\n\r -_é\ud800", max_size=12))
def test_decode_of_any_text_gives_a_value_or_its_own_error(text):
    try:
        data = decode_base64(text)
    except MalformedValue as exc:
        at = int(str(exc).rpartition(" ")[2])
        assert 0 <= at <= len(text.encode("utf-8", "surrogatepass"))
    else:
        letters = text.replace("\n", "").replace("\r", "")
        assert len(encode_base64(data)) == len(letters)


def test_decode_of_a_long_text_takes_few_times_its_length():
    text = "AAAA" * 2**20
    tracemalloc.start()
    try:
        decode_base64(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(text)
