"""Says on ExternalSecrets that their store cannot be asked, and when it can be again.

A tick compares many objects by one call. When that call fails none of them is read,
so that an outage costs the provider nothing more; but their status must not go on
saying that all is well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from providers.base import ProviderError
from secretsync.controller.recorder import Recorder
from secretsync.controller.world import World
from secretsync.errors import SecretSyncError
from secretsync.refresh.index import GroupKey
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.reading import is_transient
from secretsync.resources.meta import ObjectRef

__all__ = ["Staleness"]

#: One lost answer is no outage: two ticks in a row are.
TRANSIENT_TICKS = 2


class Staleness:
    """Which ExternalSecrets are marked, by the group whose tick failed."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder
        self._lock = threading.Lock()
        self._failures: dict[GroupKey, int] = {}
        self._marked: dict[GroupKey, dict[ObjectRef, str]] = {}

    def failed(
        self, group: GroupKey, users: Iterable[ObjectRef], error: ProviderError | SecretSyncError
    ) -> None:
        """Mark those of `users` that were ready; a transient fault must last first."""
        with self._lock:
            self._failures[group] = self._failures.get(group, 0) + 1
            if is_transient(error) and self._failures[group] < TRANSIENT_TICKS:
                return
            marked = self._marked.setdefault(group, {})
        message = f"could not get secret data from provider: {error.message}"
        for ref in users:
            entry = self._world.item(ref)
            if entry is None or self._recorder.status(entry.item).ready != "True":
                continue
            outcome = Outcome(
                entry.item,
                Progress.FAILED,
                reason="SecretSyncedError",
                message=message,
                remedy=error.remedy,
            )
            marked[ref] = outcome.condition_message
            self._recorder.record(outcome, entry.version, quiet=True)

    def recovered(self, group: GroupKey) -> None:
        """Take back the marks of a group; what else is wrong with an object stays said."""
        with self._lock:
            self._failures.pop(group, None)
            marked = self._marked.pop(group, {})
        for ref, message in marked.items():
            entry = self._world.item(ref)
            if entry is not None and self._recorder.status(entry.item).message == message:
                self._recorder.record(
                    Outcome(entry.item, Progress.UNCHANGED), entry.version, quiet=True
                )

    def keep_only(self, groups: frozenset[GroupKey]) -> None:
        """Forget groups that are no more."""
        with self._lock:
            for group in (self._failures.keys() | self._marked.keys()) - groups:
                self._failures.pop(group, None)
                self._marked.pop(group, None)
