"""The part of JSONPath that `result.jsonPath` is written in.

Served: `$`, `.name`, `['name']`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `.*`, `..name`, unions
`['a','b']`, and filters `[?(@.name == "value")]`, with or without parentheses, with ==, !=,
<, <=, >, >= or of existence.
Not served: arithmetic, functions, and placeholders, which ESO's library has beyond that.

A path of names and numbers alone gives one value, and what is missing is an error; one that
may give several gives a list of those that are there. Work is bounded: no step finds more
than `MAX_FOUND` values, and `..` may stand once.

Source: github.com/PaesslerAG/jsonpath, which ESO uses.
"""

from __future__ import annotations

import itertools
import json
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["JsonPathError", "evaluate"]

MAX_PATH_CHARS = 1024
#: At any step; unions may name a member twice, and so double what there is.
MAX_FOUND = 100_000

_NAME = re.compile(r"[A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*")
_INDEX = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"(-?\d{0,9}):(-?\d{0,9})(?=\])")
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_FILTER = re.compile(
    r"\?(\()?\s*@((?:\.[A-Za-z_][\w-]*|\[\d{1,9}\]|\['[^']*'\])*)\s*"
    r"(?:(==|!=|<=|>=|<|>)\s*('[^']*'|\"[^\"]*\"|-?\d+(?:\.\d+)?|true|false|null)\s*)?(?(1)\))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

#: From one value to those that a step leads to.
_Step = Callable[[Any], Iterator[Any]]


class JsonPathError(ValueError):
    """The path cannot be read, or finds nothing; the text holds no value."""


@dataclass(frozen=True, slots=True)
class _Path:
    steps: tuple[_Step, ...]
    definite: bool


def evaluate(path: str, value: Any) -> Any:
    """Return what a path finds in decoded JSON.

    Args:
        path: with or without the `$` that it begins with.
        value: as `json.loads` gives it.

    Returns:
        One value; a list of values where the path may find several.

    Raises:
        JsonPathError: the path is not served, or a value that it names is missing.
    """
    parsed = _parse(path)
    found = [value]
    for step in parsed.steps:
        inner = (each for one in found for each in step(one))
        found = list(itertools.islice(inner, MAX_FOUND + 1))
        if len(found) > MAX_FOUND:
            raise JsonPathError(f"jsonPath finds more than {MAX_FOUND} values")
    if not parsed.definite:
        return found
    if not found:
        raise JsonPathError("jsonPath names what the answer does not have")
    return found[0]


@lru_cache(maxsize=256)
def _parse(path: str) -> _Path:
    if len(path) > MAX_PATH_CHARS:
        raise JsonPathError(f"jsonPath is longer than {MAX_PATH_CHARS} characters")
    text = path.strip()
    if text.startswith("$"):
        text = text[1:]
    elif text and text[0] not in ".[":
        text = f".{text}"
    steps: list[_Step] = []
    definite = True
    searches = at = 0
    while at < len(text):
        if text.startswith("..", at):
            searches += 1
            definite = False
            steps.append(_everything)
            at += 2 if text[at + 2 : at + 3] == "[" else 1
        step, plain, at = _bracket(text, at) if text[at] == "[" else _dotted(text, at)
        steps.append(step)
        definite = definite and plain
    if searches > 1:
        raise JsonPathError('jsonPath has ".." more than once')
    return _Path(tuple(steps), definite)


def _dotted(text: str, at: int) -> tuple[_Step, bool, int]:
    if text.startswith(".*", at):
        return _members, False, at + 2
    found = _NAME.match(text, at + 1) if text[at] == "." else None
    if found is None:
        raise _unreadable(at)
    return _member(found[0]), True, found.end()


def _bracket(text: str, at: int) -> tuple[_Step, bool, int]:
    at += 1
    if text.startswith("*]", at):
        return _members, False, at + 2
    if found := _SLICE.match(text, at):
        start, stop = (int(part) if part not in ("", "-") else None for part in found.groups())
        return _slice(start, stop), False, found.end() + 1
    if found := _FILTER.match(text, at):
        return _filter(found), False, _closed(text, found.end())
    choices: list[_Step] = []
    while True:
        if found := _TEXT.match(text, at):
            choices.append(_member(_unquoted(found[0], at)))
        elif found := _INDEX.match(text, at):
            choices.append(_item(int(found[0])))
        else:
            raise _unreadable(at)
        at = found.end()
        if text[at : at + 1] != ",":
            break
        at += 1
        at += len(text) - at - len(text[at:].lstrip())
    if len(choices) == 1:
        return choices[0], True, _closed(text, at)
    return (
        lambda value: (one for choice in choices for one in choice(value)),
        False,
        _closed(text, at),
    )


def _closed(text: str, at: int) -> int:
    if text[at : at + 1] != "]":
        raise _unreadable(at)
    return at + 1


def _unreadable(at: int) -> JsonPathError:
    return JsonPathError(f"jsonPath cannot be read at character {at + 1} after the $")


def _unquoted(text: str, at: int) -> str:
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    try:
        found: str = json.loads(f'"{inner}"')
    except ValueError:
        found = ""
    if not found and inner:
        raise _unreadable(at)
    return found


def _member(name: str) -> _Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _item(index: int) -> _Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _slice(start: int | None, stop: int | None) -> _Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[start:stop]

    return step


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        # Go's maps have no order: the one that is written is as good, and stays the same.
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _everything(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(list(_members(one)))


def _filter(found: re.Match[str]) -> _Step:
    inner = _parse(f"${found[2]}")
    compare, literal = found[3], found[4]
    wanted: Any = None
    if compare:
        quoted = literal[0] in "'\""
        wanted = literal[1:-1] if quoted else json.loads(literal)

    def satisfied(value: Any) -> bool:
        try:
            got = [value]
            for step in inner.steps:
                got = [one for each in got for one in step(each)]
            if not got or not compare:
                return bool(got)
            if isinstance(got[0], bool) != isinstance(wanted, bool):
                return compare == "!="
            return _COMPARE[compare](got[0], wanted)
        except TypeError:
            return False

    return lambda value: (one for one in _members(value) if satisfied(one))
