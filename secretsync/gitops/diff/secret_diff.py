"""What differs in a Secret, key by key, without its values. Pure.

Values are shown by their keyed fingerprints, the same for the same value of the same
key on both sides: in the cluster and in the sources, and in two revisions.
Neighbours: `comparing` and the diff of revisions hand over normalized objects.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.model import FieldChange, Object, ObjectKey, api_group
from secretsync.gitops.objects.field_paths import ABSENT, Difference, Path, render_path
from secretsync.gitops.objects.normalizing import is_secret

__all__ = ["field_changes", "fingerprinted", "secret_changes"]

_SEALED = ("spec", "encryptedData")
#: Kinds that hold values as they are, for tests and demonstrations, and where.
_LITERAL: Mapping[tuple[str, str], Path] = {
    ("external-secrets.io", "SecretStore"): ("spec", "provider", "fake", "data"),
    ("external-secrets.io", "ClusterSecretStore"): ("spec", "provider", "fake", "data"),
    ("generators.external-secrets.io", "Fake"): ("spec", "data"),
}


def fingerprinted(obj: Mapping[str, Any], fingerprints: Fingerprinter) -> Object:
    """Return a normalized Secret with a fingerprint in the place of each value.

    Args:
        obj: as normalized() gives it; what is no Secret is returned as it is.
        fingerprints: of this installation.
    """
    if not is_secret(obj) or not isinstance(obj.get("data"), Mapping):
        return dict(obj)
    key = str(ObjectKey.of(obj))
    data = {name: _shown(fingerprints, key, name, value) for name, value in obj["data"].items()}
    return {**obj, "data": data}


def field_changes(
    found: list[Difference], obj: Mapping[str, Any], fingerprints: Fingerprinter
) -> tuple[FieldChange, ...]:
    """Return differences as they may be shown.

    Args:
        found: before is the live side, after the wanted one.
        obj: whose they are, either side: a Secret's values come as fingerprints, a
            SealedSecret's ciphertexts too, as nobody reads them.
        fingerprints: of this installation.
    """
    if is_secret(obj):
        found = [part for each in found for part in _by_key(each)]
    return tuple(_change(each, obj, fingerprints) for each in found)


def secret_changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, fingerprints: Fingerprinter
) -> tuple[FieldChange, ...]:
    """Return which keys a Secret gains, loses and changes; a missing side has none.

    Args:
        before: a normalized Secret, None where there is none.
        after: the other side; both are one object.
        fingerprints: of this installation.
    """
    some = before or after or {}
    old, new = ((side or {}).get("data") or {} for side in (before, after))
    found = [
        Difference(("data", name), old.get(name, ABSENT), new.get(name, ABSENT))
        for name in sorted({*old, *new})
        if old.get(name, ABSENT) != new.get(name, ABSENT)
    ]
    return field_changes(found, some, fingerprints)


def _by_key(each: Difference) -> list[Difference]:
    """Split a difference of all data into one a key: none may show a map of values."""
    if each.path != ("data",):
        return [each]
    sides = [side if isinstance(side, Mapping) else {} for side in (each.before, each.after)]
    return [
        Difference(("data", name), *(side.get(name, ABSENT) for side in sides))
        for name in sorted({*sides[0], *sides[1]})
    ]


def _change(each: Difference, obj: Mapping[str, Any], fingerprints: Fingerprinter) -> FieldChange:
    sides = [
        None if value is ABSENT else _side(value, each.path, obj, fingerprints)
        for value in (each.before, each.after)
    ]
    return FieldChange(render_path(each.path), *sides)


def _side(value: Any, path: Path, obj: Mapping[str, Any], fingerprints: Fingerprinter) -> Any:
    hidden = is_secret(obj) and path[:1] in (("data",), ("stringData",))
    sealed = obj.get("kind") == "SealedSecret" and path[:2] == _SEALED
    if hidden or sealed:
        return _shown(fingerprints, str(ObjectKey.of(obj)), str(path[-1]), value)
    literal = _LITERAL.get((api_group(str(obj.get("apiVersion", ""))), str(obj.get("kind", ""))))
    return value if literal is None else _without(value, path, literal, obj, fingerprints)


def _without(
    value: Any, path: Path, literal: Path, obj: Mapping[str, Any], fingerprints: Fingerprinter
) -> Any:
    """Return a value whose part at `literal`, which holds values as they are, is hidden."""
    if path[: len(literal)] == literal:
        return _shown(fingerprints, str(ObjectKey.of(obj)), str(path[-1]), value)
    if literal[: len(path)] != path or not isinstance(value, Mapping):
        return value
    return {
        name: _without(each, (*path, name), literal, obj, fingerprints)
        for name, each in value.items()
    }


def _shown(fingerprints: Fingerprinter, key: str, name: str, value: Any) -> str:
    """The fingerprint of the decoded value, so that it is the same however it was written."""
    text = value if isinstance(value, str) else repr(value)
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = text.encode("utf-8", "surrogatepass")
    return fingerprints.fingerprint(key, name, content)
