"""Go templates with sprig's functions: the `template` of SealedSecrets, and of ExternalSecrets.

The text of a template is its author's, the values are secret: what comes out is written
to the Secret, and an error speaks of the text alone. Rendering is pure but for sprig's
functions that are random or read the clock.

Neighbours: `template_engine` does the work and loads gotpl; a text without `{{` never
gets that far. `template_limits` says how much a template may cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from sealing import TemplateFailed
from secretsync.core.errors import TemplateProblem
from secretsync.core.template_dialect import Dialect
from secretsync.core.template_limits import Limits

if TYPE_CHECKING:
    from gotpl.compile.instructions import Program

__all__ = ["Engine", "render_sealed_template", "render_template"]

_OPENS_ACTION = "{{"
#: Compiled templates that are kept, and how long their texts may be: in the worst case
#: a compiled template takes two hundred times its text.
_KEPT_TEMPLATES = 256
_KEPT_CHARS = 4096


class Engine:
    """Renders templates within limits; safe to share between threads.

    Args:
        limits: what one rendering may use.
        dialect: whose templates they are.
    """

    def __init__(
        self, limits: Limits | None = None, *, dialect: Dialect = Dialect.SEALED_SECRETS
    ) -> None:
        self._limits = limits or Limits()
        self._dialect = dialect
        # Keyed by name and text. The values that a template is given are never kept.
        self._kept = lru_cache(maxsize=_KEPT_TEMPLATES)(self._compiled)

    def render(self, key: str, text: str, data: Mapping[str, bytes]) -> bytes:
        """Render one template.

        Args:
            key: its name, which errors give: the key of the item.
            text: the template.
            data: the dot: name → value, any bytes.

        Returns:
            The bytes that the template writes, at most 1 MiB by default.

        Raises:
            TemplateProblem: the template is broken, fails, or asks for too much.
        """
        if _OPENS_ACTION not in text:
            return text.encode()
        from secretsync.core.template_engine import run  # noqa: PLC0415 - gotpl loads slowly

        program = (self._kept if len(text) <= _KEPT_CHARS else self._compiled)(key, text)
        return run(program, data, self._limits, self._dialect)

    def _compiled(self, key: str, text: str) -> Program:
        from secretsync.core.template_engine import compile_text  # noqa: PLC0415 - as above

        return compile_text(key, text, self._limits, self._dialect)


_ENGINE = Engine()
_EXTERNAL = Engine(dialect=Dialect.EXTERNAL_SECRETS)


def render_template(name: str, text: str, values: Mapping[str, bytes]) -> bytes:
    """Render a template with the functions of External Secrets Operator's engine v2.

    Args:
        name: what errors call it: the key of the item.
        text: the template.
        values: the dot: name → value, any bytes. A name that is not there is an error.

    Returns:
        The bytes that it writes, at most 1 MiB.

    Raises:
        TemplateProblem: it is broken, fails, or asks for too much; the text holds no value.
    """
    return _EXTERNAL.render(name, text, values)


def render_sealed_template(key: str, text: str, values: Mapping[str, bytes]) -> bytes:
    """Render one entry of a SealedSecret's `spec.template.data`; a `sealing.Render`.

    Args:
        key: the entry's key.
        text: its template.
        values: the decrypted values, and the other entries' texts as they are written.

    Raises:
        sealing.TemplateFailed: it does not render; the text holds no value.
    """
    try:
        return _ENGINE.render(key, text, values)
    except TemplateProblem as exc:
        problem = str(exc)
    # Outside of the handler: the error carries no other one with it.
    raise TemplateFailed(problem)
