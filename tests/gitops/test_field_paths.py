from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.gitops.objects.field_paths import (
    ABSENT,
    differences,
    parse_path,
    render_path,
    same_value,
    value_at,
    without_path,
)

STEPS = st.one_of(st.text(max_size=8), st.integers(0, 40))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc/"), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("spec", "containers", 0, "image"), "spec.containers[0].image"),
        (("metadata", "labels", "a.b/c"), 'metadata.labels["a.b/c"]'),
        (("data", "tls.crt"), 'data["tls.crt"]'),
        (("a", "0"), "a.0"),
        ((), ""),
    ],
)
def test_a_path_reads_as_people_write_it(path: tuple[str | int, ...], text: str) -> None:
    assert render_path(path) == text
    assert parse_path(text) == path


@given(st.lists(STEPS, max_size=5).map(tuple))
def test_a_written_path_is_read_back(path: tuple[str | int, ...]) -> None:
    assert parse_path(render_path(path)) == path


@pytest.mark.parametrize("text", ["a[", 'a["', "a b", "a[-1]", ".[x]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        parse_path(text)


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value: object) -> None:
    assert differences(value, copy.deepcopy(value)) == []


@given(VALUES, VALUES)
def test_each_difference_is_what_the_sides_have_there(before: object, after: object) -> None:
    found = differences(before, after)
    for each in found:
        assert not same_value(each.before, each.after)
        if each.before is not ABSENT:
            assert value_at(before, each.path) == each.before
    reversed_ = differences(after, before)
    assert bool(reversed_) == bool(found)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"a": 1}, {"a": True}, ["a"], id="one-is-not-true"),
        pytest.param({"a": 1}, {"a": 1.0}, [], id="one-is-one"),
        pytest.param({"a": None}, {}, [], id="null-is-absent"),
        pytest.param({"a": {}}, {}, ["a"], id="an-empty-map-is-there"),
        pytest.param({"a": ""}, {}, ["a"], id="an-empty-text-is-there"),
        pytest.param({"a": [1, 2]}, {"a": [1, 3]}, ["a[1]"], id="same-length"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, ["a"], id="shorter"),
        pytest.param(
            {"a": [{"name": "x", "v": 1}, {"name": "y", "v": 1}]},
            {"a": [{"name": "y", "v": 2}]},
            ["a[0]", "a[1].v"],
            id="by-name",
        ),
        pytest.param(
            {"a": [{"name": "x"}, {"name": "y"}]},
            {"a": [{"name": "y"}, {"name": "x"}]},
            ["a"],
            id="another-order",
        ),
    ],
)
def test_differences_are_the_smallest_fields(
    before: object, after: object, expected: list[str]
) -> None:
    assert [render_path(each.path) for each in differences(before, after)] == expected


def test_a_difference_shows_no_value_in_its_repr() -> None:
    assert "canary" not in repr(differences({"a": "canary-1"}, {"a": "canary-2"}))


def test_without_path_leaves_the_rest_and_the_original() -> None:
    value = {"a": [{"b": 1, "c": 2}, 3], "d": 4}
    before = copy.deepcopy(value)
    assert without_path(value, ("a", 0, "b")) == {"a": [{"c": 2}, 3], "d": 4}
    assert without_path(value, ("a", 1)) == {"a": [{"b": 1, "c": 2}], "d": 4}
    assert without_path(value, ("a", 7)) == value
    assert without_path(value, ("d", "x")) == value
    assert value == before
