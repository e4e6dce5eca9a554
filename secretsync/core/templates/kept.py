"""Compiled templates that are kept: those used lately, while their texts are not too long.

Two generations: what is used of the old one moves to the new one, and the old one goes
when the new one is full. No step of it needs a lock: at worst a template is compiled twice.

Neighbour: `templating` asks here before it compiles.
"""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Kept"]

_Compiled = TypeVar("_Compiled")


class Kept(Generic[_Compiled]):
    """Compiled templates by name and text; safe to share between threads.

    Args:
        chars: of all texts and names together.
        each_chars: of one; longer ones are not kept.
    """

    def __init__(self, chars: int, each_chars: int) -> None:
        self._chars = chars // 2
        self._each = each_chars
        self._used = 0
        self._young: dict[tuple[str, str], _Compiled] = {}
        self._old: dict[tuple[str, str], _Compiled] = {}

    def get(self, name: str, text: str) -> _Compiled | None:
        """Return what is kept of a template."""
        found = self._young.get((name, text))
        if found is None:
            found = self._old.get((name, text))
            if found is not None:
                self.put(name, text, found)
        return found

    def put(self, name: str, text: str, compiled: _Compiled) -> None:
        """Keep a template."""
        size = len(name) + len(text)
        if size > self._each:
            return
        if self._used + size > self._chars:
            self._old, self._young, self._used = self._young, {}, 0
        self._young[name, text] = compiled
        self._used += size
