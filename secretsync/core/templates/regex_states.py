"""How many states a regular expression has, and what one look at each of them costs.

The engine gives each state at most one look at a character. Most are quick; classes try
one range after the other, and the ends of groups copy the places of all groups.

Neighbours: `templates.regex` asks, and pays.
"""

from __future__ import annotations

from typing import Any

from gotpl._compat.goregexp import _parser
from gotpl._compat.goregexp._engine import LinearPattern
from gotpl._compat.goregexp.go import _translate_and_validate

from secretsync.core.templates.limits import TemplateLimit

__all__ = ["check_states", "look_steps"]

_MOST_STATES = 4000
_WALK_STEPS = 12
#: What is counted below is a third of a step: seldom are all states alive.
_PARTS_A_STEP = 3
_STATE_PARTS = 4
_CASELESS_PARTS = 16
#: Each range of a class is tried in turn; `\pL` has hundreds.
_RANGE_PARTS = 4
_FEW_RANGES = 8
#: A place is a pointer, copied twice.
_PLACES_A_PART = 4
_CASELESS = int(_parser.SRE_FLAG_IGNORECASE)
_REPEATS = (_parser.MAX_REPEAT, _parser.MIN_REPEAT)


def check_states(pattern: str) -> None:
    """Refuse a pattern whose repeated groups make too many states, before they are made.

    Args:
        pattern: as the template has it.

    Raises:
        TemplateLimit: there are too many.
        re.error: the pattern is not one.
    """
    if "){" not in pattern:
        # No more than its characters and its counts together, which are limited.
        return
    if _states(_parser.parse(_translate_and_validate(pattern), 0)) > _MOST_STATES:
        raise TemplateLimit("a regular expression is too large")


def _states(sequence: Any) -> int:
    return sum(_states_of(operation, argument) for operation, argument in sequence)


def _states_of(operation: object, argument: Any) -> int:
    if operation is _parser.SUBPATTERN:
        return 2 + _states(argument[3])
    if operation is _parser.BRANCH:
        return sum(1 + _states(branch) for branch in argument[1])
    if operation in _REPEATS:
        low, high, body = argument
        times = int(low) + 1 if high is _parser.MAXREPEAT else int(high)
        return 1 + times * (1 + _states(body))
    return 1


def look_steps(pattern: LinearPattern) -> int:
    """Return what one character costs: every state of the pattern may look at it.

    Args:
        pattern: compiled.

    Returns:
        Steps of a budget.
    """
    places = 2 * (pattern.groups + 1) // _PLACES_A_PART
    parts = 0
    for state in pattern._instructions:  # noqa: SLF001 - the only place that has them
        parts += _STATE_PARTS
        if state.operation == "rune":
            argument: Any = state.argument
            kind, entries, flags = argument
            if int(flags) & _CASELESS:
                parts += _CASELESS_PARTS
            if kind == "class":
                parts += len(entries) * (_RANGE_PARTS if len(entries) > _FEW_RANGES else 1)
        elif state.operation == "save":
            parts += places
    return _WALK_STEPS + parts // _PARTS_A_STEP
