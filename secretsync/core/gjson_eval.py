"""Evaluates gjson paths over JSON bytes; results are raw source substrings.

Neighbours: `gjson_path` cuts the path, `json_scan` finds values, `gjson_modifiers`
makes documents, `property_path` is what the rest of secretsync calls.

Source: behaviour of github.com/tidwall/gjson v1.18.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from secretsync.core.errors import PropertyPathLimit
from secretsync.core.gjson_budget import MAX_PATH_BYTES, Budget, check_depth
from secretsync.core.gjson_modifiers import MODIFIER_FUNCTIONS
from secretsync.core.gjson_path import (
    MODIFIERS,
    ArrayStep,
    ObjectStep,
    SubSelector,
    argument,
    array_step,
    literal,
    member_name,
    object_step,
    split_pipe,
    sub_selectors,
)
from secretsync.core.gjson_query import Query, fits, glob
from secretsync.core.json_scan import (
    elements,
    first_container,
    is_container,
    members,
    parse,
)
from secretsync.core.json_text import unescape

__all__ = ["evaluate"]

_TO_MODIFIER_END = re.compile(rb"[^.|:]*+")

#: Each evaluation of a path costs this much beyond the bytes it reads.
_CALL_COST = 64


def evaluate(document: bytes, path: bytes) -> bytes | None:
    """Return the raw value that `path` selects, or None if there is none.

    Raises:
        PropertyPathLimit: the path is too long, too deep or asks for too much work.
    """
    if len(path) > MAX_PATH_BYTES:
        raise PropertyPathLimit(
            f"the property path is longer than {MAX_PATH_BYTES} bytes",
            remedy="use a shorter remoteRef.property",
        )
    return _Evaluation(Budget(len(document))).get(document, path, 0)


class _Found:
    """What a search has come to: a value, and the path to go on with."""

    __slots__ = ("pipe", "value")

    def __init__(self) -> None:
        self.value: bytes | None = None
        self.pipe: bytes | None = None


class _Evaluation:
    """One call of `evaluate`: the budget that all its parts share."""

    __slots__ = ("_budget",)

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def get(self, document: bytes, path: bytes, depth: int) -> bytes | None:
        """Evaluate a whole path; pipes are a loop, nesting is recursion."""
        check_depth(depth)
        while True:
            self._budget.spend(_CALL_COST)
            if len(path) > 1 and path[0] in b"@![{":
                made, rest = self._make(document, path, depth)
                if made is not None:
                    self._budget.spend(len(made))
                    if rest[:1] not in (b".", b"|"):
                        return parse(made)
                    document, path = made, rest[1:]
                    continue
                path = rest
            found = _Found()
            self._search(document, path, found, depth)
            if found.pipe is None:
                return found.value
            document, path = found.value or b"", found.pipe

    def _search(self, document: bytes, path: bytes, found: _Found, depth: int) -> None:
        if path[:2] == b"..":  # JSON lines: the document is the inside of an array
            self._array(document, (0, len(document)), path[2:], found, depth)
            return
        start = first_container(document)
        if start >= 0:
            self._descend(document, (start, len(document)), path, found, depth)

    def _descend(
        self, source: bytes, span: tuple[int, int], path: bytes, found: _Found, depth: int
    ) -> bool:
        start, stop = span
        search = self._object if source[start] == ord("{") else self._array
        return search(source, (start + 1, stop), path, found, depth)

    def _object(
        self, source: bytes, inside: tuple[int, int], path: bytes, found: _Found, depth: int
    ) -> bool:
        check_depth(depth)
        self._budget.spend(inside[1] - inside[0])
        step = object_step(path)
        if step.pipe is not None:
            found.pipe = step.pipe
        for start, stop in _matching(source, inside, step):
            if step.rest is None:
                found.value = source[start:stop]
                return True
            # The same key may come again, and a pattern may fit other keys: go on.
            if is_container(source, start) and self._descend(
                source, (start, stop), step.rest, found, depth + 1
            ):
                return True
        return False

    def _array(
        self, source: bytes, inside: tuple[int, int], path: bytes, found: _Found, depth: int
    ) -> bool:
        check_depth(depth)
        self._budget.spend(inside[1] - inside[0])
        step = array_step(path)
        if step.pipe is not None:
            found.pipe = step.pipe
        if step.query is not None:
            return self._filter(_raw_elements(source, inside), (step, step.query), found, depth)
        if step.each is not None:
            return self._project(_raw_elements(source, inside), step.each, found, depth)
        if step.count:
            found.value = b"%d" % sum(1 for _ in elements(source, *inside))
            return True
        span = _element(source, inside, step)
        if span is None:
            return False
        if step.rest is None:
            found.value = source[slice(*span)]
            return True
        return is_container(source, span[0]) and self._descend(
            source, span, step.rest, found, depth + 1
        )

    def _project(self, raws: Iterator[bytes], each: bytes, found: _Found, depth: int) -> bool:
        path, pipe = split_pipe(each)
        if pipe is not None:
            found.pipe = pipe
        results = (self.get(raw, path, depth + 1) for raw in raws)
        found.value = self._listed([raw for raw in results if raw is not None])
        return True

    def _filter(
        self, raws: Iterator[bytes], asked: tuple[ArrayStep, Query], found: _Found, depth: int
    ) -> bool:
        step, query = asked
        results = []
        for raw in raws:
            if not self._fits(raw, query, depth):
                continue
            result: bytes | None = raw
            if step.rest is not None:
                path, pipe = split_pipe(step.rest)
                if pipe is not None:
                    found.pipe = pipe
                result = self.get(raw, path, depth + 1)
            if not query.every:
                found.value = result
                return True
            if result is not None:
                results.append(result)
        if query.every and found.value is None:
            found.value = self._listed(results)
        return False

    def _fits(self, raw: bytes, query: Query, depth: int) -> bool:
        if is_container(raw, 0):
            return fits(query, self.get(raw, query.path, depth + 1))
        return not query.path and fits(query, raw)

    def _listed(self, raws: list[bytes]) -> bytes:
        listed = b"[%b]" % b",".join(raws)
        self._budget.spend(len(listed))
        return listed

    def _make(self, document: bytes, path: bytes, depth: int) -> tuple[bytes | None, bytes]:
        """Return (new document, rest of the path) for `@`, `!`, `[` and `{`.

        Without a new document the rest is to be searched in the old one: the path
        itself, or what a malformed multipath leaves of it.
        """
        if path[:1] == b"@":
            return self._modify(document, path, depth)
        if path[:1] == b"!":
            return literal(path)
        selectors, rest = sub_selectors(path)
        if not selectors or rest[:1] not in (b"", b".", b"|"):
            return None, rest
        return self._select(document, path[:1], selectors, depth), rest

    def _modify(self, document: bytes, path: bytes, depth: int) -> tuple[bytes | None, bytes]:
        end = _TO_MODIFIER_END.match(path).end()  # type: ignore[union-attr]  # it matches ""
        name, rest, given = path[1:end], path[end:], b""
        if name not in MODIFIERS:
            return None, path
        if rest[:1] == b":":
            given, rest = argument(rest[1:])
        self._budget.spend(len(document))
        if name == b"dig":
            dug: list[bytes] = []
            self._dig(parse(document), given, dug, depth)
            return b"[%b]" % b",".join(dug), rest
        return MODIFIER_FUNCTIONS[name](document, given, self._budget), rest

    def _dig(self, raw: bytes | None, path: bytes, dug: list[bytes], depth: int) -> None:
        result = self.get(raw or b"", path, depth + 1)
        if result is not None:
            self._budget.spend(len(result))
            dug.append(result)
        if raw is None or not is_container(raw, 0):
            return
        inside = (1, len(raw))
        below = (
            _raw_elements(raw, inside)
            if raw[:1] == b"["
            else (raw[start:stop] for _, start, stop in members(raw, *inside))
        )
        self._budget.spend(len(raw))
        for value in below:
            self._dig(value, path, dug, depth + 1)

    def _select(
        self, document: bytes, kind: bytes, selectors: tuple[SubSelector, ...], depth: int
    ) -> bytes:
        parts = []
        for selector in selectors:
            raw = self.get(document, selector.path, depth + 1)
            if raw is None:
                continue
            self._budget.spend(len(raw))
            parts.append(raw if kind == b"[" else b"%b:%b" % (member_name(selector), raw))
        return (b"[%b]" if kind == b"[" else b"{%b}") % b",".join(parts)


def _matching(
    source: bytes, inside: tuple[int, int], step: ObjectStep
) -> Iterator[tuple[int, int]]:
    """Yield the spans of the values whose keys the step asks for."""
    part = step.part
    # A key without escapes stands in the source as it is: most absent keys end here.
    if not step.wild and b"\\" not in source and b'"%b"' % part not in source:
        return
    pattern = glob(part) if step.wild else None
    for key, start, stop in members(source, *inside):
        plain = unescape(key) if b"\\" in key else key
        if pattern is None:
            if plain == part:
                yield start, stop
        elif pattern.fullmatch(plain.decode("utf-8", "surrogateescape")):
            yield start, stop


def _element(source: bytes, inside: tuple[int, int], step: ArrayStep) -> tuple[int, int] | None:
    if step.index is None:
        return None
    for index, span in enumerate(elements(source, *inside)):
        if index == step.index:
            return span
    return None


def _raw_elements(source: bytes, inside: tuple[int, int]) -> Iterator[bytes]:
    return (source[start:stop] for start, stop in elements(source, *inside))
