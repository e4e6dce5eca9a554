"""Patterns of namespaces: a glob, or a regular expression between slashes. Pure.

Source: Argo CD 3.6's matching of `sourceNamespaces`: the expression may match anywhere,
so that `/team/` matches `my-team-2`. It takes syntax of .NET that RE2 does not have, such
as `(?!…)`; such a pattern matches nothing here.
"""

from __future__ import annotations

from secretsync.resources.globs import glob_matches, is_glob
from secretsync.resources.regexes import RegexError, compile_regex

__all__ = ["pattern_matches", "pattern_problem"]


def pattern_matches(text: str, pattern: str) -> bool:
    """Return whether a pattern matches; one that cannot be read matches nothing."""
    if not _is_expression(pattern):
        return glob_matches(text, pattern)
    try:
        return compile_regex(pattern[1:-1]).search(text)
    except RegexError:
        return False


def pattern_problem(pattern: str) -> str:
    """Return why a pattern cannot be read; "" where it can."""
    if not _is_expression(pattern):
        return "" if is_glob(pattern) else "not a pattern"
    try:
        compile_regex(pattern[1:-1])
    except RegexError as exc:
        return f"not a regular expression of RE2: {exc}"
    return ""


def _is_expression(pattern: str) -> bool:
    return len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/")
