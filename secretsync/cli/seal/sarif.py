"""The report of `seal check` as SARIF, which code hosts show beside the lines."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from secretsync.cli.seal.check_report import Report
from secretsync.cli.seal.findings import RULES, Finding

__all__ = ["render_sarif"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_IDS = tuple(RULES)


def render_sarif(report: Report) -> str:
    """Return a SARIF log with one run.

    Source: OASIS SARIF 2.1.0 §3.13 (sarifLog), §3.27 (result).
    """
    notifications = [{"level": "error", "message": {"text": text}} for text in report.unreadable]
    invocation: dict[str, Any] = {"executionSuccessful": not notifications}
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    run = {
        "tool": {"driver": {"name": "seal check", "rules": [_rule(name) for name in _IDS]}},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [_result(item) for item in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": str(rule.level)},
    }


def _result(item: Finding) -> dict[str, Any]:
    rule = RULES[item.rule]
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(item.file)}}
    if item.line:
        physical["region"] = {"startLine": item.line}
    location: dict[str, Any] = {"physicalLocation": physical}
    logical = " ".join(part for part in (item.object, item.field) if part)
    if logical:
        location["logicalLocations"] = [{"fullyQualifiedName": logical, "kind": "object"}]
    subject = ": ".join(part for part in (item.object, item.field, item.message) if part)
    return {
        "ruleId": item.rule,
        "ruleIndex": _IDS.index(item.rule),
        "level": str(rule.level),
        "message": {"text": f"{subject}. Remedy: {rule.remedy}."},
        "locations": [location],
        "partialFingerprints": {"sealCheck/v1": _identity(item)},
    }


def _uri(file: str) -> str:
    path = Path(file)
    if path.is_absolute():
        return path.as_uri()
    return quote(str(PurePosixPath(path)))


def _identity(item: Finding) -> str:
    """The same for a finding that merely moved to another line."""
    parts = (item.rule, item.file, item.object, item.field)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
