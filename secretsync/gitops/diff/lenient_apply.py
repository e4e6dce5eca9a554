"""`Validate=false`: fields that a kind does not declare are left out instead of refused.

A server-side apply of such a field is refused whatever the server is asked to validate, so
that the field is taken out of what is applied. Neighbours: `object_writing` applies so,
`object_diff` asks so: what is left out is no difference.

Source: Argo CD 3.6, "Sync options"; the words are those of Kubernetes' structured merge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from secretsync.errors import Rejected
from secretsync.gitops.model import Object
from secretsync.gitops.objects.field_paths import Path, without_path

__all__ = ["applied_leniently", "undeclared_in"]

MOST_FIELDS = 50

_UNDECLARED = re.compile(r"(?:^|\s)(\.\S+): field not declared in schema")
_STEP = re.compile(r"\.([^.\[\]]+)|\[([^\]]*)\]")


def applied_leniently(apply: Callable[[Object], Object], target: Object) -> Object:
    """Apply an object, without the fields that its kind does not declare.

    Args:
        apply: sends it, or asks what would become of it.
        target: as the sources have it.

    Returns:
        What `apply` returned.

    Raises:
        ClusterError: it was refused for another reason, or could not be sent.
    """
    for _ in range(MOST_FIELDS):
        try:
            return apply(target)
        except Rejected as exc:
            paths = undeclared_in(exc.message, target)
            if not paths:
                raise
            for path in sorted(paths, key=str, reverse=True):
                target = dict(without_path(target, path))
    return apply(target)


def undeclared_in(message: str, target: Mapping[str, Any]) -> list[Path]:
    """Return the fields of an object that a refusal says its kind does not declare.

    Args:
        message: of the server.
    """
    found = (_resolved(text, target) for text in _UNDECLARED.findall(message))
    return [path for path in dict.fromkeys(found) if path]


def _resolved(text: str, target: Any) -> Path:
    """Return the path behind `.spec.containers[name="web"].x`, () where there is none."""
    path: list[str | int] = []
    value = target
    for name, keys in _STEP.findall(text):
        step = name or _index(keys, value)
        if step is None or (name and not (isinstance(value, Mapping) and name in value)):
            return ()
        path.append(step)
        value = value[step]
    return tuple(path)


def _index(keys: str, value: Any) -> int | None:
    """Return which item of a list `name="web"`, or `0`, means."""
    if not isinstance(value, list):
        return None
    if keys.isascii() and keys.isdigit():
        return int(keys) if int(keys) < len(value) else None
    wanted = [pair.partition("=")[::2] for pair in keys.split(",")]
    for index, item in enumerate(value):
        if isinstance(item, Mapping) and all(_equal(item.get(k), v) for k, v in wanted):
            return index
    return None


def _equal(value: Any, text: str) -> bool:
    return value is not None and json.dumps(value) == text
