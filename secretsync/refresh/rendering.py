"""Hands the template engine to adapters, which may not import it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import TemplateProblem
from secretsync.core.templating import render_template

__all__ = ["render"]


def render(name: str, text: str, values: Mapping[str, Any]) -> bytes:
    """Render a template of a store or generator; a `providers.base.Render`.

    Args:
        name: for errors.
        text: the template.
        values: the dot: name → bytes, or name → map of such.

    Raises:
        ValueError: it does not render; the text holds no value.
    """
    try:
        return render_template(name, text, values)
    except TemplateProblem as exc:
        problem = str(exc)
    # Outside of the handler: the error carries no other one with it.
    raise ValueError(problem)
