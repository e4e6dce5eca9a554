"""What `seal edit` does: open, let edit, seal what changed.

Neighbours: `edit_form` is the text that the user sees, `private_folder` where it lies,
`editor` who shows it, `value_changes` what becomes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sealing import Certificate, SealingError, unseal_value
from secretsync.cli.seal.certificates import load_certificate
from secretsync.cli.seal.console import EXIT_GOOD, note, warn
from secretsync.cli.seal.edit_form import parse_form, render_form
from secretsync.cli.seal.editor import edited
from secretsync.cli.seal.manifest_text import read_manifest_text
from secretsync.cli.seal.opening import OpeningKeys, load_keys
from secretsync.cli.seal.private_folder import ended_by_signal, private_folder
from secretsync.cli.seal.sealed_objects import SealedObject, choose
from secretsync.cli.seal.value_changes import refuse_old_form, save, value_changes
from secretsync.errors import ConfigError

__all__ = ["edit_values"]

_FORM = "values.yaml"
#: Begins the line that says what was wrong with the form; it is not part of it.
_COMPLAINT = "#! "


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the keys open.

    Args:
        values: item key → plaintext, None where no key opens it.
        opened_by: item key → fingerprint of the key that does.
    """

    values: Mapping[str, bytes | None] = field(repr=False)
    opened_by: Mapping[str, str]


def edit_values(options: Any) -> int:
    """Run `seal edit` and return its exit code.

    Raises:
        SecretSyncError: nothing was changed.
        SealingError: the certificate cannot seal; nothing was changed.
    """
    before = read_manifest_text(options.file)
    sealed = choose(before, name=options.name, namespace=options.namespace)
    refuse_old_form(sealed)
    place = sealed.bound_to(options.namespace)
    keys = load_keys(options)
    # Before the editor: nobody shall type values that then cannot be sealed.
    certificate = _certificate(options, keys)
    opened = _opened(sealed, keys, place)
    with ended_by_signal():
        wanted = _asked(opened, _comments(sealed, opened, with_keys=bool(keys)))
        values = {
            key: value
            for key, value in wanted.items()
            if value is not None and value != opened.values.get(key)
        }
        removed = [key for key in opened.values if key not in wanted]
        changes = value_changes(
            sealed,
            values,
            certificate,
            now=datetime.now(UTC),
            namespace=options.namespace,
            removed=removed,
            known=opened.opened_by,
        )
        written = save(before, before.changed(changes)) if changes else False
    if not written:
        note(f"{options.file}: nothing was changed (an editor with windows may need `--wait`)")
        return EXIT_GOOD
    note(f"{options.file}: {sealed.placed}: {len(values)} set, {len(removed)} removed")
    return EXIT_GOOD


def _certificate(options: Any, keys: OpeningKeys) -> Certificate:
    """The one that was given, else the cluster's newest, else the controller's."""
    if not options.cert and keys.newest is not None:
        return keys.newest.certificate
    return load_certificate(options)


def _opened(sealed: SealedObject, keys: OpeningKeys, place: Mapping[str, Any]) -> _Opened:
    values: dict[str, bytes | None] = {}
    opened_by: dict[str, str] = {}
    for item, text in sealed.encrypted.items():
        values[item] = None
        for key in keys:
            try:
                values[item] = unseal_value(text, [key], **place)
            except SealingError:
                continue
            opened_by[item] = key.fingerprint
            break
    closed = [item for item, value in values.items() if value is None]
    if keys and closed:
        warn(f"{sealed.placed}: no key opens {', '.join(sorted(closed))}; can be set, not seen")
    return _Opened(values, opened_by)


def _comments(sealed: SealedObject, opened: _Opened, *, with_keys: bool) -> list[str]:
    lines = [
        f"{sealed.placed}, scope {sealed.scope}",
        "",
        "One `key: value` an item; what stands behind the colon is the value, as text.",
        "A line that is removed removes its key. Save to seal what was changed.",
    ]
    if None in opened.values.values() or not opened.values:
        why = "with the keys given" if with_keys else "without a private key"
        lines += [f"Values that are not shown cannot be opened {why}: they stay as they are"]
        lines += ["unless something is written behind the colon ('' for an empty value)."]
    return lines


def _asked(opened: _Opened, comments: list[str]) -> dict[str, bytes | None]:
    """What the user wants: item key → plaintext, None where the value stays unseen."""
    text = render_form(opened.values, comments=comments)
    complaint = ""
    with private_folder() as folder:
        while True:
            head = f"{_COMPLAINT}{complaint}\n" if complaint else ""
            answer = edited(head + text, folder, name=_FORM)
            lines = answer.splitlines(keepends=True)
            answer = "".join(line for line in lines if not line.startswith(_COMPLAINT))
            if answer == text and not complaint:
                return dict(opened.values)
            try:
                wanted = parse_form(answer)
                _check(wanted, opened.values)
            except ConfigError as exc:
                if answer == text or not sys.stdin.isatty():
                    raise ConfigError(
                        f"{exc.message}; nothing was changed", remedy=exc.remedy
                    ) from exc
                text, complaint = answer, exc.message
                continue
            return wanted


def _check(wanted: Mapping[str, bytes | None], shown: Mapping[str, bytes | None]) -> None:
    if shown and not wanted:
        raise ConfigError(
            "no key is left; an editor that failed looks the same",
            remedy="remove values with `seal unset`",
        )
    for key, value in wanted.items():
        if value is None and (key not in shown or shown[key] is not None):
            raise ConfigError(
                f"{key}: nothing stands behind the colon",
                remedy="write '' for an empty value, or remove the line to remove the key",
            )
