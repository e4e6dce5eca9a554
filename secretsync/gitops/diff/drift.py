"""Who made a live object differ from its sources, as far as managedFields tell. Pure.

A manager is a program, such as `kubectl-edit`, not a person. Somebody who removes a
field leaves no trace in managedFields, and neither does an edit of a file of a directory
cluster: then nobody is named rather than the wrong one.
Neighbours: `comparing` finds the changes, events and the status tell of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.gitops.model import FIELD_MANAGER, FieldChange, Pair, SyncStatus
from secretsync.gitops.objects.field_paths import ABSENT, parse_path, value_at
from secretsync.gitops.objects.owned_fields import FieldOwner, field_owners, owns

__all__ = [
    "DRIFTED",
    "UNKNOWN_ACTOR",
    "Actor",
    "Drift",
    "drifts_of",
    "has_drifted",
    "said",
    "sentence",
    "told",
]

#: Type of the condition, and reason of the event.
DRIFTED = "ResourceDrifted"
#: Fields that a message names; the diff has all of them.
_FIELDS_IN_A_SENTENCE = 3
#: Objects that are told of one by one, and how long each text may be.
_OBJECTS_TOLD = 5
_TEXT_LENGTH = 300


@dataclass(frozen=True, slots=True, order=True)
class Actor:
    """Who wrote.

    Args:
        manager: the field manager; "" where nothing tells.
        operation: `Apply` or `Update`.
        subresource: `scale` and the like, "" for the object itself.
        time: RFC 3339, when it last wrote fields of its own; "" where that is not told.
    """

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str = ""


UNKNOWN_ACTOR = Actor()


@dataclass(frozen=True, slots=True)
class Drift:
    """What one actor changed in one object.

    Args:
        paths: of fields, as the comparison writes them.
    """

    actor: Actor
    paths: tuple[str, ...]


def drifts_of(pair: Pair, *, manager: str = FIELD_MANAGER) -> tuple[Drift, ...]:
    """Return who changed what in a live object, the latest first, the unknown last.

    Args:
        pair: with a live object that has its managedFields.
        manager: who applies for us, and so is no drift.
    """
    if pair.live is None:
        return ()
    return _drifts(pair.live, pair.changes, manager)


def sentence(drift: Drift) -> str:
    """Return one sentence for an event: who, when and which fields; never a value."""
    fields = ", ".join(drift.paths[:_FIELDS_IN_A_SENTENCE])
    more = len(drift.paths) - _FIELDS_IN_A_SENTENCE
    if more > 0:
        fields += f" and {more} more"
    if drift.actor == UNKNOWN_ACTOR:
        return f"{fields}: changed, and nothing tells by whom"
    when = f" at {drift.actor.time}" if drift.actor.time else ""
    part = f" through {drift.actor.subresource}" if drift.actor.subresource else ""
    return f"{fields}: changed by {drift.actor.manager}{part}{when}"


def has_drifted(pair: Pair) -> bool:
    """Return whether an object of the sources is not as they say.

    Whether that is drift or a commit, the revision that was last deployed tells.
    """
    return pair.status is SyncStatus.OUT_OF_SYNC and pair.target is not None and not pair.hook


def said(pair: Pair) -> str:
    """Return what became of one object: who changed what and when, or that it is gone."""
    if pair.live is None:
        return f"{pair.key} drifted: it is gone"
    who = "; ".join(sentence(each) for each in drifts_of(pair))
    return f"{pair.key} drifted{': ' if who else ''}{who}"


def told(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Return a text for each of a few objects, and one for how many more there are."""
    texts = [said(pair)[:_TEXT_LENGTH] for pair in pairs]
    more = len(texts) - _OBJECTS_TOLD
    return (*texts[:_OBJECTS_TOLD], *((f"{more} more objects drifted",) if more > 0 else ()))


def _drifts(
    live: Mapping[str, Any], changes: Iterable[FieldChange], manager: str
) -> tuple[Drift, ...]:
    owners = [owner for owner in field_owners(live) if owner.manager != manager]
    found: dict[Actor, list[str]] = {}
    for change in changes:
        found.setdefault(_actor(live, change, owners), []).append(change.path)
    ordered = sorted(found, key=lambda actor: (actor != UNKNOWN_ACTOR, actor.time), reverse=True)
    return tuple(Drift(actor, tuple(found[actor])) for actor in ordered)


def _actor(live: Mapping[str, Any], change: FieldChange, owners: list[FieldOwner]) -> Actor:
    path = parse_path(change.path)
    if value_at(live, path) is ABSENT:
        return UNKNOWN_ACTOR
    at_fault = [owner for owner in owners if owns(live, owner.fields, path)]
    if not at_fault:
        return UNKNOWN_ACTOR
    latest = max(at_fault, key=lambda owner: owner.time)
    return Actor(latest.manager, latest.operation, latest.subresource, latest.time)
