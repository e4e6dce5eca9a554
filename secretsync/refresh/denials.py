"""Which stores were refused what their ExternalSecrets ask for.

Every read is a probe of permissions, so a store is told valid or not without a call of its
own. Neighbours: `reading` notes the answers, `controller.storecheck` asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from providers.base import AccessDenied, ProviderError
from secretsync.resources.meta import ObjectRef

__all__ = ["Denials"]


class Denials:
    """The last refusal of each store that has given nothing since; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[ObjectRef, str] = {}
        self._told: Callable[[ObjectRef], None] = lambda _: None

    def tell(self, told: Callable[[ObjectRef], None]) -> None:
        """Have somebody told of each store of which something else is now to be said."""
        self._told = told

    def note(self, store: ObjectRef, answers: Collection[object]) -> None:
        """Take in what a store answered: values, lists, or ProviderErrors instead.

        A store that gave anything may read; what it does not have says nothing.
        """
        refusals = [each for each in answers if isinstance(each, AccessDenied)]
        gave = any(not isinstance(each, ProviderError) for each in answers)
        with self._lock:
            before = self._said.get(store)
            if gave:
                self._said.pop(store, None)
            elif refusals and before is None:
                self._said[store] = refusals[0].message
            changed = before != self._said.get(store)
        if changed:
            self._told(store)

    def of(self, store: ObjectRef) -> str:
        """Return the refusal, "" where there is none."""
        with self._lock:
            return self._said.get(store, "")

    def forget(self, store: ObjectRef) -> None:
        """Forget a store that is another one now, or gone."""
        with self._lock:
            self._said.pop(store, None)
