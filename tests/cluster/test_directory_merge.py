"""Field sets, merging, YAML: laws that hold for any object."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory_objects import Place, decode_object, encode_object
from secretsync.cluster.field_sets import (
    Owner,
    Owners,
    decode_fields,
    encode_fields,
    leaves,
    managed_fields,
    writable,
)
from secretsync.cluster.merge import apply_fields, merge_patch, same, update_owners
from secretsync.errors import Conflict

NAMES = st.sampled_from(["a", "b", "c", "f:d", "."])
SCALARS = st.one_of(st.text(max_size=4), st.integers(), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
CONDITIONS = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from("xyz"), "status": SCALARS}),
    max_size=3,
    unique_by=lambda item: item["type"],
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.dictionaries(NAMES, VALUES, max_size=3),
        "data": st.dictionaries(NAMES, SCALARS, max_size=3),
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "labels": st.dictionaries(NAMES, st.text(max_size=3), min_size=1, max_size=3),
                "finalizers": st.lists(st.sampled_from("xyz"), min_size=1, unique=True),
                "ownerReferences": st.lists(
                    st.fixed_dictionaries({"uid": st.sampled_from("xyz"), "name": SCALARS}),
                    min_size=1,
                    max_size=3,
                    unique_by=lambda item: item["uid"],
                ),
            },
        ),
    },
)
ANA, BEN = Owner("ana", "Apply"), Owner("ben", "Apply")


@given(OBJECTS)
def test_field_sets_survive_their_fields_v1_form(obj: dict[str, Any]) -> None:
    fields = frozenset(leaves(writable(obj)))
    assert decode_fields(encode_fields(fields)) == fields - {()}


@given(CONDITIONS)
def test_conditions_are_fields_by_type(conditions: list[dict[str, Any]]) -> None:
    fields = frozenset(leaves({"status": {"conditions": conditions}}))
    assert decode_fields(encode_fields(fields)) == fields
    assert len(fields) == max(1, 3 * len(conditions)) or not conditions


@given(OBJECTS)
def test_apply_to_nothing_gives_the_object(obj: dict[str, Any]) -> None:
    merged, _ = apply_fields({}, obj, ANA, {}, force=False)
    assert same(writable(merged), writable(obj))


@given(OBJECTS, OBJECTS)
def test_apply_again_replaces_what_was_applied(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Alone, a manager gets exactly what it applied last, whatever it applied before."""
    live, owners = apply_fields({}, first, ANA, {}, force=False)
    live, owners = apply_fields(live, second, ANA, owners, force=False)
    wanted, wanted_owners = apply_fields({}, second, ANA, {}, force=False)
    assert _fields(live) == _fields(wanted)
    assert owners == wanted_owners
    assert apply_fields(live, second, ANA, owners, force=False) == (live, owners)


@given(OBJECTS, OBJECTS)
def test_forced_apply_gets_all_it_wants(first: dict[str, Any], second: dict[str, Any]) -> None:
    live, owners = apply_fields({}, first, ANA, {}, force=False)
    before = copy.deepcopy(live)
    forced, _ = apply_fields(live, second, BEN, owners, force=True)
    assert live == before
    for path, value in leaves(writable(second)).items():
        if path and value != {}:
            assert same(leaves(writable(forced))[path], value)


@given(OBJECTS, OBJECTS)
def test_apply_without_force_changes_nothing_of_others(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    live, owners = apply_fields({}, first, ANA, {}, force=False)
    try:
        merged, merged_owners = apply_fields(live, second, BEN, owners, force=False)
    except Conflict:
        return
    after = leaves(writable(merged))
    for path in merged_owners.get(ANA, ()):
        assert same(after[path], leaves(writable(live))[path])


@given(OBJECTS, OBJECTS)
def test_update_gives_what_changed_to_who_changed_it(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    _, owners = apply_fields({}, before, ANA, {}, force=False)
    user = Owner("user", "Update")
    updated = update_owners(before, after, user, owners)
    old, new = leaves(writable(before)), leaves(writable(after))
    for path, value in new.items():
        kept = path in old and same(old[path], value)
        assert (path in updated.get(user, ())) is not kept
        assert kept or path not in updated.get(ANA, ())


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_does_the_examples_of_rfc_7386(target: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(target)
    assert merge_patch(target, patch) == expected
    assert target == before


def test_managed_fields_name_no_value() -> None:
    obj = {"data": {"a": "c2VjcmV0"}, "metadata": {"labels": {"x": "y"}}}
    owners: Owners = {ANA: frozenset(leaves(writable(obj)))}
    assert managed_fields(owners, "v1") == [
        {
            "manager": "ana",
            "operation": "Apply",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:x": {}}}},
        }
    ]


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        ["1e3", "12e4", "0x1f", "0o7", "1_000", "yes", "n", "~", "null", ".inf", "-", "=", "<<"]
    ),
    st.sampled_from(["2024-01-02", "1:30", "a: b", "a #b", "\n", " a\n b\n", "a\n\n", "\ta", "%"]),
)


@pytest.mark.parametrize("as_json", [False, True], ids=["yaml", "json"])
@given(texts=st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_any_text_survives_the_file(as_json: bool, texts: dict[str, str]) -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "c",
            "namespace": "n",
            "uid": "1e3",
            "creationTimestamp": "2024-01-02T03:04:05Z",
        },
        "data": texts,
    }
    content = encode_object(obj, as_json=as_json)
    place = Place(KINDS["ConfigMap"], "n", "c")
    assert decode_object(content, place, file="f", modified_ns=0) == (obj, "1e3")


def _fields(obj: dict[str, Any]) -> dict[Any, Any]:
    return {path: value for path, value in leaves(writable(obj)).items() if value != {}}
