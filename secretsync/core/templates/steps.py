"""Turns a program into steps: each does an instruction's work, and names the one after it.

Neighbours: `templates.machine` runs them, `templates.linking` has the pipelines.
Source: gotpl 0.1.0, `compile/instructions.py` (what each instruction means).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from gotpl import TemplateExecutionError
from gotpl.compile.instructions import (
    BranchTarget,
    CallTarget,
    CompiledPipeline,
    Instruction,
    OpCode,
    Program,
    RangeNextTarget,
    RangeTarget,
)
from gotpl.runtime.callables import PreparedFunctionRegistry
from gotpl.runtime.sync_vm import _next_range_item, _range_entries, format_value
from gotpl.runtime.values import ValueAdapter

from secretsync.core.templates.limits import TemplateLimit
from secretsync.core.templates.linking import Linker
from secretsync.core.templates.machine import Linked, Loop, Run, Step

__all__ = ["link"]

_Argument = TypeVar("_Argument")


def link(program: Program, functions: PreparedFunctionRegistry, adapter: ValueAdapter) -> Linked:
    """Link a program, and the templates that it defines.

    Args:
        functions: that it may call; the ones that it names are there.
        adapter: looks fields up.
    """
    linker = Linker(functions, adapter)
    templates: dict[str, Linked] = {}
    for one in (*program.definitions, program):
        loops: dict[int, CompiledPipeline] = {}
        steps = tuple(
            _LINKS[item.opcode](item, at, _Context(linker, adapter, templates, loops))
            for at, item in enumerate(one.instructions)
        )
        templates[one.name] = Linked(one.name or one.source_name, steps)
    return templates[program.name]


class _Context(NamedTuple):
    """What an instruction is linked with.

    Args:
        templates: by name; complete when the first of them runs.
        loops: the `range` by where its body begins.
    """

    linker: Linker
    adapter: ValueAdapter
    templates: dict[str, Linked]
    loops: dict[int, CompiledPipeline]


def _write_text(item: Instruction, at: int, _context: _Context) -> Step:
    text, start, following = str(item.argument), item.source_start, at + 1

    def step(run: Run) -> int:
        run.position = start
        run.write(text)
        return following

    return step


def _write_pipeline(item: Instruction, at: int, context: _Context) -> Step:
    evaluate = context.linker.pipeline(_of(item, CompiledPipeline))
    following = at + 1

    def step(run: Run) -> int:
        value = evaluate(run)
        run.write(value if type(value) is str else format_value(value))
        return following

    return step


def _eval_pipeline(item: Instruction, at: int, context: _Context) -> Step:
    evaluate = context.linker.pipeline(_of(item, CompiledPipeline))
    following = at + 1

    def step(run: Run) -> int:
        evaluate(run)
        return following

    return step


def _push_scope(_item: Instruction, at: int, _context: _Context) -> Step:
    following = at + 1

    def step(run: Run) -> int:
        run.scopes.append({})
        return following

    return step


def _pop_scope(_item: Instruction, at: int, _context: _Context) -> Step:
    following = at + 1

    def step(run: Run) -> int:
        run.scopes.pop()
        return following

    return step


def _jump(item: Instruction, _at: int, _context: _Context) -> Step:
    target = _of(item, int)
    return lambda _run: target


def _jump_if_false(item: Instruction, at: int, context: _Context) -> Step:
    branch = _of(item, BranchTarget)
    evaluate, is_true = context.linker.pipeline(branch.pipeline), context.adapter.is_true
    following, otherwise = at + 1, branch.target
    return lambda run: following if is_true(evaluate(run)) else otherwise


def _enter_with(item: Instruction, at: int, context: _Context) -> Step:
    branch = _of(item, BranchTarget)
    evaluate, is_true = context.linker.pipeline(branch.pipeline), context.adapter.is_true
    following, otherwise = at + 1, branch.target

    def step(run: Run) -> int:
        value = evaluate(run)
        if not is_true(value):
            return otherwise
        run.withs.append(run.dot)
        run.dot = value
        return following

    return step


def _exit_with(_item: Instruction, at: int, _context: _Context) -> Step:
    following = at + 1

    def step(run: Run) -> int:
        run.dot = run.withs.pop()
        return following

    return step


def _iterate(item: Instruction, at: int, context: _Context) -> Step:
    target = _of(item, RangeTarget)
    context.loops[at + 1] = target.pipeline
    names, old = target.pipeline.bindings, target.pipeline.is_assignment
    evaluate = context.linker.pipeline(target.pipeline, bind=False)
    following, otherwise = at + 1, target.empty_target

    def step(run: Run) -> int:
        items = iter(_range_entries(evaluate(run), len(names)))
        try:
            first = _next_range_item(items)
        except StopIteration:
            return otherwise
        run.loops.append(Loop(items, run.dot, len(run.scopes), len(run.withs)))
        run.enter_turn(names, first, old=old)
        return following

    return step


def _next_iteration(item: Instruction, _at: int, context: _Context) -> Step:
    target = _of(item, RangeNextTarget)
    pipeline = context.loops[target.body_target]
    names, old = pipeline.bindings, pipeline.is_assignment
    start, body, otherwise = item.source_start, target.body_target, target.exit_target

    def step(run: Run) -> int:
        run.position = start
        loop = run.loops[-1]
        try:
            following = _next_range_item(loop.items)
        except StopIteration:
            _leave(run)
            return otherwise
        del run.scopes[loop.scopes :], run.withs[loop.withs :]
        run.enter_turn(names, following, old=old)
        return body

    return step


def _break_range(item: Instruction, _at: int, _context: _Context) -> Step:
    target = _of(item, int)

    def step(run: Run) -> int:
        _leave(run)
        return target

    return step


def _leave(run: Run) -> None:
    """A jump out of blocks within the loop does not pass their ends."""
    loop = run.loops.pop()
    run.dot = loop.dot
    del run.scopes[loop.scopes :], run.withs[loop.withs :]


def _call_template(item: Instruction, at: int, context: _Context) -> Step:
    target = _of(item, CallTarget)
    name, templates = target.name, context.templates
    evaluate = None if target.pipeline is None else context.linker.pipeline(target.pipeline)
    start, following = item.source_start, at + 1

    def step(run: Run) -> int:
        run.position = start
        callee = templates.get(name)
        if callee is None:
            raise TemplateExecutionError(f"template {name!r} is not defined")
        dot = None if evaluate is None else evaluate(run)
        run.budget.step(run.turn_steps)
        if run.depth + 1 > run.budget.limits.template_depth:
            raise TemplateLimit("templates call each other too deeply")
        run.call(callee, dot)
        return following

    return step


def _of(item: Instruction, kind: type[_Argument]) -> _Argument:
    if not isinstance(item.argument, kind):
        raise TypeError(f"{item.opcode.name} has an argument of another kind")
    return item.argument


#: `WRITE_DOT` is not among them: it has been rewritten to pay for what it prints.
_LINKS: dict[OpCode, Callable[[Instruction, int, _Context], Step]] = {
    OpCode.WRITE_TEXT: _write_text,
    OpCode.WRITE_PIPELINE: _write_pipeline,
    OpCode.EVAL_PIPELINE: _eval_pipeline,
    OpCode.PUSH_SCOPE: _push_scope,
    OpCode.POP_SCOPE: _pop_scope,
    OpCode.JUMP_IF_FALSE: _jump_if_false,
    OpCode.ENTER_WITH: _enter_with,
    OpCode.EXIT_WITH: _exit_with,
    OpCode.ITERATE: _iterate,
    OpCode.NEXT_ITERATION: _next_iteration,
    OpCode.BREAK_RANGE: _break_range,
    OpCode.JUMP: _jump,
    OpCode.CALL_TEMPLATE: _call_template,
}
