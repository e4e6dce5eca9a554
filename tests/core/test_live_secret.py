"""A Secret as the API gives it, read into a value."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.secrets import ManagedFields, OwnerReference, live_secret
from tests.core.secret_cases import CANARY

CONTROLLER = {"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u", "controller": True}
OTHER = {"apiVersion": "v1", "kind": "K", "name": "other", "uid": "o"}


def _entry(manager: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "fieldsV1": fields, **more}


def test_everything_is_read() -> None:
    live = live_secret(
        {
            "metadata": {
                "name": "db",
                "namespace": "web",
                "uid": "secret-uid",
                "resourceVersion": "7",
                "labels": {"a": "1"},
                "annotations": {"b": "2"},
                "finalizers": ["f.example/x"],
                "ownerReferences": [OTHER, CONTROLLER],
                "deletionTimestamp": "2026-01-01T00:00:00Z",
            },
            "type": "kubernetes.io/tls",
            "data": {"tls.key": "a2V5", "empty": "", "none": None},
            "immutable": True,
        }
    )
    assert (live.namespace, live.name, live.uid, live.resource_version) == (
        "web",
        "db",
        "secret-uid",
        "7",
    )
    assert {key: value.reveal() for key, value in live.data.items()} == {
        "tls.key": b"key",
        "empty": b"",
        "none": b"",
    }
    assert (live.labels, live.annotations) == ({"a": "1"}, {"b": "2"})
    assert (live.type, live.immutable, live.deleting) == ("kubernetes.io/tls", True, True)
    assert live.owner == OwnerReference("v1", "K", "n", "u")
    assert live.other_owners == (OTHER,)
    assert live.finalizers == ("f.example/x",)


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"metadata": None, "data": None, "type": None}, id="nulls"),
        pytest.param(
            {
                "metadata": {
                    "labels": None,
                    "annotations": None,
                    "ownerReferences": None,
                    "managedFields": None,
                    "finalizers": None,
                }
            },
            id="nulls-below",
        ),
    ],
)
def test_what_is_absent_is_empty(obj: dict[str, Any]) -> None:
    live = live_secret(obj)
    assert (live.type, live.data, live.labels, live.annotations) == ("Opaque", {}, {}, {})
    assert (live.owner, live.managers, live.other_owners, live.finalizers) == (None, {}, (), ())
    assert not live.immutable
    assert not live.deleting


@pytest.mark.parametrize("text", ["not base64!", "YQ", "YQ=\u00e9"])
def test_what_is_not_base64_differs_from_everything_that_is(text: str) -> None:
    live = live_secret({"data": {"a": text}})
    assert live.data["a"].reveal() == text.encode()


def test_managed_fields_are_joined_per_manager() -> None:
    fields = {
        "f:data": {".": {}, "f:a": {}},
        "f:metadata": {"f:labels": {"f:x": {}}, "f:annotations": {".": {}, "f:y": {}}},
    }
    live = live_secret(
        {
            "metadata": {
                "managedFields": [
                    _entry("ours", fields),
                    _entry("ours", {"f:data": {"f:b": {}}}, operation="Update"),
                    _entry("theirs", {"f:type": {}}),
                    _entry("status-writer", {"f:data": {"f:c": {}}}, subresource="status"),
                    _entry("odd", {"f:metadata": {"f:labels": {}}, "f:data": None}),
                ]
            }
        }
    )
    assert live.managers == {
        "ours": ManagedFields(frozenset("ab"), frozenset("x"), frozenset("y")),
        "theirs": ManagedFields(),
        "odd": ManagedFields(),
    }


def test_no_repr_shows_a_value() -> None:
    assert CANARY not in repr(live_secret({"data": {"a": CANARY}}))
