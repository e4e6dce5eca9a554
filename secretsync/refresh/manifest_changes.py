"""How a target that is no Secret differs from what it should be, leaf by leaf.

Neighbour: `manifest_targets` asks. Pure; values stay in SecretBytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from providers.base import SecretBytes
from secretsync.core.plan import KeyChange, KeyVerb

__all__ = ["Object", "blanks", "changes_of", "settled"]

Object = dict[str, Any]
#: What differs between two reads of the same object.
_VOLATILE = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


def settled(obj: Object) -> Object:
    """Return an object without what differs between two reads of it."""
    meta = {key: value for key, value in obj["metadata"].items() if key not in _VOLATILE}
    return {**obj, "metadata": meta}


def changes_of(live: Object | None, wanted: Object) -> Iterator[KeyChange]:
    """Yield each leaf that differs, what the cluster keeps for itself left out."""
    before = {} if live is None else dict(_leaves(_shown(live)))
    after = dict(_leaves(_shown(wanted)))
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            verb = KeyVerb.CHANGED
            if old is None or new is None:
                verb = KeyVerb.ADDED if old is None else KeyVerb.REMOVED
            yield KeyChange(path, verb, _hidden(old), _hidden(new))


def _shown(obj: Object) -> Object:
    meta = obj.get("metadata") or {}
    kept = {key: meta[key] for key in ("labels", "annotations") if meta.get(key)}
    own = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    return {**own, "metadata": kept} if kept else own


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, bytes]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}[{index}]")
    else:
        yield path, (value if isinstance(value, str) else json.dumps(value)).encode()


def _hidden(value: bytes | None) -> SecretBytes | None:
    return None if value is None else SecretBytes(value)


def blanks(change: KeyChange) -> bool:
    """Return whether an empty value would replace one that is not."""
    before, after = change.before, change.after
    return before is not None and after is not None and not after.reveal() and bool(before.reveal())
