"""Runs Go templates with gotpl, inside limits.

What a template may reach: plain texts, lists and dictionaries, and sprig's functions but
for those that read the environment or the network. gotpl's own sandbox keeps Python's
attributes and methods out of reach; a `Budget` pays for whatever takes time or memory.

Neighbours: this module, `template_calls` and `template_program` alone know gotpl.
`templating` imports them when it first meets a template: gotpl is slow to load.
Source: gotpl 0.1.0, exactly: some of what is used here is not its public interface.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from gotpl import TemplateExecutionError, TemplateSyntaxError, TypedMap
from gotpl.compile.compiler import compile_template
from gotpl.compile.instructions import Program
from gotpl.parse.parser import ParserLimits, parse_template
from gotpl.runtime.policy import ExecutionBudget, ExecutionBudgetState
from gotpl.runtime.sync_vm import render_program

from secretsync.core.errors import TemplateProblem
from secretsync.core.template_bytes import from_bytes, to_bytes
from secretsync.core.template_calls import CallFailed, functions, sandboxed
from secretsync.core.template_dialect import Dialect
from secretsync.core.template_errors import Place, call_reason, execution_text, syntax_text
from secretsync.core.template_limits import CURRENT, TURN_STEPS, Budget, Limits, TemplateLimit
from secretsync.core.template_program import LOOPED, SHOWN, paid, size_of

__all__ = ["Compiled", "compile_text", "dot_of", "function_names", "run"]

#: For each part of the template that a turn of a loop may run.
_PART_STEPS = 6
_LOGICAL = frozenset({"and", "or"})
_OWN_FUNCTIONS = frozenset({SHOWN, LOOPED})


class Compiled(NamedTuple):
    """A template that can be run.

    Args:
        size: how many parts a turn of a loop may run; see `size_of`.
    """

    program: Program
    size: int


class _Meter(ExecutionBudgetState):
    """gotpl's own counters, all paid from one budget."""

    def __init__(self, budget: Budget, size: int) -> None:
        super().__init__(ExecutionBudget())
        self._budget = budget
        self._turn_steps = TURN_STEPS + _PART_STEPS * size

    def consume_output(self, amount: int) -> None:
        self._budget.write(amount)

    def consume_iteration(self) -> None:
        self._budget.step(self._turn_steps)

    def check_template_depth(self, depth: int) -> None:
        self._budget.step(self._turn_steps)
        if depth > self._budget.limits.template_depth:
            raise TemplateLimit("templates call each other too deeply")


def compile_text(key: str, text: str, limits: Limits, dialect: Dialect) -> Compiled:
    """Compile a template.

    Args:
        key: its name in errors, the item's key.
        text: its source.
        limits: how large it may be.
        dialect: which functions it may name.

    Raises:
        TemplateProblem: it cannot be parsed.
    """
    place = Place(key, text)
    problem: str
    try:
        parsed = parse_template(
            text,
            name=key,
            limits=ParserLimits(limits.source_bytes, limits.tokens, limits.nesting),
            functions=function_names(dialect),
        )
        program = paid(compile_template(parsed, source=text))
        return Compiled(program, size_of(program))
    except TemplateSyntaxError as exc:
        problem = syntax_text(place, _bare_message(exc), exc.line)
    except RecursionError:
        problem = syntax_text(place, "the template nests too deeply", 1)
    except (ValueError, OverflowError):
        problem = syntax_text(place, "a number in the template is out of range", 1)
    # Outside of the handler, so that no cause with other texts hangs on to it.
    raise TemplateProblem(problem)


def function_names(dialect: Dialect) -> frozenset[str]:
    """Return the names of the functions that a template may call, built-ins included."""
    return frozenset(functions(dialect)) - _OWN_FUNCTIONS


def dot_of(data: Mapping[str, Any]) -> TypedMap[str, Any]:
    """Return values as templates see them: Go's map[string]string, or a map of such maps.

    Args:
        data: name → value, which need not be UTF-8; or name → such a map, as webhooks have.
    """
    if data and all(isinstance(value, Mapping) for value in data.values()):
        maps = {key: dot_of(value) for key, value in data.items()}
        return TypedMap(maps, TypedMap({}, "", "string", "string"), "string", "map[string]string")
    texts = {key: from_bytes(value) for key, value in data.items()}
    return TypedMap(texts, "", "string", "string")


def run(compiled: Compiled, dot: TypedMap[str, Any], budget: Budget, dialect: Dialect) -> bytes:
    """Render a compiled template.

    Args:
        compiled: from `compile_text`.
        dot: from `dot_of`; templates cannot change it.
        budget: pays.
        dialect: as it was compiled.

    Raises:
        TemplateProblem: it fails, or needs more than is left.
    """
    token = CURRENT.set(budget)
    try:
        rendered = _rendered(compiled, dot, budget, dialect)
    finally:
        CURRENT.reset(token)
    if isinstance(rendered, TemplateProblem):
        raise rendered
    if len(rendered) > budget.limits.output_bytes:
        raise TemplateProblem(f"the template writes more than {budget.limits.output_bytes} bytes")
    return rendered


def _rendered(
    compiled: Compiled, dot: TypedMap[str, Any], budget: Budget, dialect: Dialect
) -> bytes | TemplateProblem:
    """An error is returned, not raised: the frames of a traceback hold values."""
    program = compiled.program
    try:
        text = render_program(
            program,
            dot,
            functions=functions(dialect),
            missing_key=sandboxed(dialect),
            _logical_builtins=_LOGICAL,
            _budget_state=_Meter(budget, compiled.size),
        )
        return to_bytes(text)
    except TemplateLimit as exc:
        return _failed(program, exc)
    except TemplateExecutionError as exc:
        return _failed(program, exc)
    except RecursionError:
        return _failed(program, TemplateLimit("the template nests too deeply"))
    except Exception:  # noqa: BLE001 - whatever gotpl raises may quote values: say no more
        return _failed(program, TemplateExecutionError(""))


def _failed(program: Program, error: Exception) -> TemplateProblem:
    position = getattr(error, "position", None)
    template = getattr(error, "template_name", None) or ""
    place = Place(program.name, program.source, position, template)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TemplateLimit):
            return TemplateProblem(
                f"template: {place.key}: {cause}",
                remedy="make the template smaller, or its loops shorter",
            )
        if isinstance(cause, CallFailed):
            return TemplateProblem(
                execution_text(place, "", function=cause.function, reason=cause.reason)
            )
        cause = cause.__cause__
    called = re.match(r"function '(\w+)' failed: ", getattr(error, "message", ""))
    if called and error.__cause__ is not None:
        reason = call_reason(error.__cause__)
        return TemplateProblem(execution_text(place, "", function=called[1], reason=reason))
    return TemplateProblem(execution_text(place, getattr(error, "message", "")))


def _bare_message(error: TemplateSyntaxError) -> str:
    return str(error).removeprefix(f"template:{error.line}:{error.column}: ")
