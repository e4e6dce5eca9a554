"""The laws of dry runs, of replacing and of propagation, for both clusters."""

from __future__ import annotations

import pytest

from secretsync.cluster.base import Object, Propagation
from secretsync.errors import AlreadyExists, Conflict, NotFound, Rejected
from tests.contract.cluster_cases import (
    BUDGET,
    SECRET,
    Arena,
    budget,
    secret,
)


def replace(arena: Arena, obj: Object, manager: str = "replacer", **options: bool) -> Object:
    return arena.cluster.replace(SECRET, obj, field_manager=manager, **options)


def managers(obj: Object) -> set[tuple[str, str]]:
    return {
        (entry["manager"], entry["operation"]) for entry in obj["metadata"].get("managedFields", ())
    }


def test_dry_run_of_create_answers_and_creates_nothing(arena: Arena) -> None:
    obj = {**secret("db", arena.namespace), "stringData": {"a": "1"}}
    shown = arena.cluster.create(SECRET, obj, field_manager="creator", dry_run=True)
    assert (shown["data"], shown["type"]) == ({"a": "MQ=="}, "Opaque")
    assert shown["metadata"]["uid"]
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None


def test_dry_run_of_create_of_what_exists_raises_already_exists(arena: Arena) -> None:
    arena.secret("db")
    with pytest.raises(AlreadyExists):
        arena.cluster.create(
            SECRET, secret("db", arena.namespace), field_manager="creator", dry_run=True
        )


def test_dry_run_of_apply_answers_as_apply_would_and_changes_nothing(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1", "b": "2"}, labels={"x": "1"}))
    arena.patch("db", {"data": {"c": "Mw=="}})
    before = arena.live("db")
    wanted = secret("db", arena.namespace, data={"a": "9"})
    shown = arena.cluster.apply(SECRET, wanted, field_manager="applier", dry_run=True)
    assert shown["data"] == {"a": "OQ==", "c": "Mw=="}
    assert not shown["metadata"].get("labels")
    assert ("applier", "Apply") in managers(shown)
    assert shown["metadata"]["uid"] == before["metadata"]["uid"]
    assert arena.live("db") == before
    after = arena.apply(wanted)
    assert after["data"] == shown["data"]


def test_dry_run_of_apply_of_an_absent_object_creates_nothing(arena: Arena) -> None:
    wanted = secret("db", arena.namespace, data={"a": "1"})
    shown = arena.cluster.apply(SECRET, wanted, field_manager="applier", dry_run=True)
    assert shown["data"] == {"a": "MQ=="}
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None


def test_dry_run_refuses_what_the_write_would_refuse(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1"}), "first")
    wrong = secret("db", arena.namespace, data={"a/b": "1"})
    with pytest.raises(Rejected):
        arena.cluster.apply(SECRET, wrong, field_manager="applier", dry_run=True)
    other = secret("db", arena.namespace, data={"a": "2"})
    with pytest.raises(Conflict):
        arena.cluster.apply(SECRET, other, field_manager="second", force=False, dry_run=True)
    stale = secret("db", arena.namespace, resourceVersion="1", uid="u")
    with pytest.raises(Conflict):
        arena.cluster.apply(SECRET, stale, field_manager="second", dry_run=True)


def test_dry_run_raises_the_generation_only_in_the_answer(arena: Arena) -> None:
    obj = budget("pdb", arena.namespace, 1)
    arena.cluster.apply(BUDGET, obj, field_manager="applier")
    wanted = budget("pdb", arena.namespace, 2)
    shown = arena.cluster.apply(BUDGET, wanted, field_manager="applier", dry_run=True)
    assert (shown["spec"]["maxUnavailable"], shown["metadata"]["generation"]) == (2, 2)
    found = arena.cluster.get(BUDGET, arena.namespace, "pdb")
    assert found is not None
    assert (found["spec"]["maxUnavailable"], found["metadata"]["generation"]) == (1, 1)


def test_replace_leaves_what_is_given_and_nothing_of_others(arena: Arena) -> None:
    arena.apply(secret("db", arena.namespace, data={"a": "1", "b": "2"}, labels={"x": "1"}))
    before = arena.patch("db", {"data": {"c": "Mw=="}})
    after = replace(arena, secret("db", arena.namespace, data={"a": "1", "d": "4"}))
    found = arena.live("db")
    assert found["data"] == after["data"] == {"a": "MQ==", "d": "NA=="}
    assert not found["metadata"].get("labels")
    for name in ("uid", "creationTimestamp"):
        assert found["metadata"][name] == before["metadata"][name]
    assert found["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
    assert ("replacer", "Update") in managers(found)
    assert ("patcher", "Update") not in managers(found)


def test_replace_keeps_the_status(arena: Arena) -> None:
    where = (BUDGET, arena.namespace, "pdb")
    arena.cluster.create(BUDGET, budget("pdb", arena.namespace, 1), field_manager="creator")
    arena.cluster.patch_status(*where, {"expectedPods": 7}, field_manager="controller")
    wanted = {**budget("pdb", arena.namespace, 2), "status": {"expectedPods": 9}}
    after = arena.cluster.replace(BUDGET, wanted, field_manager="replacer")
    assert after["status"]["expectedPods"] == 7
    assert (after["spec"]["maxUnavailable"], after["metadata"]["generation"]) == (2, 2)


def test_replace_of_absent_raises_not_found(arena: Arena) -> None:
    with pytest.raises(NotFound):
        replace(arena, secret("absent", arena.namespace))
    assert arena.cluster.get(SECRET, arena.namespace, "absent") is None


@pytest.mark.parametrize("name", ["uid", "resourceVersion"])
def test_replace_with_stale_precondition_raises_conflict(arena: Arena, name: str) -> None:
    stale = arena.secret("db", data={"a": "1"})["metadata"][name]
    arena.delete("db")
    arena.secret("db", data={"a": "2"})
    with pytest.raises(Conflict):
        replace(arena, secret("db", arena.namespace, data={"a": "3"}, **{name: stale}))
    assert arena.live("db")["data"] == {"a": "Mg=="}


def test_replace_of_an_immutable_secret_is_rejected(arena: Arena) -> None:
    arena.secret("db", data={"a": "1"}, immutable=True)
    with pytest.raises(Rejected):
        replace(arena, secret("db", arena.namespace, data={"a": "2"}, immutable=True))
    assert arena.live("db")["data"] == {"a": "MQ=="}


def test_dry_run_of_replace_changes_nothing(arena: Arena) -> None:
    arena.secret("db", data={"a": "1"})
    before = arena.live("db")
    shown = replace(arena, secret("db", arena.namespace, data={"b": "2"}), dry_run=True)
    assert shown["data"] == {"b": "Mg=="}
    assert arena.live("db") == before


@pytest.mark.parametrize("propagation", [None, Propagation.BACKGROUND])
def test_delete_in_the_background_removes_at_once(
    arena: Arena, propagation: Propagation | None
) -> None:
    arena.secret("db")
    arena.cluster.delete(SECRET, arena.namespace, "db", propagation=propagation)
    assert arena.cluster.get(SECRET, arena.namespace, "db") is None
