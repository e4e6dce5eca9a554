"""Runs Go templates with gotpl, inside limits.

What a template may reach: plain texts, lists and dictionaries, and sprig's functions but
for those that read the environment or the network. gotpl's own sandbox keeps Python's
attributes and methods out of reach; a `Budget` pays for whatever takes time or memory.

Neighbours: this module, `templates.calls`, `templates.program`, `templates.linking`,
`templates.steps` and `templates.machine` alone know gotpl. `templating` imports them when it
first meets a template: gotpl is slow to load.
Source: gotpl 0.1.0, exactly: some of what is used here is not its public interface.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from gotpl import TemplateExecutionError, TemplateSyntaxError, TypedMap
from gotpl.compile.compiler import compile_template
from gotpl.parse.parser import ParserLimits, parse_template

from secretsync.core.errors import TemplateProblem
from secretsync.core.templates.bytes import from_bytes, to_bytes
from secretsync.core.templates.calls import CallFailed, functions, sandboxed
from secretsync.core.templates.dialect import Dialect
from secretsync.core.templates.errors import Place, call_reason, execution_text, syntax_text
from secretsync.core.templates.limits import CURRENT, TURN_STEPS, Budget, Limits, TemplateLimit
from secretsync.core.templates.machine import Linked, Run
from secretsync.core.templates.program import LOOPED, SHOWN, paid, size_of
from secretsync.core.templates.steps import link

__all__ = ["Compiled", "compile_text", "dot_of", "function_names", "run"]

#: For each part of the template that a turn of a loop may run.
_PART_STEPS = 6
_OWN_FUNCTIONS = frozenset({SHOWN, LOOPED})


class Compiled(NamedTuple):
    """A template that can be run.

    Args:
        place: its name and its source, for errors.
        linked: what is run.
        turn_steps: what a turn of a loop costs; see `size_of`.
    """

    place: Place
    linked: Linked
    turn_steps: int


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
        linked = link(program, functions(dialect), sandboxed(dialect))
        return Compiled(place, linked, TURN_STEPS + _PART_STEPS * size_of(program))
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


def run(compiled: Compiled, dot: TypedMap[str, Any], budget: Budget) -> bytes:
    """Render a compiled template.

    Args:
        compiled: from `compile_text`.
        dot: from `dot_of`; templates cannot change it.
        budget: pays.

    Raises:
        TemplateProblem: it fails, or needs more than is left.
    """
    token = CURRENT.set(budget)
    try:
        rendered = _rendered(compiled, Run(dot, budget, compiled.turn_steps))
    finally:
        CURRENT.reset(token)
    if isinstance(rendered, TemplateProblem):
        raise rendered
    if len(rendered) > budget.limits.output_bytes:
        raise TemplateProblem(f"the template writes more than {budget.limits.output_bytes} bytes")
    return rendered


def _rendered(compiled: Compiled, run: Run) -> bytes | TemplateProblem:
    """An error is returned, not raised: the frames of a traceback hold values."""
    try:
        run.execute(compiled.linked)
        return to_bytes("".join(run.written))
    except (TemplateLimit, TemplateExecutionError, CallFailed) as exc:
        error: Exception = exc
    except RecursionError:
        error = TemplateLimit("the template nests too deeply")
    except Exception:  # noqa: BLE001 - whatever gotpl raises may quote values: say no more
        error = TemplateExecutionError("")
    place = replace(compiled.place, position=run.position, template=run.template)
    return _failed(place, error)


def _failed(place: Place, error: Exception) -> TemplateProblem:
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
