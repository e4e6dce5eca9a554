"""The plainest YAML there is, read without the YAML library.

What `kubectl create secret --dry-run=client -o yaml` prints is maps of `key: value`
lines. Loading the library takes a quarter of a whole call of `seal`, so that these are
read here: the same events come out, or nothing, and then the library reads the text.
"""

from __future__ import annotations

import re

from secretsync.cli.seal.yaml_words import WORDS
from secretsync.resources.text_events import Event, EventKind, number

__all__ = ["plain_events"]

#: Only what can mean one thing: no quotes, comments, lists, anchors, tags or blanks.
_LINE = re.compile(
    r"( *)([A-Za-z_][A-Za-z0-9_./-]{0,250}):(?: ([A-Za-z0-9_/+][A-Za-z0-9_/+=.-]*))?"
)
_SEPARATOR = "---"
_NULL = "null"
_NUMBER_STARTS = frozenset("+0123456789")


def plain_events(text: str) -> list[Event] | None:
    """Return the events of every document; None where the text is not as plain as that."""
    events: list[Event] = []
    #: Columns of the maps that are open, and whether a value or a map may come next.
    columns: list[int] = []
    awaiting = False
    for line, content in enumerate(text.split("\n"), 1):
        if content == _SEPARATOR or not content:
            if content and columns:
                _close(events, columns, 0, line, awaiting=awaiting)
                events.append(Event(EventKind.END, line))
                awaiting = False
            continue
        found = _LINE.fullmatch(content)
        if found is None or not _is_text(found[2]):
            return None
        column = len(found[1])
        if not columns or (awaiting and column > columns[-1]):
            events.append(Event(EventKind.OPEN_MAP, line))
            columns.append(column)
        else:
            depth = columns.index(column) + 1 if column in columns else 0
            if not depth:
                return None
            _close(events, columns, depth, line, awaiting=awaiting)
        events.append(Event(EventKind.SCALAR, line, found[2]))
        value = found[3]
        awaiting = value is None
        if value == _NULL:
            events.append(Event(EventKind.SCALAR, line))
        elif value is not None:
            if not _is_text(value):
                return None
            events.append(Event(EventKind.SCALAR, line, value))
    if columns:
        _close(events, columns, 0, line, awaiting=awaiting)
        events.append(Event(EventKind.END, line))
    return events


def _close(
    events: list[Event], columns: list[int], depth: int, line: int, *, awaiting: bool
) -> None:
    """End maps until `depth` are open; a key that still awaits its value has null."""
    if awaiting:
        events.append(Event(EventKind.SCALAR, line))
    while len(columns) > depth:
        columns.pop()
        events.append(Event(EventKind.CLOSE, line))


def _is_text(scalar: str) -> bool:
    """Whether YAML takes it for text, and not for a number or a word."""
    if scalar in WORDS:
        return False
    return scalar[0] not in _NUMBER_STARTS or number(scalar.replace("_", "")) is None
