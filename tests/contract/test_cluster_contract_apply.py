"""The laws of server-side apply, and of what an API server refuses, for both clusters."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.errors import Conflict, Rejected
from tests.contract.cluster_cases import SECRET, Arena, secret

ONE_MIB = 1024 * 1024


def _data_keys(obj: dict[str, Any], manager: str) -> set[str]:
    """Return the data keys that the managedFields give to a manager."""
    keys: set[str] = set()
    for entry in obj["metadata"].get("managedFields", []):
        if entry["manager"] == manager:
            assert entry["fieldsType"] == "FieldsV1"
            keys |= entry["fieldsV1"].get("f:data", {}).keys() - {"."}
    return keys


def _owner(uid: str, name: str) -> dict[str, str]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}


def test_apply_creates_then_updates(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1"}))
    created = arena.live("db")
    arena.apply(secret("db", arena.namespace, data={"a": "2"}))
    updated = arena.live("db")
    assert updated["data"] == {"a": "Mg=="}
    assert updated["metadata"]["uid"] == created["metadata"]["uid"]
    assert updated["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]
    assert _data_keys(updated, "applier") == {"f:a"}


def test_apply_drops_own_fields_and_keeps_those_of_others(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1", "b": "2"}, labels={"x": "1"}))
    arena.patch("db", {"data": {"c": "Mw=="}})
    arena.apply(secret("db", arena.namespace, data={"a": "1"}))
    found = arena.live("db")
    assert found["data"] == {"a": "MQ==", "c": "Mw=="}
    assert not found["metadata"].get("labels")
    assert _data_keys(found, "patcher") == {"f:c"}


def test_apply_leaves_a_field_that_somebody_else_applied_too(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1", "b": "2"}), "first")
    arena.apply(secret("db", arena.namespace, data={"b": "2"}), "second", force=False)
    arena.apply(secret("db", arena.namespace, data={"a": "1"}), "first")
    assert arena.live("db")["data"] == {"a": "MQ==", "b": "Mg=="}


def test_apply_leaves_what_the_same_manager_created(arena: Arena) -> None:
    """Create and apply are two roles; only what was applied is dropped by applying."""
    created = secret("db", arena.namespace, data={"a": "1", "b": "2"})
    arena.cluster.create(SECRET, created, field_manager="applier")
    arena.apply(secret("db", arena.namespace, data={"a": "1"}))
    assert arena.live("db")["data"] == {"a": "MQ==", "b": "Mg=="}


def test_apply_of_the_same_keeps_the_resource_version(arena: Arena) -> None:
    first = arena.apply(secret("db", arena.namespace, data={"a": "1"}, labels={"x": "1"}))
    second = arena.apply(secret("db", arena.namespace, data={"a": "1"}, labels={"x": "1"}))
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_apply_without_force_over_a_foreign_field_raises_conflict(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1"}), "first")
    with pytest.raises(Conflict, match=r"first.*\.data\.a"):
        arena.apply(secret("db", arena.namespace, data={"a": "2"}), "second", force=False)
    assert arena.live("db")["data"] == {"a": "MQ=="}


def test_apply_with_force_takes_the_field(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1", "b": "1"}), "first")
    arena.apply(secret("db", arena.namespace, data={"a": "2"}), "second")
    found = arena.live("db")
    assert found["data"] == {"a": "Mg==", "b": "MQ=="}
    assert (_data_keys(found, "first"), _data_keys(found, "second")) == ({"f:b"}, {"f:a"})
    arena.apply(secret("db", arena.namespace, data={"b": "1"}), "first")
    assert arena.live("db")["data"] == {"a": "Mg==", "b": "MQ=="}


def test_merge_patch_takes_the_fields_it_changes(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1", "b": "1"}))
    found = arena.patch("db", {"data": {"a": "Mg=="}})
    assert _data_keys(found, "applier") == {"f:b"}
    assert _data_keys(found, "patcher") == {"f:a"}
    arena.apply(secret("db", arena.namespace, data={"b": "1"}))
    assert arena.live("db")["data"] == {"a": "Mg==", "b": "MQ=="}


@pytest.mark.parametrize("name", ["uid", "resourceVersion"])
def test_apply_with_precondition_on_an_absent_object_raises_conflict(
    arena: Arena, name: str
) -> None:
    old = arena.secret("db")["metadata"][name]
    arena.delete("db")
    with pytest.raises(Conflict):
        arena.apply(secret("db", arena.namespace, data={"a": "1"}, **{name: old}))
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None


def test_apply_merges_owner_references_by_uid(arena: Arena) -> None:
    mine, theirs = _owner("uid-1", "one"), _owner("uid-2", "two")
    arena.apply(secret("db", arena.namespace, ownerReferences=[theirs]), "other")
    arena.apply(secret("db", arena.namespace, ownerReferences=[mine]))
    found = arena.live("db")["metadata"]["ownerReferences"]
    assert sorted(found, key=lambda each: each["uid"]) == [mine, theirs]
    arena.apply(secret("db", arena.namespace, ownerReferences=[]))
    assert arena.live("db")["metadata"]["ownerReferences"] == [theirs]


def test_apply_merges_finalizers_as_a_set(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, finalizers=["x.example/a"]), "other")
    arena.apply(secret("db", arena.namespace, finalizers=["x.example/b", "x.example/a"]))
    assert set(arena.live("db")["metadata"]["finalizers"]) == {"x.example/a", "x.example/b"}
    arena.apply(secret("db", arena.namespace))
    assert arena.live("db")["metadata"]["finalizers"] == ["x.example/a"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"data": {"a": "Mg=="}}, id="data"),
        pytest.param({"data": {"b": "Mg=="}}, id="new-key"),
        pytest.param({"immutable": False}, id="immutable"),
    ],
)
def test_immutable_secret_refuses_changes(arena: Arena, change: dict[str, Any]) -> None:
    arena.secret("db", data={"a": "1"}, immutable=True)
    with pytest.raises(Rejected):
        arena.patch("db", change)
    assert arena.live("db")["data"] == {"a": "MQ=="}


def test_immutable_secret_takes_labels(arena: Arena) -> None:
    arena.secret("db", data={"a": "1"}, immutable=True)
    arena.patch("db", {"metadata": {"labels": {"x": "1"}}})
    assert arena.live("db")["metadata"]["labels"] == {"x": "1"}


def test_secret_type_does_not_change(arena: Arena) -> None:
    arena.secret("db", data={"a": "1"})
    with pytest.raises(Rejected):
        arena.patch("db", {"type": "example.com/other"})
    with pytest.raises(Rejected):
        arena.apply(secret("db", arena.namespace, type="example.com/other"))


def test_secret_of_one_mib_is_taken_and_more_is_rejected(arena: Arena) -> None:
    arena.secret("most", data={"a": "x" * (ONE_MIB - 1), "b": "x"})
    with pytest.raises(Rejected):
        arena.secret("more", data={"a": "x" * ONE_MIB, "b": "x"})
    assert arena.cluster.get(SECRET, arena.namespace, "more") is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"data": {"a/b": "1"}}, id="key-slash"),
        pytest.param({"data": {"": "1"}}, id="key-empty"),
        pytest.param({"data": {"..": "1"}}, id="key-parent"),
        pytest.param({"data": {"..a": "1"}}, id="key-two-dots"),
        pytest.param({"data": {"k" * 254: "1"}}, id="key-long"),
        pytest.param({"labels": {"a b": "1"}}, id="label-key"),
        pytest.param({"labels": {"a": "b c"}}, id="label-value"),
        pytest.param({"annotations": {"a b": "1"}}, id="annotation-key"),
        pytest.param({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, id="tls"),
        pytest.param({"type": "kubernetes.io/ssh-auth"}, id="ssh-auth"),
        pytest.param({"type": "kubernetes.io/basic-auth"}, id="basic-auth"),
        pytest.param({"type": "kubernetes.io/dockerconfigjson"}, id="dockerconfigjson"),
        pytest.param(
            {"type": "kubernetes.io/dockercfg", "data": {".dockercfg": "{"}}, id="dockercfg-json"
        ),
    ],
)
def test_invalid_secret_is_rejected(arena: Arena, fields: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        arena.secret("db", **fields)
    with pytest.raises(Rejected):
        arena.apply(secret("db", arena.namespace, **fields))
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None


@pytest.mark.parametrize("name", ["Upper", "a_b", "-a", "a" * 254], ids=lambda name: name[:5])
def test_invalid_name_is_rejected(arena: Arena, name: str) -> None:
    with pytest.raises(Rejected):
        arena.secret(name)


def test_value_that_is_not_base64_is_rejected_without_quoting_it(arena: Arena) -> None:
    obj = {**secret("db", arena.namespace), "data": {"a": "not*base64-canary"}}
    with pytest.raises(Rejected) as caught:
        arena.cluster.create(SECRET, obj, field_manager="creator")
    assert "canary" not in f"{caught.value.message} {caught.value.remedy}"


def test_secret_with_a_required_key_is_taken(arena: Arena) -> None:
    data = {".dockerconfigjson": '{"auths": {}}'}
    arena.secret("pull", type="kubernetes.io/dockerconfigjson", data=data)
    assert arena.live("pull")["type"] == "kubernetes.io/dockerconfigjson"
