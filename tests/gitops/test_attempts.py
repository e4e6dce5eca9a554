"""Which revision is deployed, by the status alone: what differs from it is drift."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.gitops.attempts import attempt_of, drifted_since
from secretsync.gitops.diff.drift import DRIFTED
from secretsync.gitops.status.operation_status import sources_digest
from tests.gitops.test_decision import compared, pair

SOURCE = {"source": {"repoURL": "https://git.example.com/r.git", "path": "web"}}
OTHER = {"source": {"repoURL": "https://git.example.com/r.git", "path": "other"}}


def status(
    sync: str, revision: str, *conditions: str, phase: str = "Succeeded", compared_to: Any = SOURCE
) -> dict[str, Any]:
    """Return the status of an application that was synced to r1 and seen at another revision."""
    return {
        "sync": {"status": sync, "revision": revision, "comparedTo": compared_to},
        "conditions": [{"type": each, "message": "m"} for each in conditions],
        "operationState": {
            "phase": phase,
            "startedAt": "2026-03-01T12:00:00Z",
            "operation": {"initiatedBy": {"automated": True}, "sync": {}},
            "syncResult": {"revision": "r1", **SOURCE},
        },
    }


@pytest.mark.parametrize(
    ("found", "deployed"),
    [
        (status("Synced", "r2"), "r2"),
        (status("OutOfSync", "r2", DRIFTED), "r2"),
        (status("OutOfSync", "r2"), "r1"),
        (status("Unknown", "r2", "ComparisonError"), "r1"),
        (status("Synced", "r2", phase="Failed"), "r1"),
        (status("Synced", "r2", compared_to=OTHER), "r1"),
        (status("Synced", ""), "r1"),
    ],
)
def test_revision_that_changed_nothing_is_deployed_without_a_sync(
    found: dict[str, Any], deployed: str
) -> None:
    attempt = attempt_of(found)
    assert attempt is not None
    assert attempt.revisions == (deployed,)


@pytest.mark.parametrize(
    ("found", "revision", "drifted"),
    [
        (status("Synced", "r1"), "r1", ["a"]),
        (status("Synced", "r2"), "r2", ["a"]),
        (status("Synced", "r1"), "r2", []),
        (status("OutOfSync", "r1", phase="Failed"), "r1", []),
        ({}, "r1", []),
    ],
)
def test_drift_is_what_differs_from_what_was_deployed(
    found: dict[str, Any], revision: str, drifted: list[str]
) -> None:
    comparison = compared(pair("a"), pair("b", synced=True), pair("extra", target=False))
    names = drifted_since(
        attempt_of(found), comparison, revisions=(revision,), sources=sources_digest(SOURCE)
    )
    assert [each.key.name for each in names] == drifted


@pytest.mark.parametrize(
    "asked",
    [
        {"resources": [{"kind": "ConfigMap", "name": "a"}]},
        {"dryRun": True},
        {"manifests": ["kind: ConfigMap"]},
        OTHER,
    ],
    ids=["selective", "dry", "manifests", "other-source"],
)
def test_operation_that_is_not_about_the_whole_leaves_what_is_deployed(
    asked: dict[str, Any],
) -> None:
    found = status("OutOfSync", "r1", phase="Error")
    found["operationState"]["operation"] = {"initiatedBy": {"username": "ada"}, "sync": asked}
    assert attempt_of(found) is None
    found["history"] = [
        {"id": 0, "revision": "r0", "deployedAt": "2026-03-01T11:00:00Z", **SOURCE},
        {"id": 1, "revision": "r1", "deployedAt": "2026-03-01T11:30:00Z", **SOURCE},
    ]
    attempt = attempt_of(found)
    assert attempt is not None
    assert (attempt.revisions, attempt.phase) == (("r1",), "Succeeded")
    assert attempt.sources == sources_digest(SOURCE)
