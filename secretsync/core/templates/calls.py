"""The functions that templates call: sprig's and Go's own, each paid for and kept quiet.

A function sees plain texts, numbers, lists and dictionaries. What it raises is replaced
by a `CallFailed`, which says no more than `templates.errors` allows.

Neighbours: `templates.engine` runs programs that call them, `templates.costs` has prices.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence

from gotpl import SandboxPolicy, TypedMap
from gotpl._compat.gofmt._core import _parse_directive
from gotpl._compat.goregexp.go import _compile as _compile_pattern
from gotpl.funcs.sprig import text_func_map
from gotpl.runtime.callables import PreparedFunctionRegistry
from gotpl.runtime.results import FunctionResult, unwrap_function_result
from gotpl.runtime.sync_vm import _builtin_functions
from gotpl.runtime.values import UNTYPED_NIL, ValueAdapter

from secretsync.core.templates.bytes import BYTE_FUNCTIONS
from secretsync.core.templates.costs import pay_result, price
from secretsync.core.templates.dialect import Dialect
from secretsync.core.templates.errors import call_reason
from secretsync.core.templates.limits import CURRENT, TURN_STEPS, Budget, TemplateLimit, weigh
from secretsync.core.templates.mended import is_nothing, mended
from secretsync.core.templates.program import LOOPED, SHOWN
from secretsync.core.templates.regex import WALKING_FUNCTIONS, watched
from secretsync.core.templates.shortcuts import shortcuts
from secretsync.core.templates.signing import SIGNING_FUNCTIONS

__all__ = ["CallFailed", "functions", "sandboxed"]

#: They read the controller's environment, or ask its resolver.
_REMOVED = frozenset({"env", "expandenv", "getHostByName"})
#: What a certificate and a version of sprig's show.
_ATTRIBUTES = frozenset({"Cert", "Key", "Major", "Minor", "Patch"})
_METHODS = frozenset({"Metadata", "Original", "Prerelease"})
#: In Go these take map[string]interface {}, which the values at the root are not.
_FIRST_IS_DICT = frozenset({"get", "hasKey", "omit", "pick", "set", "unset", "urlJoin", "values"})
_ALL_ARE_DICTS = frozenset(
    {"dig", "keys", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite", "pluck"}
)
#: They tell map[string]string from other maps; for the rest it is a dictionary.
_SEE_THE_TYPE = frozenset({"index", "printf", "typeIs", "typeIsLike", "typeOf"})
#: They print what is missing as <nil>; an action alone prints <no value>.
_PRINT_NIL = frozenset({"print", "printf", "println"})
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
#: gotpl keeps this much of patterns and formats; longer ones are made to be forgotten.
_KEPT_CHARS = 200
_OWN_FUNCTIONS = frozenset({SHOWN, LOOPED})
#: Neither nothing nor a map of Go's; asking whether they are takes longer than most calls.
_AS_THEY_ARE = frozenset({str, dict, list, int, float, bool})


class CallFailed(Exception):
    """A function failed; carries its name and what may be said of it."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(function)
        self.function = function
        self.reason = reason


@functools.cache
def sandboxed(dialect: Dialect) -> ValueAdapter:
    """Return what looks fields up, and nothing of Python's."""
    policy = SandboxPolicy(
        allow_functions=functions(dialect), allow_attributes=_ATTRIBUTES, allow_methods=_METHODS
    )
    return ValueAdapter(dialect.missing_key, policy)


@functools.cache
def functions(dialect: Dialect) -> PreparedFunctionRegistry:
    """Return every function by its name, with the two that guard printing and looping."""
    theirs = dict(_builtin_functions("go")) | text_func_map()
    every: dict[str, Callable[..., object]] = (
        theirs | mended(theirs) | shortcuts(theirs) | dict(BYTE_FUNCTIONS) | dict(SIGNING_FUNCTIONS)
    )
    for name in (*_REMOVED, "call"):
        del every[name]
    if dialect is Dialect.EXTERNAL_SECRETS:
        from secretsync.core.templates.eso import eso_functions  # noqa: PLC0415 - loads YAML

        every |= eso_functions(every["bcrypt"])
    wrapped = {name: _wrapped(name, function) for name, function in every.items()}
    every = {**wrapped, SHOWN: _shown, LOOPED: _looped}
    return PreparedFunctionRegistry(every, includes_builtins=True)


def _wrapped(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """The function, paid for; gotpl reads its signature through the wrapper."""
    pay = price(name)
    adapt = _adapter(name)
    is_json = name.endswith("Json")
    walks = name in WALKING_FUNCTIONS
    forgets = walks or name == "printf"

    @functools.wraps(function)
    def call(*arguments: object) -> object:
        budget = CURRENT.get()
        plain = pay(arguments, budget) and not walks
        try:
            result = function(*(arguments if plain else adapt(arguments, budget)))
            if isinstance(result, FunctionResult):
                result = unwrap_function_result(result)
        except TemplateLimit:
            raise
        except RecursionError:
            raise TemplateLimit("a value in the template nests too deeply") from None
        except Exception as exc:  # noqa: BLE001 - its text may quote the arguments
            reason = call_reason(exc)
        else:
            if is_json and isinstance(result, str) and not result.isascii():
                result = _NOT_UTF8.sub(r"\\ufffd", result)
            pay_result(result, budget)
            return result
        finally:
            if forgets:
                _forget(name, arguments)
        raise CallFailed(name, reason)

    return call


def _adapter(name: str) -> Callable[[Sequence[object], Budget], Sequence[object]]:
    """What makes a function's arguments those that Go would give it."""
    nothing = UNTYPED_NIL if name in _PRINT_NIL else None
    walks = name in WALKING_FUNCTIONS

    def adapt(arguments: Sequence[object], budget: Budget) -> Sequence[object]:
        adapted = [
            argument
            if type(argument) in _AS_THEY_ARE
            else nothing
            if is_nothing(argument)
            else _as_map(name, index, argument)
            for index, argument in enumerate(arguments)
        ]
        if walks:
            watched(name, adapted, budget)
        return adapted

    return adapt


def _as_map(name: str, index: int, argument: object) -> object:
    if not isinstance(argument, TypedMap) or name in _SEE_THE_TYPE:
        return argument
    if name in _ALL_ARE_DICTS or (index == 0 and name in _FIRST_IS_DICT):
        raise TypeError("argument 1 to it: expected dict, got TypedMap")
    return dict(argument)


def _forget(name: str, arguments: Sequence[object]) -> None:
    """Keep secrets out of gotpl's caches of patterns and formats, and bombs too."""
    if not arguments or not isinstance(arguments[0], str) or len(arguments[0]) <= _KEPT_CHARS:
        return
    if name == "printf":
        _parse_directive.cache_clear()
    elif name in WALKING_FUNCTIONS:
        _compile_pattern.cache_clear()


def _shown(value: object) -> object:
    """What an action prints."""
    budget = CURRENT.get()
    budget.step(TURN_STEPS + weigh(value, budget) // 64)
    return value


def _looped(value: object) -> object:
    """What a range walks; a map is sorted first."""
    if isinstance(value, Mapping | list | tuple):
        CURRENT.get().step(TURN_STEPS + 2 * len(value))
    return value
