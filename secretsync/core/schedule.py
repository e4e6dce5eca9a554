"""When a refresh is due, and arithmetic that spreads refreshes and retries.

Neighbours: `refresh` asks this with its clock and its random numbers; `hashes` gives
the synced resource version.

Source: External Secrets Operator 2.9, refreshPolicy and refreshInterval.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from secretsync.resources.cron import parse_schedule
from secretsync.resources.external_secret import ExternalSecret, SyncWindows
from secretsync.resources.sync_windows import SyncWindow

__all__ = [
    "backoff_s",
    "next_allowed_at",
    "next_due_at",
    "next_tick_at",
    "phase_s",
    "refresh_due",
    "windows_allow",
]

#: 2**48 possible phases: exact as a float, and finer than a timer.
_PHASE_BITS = 48
#: Doubling further than this has passed any cap, and would overflow a float.
_MAX_DOUBLINGS = 63
#: Windows that follow one another without a gap: after so many the end is not looked for.
_MAX_WINDOWS = 1000
_A_SECOND = timedelta(seconds=1)


def refresh_due(
    external_secret: ExternalSecret, *, now: datetime, synced_resource_version: str
) -> bool:
    """Tell whether the provider has to be asked for this object now.

    Args:
        external_secret: with its spec and its last status.
        now: aware UTC.
        synced_resource_version: of the object as it is, `hashes.synced_resource_version`.

    Returns:
        By refreshPolicy: CreatedOnce until the first sync; OnChange when the spec,
        labels or annotations changed since; Periodic also at refreshInterval, and
        where the last refresh is unknown or in the future. A refreshInterval of zero
        or less means never again once synced, whatever changed. syncWindows hold back
        what is due by time alone.
    """
    due_at = next_due_at(external_secret, now=now, synced_resource_version=synced_resource_version)
    return due_at is not None and due_at <= now


def next_due_at(
    external_secret: ExternalSecret, *, now: datetime, synced_resource_version: str
) -> datetime | None:
    """Return when the next refresh is due.

    Args:
        external_secret: with its spec and its last status.
        now: aware UTC.
        synced_resource_version: of the object as it is.

    Returns:
        `now` for a refresh that is due because of a change or was never done, a past
        or future time by refreshInterval, None where only a change can make it due.
    """
    status = external_secret.status
    changed = status.synced_resource_version != synced_resource_version
    never = not status.synced_resource_version or status.refresh_at is None
    if external_secret.refresh_policy == "CreatedOnce":
        return now if never else None
    if external_secret.refresh_policy == "OnChange":
        return now if never or changed else None
    if external_secret.refresh_interval_s <= 0 and status.synced_resource_version:
        return None
    if changed or status.refresh_at is None or status.refresh_at > now:
        return now
    due_at = _later(status.refresh_at, external_secret.refresh_interval_s)
    if due_at is None or external_secret.sync_windows is None:
        return due_at
    return next_allowed_at(external_secret.sync_windows, max(due_at, now))


def windows_allow(windows: SyncWindows, now: datetime) -> bool:
    """Return whether a periodic refresh may happen now.

    Args:
        windows: without any window everything is allowed; a schedule that cannot be read
            opens none.
        now: aware UTC.

    Source: External Secrets Operator 2.9: a window is open from the moment it fires to
    the end of its duration, both included.
    """
    if not windows.windows:
        return True
    is_open = any(_opened_at(window, now) is not None for window in windows.windows)
    return is_open if windows.kind == "allow" else not is_open


def _opened_at(window: SyncWindow, now: datetime) -> datetime | None:
    """Return when a window that is open now fired first within its duration."""
    schedule = parse_schedule(window.schedule)
    if schedule is None:
        return None
    try:
        fired_at = schedule.first_from(now - timedelta(seconds=window.duration_s))
    except OverflowError:  # longer than there is a calendar
        return now
    return fired_at if fired_at is not None and fired_at <= now else None


def next_allowed_at(windows: SyncWindows, now: datetime) -> datetime | None:
    """Return when a periodic refresh may happen next; None where no such time is near.

    Args:
        now: aware UTC; it is the answer itself where it is allowed now.
    """
    if windows_allow(windows, now):
        return now
    if windows.kind == "allow":
        schedules = [parse_schedule(window.schedule) for window in windows.windows]
        # An @every that is not open now never is: it is counted from the moment itself.
        openings = [each.first_from(now) for each in schedules if each and not each.every_s]
        return min((at for at in openings if at is not None), default=None)
    at = now
    for _ in range(_MAX_WINDOWS):
        ends = [
            opened + timedelta(seconds=window.duration_s)
            for window in windows.windows
            if (opened := _opened_at(window, at)) is not None
        ]
        if not ends:
            return at
        at = max(*ends, at) + _A_SECOND
    return None


def _later(moment: datetime, interval_s: float) -> datetime | None:
    try:
        return moment + timedelta(seconds=interval_s)
    except OverflowError:  # beyond the calendar: it does not come
        return None


def phase_s(identity: str, interval_s: float) -> float:
    """Return the place of `identity` in its interval, the same in every process.

    Args:
        identity: of the store session, never a secret.
        interval_s: seconds, more than 0.

    Returns:
        Seconds in [0, interval_s), spread evenly over identities.

    Raises:
        ValueError: the interval is not positive.
    """
    _positive(interval_s)
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).digest()
    share = int.from_bytes(digest[: _PHASE_BITS // 8], "big") / (1 << _PHASE_BITS)
    return share * interval_s


def next_tick_at(now_s: float, phase: float, interval_s: float) -> float:
    """Return the first moment after `now_s` of the series phase + k * interval.

    Args:
        now_s: seconds on any clock; ticks are aligned to its zero, so that a restart
            keeps them.
        phase: seconds, from `phase_s`.
        interval_s: seconds, more than 0.

    Raises:
        ValueError: the interval is not positive.
    """
    _positive(interval_s)
    tick = math.floor((now_s - phase) / interval_s) + 1
    at = phase + tick * interval_s
    # Rounding can put the tick on, or a hair before, now: that one has passed.
    return at if at > now_s else phase + (tick + 1) * interval_s


def backoff_s(attempt: int, *, base_s: float, cap_s: float, spread: float) -> float:
    """Return how long to wait before trying again.

    Args:
        attempt: failures so far minus one: 0 for the first retry.
        base_s: seconds, the longest first wait; it doubles with each attempt.
        cap_s: seconds, the longest wait of all.
        spread: in [0, 1), a random number of the caller's.

    Returns:
        Seconds between half the doubled wait and all of it: failures that began
        together do not retry together, and none retries at once.

    Raises:
        ValueError: the attempt is negative or the spread is outside [0, 1).
    """
    if attempt < 0:
        raise ValueError("an attempt is counted from 0")
    if not 0 <= spread < 1:
        raise ValueError("a spread is in [0, 1)")
    whole_s = min(cap_s, math.ldexp(base_s, min(attempt, _MAX_DOUBLINGS)))
    return whole_s / 2 * (1 + spread)


def _positive(interval_s: float) -> None:
    if not interval_s > 0:
        raise ValueError("an interval is more than 0 seconds")
