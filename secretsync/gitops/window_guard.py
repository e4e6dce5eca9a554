"""Keeps syncs of applications within the sync windows of their projects.

Neighbours: `project_windows` says what windows let through; the controller and the command
ask before and during a sync. One of the service stays where it is when a window stops it,
and goes on when one opens; one of a command ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from secretsync.gitops.look import Look
from secretsync.gitops.projects.project_windows import WindowVerdict

__all__ = ["Paused", "WindowGuard"]


class Paused(Exception):
    """The sync that is under way waits for a window.

    Args:
        wait_s: seconds until one may open, None where none will.
    """

    def __init__(self, reason: str, wait_s: float | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class WindowGuard:
    """Asks the windows again only when one has opened or closed.

    Args:
        now: the wall clock, aware.
        manual: somebody asked for the sync.
        begun: when it began, None where it is about to.
    """

    def __init__(
        self,
        look: Look,
        now: Callable[[], datetime],
        *,
        manual: bool,
        begun: datetime | None = None,
    ) -> None:
        self._look = look
        self._now = now
        self._manual = manual
        self._begun = begun
        self._verdict = self._ask()

    @property
    def verdict(self) -> WindowVerdict:
        """What the windows say now."""
        until = self._verdict.until
        if until is not None and self._now() >= until:
            self._begun = self._begun or until
            self._verdict = self._ask()
        return self._verdict

    def check(self) -> None:
        """Stop what is under way, where a window has closed to it.

        Raises:
            Paused: it waits.
        """
        found = self.verdict
        if found.blocked:
            raise Paused(found.blocked, found.wait_s(self._now()))

    def _ask(self) -> WindowVerdict:
        return self._look.windows(self._now(), manual=self._manual, begun=self._begun)
