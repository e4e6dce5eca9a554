"""Label selectors as the API's `labelSelector` parameter takes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from secretsync.errors import Rejected

__all__ = ["Selector", "parse_selector"]

Labels = Mapping[str, str]
Selector = Callable[[Labels], bool]

_KEY = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_VALUE = r"(?P<value>[-A-Za-z0-9_.]*)"
_EQUALITY = re.compile(rf"{_KEY}\s*(?P<operator>==|=|!=)\s*{_VALUE}")
_SET = re.compile(rf"{_KEY}\s+(?P<operator>in|notin)\s*\((?P<values>[-A-Za-z0-9_.,\s]*)\)")
_EXISTS = re.compile(rf"(?P<operator>!?)\s*{_KEY}")
#: A comma between requirements, not one inside the brackets of a set.
_BETWEEN = re.compile(r",(?![^(]*\))")


def parse_selector(text: str) -> Selector:
    """Return the test that a selector stands for; "" matches everything.

    Raises:
        Rejected: it is not a label selector.
    """
    tests = [_requirement(part.strip()) for part in _BETWEEN.split(text)] if text.strip() else []
    return lambda labels: all(test(labels) for test in tests)


def _requirement(text: str) -> Selector:
    if match := _SET.fullmatch(text):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return _membership(match["key"], values, wanted=match["operator"] == "in")
    if match := _EQUALITY.fullmatch(text):
        values = frozenset({match["value"]})
        return _membership(match["key"], values, wanted=match["operator"] != "!=")
    if match := _EXISTS.fullmatch(text):
        key, wanted = match["key"], not match["operator"]
        return lambda labels: (key in labels) is wanted
    raise Rejected(
        f"unable to parse label selector requirement {text!r}",
        remedy="write key=value, key!=value, key in (a,b), key notin (a,b), key or !key",
    )


def _membership(key: str, values: frozenset[str], *, wanted: bool) -> Selector:
    """A label that is not there is in no set, so `!=` and `notin` match it."""
    return lambda labels: (key in labels and labels[key] in values) is wanted
