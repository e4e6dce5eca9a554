"""Whether the command that runs an operation still lives.

It renews an annotation; the service goes on with an operation whose annotation stays as it
is. Told by change and not by its time, as with a Lease, so that clocks may differ.
Neighbours: `operation_status` names the runner, `controller.app_loop` asks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from secretsync.gitops.status.operation_status import timestamp
from secretsync.resources.application import Application
from secretsync.resources.meta import ObjectRef

__all__ = ["ALIVE", "ALIVE_WITHIN_S", "RENEW_S", "Runners", "sign_of_life"]

ALIVE = "secretsync.io/command"
RENEW_S = 10.0
#: Four renewals that did not arrive, and then some.
ALIVE_WITHIN_S = 45.0


def sign_of_life(runner: str, now: datetime) -> dict[str, str | None]:
    """Return the annotation that says that a command lives.

    Args:
        runner: a name of its own.
        now: aware.
    """
    return {ALIVE: f"{runner} {timestamp(now)}"}


class Runners:
    """Commands that run operations, and when each gave a sign of life.

    Args:
        monotonic_s: seconds that never jump.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._seen: dict[ObjectRef, tuple[str, float]] = {}

    def lives(self, app: Application) -> bool:
        """Return whether the command that works on an application lives, as far as one sees.

        The first time it gets the benefit of the doubt.
        """
        sign, now_s = app.meta.annotations.get(ALIVE, ""), self._monotonic_s()
        before, since_s = self._seen.get(app.ref, ("", now_s))
        if app.ref not in self._seen or before != sign:
            self._seen[app.ref] = (sign, now_s)
            return True
        return now_s - since_s < ALIVE_WITHIN_S

    def forget(self, ref: ObjectRef) -> None:
        """Forget an operation that has ended."""
        self._seen.pop(ref, None)
