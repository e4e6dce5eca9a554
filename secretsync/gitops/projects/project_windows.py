"""May an application be synced now? The sync windows of its project, as Argo CD has them. Pure.

An open `deny` window counts most; beside `allow` windows only an open one lets anything go
on. Neighbours: `resources.app_project_spec` has the windows, `decision` and `operating` ask.

Source: Argo CD 3.6, "Sync Windows".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from secretsync.gitops.projects.project_rules import cluster_names
from secretsync.resources.app_project_spec import ProjectWindow
from secretsync.resources.application import Application
from secretsync.resources.cron import parse_schedule
from secretsync.resources.durations import parse_duration
from secretsync.resources.globs import glob_matches

__all__ = ["WindowVerdict", "window_text", "window_verdict", "windows_of"]

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class WindowVerdict:
    """What the windows say.

    Args:
        blocked: why no sync may start; "" where one may.
        until: aware, when a window next opens or closes; None where none does.
        windows: those that concern the application, as people read them.
    """

    blocked: str = ""
    until: datetime | None = None
    windows: tuple[str, ...] = ()

    def wait_s(self, now: datetime) -> float | None:
        """Return the seconds until another verdict is possible, None without end."""
        return None if self.until is None else max(1.0, (self.until - now).total_seconds())


@dataclass(frozen=True, slots=True)
class _Seen:
    """A window at one moment."""

    window: ProjectWindow
    open: bool
    changes: datetime | None


def windows_of(windows: Iterable[ProjectWindow], app: Application) -> tuple[ProjectWindow, ...]:
    """Return the windows that concern an application."""
    return tuple(each for each in windows if _concerns(each, app))


def window_verdict(
    windows: Iterable[ProjectWindow],
    app: Application,
    *,
    now: datetime,
    manual: bool,
    begun: datetime | None = None,
) -> WindowVerdict:
    """Return whether windows let a sync go on.

    Args:
        windows: of the project.
        now: aware.
        manual: somebody asks for it: windows with `manualSync` let that through.
        begun: a sync is under way since then, which was let through at the time; windows
            with `syncOverrun` let it end.
    """
    seen = [_seen(each, now) for each in windows_of(windows, app)]
    changes = [each.changes for each in seen if each.changes is not None]
    return WindowVerdict(
        _blocked(seen, manual=manual, begun=begun is not None),
        min(changes, default=None),
        tuple(window_text(each.window) for each in seen),
    )


def window_text(window: ProjectWindow) -> str:
    """Return a window as people read it: `deny 0 22 * * * for 1h (Europe/Paris)`."""
    zone = "" if window.time_zone in ("", "UTC") else f" ({window.time_zone})"
    return f"{window.kind} {window.schedule} for {window.duration}{zone}"


def _blocked(seen: Sequence[_Seen], *, manual: bool, begun: bool) -> str:
    denies = [each.window for each in seen if each.open and each.window.kind == "deny"]
    if denies:
        if _all_let(denies, manual=manual, begun=begun):
            return ""
        return f"a sync window is closed to it: {', '.join(map(window_text, denies))}"
    allows = [each for each in seen if each.window.kind == "allow"]
    if not allows or any(each.open for each in allows):
        return ""
    shut = [each.window for each in allows]
    if _all_let(shut, manual=manual, begun=begun):
        return ""
    return f"no sync window is open: {', '.join(map(window_text, shut))}"


def _all_let(windows: Sequence[ProjectWindow], *, manual: bool, begun: bool) -> bool:
    """Return whether every window that says no makes an exception."""
    by_hand = manual and all(each.manual_sync for each in windows)
    return by_hand or (begun and all(each.sync_overrun for each in windows))


def _seen(window: ProjectWindow, now: datetime) -> _Seen:
    """Look at a window: it is open from when its schedule fires, for as long as it lasts.

    The schedule is read on the clock of the window's own zone.
    """
    schedule, lasts = parse_schedule(window.schedule), parse_duration(window.duration)
    if schedule is None or lasts is None:  # Refused when it was parsed.
        return _Seen(window, window.kind == "deny", None)
    zone, duration = ZoneInfo(window.time_zone or "UTC"), timedelta(seconds=lasts)
    there = now.astimezone(zone).replace(tzinfo=UTC)
    opened = schedule.first_from(there - duration + _TICK)
    if opened is None:
        return _Seen(window, open=False, changes=None)
    is_open = opened <= there
    # Where it fires again before it has ended, this is too early: another look tells.
    change = opened + duration if is_open else opened
    real = change.replace(tzinfo=zone).astimezone(UTC)
    # In the hour that a clock repeats, the first of two moments may have passed.
    return _Seen(window, is_open, real if real > now else now + (change - there))


def _concerns(window: ProjectWindow, app: Application) -> bool:
    destination = app.spec.destination
    texts = (
        (window.applications, (app.meta.name,)),
        (window.clusters, cluster_names(destination)),
        (window.namespaces, (destination.namespace,)),
    )
    found = [_any(patterns, names) for patterns, names in texts if patterns]
    return bool(found) and (all(found) if window.and_operator else any(found))


def _any(patterns: Iterable[str], names: Iterable[str]) -> bool:
    named = [name for name in names if name]
    return any(glob_matches(name, pattern) for pattern in patterns for name in named)
