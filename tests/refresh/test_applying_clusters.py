"""What only a real API server can refuse: the same writes on both kinds of cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from secretsync.core.plan import Verb
from secretsync.core.secrets import ADOPT_ANNOTATION, DesiredSecret
from secretsync.refresh.applying import Applier
from tests.contract.cluster_cases import Arena
from tests.core.secret_cases import UID, desired

ADOPT = {ADOPT_ANNOTATION: "true"}
NOTES = {"apiVersion": "v1", "kind": "ConfigMap", "name": "notes", "uid": "notes-uid"}
WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "web",
    "uid": "web-uid",
    "controller": True,
}


@pytest.fixture
def applier(arena: Arena) -> Applier:
    return Applier(arena.cluster)


def _wanted(arena: Arena, *args: Any, **options: Any) -> DesiredSecret:
    return desired(*args, namespace=arena.namespace, **options)


def _owners(arena: Arena) -> list[tuple[str, bool]]:
    references = arena.live("db")["metadata"].get("ownerReferences", [])
    return [(each["uid"], bool(each.get("controller"))) for each in references]


def _settled(applier: Applier, wanted: DesiredSecret) -> None:
    assert applier.reconcile(wanted).verb is Verb.UPDATE
    again = applier.reconcile(wanted)
    assert (again.verb, again.changes, again.metadata) == (Verb.UNCHANGED, (), ())


def test_every_policy_settles(arena: Arena, applier: Applier) -> None:
    for policy in ("Orphan", "CreateOrMerge", "Merge", "Owner", "Orphan"):
        target = {"creationPolicy": policy}
        for data in ({"a": "1", "b": "2"}, {"b": "3"}, {"b": "3", "c": "4"}):
            wanted = _wanted(arena, data, target, labels={"policy": policy})
            assert applier.reconcile(wanted).verb in (Verb.CREATE, Verb.UPDATE)
            assert applier.reconcile(wanted).verb is Verb.UNCHANGED
        assert arena.live("db")["metadata"]["labels"]["policy"] == policy


@pytest.mark.parametrize("data", [{"a": "1"}, {"b": "2"}], ids=["keys-stay", "a-key-goes"])
def test_adoption_replaces_the_controller_and_keeps_other_owners(
    arena: Arena, applier: Applier, data: dict[str, str]
) -> None:
    arena.secret("db", data={"a": "1"}, ownerReferences=[NOTES, WEB])
    assert applier.reconcile(_wanted(arena, data)).verb is Verb.BLOCKED
    _settled(applier, _wanted(arena, data, annotations=ADOPT))
    assert _owners(arena) == [("notes-uid", False), (UID, True)]


def test_a_parent_that_was_made_again_takes_its_secret_back(arena: Arena, applier: Applier) -> None:
    applier.reconcile(_wanted(arena, uid="earlier-uid"))
    _settled(applier, _wanted(arena))
    assert _owners(arena) == [(UID, True)]


def test_a_secret_that_becomes_an_orphan_loses_its_controller(
    arena: Arena, applier: Applier
) -> None:
    applier.reconcile(_wanted(arena))
    _settled(applier, _wanted(arena, target={"creationPolicy": "Orphan"}))
    assert _owners(arena) == []


def test_a_run_from_files_keeps_the_controller(arena: Arena, applier: Applier) -> None:
    applier.reconcile(_wanted(arena))
    _settled(applier, _wanted(arena, {"password": "new"}, uid=""))
    _settled(applier, _wanted(arena, {"user": "u"}, uid=""))
    assert _owners(arena) == [(UID, True)]


def test_metadata_of_an_immutable_secret_follows(arena: Arena, applier: Applier) -> None:
    applier.reconcile(_wanted(arena, target={"immutable": True}))
    for target in ({"immutable": True}, {}):
        _settled(applier, _wanted(arena, target=target, labels={"round": str(len(target))}))
    _settled(applier, _wanted(arena))
    assert arena.live("db")["immutable"] is True
    assert applier.reconcile(_wanted(arena, {"password": "new"})).verb is Verb.BLOCKED


@pytest.mark.parametrize("data", [{"a": "1"}, {"b": "2"}], ids=["keys-stay", "a-key-goes"])
def test_finalizers_of_others_stay(arena: Arena, applier: Applier, data: dict[str, str]) -> None:
    applier.reconcile(_wanted(arena, {"a": "1"}))
    arena.patch("db", {"metadata": {"finalizers": ["theirs.example/f"]}})
    target = {"template": {"metadata": {"finalizers": ["ours.example/f"]}}}
    _settled(applier, _wanted(arena, data, target))
    found = arena.live("db")["metadata"]["finalizers"]
    assert sorted(found) == ["ours.example/f", "theirs.example/f"]
    arena.patch("db", {"metadata": {"finalizers": None}})


def test_held_removals_keep_what_was_applied_before(arena: Arena, applier: Applier) -> None:
    applier.reconcile(_wanted(arena, {"a": "1", "b": "2"}))
    applier.reconcile(_wanted(arena, {"a": "2", "b": "2"}))
    _settled(applier, replace(_wanted(arena, {"a": "3"}), hold_removals=True))
    assert arena.live("db")["data"] == {"a": "Mw==", "b": "Mg=="}
