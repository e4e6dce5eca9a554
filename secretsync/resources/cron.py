"""Cron schedules in UTC: five fields, a word such as `@daily`, or `@every <duration>`.

Pure: whoever asks brings the time. Neighbours: `sync_windows` holds the schedules,
`secretsync.core.schedule` asks whether a window that they open is open.

Source: robfig/cron v3, ParseStandard, which External Secrets Operator 2.9 uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from secretsync.resources.durations import parse_duration

__all__ = ["Schedule", "parse_schedule"]

#: Further than this no schedule is looked for: 29 February comes within eight years.
_HORIZON = timedelta(days=366 * 9)
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_UTC = ("UTC", "Etc/UTC", "Z", "")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something happens.

    Args:
        minutes: of the hour, and so on for the other fields of cron.
        weekdays: 0 is Sunday.
        any_day: either of the two day fields is `*`: both must hold then, else one.
        every_s: seconds, for `@every`; the fields are empty then.
    """

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True
    every_s: float = 0.0

    def first_from(self, moment: datetime) -> datetime | None:
        """Return the first time at or after a moment, None where none is near.

        Args:
            moment: aware UTC. An `@every` has no times of its own: it is counted from
                here.
        """
        if self.every_s:
            return moment + timedelta(seconds=self.every_s)
        at = moment.replace(second=0, microsecond=0)
        if at < moment:
            at += timedelta(minutes=1)
        if not (self.minutes and self.hours and self.months):
            return None  # a field of commas only allows nothing
        last = moment + _HORIZON
        while at <= last:
            if at.month not in self.months:
                at = _next_month(at)
            elif not self._day_holds(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at
        return None

    def _day_holds(self, at: datetime) -> bool:
        day, weekday = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return day and weekday if self.any_day else day or weekday


def _next_month(at: datetime) -> datetime:
    first = at.replace(day=1, hour=0, minute=0)
    return (first + timedelta(days=31)).replace(day=1)


@lru_cache(maxsize=1024)
def parse_schedule(text: str) -> Schedule | None:
    """Parse a schedule; None where it is none, or is not in UTC."""
    body = text
    if text.startswith(("TZ=", "CRON_TZ=")):
        zone, _, body = text.partition(" ")
        if zone.partition("=")[2] not in _UTC:
            return None
    body = body.strip()
    if body.startswith("@every "):
        seconds = parse_duration(body.removeprefix("@every ").strip())
        # Below a second it is one second, as in cron.
        return None if seconds is None else Schedule(every_s=max(1.0, float(int(seconds))))
    fields = _WORDS.get(body, body).split()
    if len(fields) != len(_FIELDS):
        return None
    try:
        minutes, hours, days, months, weekdays = (
            frozenset(_values(field, *limits))
            for field, limits in zip(fields, _FIELDS, strict=True)
        )
    except ValueError:
        return None
    any_day = any(_has_star(field) for field in (fields[2], fields[4]))
    return Schedule(minutes, hours, days, months, weekdays, any_day)


_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, ("", *_MONTHS)),
    (0, 6, _DAYS),
)


def _has_star(field: str) -> bool:
    """A star that skips (`*/2`) is none: what it leaves out counts."""
    return any(
        part.partition("/")[0] in ("*", "?") and part.partition("/")[2] in ("", "1")
        for part in field.split(",")
    )


def _values(field: str, low: int, high: int, names: tuple[str, ...]) -> Iterator[int]:
    """Yield what one field allows; raises ValueError where it is malformed."""
    for part in filter(None, field.split(",")):
        spread, slash, every = part.partition("/")
        step = _number(every) if slash else 1
        first, dash, last = spread.partition("-")
        if first in ("*", "?") and not dash:
            begin, end = low, high
        else:
            begin = _named(first, names)
            end = _named(last, names) if dash else high if slash else begin
        if not (low <= begin <= end <= high and step > 0):
            raise ValueError
        yield from range(begin, end + 1, step)


def _named(text: str, names: tuple[str, ...]) -> int:
    lowered = text.lower()
    return names.index(lowered) if lowered and lowered in names else _number(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError
    return int(text)
