"""Owner references and finalizers: who controls a Secret changes, nobody else is lost."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.plan import Verb
from secretsync.core.secrets import ADOPT_ANNOTATION
from tests.core.secret_cases import API_VERSION, UID, Model, desired, foreign_secret

ADOPT = {ADOPT_ANNOTATION: "true"}
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "notes", "uid": "notes-uid"}


def _controller(name: str, uid: str, kind: str = "ExternalSecret") -> dict[str, Any]:
    reference = {"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid}
    return {**reference, "controller": True, "blockOwnerDeletion": True}


OURS = _controller("db", UID)


def _references(model: Model) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = model.obj["metadata"].get("ownerReferences") or []
    return found


def _ours(*references: dict[str, Any]) -> Model:
    """Return a Secret of ours whose owner references somebody changed."""
    model = Model()
    model.carry_out(desired())
    model.obj["metadata"]["ownerReferences"] = list(references)
    return model


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], [OURS], id="lost"),
        pytest.param([OTHER], [OTHER, OURS], id="beside-another-owner"),
        pytest.param([_controller("db", "earlier")], [OURS], id="made-again-with-a-new-uid"),
        pytest.param(
            [OTHER, _controller("db", "earlier")], [OTHER, OURS], id="both-at-the-same-time"
        ),
    ],
)
def test_the_controller_reference_is_repaired(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    model = _ours(*before)
    action = model.carry_out(desired())
    assert action.metadata == ("ownerReferences",)
    assert _references(model) == after
    assert model.plan(desired()).verb is Verb.UNCHANGED


@pytest.mark.parametrize("changed", [False, True], ids=["keys-stay", "a-key-goes"])
def test_other_owner_references_stay_when_we_become_the_controller(changed: bool) -> None:
    data = {"password": "hunter2"} | ({"theirs": "x"} if changed else {})
    model = foreign_secret(data, metadata={"ownerReferences": [OTHER]})
    model.carry_out(desired(annotations=ADOPT))
    assert _references(model) == [OTHER, OURS]


@pytest.mark.parametrize("changed", [False, True], ids=["keys-stay", "a-key-goes"])
def test_adoption_replaces_the_controller(changed: bool) -> None:
    data = {"password": "hunter2"} | ({"theirs": "x"} if changed else {})
    references = [OTHER, _controller("web", "web-uid", "Deployment")]
    model = foreign_secret(data, metadata={"ownerReferences": references})
    model.carry_out(desired(annotations=ADOPT))
    assert _references(model) == [OTHER, OURS]


@pytest.mark.parametrize("policy", ["Orphan", "Merge", "CreateOrMerge"])
def test_a_secret_that_is_to_outlive_its_parent_loses_the_reference(policy: str) -> None:
    model = _ours(OTHER, OURS)
    wanted = desired(target={"creationPolicy": policy})
    action = model.carry_out(wanted)
    assert "ownerReferences" in action.metadata
    assert _references(model) == [OTHER]
    assert model.plan(wanted).verb is Verb.UNCHANGED


def test_merging_leaves_the_controller_of_others() -> None:
    web = _controller("web", "web-uid", "Deployment")
    model = foreign_secret({"theirs": "x"}, metadata={"ownerReferences": [web]})
    model.carry_out(desired(target={"creationPolicy": "Merge"}))
    assert _references(model) == [web]


@pytest.mark.parametrize("data", [{"password": "new"}, {"user": "u"}], ids=["apply", "patch"])
def test_a_run_from_files_leaves_the_reference_of_the_live_parent(data: dict[str, str]) -> None:
    model = _ours(OURS)
    assert model.plan(desired(uid="")).verb is Verb.UNCHANGED
    assert model.carry_out(desired(data, uid="")).verb is Verb.UPDATE
    assert _references(model) == [OURS]


@pytest.mark.parametrize("data", [{"password": "hunter2"}, {"user": "u"}], ids=["apply", "patch"])
def test_a_finalizer_of_the_template_joins_those_of_others(data: dict[str, str]) -> None:
    model = _ours(OURS)
    model.obj["metadata"]["finalizers"] = ["theirs.example/f"]
    wanted = desired(data, {"template": {"metadata": {"finalizers": ["ours.example/f"]}}})
    action = model.carry_out(wanted)
    assert "finalizer ours.example/f" in action.metadata
    assert model.obj["metadata"]["finalizers"] == ["theirs.example/f", "ours.example/f"]
    assert model.plan(wanted).verb is Verb.UNCHANGED
