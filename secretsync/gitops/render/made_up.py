"""Values that a chart makes up (`randAlphaNum`, `genCA`, …) are made once: what is live stays.

Two renders of the same input tell which fields are made up. Where the application has the
object already, its own values stand for them, so that no render, and no restart, rolls
anything out. Pure. Neighbours: `rendering` finds the fields, `engine` keeps the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from secretsync.gitops.model import Object, ObjectKey
from secretsync.gitops.objects.field_paths import ABSENT, Path, value_at
from secretsync.gitops.objects.ignoring import respected
from secretsync.gitops.objects.normalizing import folded
from secretsync.resources.application_spec import IgnoreDifference

__all__ = ["Fields", "kept_as_live", "made_up_fields"]

#: Object → fields that come out differently; () for one whose name does.
Fields = Mapping[ObjectKey, tuple[Path, ...]]


def made_up_fields(first: Sequence[Object], second: Sequence[Object]) -> Fields:
    """Return what differs between two renders of the same input."""
    before = {ObjectKey.of(obj): folded(obj) for obj in first}
    after = {ObjectKey.of(obj): folded(obj) for obj in second}
    found: dict[ObjectKey, tuple[Path, ...]] = {}
    for key in before.keys() | after.keys():
        if key not in before or key not in after:
            found[key] = ()
        elif paths := tuple(_differing(before[key], after[key], ())):
            found[key] = paths
    return found


def kept_as_live(
    objects: Iterable[Object], fields: Fields, live_of: Callable[[Object], Object | None]
) -> list[Object]:
    """Return the objects, with the live values in the fields that are made up.

    Args:
        live_of: the object as it is, None where it is not there or not the application's.
    """
    return [_kept(obj, fields.get(ObjectKey.of(obj), ()), live_of) for obj in objects]


def _kept(
    obj: Object, paths: tuple[Path, ...], live_of: Callable[[Object], Object | None]
) -> Object:
    live = live_of(obj) if paths else None
    if live is None:
        return obj
    # What is not there yet is made up now, once.
    known = [path for path in paths if value_at(live, path) is not ABSENT]
    rule = IgnoreDifference("", json_pointers=tuple(map(_pointer, known)))
    return respected(folded(obj), live, (rule,), jq=None)


def _differing(before: Any, after: Any, path: Path) -> Iterable[Path]:
    """Yield the smallest fields that differ; a list of another length counts as one."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in before.keys() | after.keys():
            yield from _differing(
                before.get(name, ABSENT), after.get(name, ABSENT), (*path, str(name))
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _differing(*pair, (*path, index))
    elif before != after:
        yield path


def _pointer(path: Path) -> str:
    """Return a path as a JSON pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
