"""Rewrites what gotpl compiled, so that all of it is paid for and a missing value is passed on.

- Printing and looping over a value go through a function, which weighs it: gotpl would
  print or sort whatever it is given.
- `a | f x` becomes `f x (a)`. Both mean the same in Go; gotpl drops a missing `a` when it
  is piped, and calls `f` with an argument too few.

Neighbours: `templates.engine` compiles, supplies the two functions and runs.
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
#: They change what the dot is, or may run the program on another one.
_MOVES_DOT = frozenset({OpCode.ENTER_WITH, OpCode.ITERATE, OpCode.CALL_TEMPLATE})
#: They give a text whatever they get.
_TEXT_NAMES = """
b32dec b32enc b64dec b64enc hexdec indent join lower nindent print printf quote repeat
replace sha1sum sha256sum sha512sum squote title toJson toPrettyJson toString toYaml trim
trimAll trimPrefix trimSuffix trunc upper urlquery
"""
_TEXT_FUNCTIONS = frozenset(_TEXT_NAMES.split())
#: Longer chains stay as they are: each link costs frames of Python's stack.
_MAX_LINKS = 16


def paid(program: Program, *, root: bool = True) -> Program:
    """Return the program with its printing and looping under guard.

    Args:
        program: as compiled, with the templates that it defines.
        root: it is run on the values, and not defined by another one.
    """
    moves = any(item.opcode in _MOVES_DOT for item in program.instructions)
    return replace(
        program,
        instructions=tuple(
            _instruction(item, on_values=root and not moves) for item in program.instructions
        ),
        definitions=tuple(paid(definition, root=False) for definition in program.definitions),
    )


def size_of(program: Program) -> int:
    """Return how many parts the largest template of the program has.

    No turn of a loop and no call of a template runs more of them.
    """
    own = sum(1 + sum(_parts(pipeline) for pipeline in _pipelines(i)) for i in program.instructions)
    return max([own, *(size_of(definition) for definition in program.definitions)])


def _instruction(instruction: Instruction, *, on_values: bool) -> Instruction:
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
        if instruction.opcode is OpCode.WRITE_PIPELINE and not _is_text(
            argument, on_values=on_values
        ):
            argument = _guarded(argument, SHOWN)
    elif isinstance(argument, RangeTarget):
        argument = replace(argument, pipeline=_guarded(_chained(argument.pipeline), LOOPED))
    elif isinstance(argument, BranchTarget | CallTarget) and argument.pipeline is not None:
        argument = replace(argument, pipeline=_chained(argument.pipeline))
    return replace(instruction, argument=argument)


def _is_text(pipeline: CompiledPipeline, *, on_values: bool) -> bool:
    """Whether it can only give a text, which has been paid for where it was made.

    Args:
        on_values: the dot is the map of the values, all of which are texts.
    """
    if pipeline.bindings or len(pipeline.commands) != 1:
        return False
    first = pipeline.commands[0].arguments[0]
    if first.kind is OperandKind.FUNCTION:
        return first.value in _TEXT_FUNCTIONS
    alone = len(pipeline.commands[0].arguments) == 1
    return on_values and alone and first.kind is OperandKind.FIELD and len(first.fields) == 1


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
