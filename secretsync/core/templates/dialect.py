"""Whose templates they are: two operators give them other functions and another strictness.

Neighbours: `templating` renders for both, `templates.calls` has the functions.
"""

from __future__ import annotations

import enum
from typing import Literal

__all__ = ["Dialect"]


class Dialect(enum.Enum):
    """What a template may call, and what a key is that its dot has not."""

    #: sprig's functions; a key that is missing prints `<no value>`.
    SEALED_SECRETS = "SealedSecret"
    #: sprig's and ESO's own functions; a key that is missing is an error.
    EXTERNAL_SECRETS = "ExternalSecret"

    @property
    def missing_key(self) -> Literal["default", "error"]:
        """Go's `missingkey` option."""
        return "error" if self is Dialect.EXTERNAL_SECRETS else "default"
