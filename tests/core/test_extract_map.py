"""`dataFrom.extract`: the members of a JSON object as they go into the Secret."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.property_path import extract_map
from secretsync.core.values import UnmarshalError


def test_extract_map_takes_each_kind_of_value() -> None:
    document = b"""{"s": "a\\nb", "i": 12345678901234567890123, "f": 1.50, "t": true, "n": null,
        "o": { "x" : [1, 2] }, "l": [ ], "": "empty key", "k\\u00e9": "\\ud83d\\udd11"}"""
    assert extract_map(document) == {
        "s": b"a\nb",
        "i": b"12345678901234567890123",
        "f": b"1.50",
        "t": b"true",
        "n": b"",
        "o": b'{ "x" : [1, 2] }',
        "l": b"[ ]",
        "": b"empty key",
        "ké": "\U0001f511".encode(),
    }


@pytest.mark.parametrize(
    ("document", "members"),
    [
        pytest.param(b"{}", {}, id="no-members"),
        pytest.param(b' \r\n{"a" :\t1 } ', {"a": b"1"}, id="blanks"),
        pytest.param(b'{"a":1,"\\u0061":"last"}', {"a": b"last"}, id="last-duplicate-wins"),
        pytest.param(b'{"a":"\xff\xe2\x82"}', {"a": "\ufffd\ufffd\ufffd".encode()}, id="not-utf8"),
        pytest.param(b'{"a":"\\ud83dx"}', {"a": "\ufffdx".encode()}, id="lone-surrogate"),
    ],
)
def test_extract_map_reads_as_go_does(document: bytes, members: dict[str, bytes]) -> None:
    assert extract_map(document) == members


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param(b"", "not valid JSON", id="empty"),
        pytest.param(b"hunter2", "not valid JSON", id="plain-text"),
        pytest.param(b'{"a": hunter2}', "not valid JSON", id="bare-word"),
        pytest.param(b'{"a":"hunter2",}', "not valid JSON", id="trailing-comma"),
        pytest.param(b'{"a":"hunter2"', "not valid JSON", id="cut"),
        pytest.param(b'{"a":"hunter2"} x', "not valid JSON", id="something-behind"),
        pytest.param(b'{"hunter2":"line\nbreak"}', "not valid JSON", id="raw-newline"),
        pytest.param(b'{"hunter2":NaN}', "not valid JSON", id="nan"),
        pytest.param(b"[" * 20_000 + b"]" * 20_000, "not valid JSON", id="too-deep"),
        pytest.param(b'"hunter2"', "not an object", id="string"),
        pytest.param(b'["hunter2"]', "not an object", id="array"),
        pytest.param(b"null", "not an object", id="null"),
        pytest.param(b"42", "not an object", id="number"),
    ],
)
def test_extract_map_of_anything_else_is_refused_without_quoting_it(
    document: bytes, reason: str
) -> None:
    with pytest.raises(UnmarshalError, match=f"^unable to unmarshal secret: .*{reason}") as caught:
        extract_map(document)
    shown = repr(caught.value) + repr(caught.value.__cause__) + caught.value.remedy
    assert "hunter2" not in shown


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), _VALUES), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_extract_map_returns_what_json_wrote(
    members: dict[str, object],
    indent: int | str | None,
    ascii_only: bool,  # drawn by hypothesis
) -> None:
    document = json.dumps(members, indent=indent, ensure_ascii=ascii_only).encode()
    extracted = extract_map(document)
    assert extracted.keys() == members.keys()
    for key, value in members.items():
        text = extracted[key].decode()
        if isinstance(value, str):
            assert text == value
        elif value is None:
            assert text == ""
        else:
            assert json.loads(text) == value


@given(st.binary(max_size=80))
def test_extract_map_over_any_bytes_gives_members_or_refuses(document: bytes) -> None:
    try:
        members = extract_map(document)
    except UnmarshalError:
        return
    assert isinstance(json.loads(document.decode("utf-8", "replace")), dict)
    assert all(isinstance(value, bytes) for value in members.values())
