"""How often the state of an operation is written: no write for every object.

A state holds all results so far, so that one write an object would cost the square of
their number. A kill loses a second: the next look finds what was applied, and applies
nothing twice. A hook is another matter, as to run it twice is a fault: it is written at
once.

Neighbour: `operating` writes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from secretsync.gitops.model import OperationState

__all__ = ["Keeper"]

EVERY = timedelta(seconds=1)
#: So many results more ask for another second between two writes.
RESULTS_A_SECOND = 500


class Keeper:
    """Writes the states of one operation.

    Args:
        write: writes a state.
        now: the time.
    """

    def __init__(
        self, write: Callable[[OperationState], None], now: Callable[[], datetime]
    ) -> None:
        self._write = write
        self._now = now
        self._written: OperationState | None = None
        self._written_at: datetime | None = None

    def keep(self, state: OperationState) -> None:
        """Write a state, if it is worth it by now."""
        if self._is_due(state):
            self.flush(state)

    def flush(self, state: OperationState) -> None:
        """Write a state, unless it is what was written last."""
        if state == self._written:
            return
        self._write(state)
        self._written, self._written_at = state, self._now()

    def _is_due(self, state: OperationState) -> bool:
        if self._written is None or self._written_at is None:
            return True
        if state is self._written:
            return False
        if state.phase is not self._written.phase or _hooks(state) != _hooks(self._written):
            return True
        pause = EVERY * (1 + len(state.results) // RESULTS_A_SECOND)
        return self._now() - self._written_at >= pause


def _hooks(state: OperationState) -> list[object]:
    return [each for each in state.results if each.hook_type]
