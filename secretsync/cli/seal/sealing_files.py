"""What `seal files` does: each file of the input, then the report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealing import require_valid
from secretsync.cli.seal.certificates import load_certificate
from secretsync.cli.seal.console import EXIT_FAILED, error, note
from secretsync.cli.seal.file_report import FAILED, FileOutcome, report_files, sentence
from secretsync.cli.seal.manifest_files import FoundFile, find_files, replace_manifest
from secretsync.cli.seal.manifest_text import ManifestText, read_manifest_text
from secretsync.cli.seal.progress import Progress
from secretsync.cli.seal.secret_text import SealPlan, sealed_text, secret_count
from secretsync.cli.seal.value_changes import save
from secretsync.errors import ConfigError, InputError, SecretSyncError

__all__ = ["seal_paths"]

#: Files without this word hold no Secret; they are not even parsed.
_WORD = b"Secret"
#: Encrypting and waiting for the disk let other threads run. 200 files of 4 values took
#: 1.4 s with 2 threads on 2 cores, 1.8 s with 4, 2.3 s with 8: more only get in the way.
_WORKERS = 2


def seal_paths(options: Any) -> int:
    """Run `seal files` and return its exit code.

    Raises:
        SecretSyncError, SealingError: nothing was attempted.
    """
    now = datetime.now(UTC)
    certificate = load_certificate(options)
    require_valid(certificate, now)
    plan = SealPlan(
        certificate,
        now=now,
        scope=options.scope,
        namespace=options.namespace,
        allow_empty_data=options.allow_empty_data,
    )
    files = list(find_files(options.paths))
    outputs = _outputs(files, options.output_dir)
    progress = Progress(len(files), "files")

    def seal(found: FoundFile) -> FileOutcome | None:
        try:
            return _sealed(found, plan, outputs)
        finally:
            progress.advance()

    try:
        with ThreadPoolExecutor(_WORKERS) as pool:
            outcomes = [outcome for outcome in pool.map(seal, files) if outcome is not None]
    finally:
        progress.clear()
    code = report_files(
        outcomes, certificate.fingerprint, statuses=("sealed",), output=options.output
    )
    if not outcomes:
        error("no Secret was found", "give the files or folders that hold them")
        return EXIT_FAILED
    _remind(outcomes, in_place=options.in_place)
    return code


def _remind(outcomes: Sequence[FileOutcome], *, in_place: bool) -> None:
    done = sum(outcome.status != FAILED for outcome in outcomes)
    if done and in_place:
        note("the plaintext is gone from these files; history and backups may still have it")
    elif done:
        note(f"{done} plaintext files are still where they were; keep them out of the repository")


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Where sealed files go.

    Args:
        targets: input → output; an input whose output another has already is left out.
        inputs: real paths of all inputs.
    """

    targets: Mapping[Path, Path]
    inputs: frozenset[str]


def _outputs(files: Sequence[FoundFile], folder: str | None) -> _Outputs | None:
    if folder is None:
        return None
    taken: dict[Path, Path] = {}
    for found in files:
        taken.setdefault(Path(folder) / found.below, found.path)
    targets = {source: target for target, source in taken.items()}
    return _Outputs(targets, frozenset(os.path.realpath(found.path) for found in files))


def _sealed(found: FoundFile, plan: SealPlan, outputs: _Outputs | None) -> FileOutcome | None:
    """Seal one file; None where it holds no Secret."""
    file = str(found.path)
    try:
        if found.error:
            raise InputError(f"{file}: cannot be read: {found.error}")
        if _WORD not in found.path.read_bytes():
            return None
        before = read_manifest_text(file)
        count = secret_count(before)
        if not count:
            return None
        target = _target(found, outputs) if outputs else None
        after, values = sealed_text(before, plan)
        _write(before, after, target)
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        return FileOutcome(file, FAILED, errors=(f"{file}: cannot be read: {reason}",))
    except SecretSyncError as exc:
        return FileOutcome(file, FAILED, errors=(sentence(exc),))
    return FileOutcome(file, "sealed", count, values, output=str(target or ""))


def _target(found: FoundFile, outputs: _Outputs) -> Path:
    target = outputs.targets.get(found.path)
    if target is None:
        raise ConfigError(
            f"{found.path}: another input has the same name in the output folder",
            remedy="give a folder that holds both, or use two output folders",
        )
    if os.path.realpath(target) in outputs.inputs:
        raise ConfigError(
            f"{found.path}: the output would replace an input",
            remedy="use --in-place, or another output folder",
        )
    if target.exists() and b"SealedSecret" not in target.read_bytes():
        raise ConfigError(
            f"{target}: exists, and holds no SealedSecret",
            remedy="move it away, or use another output folder",
        )
    return target


def _write(before: ManifestText, after: ManifestText, target: Path | None) -> None:
    if target is None:
        save(before, after)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_manifest(target, after.content)
