"""Checks what a template function is called with, quickly where nothing is wrong.

Neighbour: `templates.linking` calls it once a call.
Source: gotpl 0.1.0, `runtime/callables.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from typing import Any

from gotpl import TemplateExecutionError
from gotpl.runtime.callables import CallSpec

__all__ = ["argument_check"]

#: Annotations that any value fits.
_FREE = (Parameter.empty, Any, object)


def argument_check(name: str, spec: CallSpec | None) -> Callable[[list[object]], None]:
    """Return what refuses arguments of a wrong number or type, as gotpl does.

    It takes the arguments and raises TemplateExecutionError.

    Args:
        name: the function's, for the error.
        spec: what it takes, as gotpl read it.
    """
    if spec is None or not spec.requires_validation:
        return lambda _given: None
    least, most = spec.minimum, spec.maximum
    # Once, not for each call: it takes longer than the rest of the check. None fits any value.
    kinds = tuple(None if kind in _FREE else kind for kind in spec.positional_annotations)
    is_rest_free = spec.variadic_annotation in _FREE

    def check(given: list[object]) -> None:
        count = len(given)
        if count < least or (most is not None and count > most):
            raise TemplateExecutionError(spec.arity_error(name, count) or "")
        # Most arguments are exactly what is asked for, which takes no look at unions and bases.
        for value, kind in zip(given, kinds, strict=False):
            if kind is not None and type(value) is not kind:
                break
        else:
            if is_rest_free or count <= len(kinds):
                return
        problem = spec.type_error(name, given)
        if problem is not None:
            cause = TypeError(problem)
            raise TemplateExecutionError(f"function {name!r} failed: {problem}") from cause

    return check
