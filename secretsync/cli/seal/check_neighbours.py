"""Files beside SealedSecrets that hold plaintext, or may: leftovers, `.env` and the like."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from secretsync.cli.seal.findings import Finding

__all__ = ["neighbour_findings"]

_MANIFEST = r".+\.(?:ya?ml|json)"
_LEFTOVER = re.compile(
    rf"{_MANIFEST}~|\.{_MANIFEST}\.sw[a-z]|#{_MANIFEST}#|\.#{_MANIFEST}"
    rf"|{_MANIFEST}\.(?:bak|orig|rej|save|old)"
)
_ENV = re.compile(r"\.env(?:\..+)?|.+\.env")
_SAMPLE = re.compile(r".*\.(?:example|sample|template|dist)(?:\..*)?")
_TIMEOUT_S = 30


def neighbour_findings(folders: Iterable[Path]) -> list[Finding]:
    """Look through folders that hold SealedSecrets; what Git ignores is left alone."""
    findings: list[Finding] = []
    for folder in sorted(set(folders)):
        try:
            names = sorted(entry.name for entry in folder.iterdir() if not entry.is_dir())
        except OSError:
            continue  # the files in it were read; that is what counts
        suspects = {name: rule for name in names if (rule := _rule(name))}
        ignored = _ignored(folder, suspects)
        findings += [
            Finding(rule, _MESSAGES[rule], str(folder / name), 1)
            for name, rule in suspects.items()
            if name not in ignored
        ]
    return findings


_MESSAGES = {
    "editor-leftover": "looks like what an editor or a merge left behind",
    "plaintext-file": "looks like a file of secrets, beside SealedSecrets",
}


def _rule(name: str) -> str:
    if _LEFTOVER.fullmatch(name):
        return "editor-leftover"
    if _ENV.fullmatch(name) and not _SAMPLE.fullmatch(name):
        return "plaintext-file"
    return ""


def _ignored(folder: Path, names: Iterable[str]) -> set[str]:
    """Those that Git will not take in; none where there is no Git or no repository."""
    git = shutil.which("git")
    asked = list(names)
    if git is None or not asked:
        return set()
    try:
        ended = subprocess.run(  # noqa: S603 - no shell, names by standard input
            [git, "check-ignore", "-z", "--stdin"],
            cwd=folder,
            input=b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in asked),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return {name.decode("utf-8", "surrogateescape") for name in ended.stdout.split(b"\0") if name}
