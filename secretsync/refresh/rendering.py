"""Hands the template engine to adapters, which may not import it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from secretsync.core.errors import TemplateProblem
from secretsync.core.templating import rendering as core_rendering

__all__ = ["rendering"]


def rendering() -> Callable[[str, str, Mapping[str, Any]], bytes]:
    """Return what renders the templates of one request; a `providers.base.Render`.

    It takes a name for errors, the template, and the dot: name → bytes, or name → map of
    such. It raises ValueError where a template does not render, or all of them together
    cost too much; the text holds no value.
    """
    shared = core_rendering({})

    def render(name: str, text: str, values: Mapping[str, Any]) -> bytes:
        try:
            return shared.over(values).render(name, text)
        except TemplateProblem as exc:
            problem = str(exc)
        # Outside of the handler: the error carries no other one with it.
        raise ValueError(problem)

    return render
