"""The laws that both clusters keep: a directory, and a real Kubernetes API server."""

from __future__ import annotations

import pytest

from secretsync.cluster.base import Event, EventType, Preconditions
from secretsync.errors import AlreadyExists, Conflict, NotFound, Rejected
from tests.contract.cluster_cases import (
    BUDGET,
    CONFIG_MAP,
    SECRET,
    Arena,
    budget,
    secret,
)


def test_get_after_create_returns_the_object_with_server_fields(arena: Arena) -> None:
    created = arena.secret("db", data={"password": "s3cr3t"}, labels={"app": "web"})
    found = arena.live("db")
    assert found["data"] == {"password": "czNjcjN0"}
    assert found["type"] == "Opaque"
    assert found["metadata"]["labels"] == {"app": "web"}
    for name in ("uid", "resourceVersion", "creationTimestamp"):
        assert found["metadata"][name]
        assert found["metadata"][name] == created["metadata"][name]


def test_create_of_what_exists_raises_already_exists(arena: Arena) -> None:
    arena.secret("db", data={"a": "1"})
    with pytest.raises(AlreadyExists):
        arena.secret("db", data={"a": "2"})
    assert arena.live("db")["data"] == {"a": "MQ=="}


def test_create_with_string_data_stores_base64(arena: Arena) -> None:
    obj = {**secret("db", arena.namespace, data={"a": "old"}), "stringData": {"a": "new"}}
    arena.cluster.create(SECRET, obj, field_manager="creator")
    assert arena.live("db")["data"] == {"a": "bmV3"}
    assert "stringData" not in arena.live("db")


def test_get_of_absent_returns_none(arena: Arena) -> None:
    assert arena.cluster.get(SECRET, arena.namespace, "absent") is None
    assert arena.cluster.get(CONFIG_MAP, "no-such-namespace", "absent") is None


def test_merge_patch_changes_adds_and_removes(arena: Arena) -> None:
    arena.secret("db", data={"a": "1", "b": "2"}, labels={"x": "1", "y": "2"})
    patch = {"data": {"a": None, "c": "Mw=="}, "metadata": {"labels": {"x": None}}}
    before = arena.live("db")
    after = arena.patch("db", patch)
    assert after["data"] == {"b": "Mg==", "c": "Mw=="}
    assert after["metadata"]["labels"] == {"y": "2"}
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
    assert arena.live("db")["data"] == after["data"]


def test_merge_patch_of_absent_raises_not_found(arena: Arena) -> None:
    with pytest.raises(NotFound):
        arena.patch("absent", {"data": {"a": "MQ=="}})


def test_merge_patch_that_changes_nothing_keeps_resource_version(arena: Arena) -> None:
    created = arena.secret("db", data={"a": "1"})
    patched = arena.patch("db", {"data": {"a": "MQ=="}})
    assert patched["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


def _write(arena: Arena, verb: str, precondition: dict[str, str]) -> None:
    if verb == "apply":
        arena.apply(secret("db", arena.namespace, data={"a": "3"}, **precondition))
    else:
        arena.patch("db", {"metadata": precondition, "data": {"a": "Mw=="}})


@pytest.mark.parametrize("name", ["uid", "resourceVersion"])
@pytest.mark.parametrize("verb", ["apply", "merge_patch"])
def test_write_with_stale_precondition_raises_conflict(arena: Arena, verb: str, name: str) -> None:
    stale = arena.secret("db", data={"a": "1"})["metadata"][name]
    arena.delete("db")
    arena.secret("db", data={"a": "2"})
    with pytest.raises(Conflict):
        _write(arena, verb, {name: stale})
    assert arena.live("db")["data"] == {"a": "Mg=="}


@pytest.mark.parametrize("verb", ["apply", "merge_patch"])
def test_write_with_fresh_resource_version_succeeds(arena: Arena, verb: str) -> None:
    version = arena.secret("db", data={"a": "1"})["metadata"]["resourceVersion"]
    _write(arena, verb, {"resourceVersion": version})
    assert arena.live("db")["data"] == {"a": "Mw=="}


def test_delete_removes_and_again_is_fine(arena: Arena) -> None:
    arena.secret("db")
    arena.delete("db")
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None
    arena.delete("db")


def test_delete_with_stale_preconditions_raises_conflict(arena: Arena) -> None:
    old = arena.secret("db")["metadata"]
    new = arena.patch("db", {"data": {"a": "MQ=="}})["metadata"]
    for stale in (
        Preconditions(resource_version=old["resourceVersion"]),
        Preconditions(uid="00000000-0000-0000-0000-000000000000"),
    ):
        with pytest.raises(Conflict):
            arena.cluster.delete(SECRET, arena.namespace, "db", preconditions=stale)
    assert arena.live("db")["metadata"]["uid"] == new["uid"]
    fresh = Preconditions(new["uid"], new["resourceVersion"])
    arena.cluster.delete(SECRET, arena.namespace, "db", preconditions=fresh)
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None


def test_delete_of_absent_with_preconditions_is_fine(arena: Arena) -> None:
    arena.cluster.delete(SECRET, arena.namespace, "absent", preconditions=Preconditions(uid="u"))
    assert arena.cluster.get(SECRET, arena.namespace, "absent") is None


def test_delete_with_finalizer_waits_for_it(arena: Arena) -> None:
    arena.secret("db", finalizers=["example.com/wait"])
    arena.delete("db")
    marked = arena.live("db")["metadata"]
    assert marked["deletionTimestamp"]
    arena.delete("db")
    assert arena.live("db")["metadata"]["deletionTimestamp"] == marked["deletionTimestamp"]
    with pytest.raises(Rejected):
        arena.patch("db", {"metadata": {"finalizers": ["example.com/wait", "example.com/more"]}})
    arena.patch("db", {"metadata": {"finalizers": None}})
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("", ["a", "b", "c"], id="everything"),
        pytest.param("app=web", ["a"], id="equality"),
        pytest.param("app==web", ["a"], id="double-equality"),
        pytest.param("app!=web", ["b", "c"], id="inequality"),
        pytest.param("app in (web, db)", ["a", "b"], id="in"),
        pytest.param("app notin (web)", ["b", "c"], id="notin"),
        pytest.param("app", ["a", "b"], id="exists"),
        pytest.param("!app", ["c"], id="absent"),
        pytest.param("app in (web,db),tier=1", ["b"], id="both"),
    ],
)
def test_list_with_selector_returns_what_matches(
    arena: Arena, selector: str, expected: list[str]
) -> None:
    arena.secret("a", labels={"app": "web"})
    arena.secret("b", labels={"app": "db", "tier": "1"})
    arena.secret("c")
    page = arena.cluster.list(SECRET, arena.namespace, label_selector=selector)
    assert [obj["metadata"]["name"] for obj in page.items] == expected
    assert all((obj["apiVersion"], obj["kind"]) == ("v1", "Secret") for obj in page.items)


def test_list_with_broken_selector_is_rejected(arena: Arena) -> None:
    with pytest.raises(Rejected):
        arena.cluster.list(SECRET, arena.namespace, label_selector="a=(b")


def test_list_is_of_one_namespace_or_of_all(arena: Arena) -> None:
    arena.secret("one")
    arena.secret("two", namespace=arena.other_namespace)
    one = arena.cluster.list(SECRET, arena.namespace)
    assert [obj["metadata"]["name"] for obj in one.items] == ["one"]
    places = {
        (obj["metadata"]["namespace"], obj["metadata"]["name"])
        for obj in arena.cluster.list(SECRET).items
    }
    assert {(arena.namespace, "one"), (arena.other_namespace, "two")} <= places


def test_list_of_nothing_is_empty(arena: Arena) -> None:
    page = arena.cluster.list(SECRET, arena.namespace)
    assert list(page.items) == []
    assert page.resource_version


def test_status_patch_leaves_the_spec_alone_and_the_other_way_round(arena: Arena) -> None:
    cluster, where = arena.cluster, (BUDGET, arena.namespace, "pdb")
    created = cluster.create(BUDGET, budget("pdb", arena.namespace, 1), field_manager="creator")
    assert created["metadata"]["generation"] == 1
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Because",
        "message": "",
        "lastTransitionTime": "2024-01-02T03:04:05Z",
    }
    cluster.patch_status(*where, {"conditions": [condition]}, field_manager="controller")
    patch = {"spec": {"maxUnavailable": 2}, "status": {"conditions": []}}
    cluster.merge_patch(*where, patch, field_manager="user")
    found = cluster.get(*where)
    assert found is not None
    assert found["spec"]["maxUnavailable"] == 2
    assert found["status"]["conditions"] == [condition]
    assert found["metadata"]["generation"] == 2
    owners = {entry["manager"]: entry for entry in found["metadata"]["managedFields"]}
    assert owners["controller"]["subresource"] == "status"
    assert "f:status" not in owners["user"]["fieldsV1"]


def test_status_patch_of_an_earlier_version_is_a_conflict_and_writes_nothing(arena: Arena) -> None:
    cluster, where = arena.cluster, (BUDGET, arena.namespace, "pdb")
    created = cluster.create(BUDGET, budget("pdb", arena.namespace, 1), field_manager="creator")
    read = created["metadata"]["resourceVersion"]
    written = cluster.patch_status(
        *where, {"expectedPods": 1}, field_manager="controller", resource_version=read
    )
    with pytest.raises(Conflict):
        cluster.patch_status(
            *where, {"expectedPods": 2}, field_manager="controller", resource_version=read
        )
    assert cluster.get(*where) == written


def test_status_patch_of_absent_raises_not_found(arena: Arena) -> None:
    with pytest.raises(NotFound):
        arena.cluster.patch_status(BUDGET, arena.namespace, "absent", {}, field_manager="c")


def test_event_is_taken(arena: Arena) -> None:
    about = arena.secret("db")
    arena.cluster.event(Event(about, EventType.NORMAL, "Synced", "it was written"))
    assert arena.live("db")["metadata"]["uid"] == about["metadata"]["uid"]
