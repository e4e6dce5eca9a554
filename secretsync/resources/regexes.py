"""Go (RE2) regular expressions, as manifests hold them: read, and matched in linear time.

Python's engine backtracks, so one careless pattern could hold a worker for hours, and
it takes syntax that RE2 refuses. Here a pattern is parsed by RE2's rules into the
nodes of `automaton`, which runs them. Only "does it match" is answered: no groups.

Source: Go's regexp/syntax.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from secretsync.resources.automaton import (
    Automaton,
    Choice,
    Condition,
    Node,
    One,
    Repeat,
    Sequence,
    TooLargeError,
    build,
)

__all__ = ["RegexError", "compile_regex"]

_MAX_PATTERN_CHARS = 1000
_MAX_GROUP_DEPTH = 50
_MAX_REPEAT = 1000  # RE2's own limit
_CLASS_ESCAPES = frozenset("dDsSwWnrtfva")
_CONDITION_ESCAPES = {"A": "start", "z": "end", "b": "word", "B": "no-word"}
_GROUP = re.compile(r"\(\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|([imsU]*)(?:-([imsU]+))?([:)]))", re.ASCII)
_REPEAT = re.compile(r"(?:[*+?]|\{([0-9]+)(,([0-9]*))?\})\??")
_COUNTS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class RegexError(ValueError):
    """The pattern cannot be used; the message says why, without the pattern."""


@lru_cache(maxsize=256)
def compile_regex(pattern: str) -> Automaton:
    """Compile a Go pattern; `search` of the result is Go's MatchString.

    Raises:
        RegexError: RE2 does not take it, or it uses what is not supported here.
    """
    if len(pattern) > _MAX_PATTERN_CHARS:
        raise RegexError(f"it is longer than {_MAX_PATTERN_CHARS} characters")
    try:
        return build(_Parser(pattern).parse())
    except TooLargeError:
        raise RegexError("its repetitions multiply to too much") from None


class _Flags(NamedTuple):
    """`i`, `m` and `s`; `U` changes which match is found, never whether there is one."""

    ignore_case: bool = False
    multi_line: bool = False
    dot_all: bool = False

    def changed(self, on: str, off: str) -> _Flags:
        def one(letter: str, now: bool) -> bool:  # noqa: FBT001 - a flag's value is its subject
            return (now or letter in on) and letter not in off

        return _Flags(one("i", self[0]), one("m", self[1]), one("s", self[2]))


class _Parser:
    """Recursive descent; depth is bounded by _MAX_GROUP_DEPTH."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0
        self._depth = 0
        self._flags = _Flags()

    def parse(self) -> Node:
        node = self._alternatives()
        if self._position < len(self._pattern):
            raise RegexError("a parenthesis is closed that is not open")
        return node

    def _peek(self) -> str:
        return self._pattern[self._position : self._position + 1]

    def _alternatives(self) -> Node:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._position += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            if self._repetition() is not None:
                raise RegexError("a repetition has nothing to repeat")
            atom = self._atom()
            if atom is not None:
                parts.append(self._repeated(atom))
        return Sequence(tuple(parts))

    def _repetition(self) -> re.Match[str] | None:
        return _REPEAT.match(self._pattern, self._position)

    def _repeated(self, atom: Node) -> Node:
        found = self._repetition()
        if found is None:
            return atom
        self._position = found.end()
        if self._repetition() is not None:
            raise RegexError("a repetition repeats a repetition; use a group")
        if found[1] is None:
            return Repeat(atom, *_COUNTS[found[0][0]])
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        if least > _MAX_REPEAT or (most is not None and not least <= most <= _MAX_REPEAT):
            raise RegexError(f"a repetition counts backwards, or beyond {_MAX_REPEAT}")
        return Repeat(atom, least, most)

    def _atom(self) -> Node | None:
        char = self._peek()
        if char == "(":
            return self._group()
        if char == "[":
            return self._one(self._class())
        if char == "\\":
            return self._escape()
        self._position += 1
        if char in "^$":
            edge = "start" if char == "^" else "end"
            return Condition(f"line-{edge}" if self._flags.multi_line else edge)
        return self._one("." if char == "." else re.escape(char))

    def _group(self) -> Node | None:
        outer = self._flags
        if self._pattern.startswith("(?", self._position):
            found = _GROUP.match(self._pattern, self._position)
            if found is None:
                raise RegexError("RE2 has no lookaround, conditions, comments or atomic groups")
            self._position = found.end()
            self._flags = outer.changed(found[1] or "", found[2] or "")
            if found[3] == ")":
                return None  # flags for the rest of the enclosing group
        else:
            self._position += 1
        self._depth += 1
        if self._depth > _MAX_GROUP_DEPTH:
            raise RegexError("its groups are nested too deep")
        node = self._alternatives()
        if self._peek() != ")":
            raise RegexError("a parenthesis is not closed")
        self._position += 1
        self._depth -= 1
        self._flags = outer
        return node

    def _escape(self) -> Node:
        text = self._escaped()
        condition = _CONDITION_ESCAPES.get(text[1])
        return Condition(condition) if condition else self._one(text)

    def _escaped(self) -> str:
        char = self._pattern[self._position + 1 : self._position + 2]
        if char.isdigit():
            raise RegexError("RE2 has no backreferences")
        literal = char.isascii() and not char.isalnum()
        if not char or not (literal or char in _CLASS_ESCAPES or char in _CONDITION_ESCAPES):
            raise RegexError("it uses an escape that is not supported")
        self._position += 2
        return f"\\{char}"

    def _class(self) -> str:
        """Return the character class at the position as Python writes it."""
        text = "[^" if self._pattern.startswith("[^", self._position) else "["
        self._position += len(text)
        opening = len(text)
        while self._peek() != "]" or len(text) == opening:
            char = self._peek()
            if not char:
                raise RegexError("a character class is not closed")
            if self._pattern.startswith("[:", self._position):
                raise RegexError("classes such as [[:alpha:]] are not supported yet")
            if char == "\\":
                escaped = self._escaped()
                if escaped[1] in _CONDITION_ESCAPES:
                    raise RegexError("it uses an escape that is not supported")
                text += escaped
            else:
                self._position += 1
                # Python warns of these: it may give them a meaning of their own one day.
                text += f"\\{char}" if char in "[&~|]" else char
        self._position += 1
        return f"{text}]"

    def _one(self, text: str) -> Node:
        flags = re.ASCII
        if self._flags.ignore_case:
            flags |= re.IGNORECASE
        if self._flags.dot_all:
            flags |= re.DOTALL
        if "--" in text:
            raise RegexError("a character class holds --; escape the hyphen")
        try:
            return One(re.compile(text, flags).fullmatch)
        except re.error:
            raise RegexError("a character class holds a range that is backwards") from None
