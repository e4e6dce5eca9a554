"""Rewrites what gotpl compiled, so that all of it is paid for and a missing value is passed on.

- Printing and looping over a value go through a function, which weighs it: gotpl would
  print or sort whatever it is given.
- `a | f x` becomes `f x (a)`. Both mean the same in Go; gotpl drops a missing `a` when it
  is piped, and calls `f` with an argument too few.

Neighbours: `template_engine` compiles, supplies the two functions and runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gotpl.compile.instructions import (
    BranchTarget,
    CallTarget,
    CompiledCommand,
    CompiledPipeline,
    Instruction,
    OpCode,
    Operand,
    OperandKind,
    Program,
    RangeTarget,
)

__all__ = ["LOOPED", "SHOWN", "paid", "size_of"]

#: Names that no template can spell.
SHOWN = "(shown)"
LOOPED = "(looped)"
#: Longer chains stay as they are: each link costs frames of Python's stack.
_MAX_LINKS = 16


def paid(program: Program) -> Program:
    """Return the program with its printing and looping under guard.

    Args:
        program: as compiled, with the templates that it defines.
    """
    return replace(
        program,
        instructions=tuple(_instruction(item) for item in program.instructions),
        definitions=tuple(paid(definition) for definition in program.definitions),
    )


def size_of(program: Program) -> int:
    """Return how many parts the largest template of the program has.

    No turn of a loop and no call of a template runs more of them.
    """
    own = sum(1 + sum(_parts(pipeline) for pipeline in _pipelines(i)) for i in program.instructions)
    return max([own, *(size_of(definition) for definition in program.definitions)])


def _instruction(instruction: Instruction) -> Instruction:
    argument = instruction.argument
    if instruction.opcode is OpCode.WRITE_DOT:
        dot = CompiledPipeline(
            bindings=(),
            is_assignment=False,
            commands=(CompiledCommand((Operand(OperandKind.DOT),)),),
            source_start=instruction.source_start,
        )
        return Instruction(OpCode.WRITE_PIPELINE, _guarded(dot, SHOWN), instruction.source_start)
    if isinstance(argument, CompiledPipeline):
        argument = _chained(argument)
        if instruction.opcode is OpCode.WRITE_PIPELINE:
            argument = _guarded(argument, SHOWN)
    elif isinstance(argument, RangeTarget):
        argument = replace(argument, pipeline=_guarded(_chained(argument.pipeline), LOOPED))
    elif isinstance(argument, BranchTarget | CallTarget) and argument.pipeline is not None:
        argument = replace(argument, pipeline=_chained(argument.pipeline))
    return replace(instruction, argument=argument)


def _guarded(pipeline: CompiledPipeline, function: str) -> CompiledPipeline:
    """The pipeline's value handed to a function; its variables get what that returns."""
    inner = replace(pipeline, bindings=(), is_assignment=False)
    command = CompiledCommand((Operand(OperandKind.FUNCTION, function), _operand_of(inner)))
    return replace(pipeline, commands=(command,))


def _chained(pipeline: CompiledPipeline) -> CompiledPipeline:
    commands = [
        CompiledCommand(tuple(_operand(item) for item in command.arguments))
        for command in pipeline.commands
    ]
    if len(commands) > _MAX_LINKS:
        return replace(pipeline, commands=tuple(commands))
    command = commands[0]
    for following in commands[1:]:
        inner = replace(pipeline, bindings=(), is_assignment=False, commands=(command,))
        command = CompiledCommand((*following.arguments, _operand_of(inner)))
    return replace(pipeline, commands=(command,))


def _operand_of(pipeline: CompiledPipeline) -> Operand:
    return Operand(OperandKind.SUBPIPELINE, pipeline=pipeline)


def _operand(operand: Operand) -> Operand:
    if operand.pipeline is None:
        return operand
    return replace(operand, pipeline=_chained(operand.pipeline))


def _pipelines(instruction: Instruction) -> Iterator[CompiledPipeline]:
    argument = instruction.argument
    if isinstance(argument, CompiledPipeline):
        yield argument
    elif (
        isinstance(argument, BranchTarget | CallTarget | RangeTarget)
        and argument.pipeline is not None
    ):
        yield argument.pipeline


def _parts(pipeline: CompiledPipeline) -> int:
    return sum(
        1 + (_parts(operand.pipeline) if operand.pipeline is not None else 0)
        for command in pipeline.commands
        for operand in command.arguments
    )
