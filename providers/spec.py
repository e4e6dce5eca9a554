"""How a frozen dataclass describes a block of a manifest.

Config classes of providers and the custom resources of `secretsync.resources` are
read by one decoder, from their type annotations plus what `wire` adds. A field
`session_tags: tuple[Tag, ...] = ()` reads `sessionTags`, a list of objects; a name
that camelCase does not give (`externalID`) is spelled with `wire(name=...)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Wire", "wire"]

_KEY = "wire"


@dataclass(frozen=True, slots=True)
class Wire:
    """What a field's annotation cannot say.

    Args:
        name: the field's name in the manifest, where camelCase does not give it.
        required: an absent or empty value is an error.
        choices: the allowed strings.
        unsupported_choices: those of them that are not implemented yet; using one is an
            error that says so.
        pattern: a regular expression the whole string must match, with `hint` saying
            it in words.
        minimum: the smallest allowed number.
        maximum: the largest allowed number.
        unsupported: set where the field belongs to the published schema but is not
            implemented yet; using it is an error that says this sentence.
        deprecated: using it is a warning that says this sentence.
        internal: no field of the manifest: only code sets it. Such fields come last.
    """

    name: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    unsupported_choices: tuple[str, ...] = ()
    pattern: str = ""
    hint: str = ""
    minimum: int | None = None
    maximum: int | None = None
    unsupported: str = ""
    deprecated: str = ""
    internal: bool = False


def wire(**options: Any) -> Mapping[str, Wire]:
    """Return the `metadata` of a dataclass field that carries these `Wire` options."""
    return {_KEY: Wire(**options)}
