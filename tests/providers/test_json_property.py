"""Properties of JSON objects: set and removed without touching what is beside them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import InvalidRef, MalformedSecret
from providers.json_property import has_property, with_property, without_property


@pytest.mark.parametrize(
    ("payload", "path", "value", "expected"),
    [
        pytest.param(None, "a", b"v", b'{"a":"v"}', id="new"),
        pytest.param(b"", "a", b"v", b'{"a":"v"}', id="empty"),
        pytest.param(None, "a.b", b"v", b'{"a":{"b":"v"}}', id="nested"),
        pytest.param(None, r"a\.b", b"v", b'{"a.b":"v"}', id="escaped-dot"),
        pytest.param(None, "a.:1", b"v", b'{"a":{"1":"v"}}', id="number-as-name"),
        pytest.param(b'{"x": 1}', "a", b"v", b'{"x":1,"a":"v"}', id="beside"),
        pytest.param(b'{"a": "old"}', "a", b"v", b'{"a":"v"}', id="replaced"),
        pytest.param(b'{"a": 5}', "a", b"5", b'{"a":"5"}', id="text-is-no-number"),
        pytest.param(b'{"a": "v"}', "a", b"v", b'{"a": "v"}', id="equal-stays-as-it-is"),
        pytest.param(
            b'{"n":[1e3,1.50,-0.0,12345678901234567890123],"t":true,"z":null}',
            "a",
            '"é\\'.encode(),
            '{"n":[1e3,1.50,-0.0,12345678901234567890123],"t":true,"z":null,"a":"\\"é\\\\"}'.encode(),
            id="digits-stay",
        ),
    ],
)
def test_property_is_set_and_all_else_stays(payload, path, value, expected):
    assert with_property(payload, path, value) == expected
    assert has_property(expected, path)


@pytest.mark.parametrize(
    ("payload", "path", "expected"),
    [
        pytest.param(b'{"a":"v","x":1.0}', "a", b'{"x":1.0}', id="one-of-two"),
        pytest.param(b'{"a":{"b":"v"}}', "a.b", b'{"a":{}}', id="nested"),
        pytest.param(b'{"a":"v"}', "a", b"{}", id="the-last"),
        pytest.param(b'{"a":"v"}', "b", None, id="absent"),
        pytest.param(b'{"a":"v"}', "a.b", None, id="no-object-on-the-way"),
    ],
)
def test_property_is_removed_alone(payload, path, expected):
    assert without_property(payload, path) == expected
    assert has_property(payload, path) == (expected is not None)


@pytest.mark.parametrize(
    "path", ["", ".", "a..b", "a.", "a.*", "a|b", "#", "@this", "[0]", "{a}", "a.0", "a.-1", "\\"]
)
def test_path_that_names_no_one_place_is_refused(path):
    with pytest.raises(InvalidRef):
        with_property(b"{}", path, b"v")


@pytest.mark.parametrize("payload", [b"[]", b'"s"', b"plain", b"\xff", b"{", b'{"a":NaN}', b"1"])
def test_payload_that_is_no_object_is_never_overwritten(payload):
    with pytest.raises(MalformedSecret) as caught:
        with_property(payload, "a", b"v")
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert not has_property(payload, "a")


def test_object_is_not_put_in_the_place_of_a_value():
    with pytest.raises(MalformedSecret):
        with_property(b'{"a":"precious"}', "a.b", b"v")


def test_value_that_json_cannot_hold_is_refused():
    with pytest.raises(InvalidRef) as caught:
        with_property(b"{}", "a", b"\xff")
    assert caught.value.__context__ is None


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8")), _VALUES, max_size=4),
    st.text(st.characters(codec="utf-8")),
)
def test_setting_and_removing_gives_the_object_back(document, value):
    document.pop("new", None)
    payload = json.dumps(document).encode()
    with_new = with_property(payload, "new", value.encode())
    assert json.loads(with_new) == {**document, "new": value}
    assert json.loads(without_property(with_new, "new")) == document
