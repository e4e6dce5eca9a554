"""APScheduler jobs, one per group, at phases that restarts keep.

The library's own jitter only ever delays and accumulates; the phase is computed here
from a stable hash instead, so nothing stays in lockstep and nothing drifts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from secretsync.core.schedule import next_tick_at, phase_s
from secretsync.refresh.index import GroupKey

__all__ = ["GroupScheduler"]

#: Groups that may tick at once; a tick mostly waits for its store.
PARALLEL_TICKS = 4


class GroupScheduler:
    """Keeps one job for each group that has members."""

    def __init__(self, tick: Callable[[GroupKey], None]) -> None:
        self._tick = tick
        self._jobs: dict[GroupKey, str] = {}
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(PARALLEL_TICKS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Begin to run jobs."""
        self._scheduler.start()

    def keep(self, groups: frozenset[GroupKey]) -> None:
        """Make the jobs exactly those of the given groups."""
        for gone in [group for group in self._jobs if group not in groups]:
            self._scheduler.remove_job(self._jobs.pop(gone))
        for group in groups - self._jobs.keys():
            self._jobs[group] = self._scheduler.add_job(
                self._tick,
                "interval",
                args=[group],
                seconds=group.interval_s,
                next_run_time=_first_run(group),
            ).id

    def stop(self) -> None:
        """Stop; a tick under way is not waited for: the process's stop ends its waits."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _first_run(group: GroupKey) -> datetime:
    identity = f"{group.session.store}|{group.session.namespace}"
    phase = phase_s(identity, group.interval_s)
    return datetime.fromtimestamp(next_tick_at(time.time(), phase, group.interval_s), UTC)
