"""The gjson modifiers that make a new document: `@keys`, `@flatten`, `@tostr` and so on.

A modifier takes a document and its argument and returns a document; it never fails on
malformed input. `@dig` evaluates a path and lives in `gjson_eval`.

Source: behaviour of github.com/tidwall/gjson v1.18.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from secretsync.core.gjson_budget import Budget, check_depth
from secretsync.core.gjson_pretty import pretty, pretty_options
from secretsync.core.json_scan import elements, members, parse
from secretsync.core.json_strict import valid
from secretsync.core.json_text import quote, text_of, unescape

__all__ = ["MODIFIER_FUNCTIONS", "argument_members", "truth"]

_BLANKS = bytes(range(0x21))
_TRUE_TEXTS = frozenset({b"1", b"t", b"true"})
#: A string is kept (group 1); blanks between tokens go.
_STRING_OR_BLANKS = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))|[\x00-\x20]++', re.DOTALL)

Modifier = Callable[[bytes, bytes, Budget], bytes]


def argument_members(argument: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, raw value) of a modifier's JSON argument."""
    document = parse(argument)
    if document is not None and document[:1] == b"{":
        for key, start, stop in members(document, 1, len(document)):
            yield unescape(key), document[start:stop]


def truth(raw: bytes) -> bool:
    """Return gjson's `Bool()` of a raw value."""
    lead = raw[:1]
    if lead == b'"':
        return text_of(raw).lower() in _TRUE_TEXTS
    if lead in b"+-0123456789":
        return text_of(raw) not in (b"0", b"-0", b"")
    return lead == b"t"


def _values(document: bytes) -> list[bytes]:
    """Return the raw elements of an array, or the raw values of an object."""
    if document[:1] == b"[":
        return [document[start:stop] for start, stop in elements(document, 1, len(document))]
    return [document[start:stop] for _, start, stop in members(document, 1, len(document))]


def _this(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    return source


def _valid(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    return source if valid(source) else b""


def _ugly(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    return _STRING_OR_BLANKS.sub(lambda match: match[1] or b"", source)


def _pretty(source: bytes, argument: bytes, budget: Budget) -> bytes:
    return pretty(source, pretty_options(dict(argument_members(argument)), truth), budget)


def _reverse(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    document = parse(source) or b""
    if document[:1] == b"[":
        return b"[%b]" % b",".join(reversed(_values(document)))
    if document[:1] == b"{":
        pairs = [
            b'"%b":%b' % (key, document[start:stop])
            for key, start, stop in members(document, 1, len(document))
        ]
        return b"{%b}" % b",".join(reversed(pairs))
    return source


def _flatten(source: bytes, argument: bytes, budget: Budget) -> bytes:
    deep = any(truth(value) for key, value in argument_members(argument) if key == b"deep")
    return _flattened(source, budget, deep=deep, depth=0)


def _flattened(source: bytes, budget: Budget, *, deep: bool, depth: int) -> bytes:
    check_depth(depth)
    budget.spend(len(source))
    document = parse(source)
    if document is None or document[:1] != b"[":
        return source
    found = []
    for value in _values(document):
        raw = value
        if value[:1] == b"[":
            inner = _flattened(value, budget, deep=deep, depth=depth + 1) if deep else value
            raw = inner.strip(_BLANKS)[1:-1].strip()
        if raw:
            found.append(raw)
    return b"[%b]" % b",".join(found)


def _keys(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    document = parse(source)
    if document is None:
        return b"[]"
    if document[:1] == b"{":
        names = [b'"%b"' % key for key, _, _ in members(document, 1, len(document))]
        return b"[%b]" % b",".join(names)
    count = len(_values(document)) if document[:1] == b"[" else 1
    return b"[%b]" % b",".join([b"null"] * count)


def _values_of(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    document = parse(source)
    if document is None:
        return b"[]"
    if document[:1] == b"[":
        return source
    values = _values(document) if document[:1] == b"{" else [document]
    return b"[%b]" % b",".join(values)


def _join(source: bytes, argument: bytes, _budget: Budget) -> bytes:
    document = parse(source)
    if document is None or document[:1] != b"[":
        return source
    objects = [value for value in _values(document) if value[:1] == b"{"]
    if any(truth(value) for key, value in argument_members(argument) if key == b"preserve"):
        return b"{%b}" % b",".join(value.strip(_BLANKS)[1:-1] for value in objects)
    # The first spelling of a key stands, with the last value.
    joined: dict[bytes, tuple[bytes, bytes]] = {}
    for value in objects:
        for key, start, stop in members(value, 1, len(value)):
            name = unescape(key)
            joined[name] = (joined.get(name, (key,))[0], value[start:stop])
    return b"{%b}" % b",".join(b'"%b":%b' % pair for pair in joined.values())


def _to_string(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    return quote(source)


def _from_string(source: bytes, _argument: bytes, _budget: Budget) -> bytes:
    return text_of(parse(source) or b"null") if valid(source) else b""


def _group(source: bytes, _argument: bytes, budget: Budget) -> bytes:
    document = parse(source) or b""
    if document[:1] != b"{":
        return b""
    groups: list[list[bytes]] = []
    for key, start, stop in members(document, 1, len(document)):
        if document[start : start + 1] != b"[":
            continue
        for index, (first, last) in enumerate(elements(document, start + 1, stop)):
            if index == len(groups):
                groups.append([])
            budget.spend(len(key))  # the key is written again for every element
            groups[index].append(b'"%b":%b' % (key, document[first:last]))
    return b"[%b]" % b",".join(b"{%b}" % b",".join(group) for group in groups)


MODIFIER_FUNCTIONS: dict[bytes, Modifier] = {
    b"flatten": _flatten,
    b"fromstr": _from_string,
    b"group": _group,
    b"join": _join,
    b"keys": _keys,
    b"pretty": _pretty,
    b"reverse": _reverse,
    b"this": _this,
    b"tostr": _to_string,
    b"ugly": _ugly,
    b"valid": _valid,
    b"values": _values_of,
}
