"""New values of one SealedSecret as changes of its file, and writing that file."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from sealing import Certificate, seal_value
from secretsync.cli.seal.manifest_files import replace_manifest
from secretsync.cli.seal.manifest_text import Change, ManifestText
from secretsync.cli.seal.sealed_objects import ENCRYPTED_DATA, SealedObject
from secretsync.cli.seal.sealed_with import SEALED_WITH, sealed_with_after
from secretsync.errors import ConfigError, Conflict

__all__ = ["check_item_key", "is_item_key", "note_change", "save", "value_changes"]

#: What the API server takes as a key of a Secret's data.
_ITEM_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_ANNOTATION = ("metadata", "annotations", SEALED_WITH)


def is_item_key(key: str) -> bool:
    """Return whether a Secret can have this key.

    Source: Kubernetes validation.IsConfigMapKey.
    """
    return bool(_ITEM_KEY.fullmatch(key)) and key != "." and not key.startswith("..")


def check_item_key(key: str) -> None:
    """Refuse a key that no Secret can have.

    Raises:
        ConfigError: it is one.
    """
    if not is_item_key(key):
        raise ConfigError(
            "the key is none that a Secret can have",
            remedy="use letters, digits, '-', '_' and '.', up to 253 of them, not '..' first",
        )


def value_changes(
    sealed: SealedObject,
    values: Mapping[str, bytes],
    certificate: Certificate,
    *,
    now: datetime,
    namespace: str = "",
    removed: Collection[str] = (),
    known: Mapping[str, str] | None = None,
) -> list[Change]:
    """Return the changes that seal these values for their place, and drop others.

    Args:
        values: item key → plaintext.
        now: aware; what the certificate's end is compared with.
        namespace: of an object that names none itself.
        removed: item keys to take out.
        known: item key → fingerprint of the key that opens it, as far as is known.

    Raises:
        ConfigError: a key is none, the object has the old form, or lacks its place.
        SealingError: the certificate cannot seal.
    """
    refuse_old_form(sealed)
    place = sealed.bound_to(namespace)
    changes = []
    for key, plaintext in values.items():
        check_item_key(key)
        text = seal_value(plaintext, certificate, now=now, **place)
        changes.append(sealed.placed.change((*ENCRYPTED_DATA, key), text))
    changes += [sealed.placed.change((*ENCRYPTED_DATA, key), None) for key in removed]
    if values:
        left = sealed.encrypted.keys() - values.keys() - set(removed)
        changes += note_change(sealed, certificate.fingerprint, kept=_kept(left, known))
    return changes


def _kept(left: Collection[str], known: Mapping[str, str] | None) -> Iterable[str] | None:
    if not left:
        return ()
    complete = known is not None and all(key in known for key in left)
    return {known[key] for key in left} if known is not None and complete else None


def note_change(
    sealed: SealedObject, fingerprint: str, *, kept: Iterable[str] | None
) -> list[Change]:
    """Return the change of the annotation that names the certificate, if one is needed."""
    note = sealed_with_after(sealed.annotations, fingerprint, kept=kept)
    if sealed.annotations.get(SEALED_WITH) == note:
        return []
    return [sealed.placed.change(_ANNOTATION, note)]


def refuse_old_form(sealed: SealedObject) -> None:
    """Refuse an object whose values are one blob: single values cannot be changed there.

    Raises:
        ConfigError: it is one.
    """
    if sealed.old_form:
        raise ConfigError(
            f"{sealed.placed.place}: {sealed.placed}: spec.data: holds all values as one blob, "
            "the old form",
            remedy="seal the Secret anew with kubeseal or `seal`",
        )


def save(before: ManifestText, after: ManifestText) -> bool:
    """Replace the file, and return whether there was anything to write.

    Raises:
        Conflict: somebody changed the file since it was read.
        InputError: it cannot be written.
    """
    if after.text == before.text:
        return False
    path = Path(os.path.realpath(before.file))
    try:
        current = path.read_bytes()
    except OSError:
        current = b""
    if current != before.content:
        raise Conflict(
            f"{before.file}: somebody changed the file in the meantime; nothing was written",
            remedy="try again",
        )
    replace_manifest(before.file, after.content)
    return True
