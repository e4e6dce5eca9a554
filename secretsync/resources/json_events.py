"""JSON text as events.

YAML readers stumble over legal JSON (escaped surrogate pairs, tabs, very long keys),
so a text that begins like JSON is read as JSON first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from secretsync.resources.text_events import Event, EventKind, number

__all__ = ["NotJsonError", "json_events", "looks_like_json"]

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<mark>[{}\[\]:,])
      | (?P<string>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")
      | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)
      | (?P<word>true|false|null)
    )""",
    re.VERBOSE | re.ASCII,
)
_WORDS = {"true": True, "false": False, "null": None}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_OPENED = {"{": EventKind.OPEN_MAP, "[": EventKind.OPEN_LIST}
_CLOSES = {"}": "{", "]": "["}


class NotJsonError(Exception):
    """The text is not JSON; carries nothing of it."""


def looks_like_json(text: str) -> bool:
    """Return whether the first character that counts opens a JSON object or list."""
    return text.lstrip(" \t\r\n")[:1] in ("{", "[")


def json_events(text: str) -> Iterator[Event]:
    """Yield the events of the one document.

    Raises:
        NotJsonError: the text is not one JSON value.
    """
    line = 1
    grammar = _Grammar()
    for token in _tokens(text):
        line += text.count("\n", token.start(), token.end())  # no token holds a line break
        event = grammar.step(token, line)
        if event is not None:
            yield event
    if not grammar.done:
        raise NotJsonError
    yield Event(EventKind.END, line)


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position, end = 0, len(text.rstrip(" \t\r\n"))
    while position < end:
        token = _TOKEN.match(text, position)
        if token is None:
            raise NotJsonError
        yield token
        position = token.end()


class _Grammar:
    """Which token may follow which; the stack holds the open brackets."""

    __slots__ = ("_expected", "_stack")

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._expected = "value"  # value, value], key, key}, colon, comma, nothing

    @property
    def done(self) -> bool:
        """Whether one whole value has been read."""
        return self._expected == "nothing"

    def step(self, token: re.Match[str], line: int) -> Event | None:
        """Return the event of this token; None for separators."""
        mark = token["mark"]
        if mark in _CLOSES:
            return self._close(mark, line)
        if mark == ",":
            self._require("comma")
            self._expected = "key" if self._stack[-1] == "{" else "value"
            return None
        if mark == ":":
            self._require("colon")
            self._expected = "value"
            return None
        if self._expected in ("key", "key}"):
            return self._key(token, line)
        self._require("value", "value]")
        if mark:
            self._stack.append(mark)
            self._expected = "key}" if mark == "{" else "value]"
            return Event(_OPENED[mark], line)
        self._after_value()
        return Event(EventKind.SCALAR, line, _scalar(token))

    def _key(self, token: re.Match[str], line: int) -> Event:
        if token["string"] is None:
            raise NotJsonError
        self._expected = "colon"
        return Event(EventKind.SCALAR, line, _scalar(token))

    def _close(self, mark: str, line: int) -> Event:
        self._require("comma", "key}" if mark == "}" else "value]")
        if self._stack.pop() != _CLOSES[mark]:
            raise NotJsonError
        self._after_value()
        return Event(EventKind.CLOSE, line)

    def _after_value(self) -> None:
        self._expected = "comma" if self._stack else "nothing"

    def _require(self, *expected: str) -> None:
        if self._expected not in expected:
            raise NotJsonError


def _scalar(token: re.Match[str]) -> str | float | bool | None:
    if token["number"] is not None:
        value = number(token["number"])
        if value is None:
            raise NotJsonError
        return value
    literal = token["string"]
    if literal is None:
        return _WORDS[token["word"]]
    if "\\" not in literal:
        return literal[1:-1]
    try:
        text: str = json.loads(literal)
    except ValueError:
        raise NotJsonError from None  # its text quotes the string, which may be a secret
    return _LONE_SURROGATE.sub("\ufffd", text)
