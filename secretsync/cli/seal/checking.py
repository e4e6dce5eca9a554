"""What `seal check` does: every file, what lies beside them, then the report.

Neighbours: `check_rules` judges an object, `check_keys` its certificate,
`check_neighbours` the folder, `check_report` and `sarif` show it.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealing import Certificate, CertificateExpired, require_valid
from secretsync.cli.seal.certificates import load_certificate
from secretsync.cli.seal.check_keys import KeyCheck
from secretsync.cli.seal.check_neighbours import neighbour_findings
from secretsync.cli.seal.check_report import Checked, Report, render_json, render_text
from secretsync.cli.seal.check_rules import finding, object_findings
from secretsync.cli.seal.console import EXIT_FAILED, EXIT_GOOD, EXIT_USAGE, error, note
from secretsync.cli.seal.findings import RULES, Finding
from secretsync.cli.seal.manifest_files import FoundFile, find_files
from secretsync.cli.seal.manifest_text import ManifestText, parse_manifest_text
from secretsync.cli.seal.private_keys import load_sealing_keys
from secretsync.cli.seal.sarif import render_sarif
from secretsync.cli.seal.sealed_objects import Placed, is_sealed, walk_objects
from secretsync.cli.seal.secret_text import is_secret
from secretsync.errors import ConfigError, InputError
from secretsync.resources.documents import MAX_FILE_BYTES
from secretsync.resources.text_events import TextError

__all__ = ["check_paths"]

#: What makes a text that does not parse our business: others may be templates.
_OURS = re.compile(rb"SealedSecret|kind[\"']?[ \t]*:[ \t]*[\"']?Secret\b")
#: A text that is a manifest only once it has been rendered: Helm, Jinja.
_TEMPLATE = re.compile(rb"\{\{|\{%")
_CONFLICT = re.compile(rb"^(?:<{7}|>{7}) ", re.MULTILINE)
#: Files without this word are not even parsed.
_WORD = b"Secret"
_SHOW = {"text": render_text, "json": render_json, "sarif": render_sarif}


@dataclass(slots=True)
class _Findings:
    """What was found so far."""

    findings: list[Finding] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    files: int = 0
    foreign: int = 0


def check_paths(options: Any) -> int:
    """Run `seal check` and return its exit code.

    Raises:
        SecretSyncError, SealingError: the check cannot be made.
    """
    unknown = sorted(set(options.ignore) - RULES.keys())
    if unknown:
        raise ConfigError(
            f"--ignore: no rule is called {', '.join(unknown)}",
            remedy=f"the rules: {', '.join(RULES)}",
        )
    certificate = load_certificate(options) if options.cert else None
    keys = tuple(load_sealing_keys(options.sealing_key))
    key_check = KeyCheck(certificate, keys, options.namespace)
    found = _Findings()
    if certificate is not None:
        found.findings += _expired(certificate, options.cert)
    for file in find_files(options.paths):
        _check_file(file, key_check, found)
    found.findings += neighbour_findings(found.folders)
    kept = [item for item in found.findings if item.rule not in options.ignore]
    report = Report(tuple(kept), tuple(found.checked), tuple(found.unreadable), found.files)
    sys.stdout.write(_SHOW[options.output](report))
    for text in found.unreadable:
        error(text)
    if found.foreign:
        note(f"{found.foreign} files are templates or no manifests, and were not looked into")
    if found.unreadable:
        return EXIT_USAGE
    return EXIT_FAILED if kept else EXIT_GOOD


def _expired(certificate: Certificate, file: str) -> list[Finding]:
    try:
        require_valid(certificate, datetime.now(UTC))
    except CertificateExpired:
        ended = f"{certificate.not_after:%Y-%m-%d}"
        return [Finding("certificate-expired", f"its time ended on {ended}", file, 1)]
    return []


def _check_file(file: FoundFile, key_check: KeyCheck, found: _Findings) -> None:
    name = str(file.path)
    if file.error:
        found.unreadable.append(f"{name}: cannot be read: {file.error}")
        return
    try:
        with file.path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        found.unreadable.append(f"{name}: cannot be read: {exc.strerror or type(exc).__name__}")
        return
    found.files += 1
    if _WORD not in content:
        return
    try:
        text = parse_manifest_text(content, file=name)
    except InputError as exc:
        template = _TEMPLATE.search(content) and not _CONFLICT.search(content)
        if _OURS.search(content) and not template:
            found.findings.append(_unparsable(exc, name))
        else:
            found.foreign += 1
        return
    _check_text(text, key_check, found)


def _unparsable(exc: InputError, name: str) -> Finding:
    cause = exc.__cause__
    if isinstance(cause, TextError):
        return Finding("unparsable-manifest", cause.message, name, cause.line)
    return Finding("unparsable-manifest", exc.message.removeprefix(f"{name}: "), name)


def _check_text(text: ManifestText, key_check: KeyCheck, found: _Findings) -> None:
    for placed in walk_objects(text):
        if is_secret(placed.value):
            found.findings += _plaintext(placed)
        elif is_sealed(placed):
            found.folders.add(Path(text.file).parent)
            sealed, problems = object_findings(placed, namespace=key_check.namespace)
            found.findings += problems
            if sealed is not None:
                state, problems = key_check.run(sealed)
                found.findings += problems
                found.checked.append(Checked.of(sealed, state))


def _plaintext(placed: Placed) -> list[Finding]:
    found = [name for name in ("data", "stringData") if placed.value.get(name)]
    if not found:
        return []
    return [finding("plaintext-secret", "holds values in plaintext", placed, (found[0],))]
