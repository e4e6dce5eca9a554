"""Go (RE2) regular expressions, evaluated by Python's engine where both mean the same.

A pattern that RE2 refuses is refused, and so is one that Python would read in another
way or could need exponential time for: a wrong answer here would open a store to a
namespace that it excludes.

Source: Go's regexp/syntax.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["RegexError", "compile_regex"]

_MAX_PATTERN_CHARS = 1000
#: Escapes with one meaning in both engines; `\\` before punctuation is literal in both.
_LETTER_ESCAPES = frozenset("dDsSwWbBAnrtfva")
_GROUP_START = re.compile(
    r"\(\?(?:P<[A-Za-z_][A-Za-z0-9_]*>|[ims]*(?:-[ims]+)?:|[ims]+\))", re.ASCII
)
_REPETITION = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}")
_MAX_REPEAT = 1000  # RE2's own limit
_CLASS_OPERATORS = ("--", "&&", "~~", "||")


class RegexError(ValueError):
    """The pattern cannot be used; the message says why, without the pattern."""


@lru_cache(maxsize=256)
def compile_regex(pattern: str) -> re.Pattern[str]:
    """Compile a Go pattern; `search` on it is Go's MatchString.

    Raises:
        RegexError: RE2 or this implementation does not take it.
    """
    if len(pattern) > _MAX_PATTERN_CHARS:
        raise RegexError(f"it is longer than {_MAX_PATTERN_CHARS} characters")
    _Scanner(pattern).scan()
    try:
        return re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError):
        raise RegexError("it is not a regular expression") from None


class _Scanner:
    """Walks a pattern once and refuses what the two engines do not share."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0
        #: Per open group: whether something in it may repeat without end.
        self._unbounded = [False]

    def scan(self) -> None:
        while self._position < len(self._pattern):
            self._repetition(self._atom())

    def _atom(self) -> bool | None:
        """Step over one atom; return whether it repeats inside, None for a group's start."""
        char = self._pattern[self._position]
        if char == "\\":
            self._escape()
        elif char == "[":
            self._class()
        elif char == "(":
            self._open()
            return None
        elif char == ")":
            self._position += 1
            if len(self._unbounded) == 1:
                raise RegexError("a parenthesis is closed that is not open")
            inner = self._unbounded.pop()
            self._unbounded[-1] |= inner
            return inner
        elif _REPETITION.match(self._pattern, self._position):
            raise RegexError("a repetition has nothing to repeat, or repeats a repetition")
        elif self._pattern.startswith("{,", self._position):
            raise RegexError("{,n} means different things to different engines; write {0,n}")
        else:
            self._position += 1
        return False

    def _repetition(self, repeats_inside: bool | None) -> None:  # noqa: FBT001 - three-valued
        found = _REPETITION.match(self._pattern, self._position)
        if found is None or repeats_inside is None:
            return
        text = found[0]
        self._position = found.end()
        if self._pattern.startswith("?", self._position):
            self._position += 1  # the lazy form
        if any(int(count) > _MAX_REPEAT for count in re.findall(r"[0-9]+", text)):
            raise RegexError(f"it repeats more than {_MAX_REPEAT} times")
        if text == "?" or text in ("{0}", "{1}", "{0,1}"):
            return
        if repeats_inside:
            raise RegexError("a repetition inside a repeated group is not supported yet")
        self._unbounded[-1] = True

    def _open(self) -> None:
        if self._pattern.startswith("(?", self._position):
            start = _GROUP_START.match(self._pattern, self._position)
            if start is None:
                raise RegexError(
                    "RE2 has no lookaround, conditions, comments or atomic groups, "
                    "and of the flags only i, m and s are supported"
                )
            self._position = start.end()
            if start[0].endswith(")"):
                return  # flags for what follows: no group is opened
        else:
            self._position += 1
        self._unbounded.append(False)

    def _escape(self) -> None:
        char = self._pattern[self._position + 1 : self._position + 2]
        if char.isdigit():
            raise RegexError("RE2 has no backreferences")
        known = char in _LETTER_ESCAPES or (char.isascii() and not char.isalnum())
        if not char or not known:
            raise RegexError("it uses an escape that is not supported")
        self._position += 2

    def _class(self) -> None:
        self._position += 2 if self._pattern.startswith("[^", self._position) else 1
        first = True
        while first or not self._pattern.startswith("]", self._position):
            if self._position >= len(self._pattern):
                raise RegexError("a character class is not closed")
            if self._pattern.startswith(_CLASS_OPERATORS, self._position):
                raise RegexError("a character class holds an operator; escape its characters")
            char = self._pattern[self._position]
            if char == "[":
                raise RegexError("classes such as [[:alpha:]] are not supported yet")
            if char == "\\":
                self._escape()
            else:
                self._position += 1
            first = False
