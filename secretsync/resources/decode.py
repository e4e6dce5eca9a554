"""Decodes plain values into frozen dataclasses, driven by their annotations.

One decoder for the custom resources and for the provider blocks of stores: the
annotation says the type, `providers.spec.wire` the rest. It reports every problem it
meets and goes on, so that one run shows them all. What it returns is only to be used
where its `Findings` has not failed: a faulty field holds its default.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, TypeVar

from providers.spec import Wire
from secretsync.resources.composer import Path, quoted
from secretsync.resources.documents import Origin
from secretsync.resources.findings import Findings
from secretsync.resources.object_meta import type_name

__all__ = ["closest", "decode", "walk_dataclasses", "warn_unknown_fields"]

T = TypeVar("T")
Convert = Callable[[Any, Path, Findings], Any]
Absent = Callable[[], Any]

_STRING_MAP = tuple[tuple[str, str], ...]
_EXPECTED: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
}
_PLAIN_WIRE = Wire()


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field is read: its name in the manifest, and what to do with a value."""

    attribute: str
    name: str
    convert: Convert
    absent: Absent
    required: bool
    wire: Wire


def decode(cls: type[T], value: Any, path: Path, findings: Findings) -> T:
    """Decode an object into `cls`.

    Args:
        cls: a dataclass whose field types are nested dataclasses, `str`, `int`, `bool`,
            `float`, unions of those, `X | None`, `tuple[X, ...]`, `Any` (kept as it is), and
            `tuple[tuple[str, str], ...]` for a map of strings.
        value: what the manifest holds.
        path: where in the object that is, for problems.
        findings: takes the problems; unknown and deprecated fields are warnings.
    """
    if not isinstance(value, dict):
        findings.error(path, f"expected an object, found {type_name(value)}")
        return _placeholder(cls)
    fields = _fields(typing.cast("Any", cls))  # mypy does not see that a class is hashable
    arguments = []
    used = 0
    for item in fields:
        raw = value.get(item.name)
        if raw is None:
            used += item.name in value
            if item.required:
                findings.error((*path, item.name), f"{item.name} is required", f"set {item.name}")
            arguments.append(item.absent())
        else:
            used += 1
            arguments.append(_read(item, raw, (*path, item.name), findings))
    if used < len(value):
        warn_unknown_fields(value, tuple(item.name for item in fields), path, findings)
    return cls(*arguments)


def warn_unknown_fields(
    value: dict[str, Any], known: tuple[str, ...], path: Path, findings: Findings
) -> None:
    """Warn of each field that has no meaning, with the one that may be meant."""
    for name in value:
        if name not in known:
            meant = closest(name, known)
            remedy = f"did you mean {meant}?" if meant else "remove it: it has no effect"
            findings.warning((*path, name), f"unknown field {quoted(name)}", remedy)


def closest(name: str, known: tuple[str, ...]) -> str:
    """Return the known name that a misspelt one resembles most, or ""."""
    by_lower = {item.lower(): item for item in known}
    found = difflib.get_close_matches(name[:64].lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else ""


def walk_dataclasses(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every dataclass instance in a decoded value, with its path in the manifest."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield path, value
        for item in _fields(type(value)):
            yield from walk_dataclasses(getattr(value, item.attribute), (*path, item.name))
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from walk_dataclasses(entry, (*path, index))


def _read(item: _Field, raw: Any, path: Path, findings: Findings) -> Any:
    wire = item.wire
    if wire is not _PLAIN_WIRE:
        if raw == "" and wire.choices and not item.required:
            return item.absent()  # an empty choice means its default
        if wire.unsupported:
            if raw not in ("", [], {}, False):  # an empty one asks for nothing
                findings.error(path, wire.unsupported, f"remove {item.name}")
            return item.absent()
        if wire.deprecated:
            findings.warning(path, wire.deprecated)
    value = item.convert(raw, path, findings)
    if item.required and raw in ("", []):
        findings.error(path, f"{item.name} must not be empty", f"set {item.name}")
    return value


@cache
def _fields(cls: type[Any]) -> tuple[_Field, ...]:
    """Return how to read each field; worked out once a class, in the order of its init."""
    hints = typing.get_type_hints(cls)
    return tuple(
        _field(item, hints[item.name])
        for item in dataclasses.fields(cls)
        if item.init and not item.metadata.get("wire", _PLAIN_WIRE).internal
    )


def _field(item: dataclasses.Field[Any], annotation: Any) -> _Field:
    wire = item.metadata.get("wire", _PLAIN_WIRE)
    has_default = item.default is not MISSING or item.default_factory is not MISSING
    if item.default_factory is not MISSING:
        absent: Absent = item.default_factory
    elif item.default is not MISSING:
        absent = _constant(item.default)
    else:
        absent = _absent(annotation)
    return _Field(
        attribute=item.name,
        name=wire.name or _camel_case(item.name),
        convert=_converter(annotation, wire, absent),
        absent=absent,
        required=wire.required or not has_default,
        wire=wire,
    )


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _constant(value: Any) -> Absent:
    return lambda: value


def _absent(annotation: Any) -> Absent:
    """Return what stands in for a value that is missing or unusable."""
    if dataclasses.is_dataclass(annotation):
        return lambda: _placeholder(typing.cast("type[Any]", annotation))
    if typing.get_origin(annotation) is tuple:
        return tuple
    return annotation if annotation in _EXPECTED else _constant(None)


def _placeholder(cls: type[T]) -> T:
    """Return an instance of absent values, without reporting what is missing."""
    return decode(cls, {}, (), Findings(Origin("")))


def _converter(annotation: Any, wire: Wire, absent: Absent) -> Convert:
    if annotation is Any:
        return lambda raw, _path, _findings: raw
    if annotation == _STRING_MAP:
        return _string_map
    members = _union_members(annotation)
    if len(members) == 1 and dataclasses.is_dataclass(members[0]):
        cls = typing.cast("type[Any]", members[0])
        return lambda raw, path, findings: decode(cls, raw, path, findings)
    if len(members) == 1 and typing.get_origin(members[0]) is tuple:
        return _list_converter(typing.get_args(members[0])[0], wire)
    if all(member in _EXPECTED for member in members):
        return _scalar_converter(members, wire, absent)
    raise TypeError(f"the decoder does not know the type {annotation}")


def _union_members(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        members = typing.get_args(annotation)
        return tuple(member for member in members if member is not types.NoneType)
    return (annotation,)


def _list_converter(annotation: Any, wire: Wire) -> Convert:
    entry = _converter(annotation, wire, _absent(annotation))

    def convert(raw: Any, path: Path, findings: Findings) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            findings.error(path, f"expected a list, found {type_name(raw)}")
            return ()
        return tuple(entry(item, (*path, index), findings) for index, item in enumerate(raw))

    return convert


def _string_map(raw: Any, path: Path, findings: Findings) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, dict):
        findings.error(path, f"expected an object, found {type_name(raw)}")
        return ()
    for key, value in raw.items():
        if not isinstance(value, str):
            _wrong_type((*path, key), "a string", value, findings)
    return tuple((key, value) for key, value in raw.items() if isinstance(value, str))


def _scalar_converter(members: tuple[type, ...], wire: Wire, absent: Absent) -> Convert:
    allowed = frozenset(members) | ({int} if float in members else frozenset())
    expected = " or ".join(_EXPECTED[member] for member in members)
    rules = _rules(wire)

    def convert(raw: Any, path: Path, findings: Findings) -> Any:
        if type(raw) not in allowed:
            _wrong_type(path, expected, raw, findings)
            return absent()
        for rule in rules:
            rule(raw, path, findings)
        return raw

    return convert


def _wrong_type(path: Path, expected: str, raw: Any, findings: Findings) -> None:
    remedy = ""
    if "a string" in expected and isinstance(raw, bool | int | float):
        remedy = "put the value in quotes"
    elif expected in ("a boolean", "an integer", "a number") and isinstance(raw, str):
        remedy = "remove the quotes, or write a value of that type"
    findings.error(path, f"expected {expected}, found {type_name(raw)}", remedy)


def _rules(wire: Wire) -> tuple[Callable[[Any, Path, Findings], None], ...]:
    rules: list[Callable[[Any, Path, Findings], None]] = []
    if wire.choices:
        rules.append(lambda raw, path, findings: _check_choice(wire, raw, path, findings))
    if wire.pattern:
        pattern = re.compile(wire.pattern)
        rules.append(lambda raw, path, findings: _check_pattern(wire, pattern, raw, path, findings))
    if wire.minimum is not None or wire.maximum is not None:
        rules.append(lambda raw, path, findings: _check_range(wire, raw, path, findings))
    return tuple(rules)


def _check_choice(wire: Wire, raw: Any, path: Path, findings: Findings) -> None:
    if raw in wire.unsupported_choices:
        supported = [item for item in wire.choices if item not in wire.unsupported_choices]
        findings.error(
            path, f"{path[-1]} {raw} is not supported yet", f"use {' or '.join(supported)}"
        )
    elif raw not in wire.choices and not (raw == "" and wire.required):
        meant = closest(raw, wire.choices) if isinstance(raw, str) else ""
        remedy = f"did you mean {meant}?" if meant else "use an allowed value"
        listed = ", ".join(wire.choices)
        message = f"must be one of {listed}" if len(wire.choices) > 1 else f"must be {listed}"
        findings.error(path, message, remedy)


def _check_pattern(
    wire: Wire, pattern: re.Pattern[str], raw: Any, path: Path, findings: Findings
) -> None:
    if isinstance(raw, str) and raw and not pattern.fullmatch(raw):
        findings.error(path, "the value is not valid", f"it must be {wire.hint or wire.pattern}")


def _check_range(wire: Wire, raw: Any, path: Path, findings: Findings) -> None:
    if not isinstance(raw, int | float):
        return
    if wire.minimum is not None and raw < wire.minimum:
        findings.error(path, f"must be at least {wire.minimum}")
    elif wire.maximum is not None and raw > wire.maximum:
        findings.error(path, f"must be at most {wire.maximum}")
