"""History, journal, pins and the status of operations: written and read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.errors import ConfigError
from secretsync.gitops.attempts import attempt_of
from secretsync.gitops.model import (
    ObjectKey,
    OperationPhase,
    OperationState,
    ResourceResult,
    ResultCode,
    SyncPhase,
)
from secretsync.gitops.status.app_status import conditions_of, settled
from secretsync.gitops.status.history import (
    JOURNAL,
    entry_versions,
    journal_of,
    journal_text,
    journalled,
    recorded,
    rollback_target,
)
from secretsync.gitops.status.operation_status import (
    raw_sources,
    sources_digest,
    state_from,
    state_status,
    sync_operation,
)
from secretsync.gitops.status.pins import (
    PIN,
    Pin,
    ended,
    pin_of,
    pin_text,
    pinned_app,
    pinned_objects,
)
from tests.gitops.comparing_kit import application

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = {"source": {"repoURL": "https://git.example.com/r.git", "path": "web"}}


def state(revision: str = "r1", phase: str = "Succeeded", **operation: Any) -> OperationState:
    """Return an operation that ended."""
    asked = sync_operation([revision], multiple=False, **operation)
    return OperationState(
        asked,
        OperationPhase(phase),
        NOW,
        "all tasks run",
        NOW + timedelta(seconds=3),
        revisions=(revision,),
    )


def test_operation_state_written_is_read_back() -> None:
    key = ObjectKey("apps", "Deployment", "shop", "web")
    results = (
        ResourceResult(key, "v1", SyncPhase.SYNC, ResultCode.SYNCED, "configured"),
        ResourceResult(
            ObjectKey("batch", "Job", "shop", "m"),
            "v1",
            SyncPhase.PRE_SYNC,
            None,
            "runs",
            "PreSync",
            OperationPhase.RUNNING,
        ),
    )
    first = OperationState(
        sync_operation(["r1"], multiple=False, prune=True),
        OperationPhase.RUNNING,
        NOW,
        "waiting",
        None,
        2,
        ("r1",),
        results,
    )
    written = json.loads(json.dumps(state_status(first, SOURCE)))
    assert state_from(written) == first


@pytest.mark.parametrize("raw", [{}, {"phase": "Odd"}, {"phase": "Running", "startedAt": "x"}])
def test_operation_state_that_is_unreadable_is_none(raw: dict[str, Any]) -> None:
    assert state_from(raw) is None


def test_what_is_odd_in_the_status_of_an_operation_is_left_out_and_the_rest_read() -> None:
    one = {"kind": "ConfigMap", "name": "a", "syncPhase": "Sync"}
    odd = {"kind": "ConfigMap", "name": "b", "syncPhase": "Odd", "status": "Odd"}
    read = state_from(
        {
            "phase": "Failed",
            "startedAt": "2026-03-01T12:00:00Z",
            "retryCount": "many",
            "syncResult": {"revision": "r1", "resources": [one, odd]},
        }
    )
    assert read is not None
    assert (read.retry_count, [each.key.name for each in read.results]) == (0, ["a"])


def test_attempt_counts_failures_and_heals_and_skips_selective_syncs() -> None:
    def of(done: OperationState) -> Any:
        return attempt_of({"operationState": state_status(done, SOURCE)})

    failed = of(state(phase="Failed"))
    assert (failed.failures, failed.sources) == (1, sources_digest(SOURCE))
    healed = of(state(only=[ObjectKey("", "ConfigMap", "shop", "a")], heals=2))
    assert (healed.failures, healed.heals) == (0, 2)
    assert of(state(only=[ObjectKey("", "ConfigMap", "shop", "a")], username="ada")) is None
    assert of(state(dry_run=True)) is None


def test_history_has_full_successful_syncs_alone_and_ten_of_them() -> None:
    history: list[dict[str, Any]] = []
    for number in range(12):
        history = recorded(history, state(f"r{number}"), SOURCE, limit=10)
    for other in (
        state("x", phase="Failed"),
        state("x", only=[ObjectKey("", "ConfigMap", "shop", "a")]),
        state("x", dry_run=True),
    ):
        assert recorded(history, other, SOURCE, limit=10) == history
    assert [each["id"] for each in history] == list(range(2, 12))
    assert history[-1]["revision"] == "r11"
    assert history[-1]["initiatedBy"] == {"automated": True}


def test_rollback_without_id_goes_to_the_entry_before_the_live_one() -> None:
    history: list[dict[str, Any]] = []
    for revision in ("r1", "r2", "r2"):
        history = recorded(history, state(revision), SOURCE, limit=10)
    assert rollback_target(history)["revision"] == "r1"
    assert rollback_target(history, 1)["revision"] == "r2"
    with pytest.raises(ConfigError, match="no entry 7"):
        rollback_target(history, 7)
    with pytest.raises(ConfigError, match="no earlier"):
        rollback_target(history[:1])


def test_journal_counts_failures_that_repeat_and_stays_small() -> None:
    journal: list[dict[str, Any]] = []
    for _ in range(3):
        journal = journalled(journal, state(phase="Failed"), action="sync")
    assert [each.get("times") for each in journal] == [3]
    versions = {"shop/db": {"SecretStore/a:k": "9" * 2000}}
    for number in range(60):
        journal = journalled(
            journal, state(f"r{number}"), action="sync", versions=versions, number=number
        )
    text = journal_text(journal)
    assert len(text) <= 64 * 1024
    read = journal_of({JOURNAL: text})
    assert entry_versions(read, 59) == versions
    assert entry_versions(read, 1) == {}
    assert journal_of({JOURNAL: "{broken"}) == []


def pinned() -> tuple[Any, Pin]:
    """Return an Application and a pin to its first entry."""
    app = application(namespace="shop")
    entry = {"id": 4, "revision": "r1", "source": {**raw_sources(app)["source"], "path": "old"}}
    versions = {"shop/db": {"SecretStore/vault:app/db": "3", "SecretStore/vault:app/db#user": "2"}}
    return app, Pin.at(entry, app, resolved=["r2"], versions=versions)


def test_pin_written_is_read_back_and_ends_with_a_commit_or_an_edit() -> None:
    app, pin = pinned()
    held = application(namespace="shop", annotations={PIN: pin_text(pin)})
    assert pin_of(held) == pin
    assert pin_of(app) is None
    assert pin_of(application(namespace="shop", annotations={PIN: "{"})) is None
    assert not ended(pin, app, ["r2"])
    assert ended(pin, app, ["r3"])
    edited = application(namespace="shop", source={**raw_sources(app)["source"], "path": "new"})
    assert ended(pin, edited, ["r2"])
    assert pinned_app(app, pin).spec.all_sources[0].path == "old"


def test_pinned_external_secret_asks_for_the_versions_of_then() -> None:
    _, pin = pinned()
    refs = [{"key": "app/db"}, {"key": "app/db", "property": "user"}, {"key": "other"}]
    obj: dict[str, Any] = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "db"},
        "spec": {
            "secretStoreRef": {"name": "vault"},
            "data": [{"secretKey": str(n), "remoteRef": ref} for n, ref in enumerate(refs)],
            "dataFrom": [{"extract": {"key": "app/db", "version": "1"}}],
        },
    }
    (found,) = pinned_objects([obj], pin, namespace="shop")
    assert [each["remoteRef"].get("version") for each in found["spec"]["data"]] == ["3", "2", None]
    assert found["spec"]["dataFrom"][0]["extract"]["version"] == "1"
    assert "version" not in obj["spec"]["data"][0]["remoteRef"]


def test_conditions_keep_their_time_while_they_hold() -> None:
    first = conditions_of({}, [("SyncError", "x")], now=NOW)
    later = NOW + timedelta(hours=1)
    again = conditions_of({"conditions": first}, [("SyncError", "x"), ("B", "y")], now=later)
    assert again[0] == first[0]
    assert again[1]["lastTransitionTime"] == "2026-03-01T13:00:00Z"


def test_status_that_says_the_same_is_settled() -> None:
    had = {"health": {"status": "Healthy"}, "resources": [1]}
    assert settled(had, {"health": {"status": "Healthy", "message": None}, "conditions": []})
    assert not settled(had, {"resources": [1, 2]})
