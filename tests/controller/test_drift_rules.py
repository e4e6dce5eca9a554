"""Which differences of a Secret's metadata count as drift, and which are others' business."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.controller.drift import metadata_drifted
from secretsync.core.hashes import created_by_hash
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret, parse_external_secret

LABELS = {
    "team": "payments",
    "reconcile.external-secrets.io/managed": "true",
    "reconcile.external-secrets.io/created-by": created_by_hash("shop", "one"),
}
OWNER = {"kind": "ExternalSecret", "name": "one", "uid": "u1", "controller": True}
INTACT = {"labels": LABELS, "annotations": {"note": "kept"}, "ownerReferences": [OWNER]}


def _item(policy: str = "Owner", uid: str = "u1") -> ExternalSecret:
    data = [{"secretKey": "a", "remoteRef": {"key": "k"}}]
    metadata: dict[str, Any] = {"name": "one", "namespace": "shop", "uid": uid}
    obj = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {**metadata, "labels": {"team": "payments"}, "annotations": {"note": "kept"}},
        "spec": {
            "secretStoreRef": {"name": "s"},
            "target": {"creationPolicy": policy},
            "data": data,
        },
    }
    parsed = parse_external_secret(Document(obj, Origin("test")), default_namespace="shop")
    assert parsed.value is not None, parsed.problems
    return parsed.value


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        pytest.param({}, False, id="as-written"),
        pytest.param({"labels": {**LABELS, "more": "x"}}, False, id="label-of-others"),
        pytest.param({"annotations": {"note": "kept", "x": "y"}}, False, id="note-of-others"),
        pytest.param({"ownerReferences": [{"uid": "u9"}, OWNER]}, False, id="second-owner"),
        pytest.param({"labels": {**LABELS, "team": "other"}}, True, id="label-changed"),
        pytest.param({"labels": None}, True, id="labels-gone"),
        pytest.param({"annotations": {}}, True, id="annotation-gone"),
        pytest.param({"ownerReferences": []}, True, id="owner-gone"),
        pytest.param({"ownerReferences": [{**OWNER, "uid": "u2"}]}, True, id="other-owner"),
    ],
)
def test_metadata_drifted_where_what_we_gave_is_not_there(
    change: dict[str, Any], *, drifted: bool
) -> None:
    assert metadata_drifted(_item(), {**INTACT, **change}) is drifted


def test_metadata_of_a_merged_target_needs_no_owner() -> None:
    labels = {name: LABELS[name] for name in ("team", "reconcile.external-secrets.io/managed")}
    seen = {"labels": labels, "annotations": {"note": "kept"}}
    assert not metadata_drifted(_item("Merge"), seen)


def test_metadata_for_an_object_from_a_file_needs_no_owner() -> None:
    assert not metadata_drifted(_item(uid=""), {**INTACT, "ownerReferences": []})
