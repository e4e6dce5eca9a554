"""YAML text as events, read as Kubernetes reads it.

YAML 1.1 without timestamps and without base 60; `y`, `yes`, `on` and their likes are
booleans. libyaml does the scanning; no Python object is built from a tag.

Neighbours: `composer` takes `yaml_events`; `core.templates.yaml_reading`, which runs once for
each rendering and not once for each file, takes libyaml's own events and `scalar_value`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from secretsync.resources.text_events import Event, EventKind, TextError, number

__all__ = [
    "MERGE",
    "check_container",
    "is_plain_string",
    "raw_events",
    "scalar_value",
    "yaml_events",
]

#: What an unquoted `<<` is.
MERGE = object()

_TAG = "tag:yaml.org,2002:"
_STRING_TAGS = ("!", f"{_TAG}str")
_CONTAINER_TAGS = (None, "!", f"{_TAG}map", f"{_TAG}seq")
_TYPED_TAGS: dict[str, tuple[type, ...]] = {
    f"{_TAG}int": (int,),
    f"{_TAG}float": (float, int),
    f"{_TAG}bool": (bool,),
    f"{_TAG}null": (type(None),),
}
_YAML_TAGS = frozenset(
    _TAG + name
    for name in (
        *("binary", "bool", "float", "int", "map", "merge", "null"),
        *("omap", "pairs", "seq", "set", "str", "timestamp", "value"),
    )
)
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
for _value, _words in ((True, "y yes true on"), (False, "n no false off")):
    for _word in _words.split():
        _WORDS.update(dict.fromkeys((_word, _word.capitalize(), _word.upper()), _value))
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NUMBER_STARTS = frozenset("+-.0123456789")
#: What YAML allows in a stream; everything else is a control character or a surrogate.
#: The second takes longer to compile than most files to read, so it waits to be needed.
_UNPRINTABLE_ASCII = "[^\t\n\r\x20-\x7e]"
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


def yaml_events(text: str) -> Iterator[Event]:
    """Yield the events of every document.

    Raises:
        TextError: as `raw_events`.
    """
    for raw in raw_events(text):
        event = _event(raw)
        if event is not None:
            yield event


def raw_events(text: str) -> Iterator[Any]:
    """Yield libyaml's events of every document; tags are still to be looked at.

    Raises:
        TextError: not YAML, or not YAML that Kubernetes can hold. The message never
            quotes the text: it may be a secret.
    """
    bad = re.search(_UNPRINTABLE_ASCII if text.isascii() else _UNPRINTABLE, text)
    if bad is not None:
        raise TextError(
            "the file holds a character that YAML does not allow",
            line=_line_at(text, bad.start()),
            remedy="remove control characters, or write them as escapes in a quoted string",
        )
    loader = yaml.CSafeLoader(text)
    try:
        while (raw := loader.get_event()) is not None:
            yield raw
    except yaml.YAMLError as exc:
        raise _broken(text, exc) from None  # its text quotes the line, which may be a secret
    finally:
        loader.dispose()


def is_plain_string(text: str) -> bool:
    """Say whether a text without quotes is read as the string that it is."""
    try:
        return isinstance(_plain(text, 0), str)
    except TextError:  # an infinity
        return False


def scalar_value(raw: Any) -> Any:
    """Return the value of a scalar's event, or MERGE.

    Raises:
        TextError: its tag does not fit, or no JSON holds it.
    """
    value, tag = raw.value, raw.tag
    if tag is None:
        if not raw.implicit[0]:  # quoted, or a block
            return value
        if value in _WORDS:
            return _WORDS[value]
        if value[0] not in _NUMBER_STARTS:  # most of all
            return MERGE if value == "<<" else value
        return _plain(value, raw.start_mark.line + 1)
    if tag in _STRING_TAGS:
        return value
    line = raw.start_mark.line + 1
    allowed = _TYPED_TAGS.get(tag)
    resolved = _plain(value, line)
    if allowed is None or type(resolved) not in allowed:
        raise _bad_tag(tag, line)
    return resolved


def check_container(raw: Any) -> None:
    """Make sure that what opens is a plain map or list.

    Raises:
        TextError: its tag says otherwise.
    """
    if raw.tag not in _CONTAINER_TAGS:
        raise _bad_tag(raw.tag, raw.start_mark.line + 1)


def _event(raw: Any) -> Event | None:
    kind = type(raw)
    line = raw.start_mark.line + 1
    if kind is yaml.ScalarEvent:
        value = scalar_value(raw)
        if value is MERGE:
            return Event(EventKind.MERGE, line, raw.value, raw.anchor or "")
        return Event(EventKind.SCALAR, line, value, raw.anchor or "")
    if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
        check_container(raw)
        opened = EventKind.OPEN_MAP if kind is yaml.MappingStartEvent else EventKind.OPEN_LIST
        return Event(opened, line, None, raw.anchor or "")
    if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
        return Event(EventKind.CLOSE, line)
    if kind is yaml.AliasEvent:
        return Event(EventKind.ALIAS, line, raw.anchor)
    return Event(EventKind.END, line) if kind is yaml.DocumentEndEvent else None


def _plain(value: str, line: int) -> Any:
    if value in _WORDS:
        return _WORDS[value]
    if value[0] not in _NUMBER_STARTS:
        return value
    if _NOT_FINITE.fullmatch(value):
        raise TextError(
            "infinity and not-a-number cannot be stored in Kubernetes",
            line=line,
            remedy="put the value in quotes if a string is meant",
        )
    # Underscores separate digits, though not in a number that begins with its point.
    found = number(value if value[0] == "." else value.replace("_", ""))
    return value if found is None else found


def _bad_tag(tag: str, line: int) -> TextError:
    # Only the names of YAML itself are shown: a tag can be the start of a secret.
    name = f"!!{tag.removeprefix(_TAG)}" if tag in _YAML_TAGS else "a custom tag"
    return TextError(
        f"{name} does not fit here or is not allowed",
        line=line,
        remedy="remove the tag: Kubernetes objects are plain maps, lists and scalars",
    )


def _broken(text: str, exc: yaml.YAMLError) -> TextError:
    mark = getattr(exc, "problem_mark", None)
    if mark is None or "quoted scalar" in (getattr(exc, "context", None) or ""):
        mark = getattr(exc, "context_mark", None)  # where the quotes open, not where the file ends
    line = mark.line + 1 if mark is not None else 0
    if line and _indented_by_tab(text, line):
        return TextError(
            "a tab is used for indentation", line=line, remedy="indent YAML with spaces only"
        )
    # libyaml's own sentences are constants; they hold nothing of the text.
    problem = getattr(exc, "problem", None) or getattr(exc, "reason", None) or "unreadable"
    return TextError(
        f"not valid YAML: {problem}", line=line, remedy="correct the YAML near this line"
    )


def _indented_by_tab(text: str, line: int) -> bool:
    lines = text.splitlines()
    content = lines[line - 1] if line <= len(lines) else ""
    return "\t" in content[: len(content) - len(content.lstrip())]


def _line_at(text: str, index: int) -> int:
    return text.count("\n", 0, index) + 1
