"""Errors without the frames that raised them: variables there hold plaintext and keys.

Neighbours: all that opens values, and `keyring`, which keeps errors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sealing.errors import SealingError

__all__ = ["shed_frames", "sheds_frames"]

P = ParamSpec("P")
R = TypeVar("R")


def shed_frames(error: SealingError) -> SealingError:
    """Return the error without its traceback, and without those of its causes.

    Reporters that show variables would print what they hold, and an error that is kept
    would keep it in memory.
    """
    inner: BaseException | None = error
    while inner is not None:
        inner.__traceback__ = None
        inner = inner.__cause__ or inner.__context__
    return error


def sheds_frames(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function raise its SealingErrors as if they began at its own call."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SealingError as exc:
            raise shed_frames(exc)  # noqa: B904 - the same error, with its own cause

    return call
