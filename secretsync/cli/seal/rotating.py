"""What `seal rotate` does: each file of the repository, then the report.

Neighbours: `resealing` has the two ways to a new sealed text, `manifest_text` changes
the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sealing import SealingError, require_valid
from secretsync.cli.seal.console import EXIT_FAILED, error
from secretsync.cli.seal.file_report import FAILED, FileOutcome, report_files, sentence
from secretsync.cli.seal.manifest_files import FoundFile, find_files
from secretsync.cli.seal.manifest_text import Change, read_manifest_text
from secretsync.cli.seal.progress import Progress
from secretsync.cli.seal.resealing import Resealer, open_resealer
from secretsync.cli.seal.sealed_objects import (
    ENCRYPTED_DATA,
    OLD_DATA,
    SealedObject,
    sealed_objects,
)
from secretsync.cli.seal.value_changes import note_change, save
from secretsync.cores import usable_cores
from secretsync.errors import SecretSyncError

__all__ = ["rotate_files", "rotate_paths"]

#: Files without this word hold no SealedSecret; they are not even parsed.
_WORD = b"SealedSecret"


def rotate_paths(options: Any) -> int:
    """Run `seal rotate` and return its exit code.

    Raises:
        SecretSyncError, SealingError: nothing was attempted.
    """
    now = datetime.now(UTC)
    resealer = open_resealer(options, now=now)
    require_valid(resealer.certificate, now)
    outcomes = rotate_files(list(find_files(options.paths)), resealer, options.namespace)
    fingerprint = resealer.certificate.fingerprint
    code = report_files(
        outcomes, fingerprint, statuses=("rotated", "skipped"), output=options.output
    )
    if not outcomes:
        error("no SealedSecret was found", "give the files or folders that hold them")
        return EXIT_FAILED
    return code


def rotate_files(
    files: Sequence[FoundFile], resealer: Resealer, namespace: str = ""
) -> list[FileOutcome]:
    """Rotate each file by itself, and return what became of those with SealedSecrets.

    Args:
        namespace: of objects that name none.
    """
    progress = Progress(len(files), "files")

    def rotate(found: FoundFile) -> FileOutcome | None:
        try:
            return _rotated(found, resealer, namespace)
        finally:
            progress.advance()

    # Opening a value is one private-key operation, and that lets other threads run.
    workers = usable_cores() if resealer.parallel else 1
    try:
        with ThreadPoolExecutor(workers) as pool:
            return [outcome for outcome in pool.map(rotate, files) if outcome is not None]
    finally:
        progress.clear()


def _rotated(found: FoundFile, resealer: Resealer, namespace: str) -> FileOutcome | None:
    """Rotate one file; None where it holds no SealedSecret."""
    file = str(found.path)
    if found.error:
        return FileOutcome(file, FAILED, errors=(f"{file}: cannot be read: {found.error}",))
    try:
        if _WORD not in found.path.read_bytes():
            return None
        return _rotated_text(file, resealer, namespace)
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        return FileOutcome(file, FAILED, errors=(f"{file}: cannot be read: {reason}",))
    except SecretSyncError as exc:
        return FileOutcome(file, FAILED, errors=(sentence(exc),))


def _rotated_text(file: str, resealer: Resealer, namespace: str) -> FileOutcome | None:
    before = read_manifest_text(file)
    found = sealed_objects(before)
    changes: list[Change] = []
    errors: list[str] = []
    values = 0
    for sealed in found:
        try:
            anew = _changes(sealed, resealer, namespace)
        except SecretSyncError as exc:
            errors.append(sentence(exc))
        except SealingError as exc:
            reason = str(exc).replace("\n", "; ")
            errors.append(f"{sealed.placed.place}: {sealed.placed}: {reason}")
        else:
            changes += anew
            values += sum(change.path[-2:-1] != ("annotations",) for change in anew)
    if errors:
        return FileOutcome(file, FAILED, len(found), errors=tuple(errors))
    if not found:
        return None
    rotated = bool(changes) and save(before, before.changed(changes))
    return FileOutcome(file, "rotated" if rotated else "skipped", len(found), values)


def _changes(sealed: SealedObject, resealer: Resealer, namespace: str) -> list[Change]:
    """The changes of one object; none where all its values are as wanted already."""
    place = sealed.bound_to(namespace)
    anew = resealer.resealed(sealed, place)
    if not anew:
        return []
    path = OLD_DATA[:1] if sealed.old_form else ENCRYPTED_DATA
    changes = [sealed.placed.change((*path, key), text) for key, text in anew.items()]
    return changes + note_change(sealed, resealer.certificate.fingerprint, kept=())
