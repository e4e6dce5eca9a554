"""The rules that keep good secrets: pure, each with its test.

- Never an empty value over one that is not, unless it was asked for.
- Where it was asked for, no value and no set of keys that shrank over the one before.
- Absence deletes only when it is definite and was confirmed twice.
- A mass deletion stops until somebody acknowledges it.
- A version that counts up, or that has a date, does not go back on one look.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from providers.base import SecretBytes
from secretsync.resources.meta import ObjectRef
from secretsync.resources.timestamps import parse_timestamp

__all__ = [
    "CONFIRMATION_GAP_S",
    "Absence",
    "MassDeletion",
    "absence_confirmed",
    "blanked_keys",
    "counts_up",
    "earlier_dates",
    "is_blank",
    "mass_deletion",
    "observe_absence",
    "older_versions",
    "shrinks",
]

#: Two looks at an absence must be this far apart: stores are eventually consistent.
CONFIRMATION_GAP_S = 60

MASS_DELETION_FLOOR = 5
MASS_DELETION_SHARE = 0.2

#: Longer ones are digests that happen to have digits only.
_COUNTED = re.compile(
    r"(?P<number>0|[1-9][0-9]{0,8})(?:@(?P<date>[-+:.0-9TZ]+)|#[0-9a-f]+)?", re.ASCII
)
#: Possessive, so that a long run of white space costs one pass.
_BLANK = re.compile(rb"\s*+(?:\{\s*+\}|null)?+\s*+")


def is_blank(value: bytes) -> bool:
    """Return whether a value says nothing: empty, white space, `{}` or `null`."""
    return _BLANK.fullmatch(value) is not None


def blanked_keys(
    desired: Mapping[str, SecretBytes], live: Mapping[str, SecretBytes]
) -> tuple[str, ...]:
    """Return the keys whose good live value a blank one would replace."""
    return tuple(
        sorted(
            key
            for key, value in desired.items()
            if is_blank(value.reveal()) and key in live and not is_blank(live[key].reveal())
        )
    )


def shrinks(before: int, after: int, percent: int) -> bool:
    """Return whether a size becomes smaller by more than a share of what it was."""
    return after * 100 < before * (100 - percent)


@dataclass(frozen=True, slots=True)
class Absence:
    """A definite absence: when it was first and last looked at.

    Args:
        first_seen_s: seconds of a clock that never jumps.
        last_seen_s: by the same clock; time that passes without a look proves nothing.
    """

    first_seen_s: float
    last_seen_s: float


def observe_absence(previous: Absence | None, now_s: float) -> Absence:
    """Return the absence after one more look that found nothing."""
    return Absence(previous.first_seen_s if previous else now_s, now_s)


def absence_confirmed(absence: Absence, *, one_shot: bool) -> bool:
    """Return whether an absence may delete.

    Args:
        one_shot: a run that looks once and says so needs no second look.
    """
    return one_shot or absence.last_seen_s - absence.first_seen_s >= CONFIRMATION_GAP_S


@dataclass(frozen=True, slots=True)
class MassDeletion:
    """Deletions that were stopped, and the token that lets exactly these go on."""

    objects: tuple[ObjectRef, ...]
    total: int
    token: str


def mass_deletion(
    doomed: Iterable[ObjectRef], universe: Collection[ObjectRef]
) -> MassDeletion | None:
    """Return the breaker's verdict on deletions that would happen at once.

    It opens when all objects of a set that had more than one would go, or more than
    max(5, 20 %) of it. The token depends on the objects, so that an acknowledgement
    covers these and no later ones.
    """
    objects = tuple(sorted(set(doomed)))
    total = len(universe)
    everything = total > 1 and len(objects) == total
    too_many = len(objects) > max(MASS_DELETION_FLOOR, int(total * MASS_DELETION_SHARE))
    if not (everything or too_many):
        return None
    digest = hashlib.sha256("\n".join(str(ref) for ref in objects).encode()).hexdigest()
    return MassDeletion(objects=objects, total=total, token=digest[:12])


def older_versions(new: Mapping[str, str], written: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names whose version is an earlier one than the one that was written.

    Services with copies may answer with what they held before. Versions that are no
    counters say nothing of their order. A counter with a date (`3@2026-01-01T00:00:00+00:00`)
    has gone back only where the date has: what was made anew counts from 1 again.

    Args:
        new: version by name, of what was read now.
        written: the same, of what is in the Secret.
    """
    return tuple(name for name, version in new.items() if _is_older(version, written.get(name, "")))


def counts_up(version: str) -> bool:
    """Return whether a version's id itself tells which of two came first."""
    return _COUNTED.fullmatch(version) is not None


def earlier_dates(new: Mapping[str, str], written: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of what the service made earlier than what was written.

    Args:
        new: date by name, in RFC 3339, of what was read now.
        written: the same, of what is in the Secret; somebody may have edited it.
    """
    return tuple(name for name, date in new.items() if _is_earlier(date, written.get(name, "")))


def _is_earlier(date: str, written: str) -> bool:
    ours, theirs = parse_timestamp(date), parse_timestamp(written)
    return ours is not None and theirs is not None and ours < theirs


def _is_older(version: str, written: str) -> bool:
    ours, theirs = _COUNTED.fullmatch(version), _COUNTED.fullmatch(written)
    if ours is None or theirs is None or int(ours["number"]) >= int(theirs["number"]):
        return False
    return not (ours["date"] and theirs["date"]) or ours["date"] < theirs["date"]
