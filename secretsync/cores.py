"""How many cores this process may use: as many as work for it at the same time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["usable_cores"]

#: Microseconds of CPU in each period, or `max`, and the period.
#: Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files".
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota: Path = _QUOTA) -> int:
    """Return the cores that this process may run on, at most what its container is given.

    Args:
        quota: the file that says what that is; other systems have none.
    """
    # Python 3.13 counts what the process may run on by itself.
    counted = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    if hasattr(os, "sched_getaffinity"):
        counted = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        given_us, period_us = map(int, quota.read_text().split())
        # Upwards: what is left of a core would lie idle.
        counted = min(counted, -(-given_us // period_us))
    return max(1, counted)
