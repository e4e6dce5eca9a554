"""How often the state of an operation is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secretsync.gitops.model import (
    ObjectKey,
    OperationPhase,
    OperationState,
    ResourceResult,
    ResultCode,
    SyncPhase,
)
from secretsync.gitops.status.keeping import EVERY, RESULTS_A_SECOND, Keeper

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGUN = OperationState({}, OperationPhase.RUNNING, NOW)


class Desk:
    """A keeper, the time, and what was written."""

    def __init__(self) -> None:
        self.now = NOW
        self.written: list[OperationState] = []
        self.keeper = Keeper(self.written.append, lambda: self.now)

    def keep(self, state: OperationState, *, after: timedelta = timedelta(0)) -> int:
        """Keep a state some time later; return how many have been written."""
        self.now += after
        self.keeper.keep(state)
        return len(self.written)


def results(count: int) -> OperationState:
    """Return a state with so many results."""
    return replace(
        BEGUN,
        results=tuple(
            ResourceResult(
                ObjectKey("", "ConfigMap", "shop", f"c{number}"),
                "v1",
                SyncPhase.SYNC,
                ResultCode.SYNCED,
            )
            for number in range(count)
        ),
    )


def hook(phase: OperationPhase) -> OperationState:
    """Return a state with a hook."""
    key = ObjectKey("batch", "Job", "shop", "migrate")
    found = ResourceResult(key, "v1", SyncPhase.PRE_SYNC, hook_type="PreSync", hook_phase=phase)
    return replace(BEGUN, results=(found,))


def test_first_state_is_written_at_once() -> None:
    assert Desk().keep(BEGUN) == 1


def test_results_within_a_second_are_not_written() -> None:
    desk = Desk()
    desk.keep(BEGUN)
    assert desk.keep(results(1), after=EVERY / 2) == 1
    assert desk.keep(results(2), after=EVERY / 2) == 2
    assert desk.written[-1] == results(2)


def test_what_waits_unchanged_is_written_once() -> None:
    desk = Desk()
    desk.keep(BEGUN)
    state = results(1)
    assert [desk.keep(state, after=EVERY) for _ in range(3)] == [2, 2, 2]


@pytest.mark.parametrize("phase", [OperationPhase.RUNNING, OperationPhase.SUCCEEDED])
def test_hook_that_starts_or_ends_is_written_at_once(phase: OperationPhase) -> None:
    desk = Desk()
    desk.keep(BEGUN)
    assert desk.keep(hook(phase)) == 2


def test_end_is_written_at_once() -> None:
    desk = Desk()
    desk.keep(BEGUN)
    assert desk.keep(replace(results(1), phase=OperationPhase.SUCCEEDED)) == 2


def test_bytes_written_of_a_long_sync_do_not_grow_with_its_square() -> None:
    desk, count = Desk(), 20 * RESULTS_A_SECOND
    whole = results(count)
    for number in range(0, count, 10):
        desk.keep(replace(whole, results=whole.results[:number]), after=EVERY / 20)
    written = sum(len(state.results) for state in desk.written)
    assert written < 20 * count


def test_flush_writes_what_was_not_worth_it_before() -> None:
    desk = Desk()
    desk.keep(BEGUN)
    desk.keep(results(1))
    desk.keeper.flush(results(1))
    desk.keeper.flush(results(1))
    assert len(desk.written) == 2
