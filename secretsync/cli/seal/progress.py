"""How far a long verb is, on a terminal and nowhere else."""

from __future__ import annotations

import sys
import threading

__all__ = ["Progress"]

_WIDTH = 30
#: Back to the start of the line, and clear it.
_FRESH_LINE = "\r\x1b[K"


class Progress:
    """One line that is drawn anew; silent where standard error is no terminal.

    May be used by several threads.

    Args:
        total: how many steps there are.
        what: what a step is, in the plural.
    """

    def __init__(self, total: int, what: str) -> None:
        self._total = total
        self._what = what
        self._done = 0
        self._shown = total > 0 and sys.stderr.isatty()
        self._lock = threading.Lock()

    def advance(self) -> None:
        """Count one step."""
        with self._lock:
            self._done += 1
            if self._shown:
                filled = _WIDTH * self._done // self._total
                bar = "#" * filled + "." * (_WIDTH - filled)
                sys.stderr.write(f"{_FRESH_LINE}[{bar}] {self._done}/{self._total} {self._what}")
                sys.stderr.flush()

    def clear(self) -> None:
        """Leave the line as if there had been nothing."""
        with self._lock:
            if self._shown:
                sys.stderr.write(_FRESH_LINE)
                sys.stderr.flush()
                self._shown = False
