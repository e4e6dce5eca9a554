"""What is sent to the API for each decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from secretsync.core.hashes import created_by_hash, data_hash
from secretsync.core.plan import plan_secret
from secretsync.core.secrets import (
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    DATES_ANNOTATION,
    MANAGED_LABEL,
    VERSIONS_ANNOTATION,
    DesiredSecret,
    LiveSecret,
)
from secretsync.core.wire import apply_object, create_object, needs_patch, update_patch
from tests.core.secret_cases import API_VERSION, UID, Model, desired

OWNER = {
    "apiVersion": API_VERSION,
    "kind": "ExternalSecret",
    "name": "db",
    "uid": UID,
    "controller": True,
    "blockOwnerDeletion": True,
}


def _live(wanted: DesiredSecret) -> LiveSecret:
    model = Model()
    model.carry_out(wanted)
    live = model.live()
    assert live is not None
    return live


def test_a_created_secret_is_complete() -> None:
    wanted = desired(
        {"b": "2", "a": "1"},
        {"template": {"metadata": {"labels": {"x": "1"}, "finalizers": ["f.example/x"]}}},
        versions={"SecretStore/aws:two": "v2", "SecretStore/aws:one": "v1"},
    )
    wanted = replace(wanted, dates={"SecretStore/aws:two": "2026-01-01T00:00:00+00:00"})
    assert create_object(wanted, plan_secret(wanted, None)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "db",
            "namespace": "web",
            "labels": {
                "x": "1",
                MANAGED_LABEL: "true",
                CREATED_BY_LABEL: created_by_hash("web", "db"),
            },
            "annotations": {
                DATA_HASH_ANNOTATION: data_hash({"a": b"1", "b": b"2"}),
                VERSIONS_ANNOTATION: '{"SecretStore/aws:one":"v1","SecretStore/aws:two":"v2"}',
                DATES_ANNOTATION: '{"SecretStore/aws:two":"2026-01-01T00:00:00+00:00"}',
            },
            "finalizers": ["f.example/x"],
            "ownerReferences": [OWNER],
        },
        "type": "Opaque",
        "data": {"a": "MQ==", "b": "Mg=="},
    }


@pytest.mark.parametrize(
    ("wanted", "absent"),
    [
        pytest.param(desired(target={"creationPolicy": "Orphan"}), "ownerReferences", id="orphan"),
        pytest.param(desired(uid=""), "ownerReferences", id="path"),
        pytest.param(desired(), "finalizers", id="no-finalizers"),
    ],
)
def test_what_is_not_wanted_is_not_sent(wanted: DesiredSecret, absent: str) -> None:
    assert absent not in create_object(wanted, plan_secret(wanted, None))["metadata"]


def test_immutable_is_sent_only_where_asked_or_where_it_is_so() -> None:
    mutable, immutable = desired(), desired(target={"immutable": True})
    assert "immutable" not in create_object(mutable, plan_secret(mutable, None))
    assert create_object(immutable, plan_secret(immutable, None))["immutable"] is True
    live = _live(immutable)
    labelled = replace(mutable, labels={**mutable.labels, "x": "1"})
    assert apply_object(labelled, plan_secret(labelled, live), live)["immutable"] is True


def test_an_update_names_what_it_was_planned_against() -> None:
    live, newer = _live(desired()), desired({"password": "new"})
    action = plan_secret(newer, live)
    assert not needs_patch(newer, action, live)
    metadata = apply_object(newer, action, live)["metadata"]
    assert (metadata["uid"], metadata["resourceVersion"]) == (live.uid, live.resource_version)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}, id="a-key-goes"),
        pytest.param({"labels": {"x": "1"}}, {}, id="a-label-goes"),
        pytest.param({"annotations": {"x": "1"}}, {}, id="an-annotation-goes"),
        pytest.param({"uid": "earlier"}, {}, id="another-controller"),
        pytest.param(
            {"versions": {"SecretStore/aws:db": "v1"}},
            {"labels": {"x": "1"}},
            id="versions-of-what-was-not-read",
        ),
    ],
)
def test_what_an_apply_cannot_do_is_a_patch(before: dict[str, Any], after: dict[str, Any]) -> None:
    live, wanted = _live(desired(**before)), desired(**after)
    assert needs_patch(wanted, plan_secret(wanted, live), live)


def test_held_removals_are_a_patch_that_removes_nothing() -> None:
    live = _live(desired({"a": "1", "b": "2"}))
    held = replace(desired({"a": "new"}), hold_removals=True)
    action = plan_secret(held, live)
    assert needs_patch(held, action, live)
    assert update_patch(held, action, live)["data"] == {"a": "bmV3"}


def test_a_patch_sets_what_is_wanted_and_nulls_what_must_go() -> None:
    live = _live(desired({"a": "1", "b": "2"}, labels={"x": "1"}, annotations={"y": "1"}))
    wanted = desired({"a": "new"})
    patch = update_patch(wanted, plan_secret(wanted, live), live)
    assert patch["data"] == {"a": "bmV3", "b": None}
    assert patch["metadata"]["labels"]["x"] is None
    assert patch["metadata"]["annotations"]["y"] is None
    assert patch["metadata"]["annotations"][DATA_HASH_ANNOTATION] == data_hash({"a": b"new"})
    assert patch["metadata"].keys() == {"labels", "annotations", "resourceVersion"}
    assert patch["metadata"]["resourceVersion"] == live.resource_version


def test_the_hash_beside_foreign_keys_is_of_all_the_data() -> None:
    model = Model()
    model.write("kubectl", {"metadata": {"name": "db"}, "data": {"theirs": "eA=="}})
    wanted = desired({"a": "1"}, {"creationPolicy": "Merge"})
    model.carry_out(wanted)
    expected = data_hash({"a": b"1", "theirs": b"x"})
    assert model.metadata("annotations")[DATA_HASH_ANNOTATION] == expected
