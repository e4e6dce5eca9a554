"""The Synced condition: Sealed Secrets' form, and never an error that is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.core.sealed_conditions import sealed_status
from secretsync.resources.sealed_secret import SealedSecretStatus
from secretsync.resources.sealed_secret import sealed_secret_status as read

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EARLIER = NOW - timedelta(days=1)
NEVER = SealedSecretStatus()
GOOD = SealedSecretStatus(1, "True", "", EARLIER, EARLIER)
BAD = SealedSecretStatus(1, "False", "no key could decrypt secret (a)", EARLIER, EARLIER)


def _written(before: SealedSecretStatus, **said: Any) -> Any:
    given = {"synced": True, "message": "", "generation": 1, **said}
    return sealed_status({}, before, now=NOW, **given)


def test_the_first_status_has_equal_times_and_no_reason() -> None:
    patch, after = _written(NEVER)
    assert patch == {
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Synced",
                "status": "True",
                "lastUpdateTime": "2026-01-01T00:00:00Z",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }
    assert after == read({"status": patch})


@pytest.mark.parametrize(
    ("before", "said"),
    [
        pytest.param(GOOD, {}, id="still-good"),
        pytest.param(BAD, {"synced": False, "message": BAD.message}, id="still-bad"),
    ],
)
def test_what_was_said_is_not_said_again(before: SealedSecretStatus, said: Any) -> None:
    assert _written(before, **said) is None


@pytest.mark.parametrize(
    ("before", "said", "transitions"),
    [
        pytest.param(BAD, {}, True, id="repaired"),
        pytest.param(GOOD, {"synced": False, "message": "x"}, True, id="broken"),
        pytest.param(BAD, {"synced": False, "message": "another"}, False, id="another-error"),
        pytest.param(GOOD, {"generation": 2}, False, id="another-generation"),
    ],
)
def test_a_change_is_written_and_only_a_flip_moves_the_transition(
    before: SealedSecretStatus, said: Any, transitions: bool
) -> None:
    _, after = _written(before, **said)
    assert after.updated_at == NOW
    assert after.transition_at == (NOW if transitions else EARLIER)


def test_success_takes_the_message_of_the_failure_away() -> None:
    patch, _ = _written(BAD)
    assert "message" not in patch["conditions"][0]


def test_conditions_of_others_stay() -> None:
    others = [{"type": "Reviewed", "status": "True"}]
    raw = {"status": {"conditions": [{"type": "Synced", "status": "False"}, *others]}}
    written = sealed_status(raw, BAD, synced=True, message="", generation=1, now=NOW)
    assert written is not None
    assert written[0]["conditions"][1:] == others
