"""Hands the template engine to adapters, which may not import it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import Render
from secretsync.core import templating
from secretsync.core.errors import TemplateProblem

__all__ = ["render"]


def render(name: str, text: str, values: Mapping[str, Any]) -> bytes:
    """Render a template of a store or generator; a `providers.base.Render`.

    Args:
        name: for errors.
        text: the template.
        values: the dot: texts, bytes and maps of them.

    Raises:
        ValueError: it does not render; the text holds no value.
    """
    try:
        return _engine()(name, text, values)
    except TemplateProblem as exc:
        problem = str(exc)
    # Outside of the handler: the error carries no other one with it.
    raise ValueError(problem)


def _engine() -> Render:
    found: Render = getattr(templating, "render_template", None) or templating.Engine().render
    return found
