"""ignoreDifferences: the fields that do not count, and an object without them.

Neighbours: `comparing` takes them out of both sides, `syncing` keeps the live values of
them where RespectIgnoreDifferences is set. `jq_paths` evaluates jq.

Source: Argo CD's `spec.ignoreDifferences`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from secretsync.gitops.model import Object, ObjectKey
from secretsync.gitops.objects.field_paths import ABSENT, Path, value_at, without_path
from secretsync.gitops.objects.jq_paths import JqFailed
from secretsync.gitops.objects.normalizing import is_secret
from secretsync.gitops.objects.owned_fields import field_owners, owned_paths
from secretsync.resources.application_spec import IgnoreDifference

__all__ = ["Ignored", "PathFinder", "ignored_in", "respected", "rules_of", "without_ignored"]

_HIDDEN = "***"


class PathFinder(Protocol):
    """What evaluates jq; `jq_paths.JqPaths` is one."""

    def paths(self, expression: str, obj: Mapping[str, Any]) -> list[Path]:
        """Return the paths in an object that an expression selects."""
        ...


@dataclass(frozen=True, slots=True)
class Ignored:
    """Fields of one object that do not count.

    Args:
        warnings: rules that cannot be used, one sentence each.
    """

    paths: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def rules_of(rules: Iterable[IgnoreDifference], key: ObjectKey) -> tuple[IgnoreDifference, ...]:
    """Return the rules that are about an object; group and kind may hold `*`."""
    return tuple(
        rule
        for rule in rules
        if fnmatch.fnmatchcase(key.group, rule.group)
        and fnmatch.fnmatchcase(key.kind, rule.kind)
        and rule.name in ("", key.name)
        and rule.namespace in ("", key.namespace)
    )


def ignored_in(
    obj: Mapping[str, Any],
    rules: Iterable[IgnoreDifference],
    *,
    live: Mapping[str, Any] | None,
    jq: PathFinder | None,
) -> Ignored:
    """Return which fields of an object the rules ignore.

    Args:
        obj: either side, normalized.
        rules: those that are about it.
        live: whose managedFields tell what the named managers own.
        jq: evaluates jqPathExpressions; None ignores them, with a warning.
    """
    paths: list[Path] = []
    warnings: list[str] = []
    for rule in rules:
        paths += [path for text in rule.json_pointers if (path := _pointed(obj, text))]
        for owner in field_owners(live or {}):
            if owner.manager in rule.managed_fields_managers:
                paths += owned_paths(obj, owner.fields)
        for expression in rule.jq_path_expressions:
            try:
                paths += _selected(expression, obj, jq)
            except JqFailed as exc:
                # A path through what this object does not have is everyday.
                if exc.wrong:
                    warnings.append(f"ignoreDifferences: {exc.message}")
    return Ignored(tuple(dict.fromkeys(path for path in paths if path)), tuple(warnings))


def without_ignored(obj: Mapping[str, Any], ignored: Ignored) -> Object:
    """Return an object without the ignored fields; the rest is shared, not copied."""
    left: Any = obj
    # From the end, so that no index moves before its turn, and children before parents.
    for path in sorted(ignored.paths, key=_order, reverse=True):
        left = without_path(left, path)
    return dict(left)


def respected(
    target: Mapping[str, Any],
    live: Mapping[str, Any],
    rules: Iterable[IgnoreDifference],
    *,
    jq: PathFinder | None,
) -> Object:
    """Return a target that leaves the ignored fields as they are (RespectIgnoreDifferences).

    Args:
        target: as it would be applied.
        live: the object as it is.
        rules: those that are about it.
        jq: evaluates jqPathExpressions.
    """
    rules = tuple(rules)
    found = {
        path: None
        for side in (target, live)
        for path in ignored_in(side, rules, live=live, jq=jq).paths
        if path[0] not in ("apiVersion", "kind") and path[:2] != ("metadata", "name")
    }
    kept: Any = target
    for path in sorted(found, key=_order, reverse=True):
        value = value_at(live, path)
        kept = without_path(kept, path) if value is ABSENT else _with_value(kept, path, value)
    return dict(kept)


def _selected(expression: str, obj: Mapping[str, Any], jq: PathFinder | None) -> list[Path]:
    if jq is None:
        raise JqFailed(f"{expression!r}: jq is not available here", wrong=True)
    shown = obj
    if is_secret(obj):
        # No value leaves this process, not even to our own child.
        hidden = {
            name: dict.fromkeys(obj[name], _HIDDEN)
            for name in ("data", "stringData")
            if isinstance(obj.get(name), Mapping)
        }
        shown = {**obj, **hidden}
    return jq.paths(expression, shown)


def _pointed(obj: Mapping[str, Any], pointer: str) -> Path:
    """Return the path of a JSON pointer (RFC 6901) in an object, () where it has none."""
    if not pointer.startswith("/"):
        return ()
    steps: list[str | int] = []
    value: Any = obj
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        is_index = isinstance(value, list) and name.isascii() and name.isdigit()
        step: str | int = int(name) if is_index else name
        value = value_at(value, (step,))
        if value is ABSENT:
            return ()
        steps.append(step)
    return tuple(steps)


def _order(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


def _with_value(value: Any, path: Path, new: Any) -> Any:
    """Return the value with one field set; a list item that is not there is not made."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        if not isinstance(step, int) or step >= len(value):
            return value
        return [*value[:step], _with_value(value[step], rest, new), *value[step + 1 :]]
    if isinstance(step, int):
        return value
    below = value if isinstance(value, Mapping) else {}
    return {**below, step: _with_value(below.get(step), rest, new)}
