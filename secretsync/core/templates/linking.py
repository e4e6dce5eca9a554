"""Turns a compiled pipeline into one function: what can be found beforehand is found once.

gotpl walks its instructions anew for each rendering: it asks every operand for its kind,
looks up every function and reads every number again, which takes longer than most templates
do. Here that is done when a template is compiled. What the parts mean is gotpl's: values are
looked up, called and told true or false by its own functions.

Neighbours: `templates.steps` puts it into instructions, `templates.program` rewrites before.
Source: gotpl 0.1.0, `runtime/sync_vm.py`: the order of evaluation, and what is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from gotpl import TemplateExecutionError, TypedMap
from gotpl.compile.instructions import CompiledCommand, CompiledPipeline, Operand, OperandKind
from gotpl.runtime.callables import PreparedFunctionRegistry
from gotpl.runtime.sync_vm import _invoke_registered_function
from gotpl.runtime.values import INVALID, UNTYPED_NIL, ValueAdapter, is_bound_method, number_value

from secretsync.core.templates.arguments import argument_check

__all__ = ["Evaluate", "Frame", "Linker", "set_variable"]

_LOGICAL = frozenset({"and", "or"})


class Frame(Protocol):
    """What a pipeline sees of the run that it is a part of."""

    dot: object
    root: object
    position: int
    scopes: list[dict[str, object]]


Evaluate = Callable[[Frame], object]
#: A command also takes what was piped to it, or INVALID.
_Command = Callable[[Frame, object], object]


class Linker:
    """Links pipelines to the functions that they call.

    Args:
        functions: by name, the built-in ones included.
        adapter: looks fields up.
    """

    def __init__(self, functions: PreparedFunctionRegistry, adapter: ValueAdapter) -> None:
        self._functions = functions
        self._adapter = adapter

    def pipeline(self, pipeline: CompiledPipeline, *, bind: bool = True) -> Evaluate:
        """Return what evaluates a pipeline, and sets its variables.

        Args:
            bind: leave no variable out; a `range` sets its own.
        """
        commands = [self._command(command) for command in pipeline.commands]
        evaluate = _chain(commands, pipeline.source_start)
        if not bind or not pipeline.bindings:
            return evaluate
        names, is_assignment = pipeline.bindings, pipeline.is_assignment

        def bound(frame: Frame) -> object:
            value = evaluate(frame)
            for name in names:
                set_variable(frame, name, value, is_assignment=is_assignment)
            return value

        return bound

    def _command(self, command: CompiledCommand) -> _Command:
        first, *others = command.arguments
        if first.kind is OperandKind.FUNCTION and isinstance(first.value, str):
            if first.value in _LOGICAL:
                return self._logical(first.value, others)
            return self._call(first.value, others)
        return self._value(first, others)

    def _value(self, first: Operand, others: Sequence[Operand]) -> _Command:
        evaluate = self._operand(first)
        arguments = [self._argument(operand) for operand in others]

        def value(frame: Frame, piped: object) -> object:
            found = evaluate(frame)
            if type(found) is str and not arguments and piped is INVALID:
                return found
            given = [argument(frame) for argument in arguments]
            if piped is not INVALID:
                given.append(piped)
            if is_bound_method(found):
                return _method(found, given)
            if given:
                raise TemplateExecutionError("non-callable command has arguments")
            return found

        return value

    def _logical(self, name: str, operands: Sequence[Operand]) -> _Command:
        evaluates = [self._operand(operand) for operand in operands]
        is_true = self._adapter.is_true
        stops_at = name == "or"

        def logical(frame: Frame, piped: object) -> object:
            if not evaluates and piped is INVALID:
                raise TemplateExecutionError(f"function {name!r} requires an argument")
            value: object = INVALID
            for evaluate in evaluates:
                value = evaluate(frame)
                if is_true(value) is stops_at:
                    return value
            return value if piped is INVALID else piped

        return logical

    def _call(self, name: str, operands: Sequence[Operand]) -> _Command:
        function = self._functions.get(name)
        if function is None:
            return _always(TemplateExecutionError, f"function {name!r} is not defined")
        arguments = [self._argument(operand) for operand in operands]
        check = argument_check(name, self._functions.call_specs[name])

        def call(frame: Frame, piped: object) -> object:
            given = [argument(frame) for argument in arguments]
            if piped is not INVALID:
                given.append(piped)
            check(given)
            return function(*given)

        return call

    def _argument(self, operand: Operand) -> Evaluate:
        """A field may be a method, which is called; nothing else that is passed on may."""
        evaluate = self._operand(operand)
        if not operand.fields:
            return evaluate

        def argument(frame: Frame) -> object:
            value = evaluate(frame)
            if type(value) is str or not is_bound_method(value):
                return value
            return _method(value, [])

        return argument

    def _operand(self, operand: Operand) -> Evaluate:
        kind, value = operand.kind, operand.value
        if kind is OperandKind.DOT:
            return lambda frame: frame.dot
        if kind is OperandKind.FIELD:
            return self._fields(lambda frame: frame.dot, operand.fields)
        if kind is OperandKind.VARIABLE:
            name = value if isinstance(value, str) else ""
            return self._fields(lambda frame: _variable(frame, name), operand.fields)
        if kind is OperandKind.SUBPIPELINE:
            inner = operand.pipeline
            evaluate = _constant(INVALID) if inner is None else self.pipeline(inner)
            return self._fields(evaluate, operand.fields)
        if kind is OperandKind.FUNCTION and isinstance(value, str):
            call = self._call(value, ())
            return lambda frame: call(frame, INVALID)
        return _literal(operand)

    def _fields(self, evaluate: Evaluate, fields: tuple[str, ...]) -> Evaluate:
        if not fields:
            return evaluate
        lookup = self._adapter.lookup
        if len(fields) > 1:
            return self._chain_of_fields(evaluate, fields)
        (field,) = fields

        def one(frame: Frame) -> object:
            value = evaluate(frame)
            if type(value) is TypedMap and field in value.data:
                return value.data[field]
            return lookup(value, field)

        return one

    def _chain_of_fields(self, evaluate: Evaluate, fields: tuple[str, ...]) -> Evaluate:
        lookup = self._adapter.lookup
        last = len(fields) - 1

        def chain(frame: Frame) -> object:
            value = evaluate(frame)
            for index, field in enumerate(fields):
                value = lookup(value, field)
                if value is INVALID:
                    break
                if index < last and is_bound_method(value):
                    value = _method(value, [])
            return value

        return chain


def set_variable(frame: Frame, name: str, value: object, *, is_assignment: bool) -> None:
    """Declare a variable in the innermost scope, or assign to where it was declared.

    Raises:
        TemplateExecutionError: there is none of that name.
    """
    if not is_assignment:
        frame.scopes[-1][name] = value
        return
    for scope in reversed(frame.scopes):
        if name in scope:
            scope[name] = value
            return
    if name != "$":
        raise TemplateExecutionError(f"undefined variable {name!r}")
    frame.root = value


def _variable(frame: Frame, name: str) -> object:
    for scope in reversed(frame.scopes):
        if name in scope:
            return scope[name]
    return frame.root if name == "$" else INVALID


def _chain(commands: Sequence[_Command], start: int) -> Evaluate:
    if len(commands) == 1:
        (command,) = commands

        def one(frame: Frame) -> object:
            frame.position = start
            return command(frame, INVALID)

        return one

    def chain(frame: Frame) -> object:
        frame.position = start
        value: object = INVALID
        for command in commands:
            value = command(frame, value)
        return value

    return chain


def _literal(operand: Operand) -> Evaluate:
    kind, value = operand.kind, operand.value
    if kind is OperandKind.NIL:
        return _constant(UNTYPED_NIL)
    if kind is OperandKind.BOOL:
        return _constant(value is True)
    if kind is OperandKind.STRING:
        return _constant(value)
    if kind is OperandKind.CHARACTER:
        return _constant(ord(value) if isinstance(value, str) else INVALID)
    is_complex = kind is OperandKind.COMPLEX
    try:
        return _constant(number_value(value, is_complex=is_complex))
    except (ValueError, OverflowError):  # an error where it is reached, and not before
        return lambda _frame: number_value(value, is_complex=is_complex)


def _constant(value: object) -> Evaluate:
    return lambda _frame: value


def _always(error: type[Exception], message: str) -> _Command:
    def fails(_frame: Frame, _piped: object) -> object:
        raise error(message)

    return fails


def _method(method: Callable[..., object], given: list[object]) -> object:
    name = getattr(method, "__name__", "method")
    return _invoke_registered_function(name if isinstance(name, str) else "method", method, given)
