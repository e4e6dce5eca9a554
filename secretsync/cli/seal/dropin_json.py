"""JSON documents, one after the other, as Go's decoder takes them from a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator

from secretsync.resources.composer import Composed, compose
from secretsync.resources.json_events import NotJsonError, json_events

__all__ = ["NotJsonError", "json_parts"]

_BLANK = " \t\r\n"


def json_parts(text: str) -> list[Composed]:
    """Return each JSON value of a text.

    Raises:
        NotJsonError: there is something else.
        TextError: a value is too deep, too large, or no object.
    """
    return [part for piece in _json_pieces(text) for part in compose(json_events(piece))]


def _json_pieces(text: str) -> Iterator[str]:
    """Each JSON value of a stream, behind as many line breaks as come before it.

    Between two of them blanks and lines with `---` may stand.

    Raises:
        NotJsonError: something else stands there.
    """
    decoder = json.JSONDecoder()
    at = 0
    while True:
        start = len(text) - len(text[at:].lstrip(_BLANK))
        if start == len(text):
            return
        if text.startswith("---", start):
            at = start + len("---")
            continue
        try:
            _, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            raise NotJsonError from None  # its text holds the whole document
        yield "\n" * text.count("\n", 0, start) + text[start:at]
