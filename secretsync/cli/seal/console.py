"""What the verbs of `seal` say to a person: standard error, one prefix, never a value."""

from __future__ import annotations

import sys

__all__ = ["EXIT_FAILED", "EXIT_GOOD", "EXIT_USAGE", "error", "note", "warn"]

EXIT_GOOD = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def error(message: str, hint: str = "") -> None:
    """Say why it failed, and what can be done."""
    _say(f"seal: error: {message}")
    if hint:
        _say(f"seal: hint: {hint}")


def warn(message: str) -> None:
    """Say what deserves attention and stops nothing."""
    _say(f"seal: warning: {message}")


def note(message: str) -> None:
    """Say what was done."""
    _say(f"seal: {message}")


def _say(line: str) -> None:
    """Names in files may steer a terminal: what does not print is shown as its code."""
    shown = (
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in line
    )
    sys.stderr.write("".join(shown) + "\n")
