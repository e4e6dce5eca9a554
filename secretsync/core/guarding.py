"""Whether new data may be written over what is there: the rules of `safety`, put together.

Neighbours: `plan` asks here before it decides anything else about data; `resources.guards`
holds what a user asks for beyond the rules that always hold. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from secretsync.core.removals import Removals, removals_of
from secretsync.core.safety import (
    blanked_keys,
    earlier_dates,
    is_blank,
    older_versions,
    shrinks,
)
from secretsync.core.secrets import (
    DesiredSecret,
    LiveSecret,
    written_dates,
    written_versions,
)
from secretsync.core.sources import is_many
from secretsync.resources.guards import MAX_SHRINK_ANNOTATION, REQUIRE_KEYS_ANNOTATION

__all__ = ["Withheld", "lacking", "older_names", "receding", "withheld"]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why data is not written, and what can be done."""

    message: str
    remedy: str


def withheld(desired: DesiredSecret, live: LiveSecret) -> Withheld | None:
    """Return why the data may not replace that of a live Secret, if so."""
    return _blank(desired, live) or lacking(desired) or _shrunk(desired, live)


def lacking(desired: DesiredSecret) -> Withheld | None:
    """Return which keys that the user requires are not among the data, if so."""
    absent = [
        key
        for key in desired.guards.require_keys
        if key not in desired.data
        or (is_blank(desired.data[key].reveal()) and not desired.allow_empty)
    ]
    if not absent:
        return None
    return Withheld(
        f"the sources gave no value for the required key {', '.join(absent)}",
        f"repair the value upstream, or take the key out of {REQUIRE_KEYS_ANNOTATION}",
    )


def older_names(desired: DesiredSecret, live: LiveSecret) -> tuple[str, ...]:
    """Return the names of what was read in an older version than the one that was written.

    What may be older is not among them.
    """
    older = older_versions(desired.versions, written_versions(live))
    older += earlier_dates(desired.dates, written_dates(live))
    return tuple(name for name in older if name not in desired.allow_older)


def receding(older: Sequence[str]) -> Withheld | None:
    """Return why nothing is written while some of it is older than what was, if so."""
    if not older:
        return None
    return Withheld(
        f"an older version of {older[0]} was read than the one that was written",
        "it is taken if the store still gives it at a second look a minute later",
    )


def _blank(desired: DesiredSecret, live: LiveSecret) -> Withheld | None:
    if desired.allow_empty:
        return None
    remedy = (
        "repair the value upstream, or annotate the ExternalSecret with "
        "secretsync.io/allow-empty=true"
    )
    blanked = blanked_keys(desired.data, live.data)
    if blanked:
        names = ", ".join(blanked)
        return Withheld(f"an empty value would replace a good one in key {names}", remedy)
    if not desired.data and removals_of(desired, live).data:
        return Withheld("the sources gave no keys, and the Secret has some", remedy)
    return None


def _shrunk(desired: DesiredSecret, live: LiveSecret) -> Withheld | None:
    percent = desired.guards.max_shrink_percent
    if percent is None or not _is_news(desired, live):
        return None
    what = next(_losses(desired, live, removals_of(desired, live), percent), "")
    if not what:
        return None
    return Withheld(
        f"{what} would shrink by more than {percent} %",
        f"repair the value upstream, or if that is meant raise {MAX_SHRINK_ANNOTATION}",
    )


def _is_news(desired: DesiredSecret, live: LiveSecret) -> bool:
    """Return whether the store gave another version than the one that was written.

    Where it did not, the live Secret was edited, or the manifest: both are put through.
    """
    written = written_versions(live)
    return any(
        # Of what a query found in great number, no version is noted.
        is_many(name) or written.get(name) != version
        for name, version in desired.versions.items()
    )


def _losses(
    desired: DesiredSecret, live: LiveSecret, removals: Removals, percent: int
) -> Iterator[str]:
    kept = desired.data.keys() & live.data.keys()
    if shrinks(len(kept) + len(removals.data), len(kept), percent):
        yield f"the number of keys (without {', '.join(removals.data)})"
    shorter = [
        key
        for key in sorted(kept)
        if shrinks(len(live.data[key].reveal()), len(desired.data[key].reveal()), percent)
    ]
    if shorter:
        yield f"the value of key {', '.join(shorter)}"
