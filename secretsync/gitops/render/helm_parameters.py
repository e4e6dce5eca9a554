"""`helm.parameters` → values, as Helm's `--set` reads them. Pure.

They go to Helm in a file: an argument could be read by everybody on the machine.

Source: Helm 3, package strvals; Argo CD 3.6, "Helm", parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from secretsync.gitops.errors import RenderError
from secretsync.resources.application_spec import HelmParameter

__all__ = ["parameter_values"]

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})", re.ASCII)
_INDEX = re.compile(r"(.*?)((?:\[[0-9]{1,4}\])*)$", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}


def parameter_values(parameters: Iterable[HelmParameter]) -> dict[str, Any]:
    """Return the values that parameters set, later ones over earlier ones.

    Raises:
        RenderError: a name is no path.
    """
    values: dict[str, Any] = {}
    for each in parameters:
        path = _path(each.name)
        _set(values, path, _value(each.value, as_text=each.force_string), each.name)
    return values


def _path(name: str) -> list[str | int]:
    """Split at dots that no backslash escapes, and at indices."""
    found: list[str | int] = []
    for part in re.split(r"(?<!\\)\.", name):
        match = _INDEX.fullmatch(part)
        key = (match[1] if match else part).replace("\\.", ".")
        if not key:
            raise RenderError(
                f"the parameter {name[:100]!r} is no path", remedy="write one such as image.tag"
            )
        found.append(key)
        if match:
            found += [int(index) for index in re.findall(r"[0-9]+", match[2])]
    return found


def _value(written: str, *, as_text: bool) -> Any:
    if written.startswith("{") and written.endswith("}"):
        parts = re.split(r"(?<!\\),", written[1:-1]) if written != "{}" else []
        return [_scalar(part, as_text=as_text) for part in parts]
    return _scalar(written, as_text=as_text)


def _scalar(written: str, *, as_text: bool) -> Any:
    plain = written.replace("\\,", ",")
    if as_text:
        return plain
    if plain in _WORDS:
        return _WORDS[plain]
    return int(plain) if _INTEGER.fullmatch(plain) else plain


def _set(values: dict[str, Any], path: list[str | int], value: Any, name: str) -> None:
    at: Any = values
    for segment, following in zip(path, [*path[1:], None], strict=True):
        missing = value if following is None else ([] if isinstance(following, int) else {})
        if isinstance(segment, int):
            if not isinstance(at, list):
                raise _mixed(name)
            at.extend([None] * (segment + 1 - len(at)))
        elif not isinstance(at, dict):
            raise _mixed(name)
        if following is None:
            at[segment] = value
            return
        known = at[segment] if isinstance(segment, int) else at.get(segment)
        if not isinstance(known, dict | list):
            at[segment] = missing
        at = at[segment]


def _mixed(name: str) -> RenderError:
    return RenderError(
        f"the parameter {name[:100]!r} is both a map and a list",
        remedy="correct its name, or use valuesObject",
    )
