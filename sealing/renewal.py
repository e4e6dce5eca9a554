"""When a new sealing key is due. Renewal adds a key and never replaces one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sealing.certificates import require_aware

__all__ = ["RENEW_PERIOD", "Renewal", "plan_renewal"]

#: The controller's default (720 h).
RENEW_PERIOD = timedelta(hours=720)
_NEVER = timedelta(0)


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whether to make a key now.

    Args:
        due: make one now.
        reason: why; "" where none is due.
        next_at: when the next is due if nothing changes, with `due` taken as done;
            None means never.
    """

    due: bool
    reason: str
    next_at: datetime | None


def plan_renewal(
    newest_at: datetime | None,
    *,
    now: datetime,
    period: timedelta = RENEW_PERIOD,
    cutoff_at: datetime | None = None,
) -> Renewal:
    """Decide whether a key is to be made now, and when to ask again.

    Args:
        newest_at: ordering time of the newest key, aware; None without keys.
        period: 0 means that age is no reason.
        cutoff_at: a key made before this moment is replaced, aware. A moment that is
            still to come is waited for: whatever is made until then is older too.

    Raises:
        ValueError: the period is negative, or a time has no zone.
    """
    if period < _NEVER:
        raise ValueError("`period` must not be negative; 0 switches renewal by age off")
    for argument, moment in (("newest_at", newest_at), ("now", now), ("cutoff_at", cutoff_at)):
        if moment is not None:
            require_aware(moment, argument)
    reason = _reason(newest_at, now=now, period=period, cutoff_at=cutoff_at)
    last_at = now if reason or newest_at is None else newest_at
    following = [last_at + period] if period else []
    if cutoff_at is not None and now < cutoff_at and last_at < cutoff_at:
        following.append(cutoff_at)
    return Renewal(bool(reason), reason, min(following, default=None))


def _reason(
    newest_at: datetime | None, *, now: datetime, period: timedelta, cutoff_at: datetime | None
) -> str:
    if newest_at is None:
        return "there is no key yet"
    if cutoff_at is not None and newest_at < cutoff_at <= now:
        return "the newest key is older than the cut-off time"
    if period and now - newest_at >= period:
        return "the newest key is older than the renewal period"
    return ""
