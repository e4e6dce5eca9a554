"""`syncWindows`: when periodic refreshes may happen.

Neighbours: `secretsync.core.cron` says when a schedule fires, `secretsync.core.schedule`
asks it.

Source: External Secrets Operator 2.9, ExternalSecretSyncWindows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.spec import wire

__all__ = ["SyncWindow", "SyncWindowSpec", "SyncWindows", "SyncWindowsSpec"]


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
