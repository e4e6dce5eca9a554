"""How many metadata reads are left until the next round of change detection.

Neighbour: `versions` takes from it. There is no clock here: a round is one call of
`changes`, which comes once in a refreshInterval. Half of what a project may read in a
minute goes into a round, as other users and other stores read from the same quota; when
Google says that it is used up, rounds get smaller, and grow back slowly.
"""

from __future__ import annotations

import threading

__all__ = ["LARGEST", "Budget"]

#: Half of 600 reads a minute and project.
LARGEST = 300
SMALLEST = 10
_GROWTH = 30


class Budget:
    """Reads left in this round; shared by the threads of a session."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._lock = threading.Lock()
        self._largest = largest
        self._size = largest
        self._left = largest
        self._throttled = False

    def refill(self) -> None:
        """Begin a round."""
        with self._lock:
            if not self._throttled:
                self._size = min(self._largest, self._size + _GROWTH)
            self._throttled = False
            self._left = self._size

    def take(self) -> bool:
        """Take one read; False where none is left."""
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return True

    def throttled(self) -> None:
        """End this round, as the quota is used up, and make the next ones smaller."""
        with self._lock:
            self._left = 0
            if not self._throttled:
                self._throttled = True
                self._size = max(SMALLEST, self._size // 2)
