"""Validates stores when they appear or change, and says so in their status."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from providers.base import AccessDenied, AuthFailed, Capability, ProviderError
from providers.registry import load
from secretsync.controller.metrics import Metrics
from secretsync.controller.statuses import StatusWriter
from secretsync.controller.world import World
from secretsync.core.conditions import ready_status
from secretsync.errors import SecretSyncError
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.selectors import is_referent
from secretsync.refresh.sessions import Sessions
from secretsync.resources.meta import ObjectRef
from secretsync.resources.secret_store import SecretStore

__all__ = ["StoreChecker"]

log = logging.getLogger(__name__)

WORKERS = 4
RETRY_S = 30.0
LATER_S = 2.0
#: By whether it is read, and whether it is written.
_CAPABILITIES = {
    (True, False): "ReadOnly",
    (False, True): "WriteOnly",
    (True, True): "ReadWrite",
    (False, False): "",
}


class StoreChecker:
    """Checks stores on threads of its own.

    A store is checked when it changes, and again only while it is not valid: a store
    that works shows it by every refresh, and asking again would only cost calls.

    Args:
        refused: of a store that lets none of its users read what they ask for, the words
            of its refusal.
    """

    def __init__(
        self,
        world: World,
        sessions: Sessions,
        statuses: StatusWriter,
        metrics: Metrics,
        clock: Clock,
        controller_class: str,
        *,
        refused: Callable[[ObjectRef], str],
    ) -> None:
        self._world = world
        self._refused = refused
        self._sessions = sessions
        self._statuses = statuses
        self._metrics = metrics
        self._clock = clock
        self._controller_class = controller_class
        self._queue = LaneQueue(clock, linger_s=0.0)
        self._said: dict[ObjectRef, tuple[str, str, str]] = {}
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="store-check")

    def start(self) -> None:
        """Begin to check."""
        for _ in range(WORKERS):
            self._pool.submit(self._work)

    def submit(self, ref: ObjectRef) -> None:
        """Check a store soon."""
        self._queue.add(ref, Lane.NEW)

    def submit_later(self, ref: ObjectRef) -> None:
        """Check a store once it is known what became of those that read from it."""
        self._queue.add_after(ref, Lane.DUE, LATER_S)

    def close(self) -> None:
        """End; checks that wait are dropped."""
        self._queue.close()
        self._pool.shutdown()

    def _work(self) -> None:
        while True:
            _, refs = self._queue.take(most=1)
            if not refs:
                return
            began_ns = time.monotonic_ns()
            try:
                if self._check(refs[0]) and self._world.store(refs[0]) is not None:
                    self._metrics.took(refs[0], time.monotonic_ns() - began_ns)
            except Exception as exc:
                log.exception("store check failed", extra={"store": str(refs[0])}, exc_info=exc)
                self._queue.add_after(refs[0], Lane.DUE, RETRY_S)
            finally:
                self._queue.done(refs[0])

    def _check(self, ref: ObjectRef) -> bool:
        """Check a store; returns whether there is one, and it is ours."""
        found = self._world.store(ref)
        store = found[0] if found else None
        if store is None:
            self._said.pop(ref, None)
            return False
        if store.controller not in ("", self._controller_class):
            return False
        if is_referent(store):
            self._say(store, "ValidationUnknown", "credentials depend on the namespace", ready=True)
            return True
        try:
            self._sessions.session(store, store.meta.namespace).provider.check([])
        except (ProviderError, SecretSyncError) as exc:
            self._say(store, _reason(exc), f"{_summary(exc)}: {exc.message}", ready=False)
            self._queue.add_after(ref, Lane.DUE, RETRY_S)
        else:
            self._say_permitted(store)
        return True

    def _say_permitted(self, store: SecretStore) -> None:
        """Say whether a store that lets us in lets us read."""
        refusal = self._refused(store.ref)
        if refusal:
            text = f"unable to read what its ExternalSecrets ask for: {refusal}"
            self._say(store, "ValidationFailed", text, ready=False)
            self._queue.add_after(store.ref, Lane.DUE, RETRY_S)
        else:
            self._say(store, "Valid", "store validated", ready=True)

    def _say(self, store: SecretStore, reason: str, message: str, *, ready: bool) -> None:
        self._metrics.condition(store.ref, ready=ready)
        before = store.ready
        found = (before.get("status"), before.get("reason"), before.get("message"))
        said = "True" if ready else "False", reason, message
        # What was said last may not have come back by the watch yet.
        if not store.live or found == said == self._said.get(store.ref, said):
            return
        self._said[store.ref] = said
        if not ready:
            log.warning("store not valid", extra={"store": str(store.ref), "cause": message})
        self._statuses.put(
            store.ref,
            {
                "capabilities": _capabilities(store),
                **ready_status(
                    store.ready,
                    ready=ready,
                    reason=reason,
                    message=message,
                    now=self._clock.now(),
                ),
            },
        )


def _capabilities(store: SecretStore) -> str:
    found = load(store.provider).capability(store.config)
    return _CAPABILITIES[Capability.READ in found, Capability.WRITE in found]


def _reason(error: Exception) -> str:
    return "InvalidProviderConfig" if isinstance(error, AuthFailed) else "ValidationFailed"


def _summary(error: Exception) -> str:
    if isinstance(error, AuthFailed | AccessDenied):
        return "unable to create client"
    return "unable to validate store"
