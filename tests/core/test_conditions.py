"""Status patches: written when they say something new, and times that mean something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from secretsync.core.conditions import external_secret_status, ready_status, rfc3339
from secretsync.resources.external_secret import ExternalSecretStatus
from tests.core.secret_cases import external_secret

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
GOOD = ExternalSecretStatus(EARLIER, "1-abc", "True", "SecretSynced", "secret synced", EARLIER)
BAD = ExternalSecretStatus(EARLIER, "1-abc", "False", "SecretSyncedError", "no", EARLIER)


def _status(before: ExternalSecretStatus, **changes: Any) -> Any:
    said: dict[str, Any] = {
        "ready": True,
        "reason": "SecretSynced",
        "message": "secret synced",
        "version": "1-abc",
        "refreshed": False,
        "now": NOW,
    }
    return external_secret_status(external_secret(), before, **(said | changes))


FAILED = {"ready": False, "reason": "SecretSyncedError", "message": "no"}


@pytest.mark.parametrize(
    ("before", "said"),
    [
        pytest.param(GOOD, {}, id="still-good"),
        pytest.param(BAD, FAILED, id="still-bad-for-the-same-reason"),
        pytest.param(BAD, {**FAILED, "version": "2-def"}, id="an-edit-that-fails-the-same"),
        pytest.param(
            ExternalSecretStatus(EARLIER, "1-abc", "False", "SecretSyncedError", "x" * 1024),
            {**FAILED, "message": "x" * 5000},
            id="a-long-message-that-was-cut",
        ),
    ],
)
def test_nothing_new_is_no_write(before: ExternalSecretStatus, said: dict[str, Any]) -> None:
    assert _status(before, **said) is None


@pytest.mark.parametrize(
    ("before", "said", "moved"),
    [
        pytest.param(ExternalSecretStatus(), {}, True, id="first"),
        pytest.param(BAD, {}, True, id="recovered"),
        pytest.param(GOOD, FAILED, True, id="failed"),
        pytest.param(GOOD, {"refreshed": True}, False, id="written"),
        pytest.param(GOOD, {"version": "2-def"}, False, id="edited"),
        pytest.param(GOOD, {"reason": "SecretMissing"}, False, id="another-reason"),
        pytest.param(BAD, {**FAILED, "message": "other"}, False, id="another-cause"),
    ],
)
def test_something_new_moves_the_transition_time_only_with_the_status(
    before: ExternalSecretStatus, said: dict[str, Any], moved: bool
) -> None:
    patch, after = _status(before, **said)
    (condition,) = patch["conditions"]
    at = NOW if moved else EARLIER
    assert condition["lastTransitionTime"] == rfc3339(at)
    assert after.transition_at == at
    assert condition["type"] == "Ready"
    assert (condition["status"], condition["reason"]) == (after.ready, after.reason)


def test_success_moves_the_refresh_time_and_records_what_was_synced() -> None:
    patch, after = _status(BAD, version="2-def")
    assert patch["refreshTime"] == "2026-01-02T03:04:05Z"
    assert patch["syncedResourceVersion"] == "2-def"
    assert patch["binding"] == {"name": "db"}
    assert (after.refresh_at, after.synced_resource_version) == (NOW, "2-def")


def test_failure_moves_neither() -> None:
    patch, after = _status(GOOD, **FAILED, version="2-def")
    assert patch.keys() == {"conditions"}
    assert (after.refresh_at, after.synced_resource_version) == (EARLIER, "1-abc")


def test_what_was_written_is_what_the_next_look_compares_with() -> None:
    before: ExternalSecretStatus = ExternalSecretStatus()
    for said in (FAILED, {}, {"refreshed": True}, {**FAILED, "message": "y" * 2000}):
        _, before = _status(before, **said)
        assert _status(before, **{**said, "refreshed": False}) is None


def test_a_long_message_is_cut() -> None:
    patch, after = _status(GOOD, **{**FAILED, "message": "x" * 5000})
    assert len(patch["conditions"][0]["message"]) == len(after.message) == 1024


def test_times_are_written_in_utc_with_whole_seconds() -> None:
    assert rfc3339(NOW) == "2026-01-02T03:04:05Z"
    local = NOW.astimezone(timezone(timedelta(hours=2)))
    assert rfc3339(local) == "2026-01-02T03:04:05Z"


def test_ready_status_keeps_its_time_while_the_status_stays() -> None:
    said = {"status": "False", "lastTransitionTime": "2025-01-01T00:00:00Z"}
    for ready, since in ((False, "2025-01-01T00:00:00Z"), (True, "2026-01-02T03:04:05Z")):
        patch = ready_status(said, ready=ready, reason="Valid", message="", now=NOW)
        assert patch["conditions"][0]["lastTransitionTime"] == since


def test_ready_status_has_one_ready_condition() -> None:
    patch = ready_status({}, ready=False, reason="ValidationFailed", message="x" * 5000, now=NOW)
    (condition,) = patch["conditions"]
    assert condition == {
        "type": "Ready",
        "status": "False",
        "reason": "ValidationFailed",
        "message": "x" * 1024,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }
