"""What a verb over many files did, as text or JSON; `rotate` and `files` share it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from secretsync.cli.seal.console import EXIT_FAILED, EXIT_GOOD, error
from secretsync.errors import SecretSyncError

__all__ = ["FAILED", "FileOutcome", "report_files", "sentence"]

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    Args:
        status: one of the words that the report is given, or FAILED.
        objects: how many objects of the kind it has.
        values: how many values were sealed.
        errors: why it failed, one sentence each.
        output: the file that was written, where that is another one.
    """

    file: str
    status: str
    objects: int = 0
    values: int = 0
    errors: tuple[str, ...] = ()
    output: str = ""


def sentence(exc: SecretSyncError) -> str:
    """Return what an error says, remedy included, on one line."""
    return f"{exc.message} ({exc.remedy})" if exc.remedy else exc.message


def report_files(
    outcomes: Sequence[FileOutcome], fingerprint: str, *, statuses: Sequence[str], output: str
) -> int:
    """Write the report and return the exit code.

    Args:
        fingerprint: of the certificate.
        statuses: what can have become of a file, besides FAILED, in order.
        output: `text` or `json`.
    """
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in (*statuses, FAILED)
    }
    values = sum(outcome.values for outcome in outcomes)
    for outcome in outcomes:
        for text in outcome.errors:
            error(text)
    if output == "json":
        report = {
            "certificate": fingerprint,
            "files": [_row(outcome) for outcome in outcomes],
            "summary": {**counts, "values": values},
        }
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        for outcome in outcomes:
            to = f" -> {outcome.output}" if outcome.output else ""
            sys.stdout.write(f"{outcome.status}  {outcome.file}{to}\n")
        shown = ", ".join(f"{count} {status}" for status, count in counts.items())
        sys.stdout.write(f"{shown}; {values} values sealed\n")
    return EXIT_FAILED if counts[FAILED] else EXIT_GOOD


def _row(outcome: FileOutcome) -> dict[str, object]:
    row = {
        "file": outcome.file,
        "status": outcome.status,
        "objects": outcome.objects,
        "values": outcome.values,
        "errors": list(outcome.errors),
    }
    return row | ({"output": outcome.output} if outcome.output else {})
