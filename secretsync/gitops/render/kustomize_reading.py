"""YAML of which kustomize makes exactly what we make of it; all else is refused.

Kustomize reads by one version of YAML, writes by another, and numbers go through JSON in
between. Plain text, whole numbers and booleans survive that as they are.

Neighbour: `kustomize_simple` builds from it, and leaves the rest to the program.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import yaml

__all__ = ["NotSimpleError", "read_documents"]

_MAX_BYTES = 64 * 1024
_MAX_DEPTH = 40
_TEXT = re.compile(r"[\n\t\x20-\x7e]*")
_INT = re.compile(r"0|-?[1-9][0-9]{0,14}", re.ASCII)
#: A plain scalar that every version of YAML takes for text.
_PLAIN = re.compile(
    r"(?:--?|\.\.?/(?:\.\./)*)?[A-Za-z/][^:#\n\t]*(?::[^\s:#][^:#\n\t]*)*"
    r"|\$\([A-Z_]+\)|[0-9]+(?:\.[0-9]+)+-[A-Za-z][\w.-]*"
    r"|[1-9][0-9]{0,9}(?:m|k|M|G|T|Ki|Mi|Gi|Ti|s|h)|[0-9]{1,3}(?:\.[0-9]{1,3}){2,3}",
    re.ASCII,
)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_TRUTH = {"true": True, "false": False}
#: libyaml's reader of events is C; nothing is resolved by it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotSimpleError(Exception):
    """The program must read, or build, this."""


@functools.lru_cache(maxsize=1024)
def read_documents(text: bytes) -> tuple[dict[str, Any], ...]:
    """Return the documents of a text; nobody may change them.

    Raises:
        NotSimpleError: it is no good YAML, or not the simple kind.
    """
    if len(text) > _MAX_BYTES:
        raise NotSimpleError
    try:
        return _documents(text.decode("ascii"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise NotSimpleError from None


def _documents(text: str) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    builder: _Builder | None = None
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.DocumentStartEvent):
            if event.version or event.tags:
                raise NotSimpleError
            builder = _Builder()
        elif isinstance(event, yaml.DocumentEndEvent):
            if builder is None or not isinstance(builder.root, dict):
                raise NotSimpleError
            found.append(builder.root)
            builder = None
        elif builder is not None:
            builder.take(event)
    return tuple(found)


class _Builder:
    """Makes one document of its events."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[tuple[dict[str, Any] | list[Any], list[str]]] = []

    def take(self, event: yaml.Event) -> None:
        """Take the next event in."""
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()
            return
        if getattr(event, "anchor", None) is not None or isinstance(event, yaml.AliasEvent):
            raise NotSimpleError
        if isinstance(event, yaml.ScalarEvent):
            self._put(self._scalar(event))
            return
        if not isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent) or event.tag:
            raise NotSimpleError
        made: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(made)
        if len(self._open) >= _MAX_DEPTH:
            raise NotSimpleError
        self._open.append((made, []))

    def _put(self, value: Any) -> None:
        if not self._open:
            self.root = value
            return
        place, waiting = self._open[-1]
        if isinstance(place, list):
            place.append(value)
        elif not waiting:
            if not isinstance(value, str) or not value or "\n" in value or value in place:
                raise NotSimpleError
            waiting.append(value)
        else:
            place[waiting.pop()] = value

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = event.value
        if event.tag is not None or _TEXT.fullmatch(text) is None:
            raise NotSimpleError
        if event.style:
            return text
        if text in _TRUTH:
            return _TRUTH[text]
        if _INT.fullmatch(text):
            return int(text)
        if _PLAIN.fullmatch(text) is None or text.casefold() in _WORDS:
            raise NotSimpleError
        return text
