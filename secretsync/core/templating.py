"""Go templates with sprig's functions: the `template` of SealedSecrets, and of ExternalSecrets.

The text of a template is its author's, the values are secret: what comes out is written
to the Secret, and an error speaks of the text alone. Rendering is pure but for sprig's
functions that are random or read the clock.

Neighbours: `templates.engine` does the work and loads gotpl; a text without `{{` never
gets that far. `templates.limits` says how much a template may cost, `templates.dialect`
whose it is, `templates.kept` keeps what was compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sealing import TemplateFailed
from secretsync.core.errors import TemplateProblem
from secretsync.core.templates.dialect import Dialect
from secretsync.core.templates.kept import Kept
from secretsync.core.templates.limits import Budget, Limits, TemplateLimit

if TYPE_CHECKING:
    from gotpl import TypedMap

    from secretsync.core.templates.engine import Compiled

__all__ = [
    "Engine",
    "Rendering",
    "check_template",
    "render_sealed_template",
    "render_template",
    "rendering",
    "sealed_rendering",
]

_OPENS_ACTION = "{{"
#: Compiled templates that are kept, by the length of their texts together; none may be
#: longer than the second: a compiled one takes a hundred times its text, at worst five hundred.
_KEPT_CHARS = 128 * 1024
_KEPT_TEMPLATE_CHARS = 4096


class Engine:
    """Renders templates within limits; safe to share between threads.

    Args:
        limits: what one rendering may use.
        dialect: whose templates they are.
    """

    def __init__(
        self, limits: Limits | None = None, *, dialect: Dialect = Dialect.SEALED_SECRETS
    ) -> None:
        self.limits = limits or Limits()
        self.dialect = dialect
        # By name and text. The values that a template is given are never kept.
        self._kept: Kept[Compiled] = Kept(_KEPT_CHARS, _KEPT_TEMPLATE_CHARS)

    def render(self, key: str, text: str, data: Mapping[str, Any]) -> bytes:
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
        return Rendering(self, data).render(key, text)

    def compiled(self, key: str, text: str) -> Compiled:
        """Return a template compiled; compiling it again is avoided.

        Raises:
            TemplateProblem: it is broken.
        """
        found = self._kept.get(key, text)
        if found is None:
            from secretsync.core.templates.engine import (  # noqa: PLC0415 - gotpl loads slowly
                compile_text,
            )

            found = compile_text(key, text, self.limits, self.dialect)
            self._kept.put(key, text, found)
        return found


class Rendering:
    """Templates over the same values that share one budget: those of one object.

    For one thread.

    Args:
        data: the dot: name → value, any bytes.
    """

    def __init__(self, engine: Engine, data: Mapping[str, Any]) -> None:
        self._engine = engine
        self._data = data
        self._budget = Budget(engine.limits)
        self._dot: TypedMap[str, Any] | None = None

    def render(self, key: str, text: str) -> bytes:
        """Render one of them; see `Engine.render`."""
        if _OPENS_ACTION not in text:
            return text.encode()
        from secretsync.core.templates.engine import dot_of, run  # noqa: PLC0415 - as above

        self._pay_for(key, text)
        compiled = self._engine.compiled(key, text)
        if self._dot is None:
            self._dot = dot_of(self._data)
        return run(compiled, self._dot, self._budget)

    def over(self, data: Mapping[str, Any]) -> Rendering:
        """Return what renders over other values, and pays from the same budget."""
        other = Rendering(self._engine, data)
        other._budget = self._budget
        return other

    def _pay_for(self, key: str, text: str) -> None:
        try:
            self._budget.read(text)
        except TemplateLimit as exc:
            problem = f"template: {key}: {exc}"
        else:
            return
        raise TemplateProblem(problem, remedy="split them over several objects")

    def pay(self, steps: int) -> None:
        """Pay from the same budget for work on what was rendered.

        Raises:
            TemplateLimit: nothing is left.
        """
        self._budget.step(steps)


_ENGINE = Engine()
_EXTERNAL = Engine(dialect=Dialect.EXTERNAL_SECRETS)


def rendering(values: Mapping[str, bytes]) -> Rendering:
    """Return what renders the templates of one ExternalSecret.

    Args:
        values: the dot of all of them.
    """
    return Rendering(_EXTERNAL, values)


def check_template(name: str, text: str, *, dialect: Dialect) -> None:
    """Compile a template, and run nothing of it.

    Args:
        name: what errors call it: the key of the item.
        text: the template.
        dialect: whose it is.

    Raises:
        TemplateProblem: it cannot be parsed, or names a function that there is not.
    """
    if _OPENS_ACTION in text:
        engine = _ENGINE if dialect is _ENGINE.dialect else _EXTERNAL
        engine.compiled(name, text)


def render_template(name: str, text: str, values: Mapping[str, Any]) -> bytes:
    """Render one template with the functions of External Secrets Operator's engine v2.

    Args:
        name: what errors call it: the key of the item.
        text: the template.
        values: the dot: name → value, any bytes, or name → map of such. A name that is not
            there is an error.

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
    return sealed_rendering()(key, text, values)


def sealed_rendering() -> Callable[[str, str, Mapping[str, bytes]], bytes]:
    """Return what renders the entries of one SealedSecret, which share one budget.

    It takes and raises what `render_sealed_template` does; for one thread.
    """
    shared = Rendering(_ENGINE, {})

    def render(key: str, text: str, values: Mapping[str, bytes]) -> bytes:
        try:
            return shared.over(values).render(key, text)
        except TemplateProblem as exc:
            problem = str(exc)
        # Outside of the handler: the error carries no other one with it.
        raise TemplateFailed(problem)

    return render
