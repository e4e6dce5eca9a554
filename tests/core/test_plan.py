"""One decision per target: who may be written, what differs, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from secretsync.core.plan import KeyVerb, Verb, foreign, plan_secret
from secretsync.core.secrets import (
    ADOPT_ANNOTATION,
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    INVENTORY_LABEL,
    MANAGED_LABEL,
    VERSIONS_ANNOTATION,
)
from tests.core.secret_cases import (
    API_VERSION,
    CANARY,
    Model,
    desired,
    foreign_secret,
    written_by_eso,
)

POLICIES = ("Owner", "Orphan", "Merge", "CreateOrMerge")
ADOPT = {ADOPT_ANNOTATION: "true"}
VERSIONS = {"SecretStore/aws:db": "v1"}


def _target(policy: str, **target: Any) -> dict[str, Any]:
    return {"creationPolicy": policy, **target}


def _controlled(kind: str, name: str, uid: str = "u") -> dict[str, Any]:
    reference = {"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid}
    return {"ownerReferences": [{**reference, "controller": True}]}


def _ours(policy: str = "Owner", data: dict[str, str] | None = None, **given: Any) -> Model:
    """Return a Secret that we made before."""
    model = foreign_secret({"theirs": "x"}) if policy == "Merge" else Model()
    model.carry_out(desired(data, _target(policy), **given))
    return model


@pytest.mark.parametrize("policy", POLICIES)
def test_absent_is_created_except_by_merge(policy: str) -> None:
    action = Model().plan(desired(target=_target(policy)))
    if policy == "Merge":
        assert (action.verb, action.reason) == (Verb.UNCHANGED, "SecretMissing")
        assert action.message == "secret will not be created due to CreationPolicy=Merge"
    else:
        assert (action.verb, action.reason) == (Verb.CREATE, "SecretSynced")
        assert [(each.key, each.verb) for each in action.changes] == [("password", KeyVerb.ADDED)]
        assert action.type == "Opaque"


@pytest.mark.parametrize("policy", POLICIES)
def test_ours_unchanged_is_left_alone(policy: str) -> None:
    action = _ours(policy).plan(desired(target=_target(policy)))
    assert (action.verb, action.changes, action.metadata) == (Verb.UNCHANGED, (), ())


@pytest.mark.parametrize("policy", POLICIES)
def test_ours_changed_is_updated(policy: str) -> None:
    model = _ours(policy)
    action = model.carry_out(desired({"password": "new", "user": "u"}, _target(policy)))
    assert action.verb is Verb.UPDATE
    assert {each.key: each.verb for each in action.changes} == {
        "password": KeyVerb.CHANGED,
        "user": KeyVerb.ADDED,
    }
    assert model.values() == {"password": "new", "user": "u"} | (
        {"theirs": "x"} if policy == "Merge" else {}
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_foreign_is_refused_unless_its_keys_are_kept(policy: str) -> None:
    model = foreign_secret({"password": "old", "theirs": "x"})
    wanted = desired(target=_target(policy))
    assert foreign(wanted, model.live())
    action = model.carry_out(wanted)
    if policy in ("Owner", "Orphan"):
        assert action.verb is Verb.BLOCKED
        assert "was not made by this ExternalSecret" in action.message
        assert "secretsync.io/adopt=true" in action.remedy
        assert model.values() == {"password": "old", "theirs": "x"}
    else:
        assert action.verb is Verb.UPDATE
        assert model.values() == {"password": "hunter2", "theirs": "x"}


@pytest.mark.parametrize("policy", POLICIES)
def test_foreign_is_taken_over_when_adopted(policy: str) -> None:
    model = foreign_secret({"password": "old", "theirs": "x"})
    assert model.carry_out(desired(target=_target(policy), annotations=ADOPT)).verb is Verb.UPDATE
    kept = {} if policy in ("Owner", "Orphan") else {"theirs": "x"}
    assert model.values() == {"password": "hunter2", **kept}


@pytest.mark.parametrize("policy", POLICIES)
def test_owned_by_another_external_secret_is_refused_unless_its_keys_are_kept(policy: str) -> None:
    model = Model()
    model.carry_out(desired({"password": "old"}, {"name": "db"}, name="elder", uid="elder-uid"))
    action = model.plan(desired(target=_target(policy)))
    if policy in ("Owner", "Orphan"):
        assert action.verb is Verb.BLOCKED
        assert action.message == "target is owned by another ExternalSecret"
    else:
        assert action.verb is Verb.UPDATE


@pytest.mark.parametrize("policy", ["Owner", "Orphan"])
def test_controlled_by_another_kind_is_refused(policy: str) -> None:
    model = foreign_secret({"password": "old"}, metadata=_controlled("Deployment", "web"))
    action = model.plan(desired(target=_target(policy)))
    assert (action.verb, action.message) == (
        Verb.BLOCKED,
        "target is owned by another Deployment",
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_written_by_eso_for_the_same_parent_has_no_difference(policy: str) -> None:
    model = written_by_eso({"password": "hunter2"}, policy=policy)
    wanted = desired(target=_target(policy), versions=VERSIONS)
    assert not foreign(wanted, model.live())
    action = model.plan(wanted)
    assert (action.verb, action.changes, action.metadata) == (Verb.UNCHANGED, (), ())
    assert not action.removals


def test_written_by_eso_with_the_tracking_of_an_application_has_no_difference() -> None:
    tracking = {"argocd.argoproj.io/tracking-id": "web:external-secrets.io/ExternalSecret:web/db"}
    model = written_by_eso({"password": "hunter2"}, annotations=tracking)
    action = model.plan(desired(annotations=tracking, versions=VERSIONS))
    assert (action.verb, action.metadata) == (Verb.UNCHANGED, ())


def test_written_by_eso_for_another_parent_is_refused() -> None:
    model = written_by_eso({"password": "hunter2"}, name="elder", uid="elder-uid")
    assert model.plan(desired()).verb is Verb.BLOCKED


def test_a_secret_taken_over_by_another_external_secret_is_no_longer_ours() -> None:
    model = _ours()
    model.carry_out(desired(target={"name": "db"}, name="heir", uid="heir", annotations=ADOPT))
    assert "secretsync.io/db" in model.live().managers
    assert foreign(desired(), model.live())


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        pytest.param("Owner", {"a": "1"}, id="owner-wipes"),
        pytest.param("Orphan", {"a": "1"}, id="orphan-wipes"),
        pytest.param("Merge", {"a": "1", "theirs": "x"}, id="merge-removes-only-ours"),
        pytest.param("CreateOrMerge", {"a": "1", "theirs": "x"}, id="createormerge-too"),
    ],
)
def test_keys_no_longer_wanted(policy: str, kept: dict[str, str]) -> None:
    model = foreign_secret({"theirs": "x"}) if policy in ("Merge", "CreateOrMerge") else Model()
    model.carry_out(desired({"a": "1", "b": "2"}, _target(policy)))
    if "theirs" not in model.values():
        model.obj["data"]["theirs"] = "eA=="
    action = model.carry_out(desired({"a": "1"}, _target(policy)))
    assert KeyVerb.REMOVED in {each.verb for each in action.changes}
    assert model.values() == kept


def test_labels_and_annotations_of_ours_go_and_foreign_ones_stay() -> None:
    model = _ours(labels={"team": "a", "old": "1"}, annotations={"note": "b", "gone": "1"})
    model.obj["metadata"]["labels"]["human"] = "h"
    model.obj["metadata"]["annotations"]["human"] = "h"
    action = model.carry_out(desired(labels={"team": "a"}, annotations={"note": "b"}))
    assert action.metadata == ("annotation gone", "label old")
    labels, annotations = model.metadata("labels"), model.metadata("annotations")
    assert {"team", "human", MANAGED_LABEL, CREATED_BY_LABEL} == labels.keys()
    assert {"note", "human", DATA_HASH_ANNOTATION} == annotations.keys()


def test_labels_that_eso_wrote_and_nobody_wants_go_too() -> None:
    model = written_by_eso({"password": "hunter2"}, labels={"old": "1"})
    assert model.carry_out(desired()).metadata == ("label old",)
    assert "old" not in model.metadata("labels")


def test_immutable_target_is_refused_and_its_metadata_still_follows() -> None:
    model = _ours(target := "Owner")
    model.obj["immutable"] = True
    action = model.plan(desired({"password": "new"}, _target(target)))
    assert (action.verb, action.message) == (
        Verb.BLOCKED,
        "could not update secret, target is immutable",
    )
    relabelled = desired(target=_target(target), labels={"team": "a"})
    assert model.carry_out(relabelled).metadata == ("label team",)
    assert model.obj["immutable"] is True


def test_becoming_immutable_is_an_update() -> None:
    model = _ours()
    assert model.carry_out(desired(target={"immutable": True})).metadata == ("immutable",)
    assert model.obj["immutable"] is True


def test_type_change_is_refused_and_an_unset_type_keeps_the_live_one() -> None:
    tls = {"template": {"type": "kubernetes.io/tls"}}
    model = Model()
    assert model.carry_out(desired(target=tls)).type == "kubernetes.io/tls"
    assert model.plan(desired(target={"template": {}})).verb is Verb.UNCHANGED
    action = model.plan(desired(target={"template": {"type": "Opaque"}}))
    assert action.verb is Verb.BLOCKED
    assert "cannot change from kubernetes.io/tls to Opaque" in action.message


def test_a_secret_that_is_being_deleted_is_left_alone() -> None:
    model = _ours()
    live = replace(model.live(), deleting=True)
    action = plan_secret(desired({"password": "new"}), live)
    assert (action.verb, action.message) == (Verb.BLOCKED, "the Secret is being deleted")


def test_new_versions_alone_are_no_reason_to_write() -> None:
    model = _ours(versions=VERSIONS)
    newer = desired(versions={"SecretStore/aws:db": "v2"})
    assert model.plan(newer).verb is Verb.UNCHANGED
    action = model.carry_out(replace(newer, labels={**newer.labels, "team": "a"}))
    assert action.metadata == ("label team",)
    assert model.metadata("annotations")[VERSIONS_ANNOTATION] == '{"SecretStore/aws:db":"v2"}'


@pytest.mark.parametrize("policy", ["Owner", "Orphan"])
@pytest.mark.parametrize("found", ["wrong", None])
def test_a_wrong_data_hash_is_repaired(policy: str, found: str | None) -> None:
    model = _ours(policy)
    good = model.metadata("annotations")[DATA_HASH_ANNOTATION]
    model.obj["metadata"]["annotations"] = {DATA_HASH_ANNOTATION: found} if found else {}
    action = model.carry_out(desired(target=_target(policy)))
    assert action.metadata == (f"annotation {DATA_HASH_ANNOTATION}",)
    assert model.metadata("annotations")[DATA_HASH_ANNOTATION] == good


def test_no_message_or_repr_of_an_action_shows_a_value() -> None:
    model = foreign_secret({"password": f"{CANARY}-old"})
    for wanted in (desired({"password": CANARY}), desired({"password": CANARY}, annotations=ADOPT)):
        action = model.plan(wanted)
        assert CANARY not in f"{action}{action!r}{wanted!r}{model.live()!r}"


def test_a_run_without_inventory_leaves_the_inventory_label() -> None:
    """What a run from files noted is not lost by the next look of the service."""
    model = Model()
    wanted = desired()
    model.carry_out(wanted)
    model.carry_out(replace(wanted, labels={**wanted.labels, INVENTORY_LABEL: "abc"}))
    assert model.plan(wanted).verb is Verb.UNCHANGED
    model.carry_out(desired({"password": "new"}, labels={"x": "1"}))
    assert model.metadata("labels")[INVENTORY_LABEL] == "abc"
