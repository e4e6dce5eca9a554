"""`syncWindows`: when periodic refreshes may happen.

Neighbours: `secretsync.core.cron` says when a schedule fires, `secretsync.core.schedule`
asks it.

Source: External Secrets Operator 2.9, ExternalSecretSyncWindows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.spec import wire
from secretsync.resources.cron import parse_schedule
from secretsync.resources.durations import parse_duration
from secretsync.resources.findings import Findings

__all__ = ["SyncWindow", "SyncWindowSpec", "SyncWindows", "SyncWindowsSpec", "read_windows"]


@dataclass(frozen=True, slots=True)
class SyncWindowSpec:
    """One window as it is written."""

    schedule: str = field(metadata=wire(required=True))
    duration: str = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class SyncWindowsSpec:
    """`spec.syncWindows` as it is written."""

    kind: str = field(metadata=wire(required=True, choices=("allow", "deny")))
    windows: tuple[SyncWindowSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncWindow:
    """One window.

    Args:
        schedule: five cron fields in UTC, or a word such as @daily; when it opens.
        duration_s: seconds that it stays open.
    """

    schedule: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class SyncWindows:
    """When periodic refreshes may happen.

    Args:
        kind: allow: only while a window is open; deny: only while none is.
    """

    kind: str
    windows: tuple[SyncWindow, ...]


def read_windows(spec: SyncWindowsSpec | None, findings: Findings) -> SyncWindows | None:
    """Return what was written, checked; None for no windows."""
    if spec is None:
        return None
    windows = []
    for index, window in enumerate(spec.windows):
        path = ("spec", "syncWindows", "windows", index)
        duration_s = parse_duration(window.duration)
        if window.duration and (duration_s is None or duration_s < 0):
            findings.error(
                (*path, "duration"), "not a duration", 'write a Go duration such as "1h" or "30m"'
            )
        if window.schedule and parse_schedule(window.schedule) is None:
            findings.warning(
                (*path, "schedule"),
                "not a schedule: the window is ignored",
                'write five cron fields, or a word such as "@daily"',
            )
        windows.append(SyncWindow(window.schedule, duration_s or 0.0))
    return SyncWindows(spec.kind, tuple(windows))
