"""Small texts of a manifest: its lines, and keys and values as they are written anew."""

from __future__ import annotations

import json
import re

from secretsync.errors import ConfigError

__all__ = ["LINE_BREAK", "READ_OTHERWISE", "CannotSplice", "Lines", "shown_key", "shown_value"]

#: What YAML 1.1 and libyaml take for the end of a line.
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

_BREAKS = "\n\r\x85\u2028\u2029"
_COMMENT = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\n\r\x85\u2028\u2029]*)?")
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)?")
_PLAIN_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9+/=:,_.-]*[A-Za-z0-9+/=]")
_FLOW_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9+/=_.-]*")
#: Words that a YAML 1.1 reader takes for a boolean or null, in lower case.
READ_OTHERWISE = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


class CannotSplice(ConfigError):
    """The text cannot be changed at this one place alone; nothing was changed."""


class Lines:
    """Where the lines of a text begin and end.

    Args:
        text: the whole file's.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        # Looking back for a character that is nowhere goes through all of the text.
        self._breaks = [char for char in _BREAKS if char in text]

    def start(self, at: int) -> int:
        """Return where the line of this offset begins."""
        return max((self._text.rfind(char, 0, at) for char in self._breaks), default=-1) + 1

    def end(self, at: int) -> int:
        """Return where the line ends, if nothing but a comment follows.

        Raises:
            CannotSplice: something else does.
        """
        found = _COMMENT.match(self._text, at)
        end = found.end() if found else at
        if end < len(self._text) and not LINE_BREAK.match(self._text, end):
            raise CannotSplice(
                "something else follows on the same line",
                remedy="write the map as lines, one entry each",
            )
        return end

    def eol(self, at: int) -> str:
        """Return the line break that is used here, or else in this file."""
        found = LINE_BREAK.search(self._text, at) or LINE_BREAK.search(self._text)
        return found.group() if found else "\n"


def shown_value(value: str, *, flow: bool, is_json: bool) -> str:
    """Return a text as YAML or JSON has it, in quotes where it could be misread."""
    pattern = _FLOW_VALUE if flow else _PLAIN_VALUE
    plain = not is_json and pattern.fullmatch(value) and value.lower() not in READ_OTHERWISE
    return value if plain else json.dumps(value)


def shown_key(key: str, *, quoted: bool) -> str:
    """Return a key; with `quoted` in quotes in any case."""
    plain = not quoted and _PLAIN_KEY.fullmatch(key) and key.lower() not in READ_OTHERWISE
    return key if plain else json.dumps(key)
