r"""Globs as AppProjects write them: `*`, `**`, `?`, `[a-z]`, `[!a]`, `{a,b}` and `\`. Pure.

Python's own know no alternatives and no separators. Neighbour: `app_project` refuses what
is none, so that a rule that denies never means nothing.

Source: the library gobwas/glob 0.2, README, which Argo CD 3.6 uses.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["glob_matches", "is_glob"]

#: Longer than any name or URL that somebody means.
_MAX_CHARS = 1024
_MAX_DEPTH = 10


class _NoGlob(Exception):
    """The text is none."""


def glob_matches(text: str, pattern: str, *, separator: str = "") -> bool:
    """Return whether a glob matches a whole text; what is no glob matches nothing.

    Args:
        separator: a character that `*` and `?` do not match; "" for none.
    """
    compiled = _compiled(pattern, separator)
    return compiled is not None and compiled.fullmatch(text) is not None


def is_glob(pattern: str) -> bool:
    """Return whether a text is a glob."""
    return _compiled(pattern, "") is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, separator: str) -> re.Pattern[str] | None:
    if len(pattern) > _MAX_CHARS:
        return None
    try:
        parser = _Parser(pattern, f"[^{re.escape(separator)}]" if separator else ".")
        return re.compile(parser.sequence(0), re.DOTALL)
    except _NoGlob:
        return None


class _Parser:
    """Makes a regular expression of a glob, left to right.

    Args:
        one: what matches one character that is no separator.
    """

    def __init__(self, text: str, one: str) -> None:
        self._text = text
        self._one = one
        self._at = 0

    def sequence(self, depth: int) -> str:
        """Return the expression up to the end, or to the end of an alternative."""
        found = ""
        while self._at < len(self._text):
            char = self._text[self._at]
            if depth and char in ",}":
                return found
            self._at += 1
            match char:
                case "*":
                    found += self._star()
                case "?":
                    found += self._one
                case "[":
                    found += self._class()
                case "{":
                    found += self._alternatives(depth + 1)
                case "\\":
                    found += re.escape(self._next())
                case _:
                    found += re.escape(char)
        if depth:
            raise _NoGlob
        return found

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise _NoGlob
        self._at += 1
        return self._text[self._at - 1]

    def _star(self) -> str:
        if not self._text.startswith("*", self._at):
            return f"{self._one}*"
        while self._text.startswith("*", self._at):
            self._at += 1
        return ".*"

    def _class(self) -> str:
        denied = self._text.startswith("!", self._at)
        self._at += denied
        chars = ""
        while (char := self._next()) != "]":
            if char == "\\":
                char = self._next()
            elif char == "-" and chars and not self._text.startswith("]", self._at):
                chars += "-"
                continue
            chars += re.escape(char)
        if not chars:
            raise _NoGlob
        try:
            re.compile(f"[{chars}]")
        except re.error as exc:
            raise _NoGlob from exc
        return f"[{'^' if denied else ''}{chars}]"

    def _alternatives(self, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise _NoGlob
        found = [self.sequence(depth)]
        while self._next() == ",":
            found.append(self.sequence(depth))
        return f"(?:{'|'.join(found)})"
