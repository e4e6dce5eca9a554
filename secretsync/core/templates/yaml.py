"""YAML in templates, as Go programs around Kubernetes read and write it: by way of JSON.

Reading is `yaml_events`' (YAML 1.1; every key becomes a string), writing libyaml's, which
is told the style. What is read is bounded here, what is written by what there is.

Neighbours: `templates.eso` offers `toYaml` and `fromYaml`, `target_template` reads rendered
maps of strings.

Source: sigs.k8s.io/yaml 1.6 (conversion by way of JSON), go.yaml.in/yaml/v2 (styles, and
the order of keys).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from io import StringIO

import yaml

from secretsync.core.templates.limits import CURRENT
from secretsync.core.templates.yaml_reading import (
    NotAMap,
    YamlProblem,
    go_float,
    read_map,
    scalar_text,
)
from secretsync.resources.yaml_events import is_plain_string

__all__ = ["YamlProblem", "from_yaml", "string_map", "to_yaml"]

#: Go reads these as a number in base 60 and as a time, and so writes them in quotes.
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9]*", re.ASCII)
#: JSON writes a float without a fraction as an integer up to here.
_EXPONENT_FROM = 1e21
_COMPARED_CHARS = 64
_MAX_UINT64 = 2**64 - 1


def string_map(text: str, pay: Callable[[int], None]) -> dict[str, str]:
    """Read a map of strings; numbers and booleans become their text.

    Args:
        pay: see `read_map`.

    Raises:
        YamlProblem: it is no map, or a value is a map or a list.
    """
    found: dict[str, str] = {}
    for number, (key, value) in enumerate(read_map(text, pay).items(), start=1):
        if isinstance(value, dict | list):
            kind = "map" if isinstance(value, dict) else "list"
            raise YamlProblem(f"value {number} of the map is a {kind}, not a string")
        found[key] = "" if value is None else scalar_text(value, bits=32)
    return found


def from_yaml(text: str) -> dict[str, object]:
    """Read a map; as in JSON, every number is a float.

    An error becomes the entry `Error`, as in External Secrets Operator.
    """
    try:
        return read_map(text, CURRENT.get().step, integer=float)
    except NotAMap as exc:
        said = f"cannot unmarshal {exc.kind} into Go value of type map[string]interface {{}}"
        return {"Error": f"error unmarshaling JSON: while decoding JSON: json: {said}"}
    except YamlProblem as exc:
        return {"Error": f"error converting YAML to JSON: yaml: {exc}"}


def to_yaml(value: object) -> str:
    """Write maps, lists, texts, numbers and booleans; "" if it is anything else.

    The caller has seen to it that the value is not too large, nor too deep.
    """
    stream = StringIO()
    dumper = yaml.CSafeDumper(stream, allow_unicode=True)
    try:
        dumper.emit(yaml.StreamStartEvent())
        dumper.emit(yaml.DocumentStartEvent(explicit=False))
        for event in _events(value):
            dumper.emit(event)
        dumper.emit(yaml.DocumentEndEvent(explicit=False))
        dumper.emit(yaml.StreamEndEvent())
    except (TypeError, OverflowError):
        return ""
    finally:
        dumper.dispose()
    # What marks the end where the last text keeps its line breaks, Go leaves out.
    return stream.getvalue().removesuffix("...\n").removesuffix("\n")


def _events(value: object) -> Iterator[yaml.Event]:
    if isinstance(value, str):
        yield _text(value)
    elif isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=not value)
        for key in sorted((str(key) for key in value), key=_natural):
            yield _text(key)
            yield from _events(value[key])
        yield yaml.MappingEndEvent()
    elif isinstance(value, list | tuple):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not value)
        for item in value:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    else:
        yield yaml.ScalarEvent(None, None, (True, False), _word(value))


def _word(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, float):
        raise TypeError("not a value of JSON")
    whole = value.is_integer() and abs(value) < _EXPONENT_FROM
    if whole and -(2**63) <= value <= _MAX_UINT64:
        return str(_shortest_integer(value))
    return go_float(value)


def _shortest_integer(value: float) -> int:
    """The integer that the shortest digits of a float name: Go fills up with zeros."""
    digits, _, exponent = repr(value).removesuffix(".0").partition("e+")
    if not exponent:
        return int(digits)
    whole, _, fraction = digits.partition(".")
    return int(whole + fraction.ljust(int(exponent), "0"))


def _text(text: str) -> yaml.ScalarEvent:
    # Go goes by way of JSON, which has no bytes that are not UTF-8.
    text = _SURROGATE.sub("�", text)
    if "\n" in text:
        style = "|"
    elif not is_plain_string(text) or _BASE_60.fullmatch(text) or _TIMESTAMP.fullmatch(text):
        style = '"'
    else:
        style = ""
    return yaml.ScalarEvent(None, None, (True, True), text, style=style or None)


def _first_difference(left: str, right: str) -> int:
    """In steps of native code: keys may be long, and many."""
    at, step = 0, _COMPARED_CHARS
    end = min(len(left), len(right))
    while at < end and left[at : at + step] == right[at : at + step]:
        at += step
    pairs = zip(left[at : at + step], right[at : at + step], strict=False)
    return min(end, at + next((i for i, (a, b) in enumerate(pairs) if a != b), step))


def _compare(left: str, right: str) -> int:
    """Numbers within keys count as numbers, and letters come after everything else."""
    at = _first_difference(left, right)
    if at == min(len(left), len(right)):
        return len(left) - len(right)
    a, b = left[at], right[at]
    if a.isalpha() and b.isalpha():
        return -1 if a < b else 1
    if a.isalpha() or b.isalpha():
        in_number = at > 0 and left[at - 1].isdecimal()
        return -1 if a.isalpha() == in_number else 1
    return _compare_numbers(left, right, at)


def _compare_numbers(left: str, right: str, at: int) -> int:
    """Both differ first at `at`, where neither has a letter."""
    # A zero is a digit like another where a number has begun before it.
    lead = ""
    if "0" in (left[at], right[at]):
        before = re.search(r"[0-9]*\Z", left[:at], re.ASCII)
        lead = "1" if before and before[0].strip("0") else ""
    runs = [_run(text, at) for text in (left, right)]
    values = [int(lead + run or "0") for run in runs]
    if values[0] != values[1]:
        return -1 if values[0] < values[1] else 1
    if len(runs[0]) != len(runs[1]):
        return -1 if len(runs[0]) < len(runs[1]) else 1
    return -1 if left[at] < right[at] else 1


def _run(text: str, at: int) -> str:
    found = _DIGITS.match(text, at)
    return found[0] if found else ""


_natural = functools.cmp_to_key(_compare)
