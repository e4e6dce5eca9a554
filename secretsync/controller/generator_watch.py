"""Notices that a generator was edited: those that use it get a turn, and new values.

Only kinds that somebody names are watched, so that who uses no generator pays for
none. A kind that the cluster does not serve is asked for again now and then.

Neighbours: `world` knows which ExternalSecrets use what, `push_items` which PushSecrets;
`refresh.generations` decides what an edit means to each policy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from secretsync.cluster.base import KINDS, Cluster, WatchEvent, WatchEventType
from secretsync.controller.reflector import Reflector
from secretsync.refresh.clock import Clock
from secretsync.resources.generator import GENERATOR_KINDS
from secretsync.resources.meta import ObjectRef

__all__ = ["GeneratorUsers", "GeneratorWatches"]


class GeneratorUsers(Protocol):
    """Who uses which generators."""

    def used(self) -> frozenset[ObjectRef]:
        """Return the generators that somebody names, and maybe more."""
        ...

    def users(self, ref: ObjectRef, /) -> frozenset[ObjectRef]:
        """Return who names a generator, be it there or not."""
        ...


class GeneratorWatches:
    """Follows the generators in use.

    Args:
        edited: called with a user of a generator that is another one than before.
        appeared: called with a user of a generator that was not known.
        namespace: "" for all.
    """

    def __init__(
        self,
        cluster: Cluster,
        who: GeneratorUsers,
        clock: Clock,
        stop: threading.Event,
        *,
        edited: Callable[[ObjectRef], None],
        appeared: Callable[[ObjectRef], None],
        namespace: str,
    ) -> None:
        self._cluster = cluster
        self._who = who
        self._clock = clock
        self._stop = stop
        self._edited = edited
        self._appeared = appeared
        self._namespace = namespace
        self._reflectors: dict[str, Reflector] = {}
        self._known: dict[ObjectRef, object] = {}

    def follow(self) -> None:
        """Begin to watch kinds that have come into use."""
        used = {ref.kind for ref in self._who.used() if ref.kind in GENERATOR_KINDS}
        for name in sorted(used & KINDS.keys() - self._reflectors.keys()):
            kind = KINDS[name]
            if self._namespace and not kind.namespaced:
                continue
            self._reflectors[name] = Reflector(
                self._cluster,
                kind,
                self._on_event,
                self._clock,
                self._stop,
                namespace=self._namespace,
                optional=True,
            )
            self._reflectors[name].start()

    def given(self, changed: Iterable[ObjectRef]) -> None:
        """Handle what PATH brings, changes or no longer has."""
        for ref in changed:
            for user in self._who.users(ref):
                self._edited(user)

    def join(self, timeout_s: float) -> None:
        """Wait for the threads to end."""
        for reflector in self._reflectors.values():
            reflector.join(timeout_s)

    def _on_event(self, event: WatchEvent) -> None:
        metadata = event.object.get("metadata") or {}
        kind = str(event.object.get("kind"))
        ref = ObjectRef(kind, metadata.get("namespace", ""), metadata.get("name", ""))
        if event.type is WatchEventType.DELETED:
            self._known.pop(ref, None)
            return
        before, now = self._known.get(ref), _identity(event.object)
        self._known[ref] = now
        if before is None:
            tell = self._appeared
        elif before != now:
            tell = self._edited
        else:
            return  # its metadata or status: it makes the same as before
        for user in self._who.users(ref):
            tell(user)


def _identity(obj: dict[str, Any]) -> object:
    return obj.get("spec")
