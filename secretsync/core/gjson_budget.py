"""How much one property path may cost, so that no path and no secret can stop a worker.

Paths come from whoever may write an ExternalSecret, documents from whoever may write
the secret: together they must not buy more work than their size explains.
Neighbours: `gjson_eval`, `gjson_modifiers` and `gjson_pretty` spend from it.
"""

from __future__ import annotations

from secretsync.core.errors import PropertyPathLimit

__all__ = ["MAX_DEPTH", "MAX_PATH_BYTES", "Budget", "check_depth"]

#: Longer paths do not occur; parsing one costs in proportion.
MAX_PATH_BYTES = 4096
#: Levels that a path may walk down; each costs up to eight frames of Python's stack,
#: and must leave most of it to the caller.
MAX_DEPTH = 64

#: Bytes that may be scanned and made: enough for every level of a real document
#: several times, about a second of work in the worst case.
_BASE_BYTES = 4 * 1024 * 1024
_PER_DOCUMENT_BYTE = 16

_REMEDY = "use a shorter or simpler remoteRef.property"


class Budget:
    """What is left for one evaluation, in bytes of document read or written."""

    __slots__ = ("_left",)

    def __init__(self, document_bytes: int) -> None:
        self._left = _BASE_BYTES + _PER_DOCUMENT_BYTE * document_bytes

    def spend(self, count: int) -> None:
        """Take `count` bytes.

        Raises:
            PropertyPathLimit: nothing is left.
        """
        self._left -= count
        if self._left < 0:
            raise PropertyPathLimit("the property path needs too much work", remedy=_REMEDY)


def check_depth(depth: int) -> None:
    """Refuse to go deeper than `MAX_DEPTH` levels.

    Raises:
        PropertyPathLimit: `depth` is deeper.
    """
    if depth > MAX_DEPTH:
        raise PropertyPathLimit(
            f"the property path goes deeper than {MAX_DEPTH} levels", remedy=_REMEDY
        )
