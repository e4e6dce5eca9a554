"""The report of `seal check` for people and for programs. No value is in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from secretsync.cli.seal.findings import RULES, Finding
from secretsync.cli.seal.sealed_objects import SealedObject
from secretsync.cli.seal.sealed_with import UNKNOWN, noted

__all__ = ["Checked", "Report", "render_json", "render_text"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A SealedSecret that was looked at.

    Args:
        sealed_with: fingerprints of its annotation, `unknown` among them where it says so.
        certificate: `current` or `other` than the one given, else `unknown`.
    """

    file: str
    line: int
    object: str
    scope: str
    sealed_with: tuple[str, ...]
    certificate: str

    @classmethod
    def of(cls, sealed: SealedObject, certificate: str) -> Checked:
        """Return the row of a SealedSecret."""
        placed = sealed.placed
        listed = tuple(sorted(noted(sealed.annotations)))
        return cls(
            placed.file, placed.line_of(), str(placed), str(sealed.scope), listed, certificate
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All of a run.

    Args:
        unreadable: what could not be read, one sentence each.
        files: how many were read.
    """

    findings: tuple[Finding, ...]
    checked: tuple[Checked, ...]
    unreadable: tuple[str, ...]
    files: int


def render_text(report: Report) -> str:
    """Return a block for each finding, and a summary."""
    blocks = [_block(item) for item in report.findings]
    count = len(report.findings)
    unknown = sum(row.certificate == UNKNOWN for row in report.checked)
    summary = (
        f"{report.files} files, {len(report.checked)} SealedSecrets, "
        f"{count or 'no'} finding{'' if count == 1 else 's'}"
    )
    if unknown:
        summary += f"; of {unknown} the certificate is unknown"
    return "".join(f"{block}\n" for block in [*blocks, summary])


def _block(item: Finding) -> str:
    rule = RULES[item.rule]
    place = f"{item.file}:{item.line}" if item.line else item.file
    lines = [f"{place}: {rule.level}: {item.message} [{item.rule}]"]
    if item.object:
        lines.append(f"  object: {item.object}")
    if item.field:
        lines.append(f"  field:  {item.field}")
    lines.append(f"  remedy: {rule.remedy}")
    return "\n".join(lines)


def render_json(report: Report) -> str:
    """Return the stable form for programs."""
    findings = [
        {
            **asdict(item),
            "level": str(RULES[item.rule].level),
            "remedy": RULES[item.rule].remedy,
        }
        for item in report.findings
    ]
    rows = [
        {
            "file": row.file,
            "line": row.line,
            "object": row.object,
            "scope": row.scope,
            "sealedWith": list(row.sealed_with),
            "certificate": row.certificate,
        }
        for row in report.checked
    ]
    whole = {
        "findings": findings,
        "sealedSecrets": rows,
        "unreadable": list(report.unreadable),
        "files": report.files,
    }
    return json.dumps(whole, indent=2) + "\n"
