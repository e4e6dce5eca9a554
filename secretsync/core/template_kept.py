"""Compiled templates that are kept: the last used, as long as their texts are not too long.

Neighbour: `templating` asks here before it compiles.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
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
        self._left = chars
        self._each = each_chars
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[str, str], _Compiled] = OrderedDict()

    def get(self, name: str, text: str) -> _Compiled | None:
        """Return what is kept of a template."""
        with self._lock:
            found = self._found.get((name, text))
            if found is not None:
                self._found.move_to_end((name, text))
        return found

    def put(self, name: str, text: str, compiled: _Compiled) -> None:
        """Keep a template; the longest unused ones give way."""
        size = len(name) + len(text)
        if size > self._each:
            return
        with self._lock:
            if (name, text) in self._found:
                return
            self._found[name, text] = compiled
            self._left -= size
            while self._left < 0:
                (old_name, old_text), _ = self._found.popitem(last=False)
                self._left += len(old_name) + len(old_text)
