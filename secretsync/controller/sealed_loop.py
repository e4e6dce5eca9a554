"""Works on SealedSecrets: takes what is queued, unseals it, records it, plans what is next.

Neighbours: `sealed_intake` queues, `sealed.unsealing` does the work, `ring` has the keys.
Nothing is given up: what failed is tried again, more and more seldom, and at once when
something changes that it depends on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secretsync.controller.garbage import Garbage
from secretsync.controller.retries import RETRY_CAP_S, TRANSIENT_BASE_S, Retries
from secretsync.controller.ring import RingKeeper
from secretsync.controller.sealed_recorder import SealedRecorder
from secretsync.controller.sealed_targets import SealedTargets
from secretsync.core.plan import Verb
from secretsync.core.schedule import backoff_s
from secretsync.core.sealed import UNSEAL_FAILED
from secretsync.errors import ClusterUnavailable
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.meta import ObjectRef
from secretsync.resources.sealed_secret import SealedSecret, SealedSecretStatus
from secretsync.sealed.unsealing import SealedOutcome, Unsealer

__all__ = ["SealedItems", "SealedLoop"]

log = logging.getLogger(__name__)

#: SealedSecrets that are taken together: enough to keep every core busy, few enough that
#: a new one does not wait long behind them.
BATCH = 64
#: Batches at once: while one waits for the API server, the other uses the keys.
WORKERS = 2
#: What does not open goes on not opening until it or the keys change, which is noticed.
UNSEAL_RETRY_CAP_S = 3600.0
#: A Secret that somebody keeps changing back is mended at once so often, then at the
#: pace of retries: two controllers that fight would keep the API server busy for ever.
QUICK_HEALS = 3
CALM_AFTER_S = 600.0
NO_KEYS_RETRY_S = 5.0


class SealedItems:
    """The SealedSecrets there are, as last seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[ObjectRef, SealedSecret] = {}

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: SealedSecret) -> SealedSecret | None:
        """Note one; returns what was known before."""
        with self._lock:
            before = self._items.get(item.ref)
            self._items[item.ref] = item
        return before

    def get(self, ref: ObjectRef) -> SealedSecret | None:
        """Return one."""
        return self._items.get(ref)

    def remove(self, ref: ObjectRef) -> SealedSecret | None:
        """Forget one; returns what was known."""
        with self._lock:
            return self._items.pop(ref, None)

    def refs(self) -> list[ObjectRef]:
        """Return all of them."""
        with self._lock:
            return list(self._items)


@dataclass(slots=True)
class _Heals:
    count: int
    at_s: float


class SealedLoop:
    """The workers over the queue.

    Args:
        drifted: called with the namespace of a Secret that was mended.
    """

    def __init__(
        self,
        items: SealedItems,
        targets: SealedTargets,
        queue: LaneQueue,
        keeper: RingKeeper,
        unsealer: Unsealer,
        recorder: SealedRecorder,
        garbage: Garbage,
        clock: Clock,
        *,
        drifted: Callable[[str], None],
    ) -> None:
        self._items = items
        self._targets = targets
        self._queue = queue
        self._keeper = keeper
        self._unsealer = unsealer
        self._recorder = recorder
        self._garbage = garbage
        self._clock = clock
        self._drifted = drifted
        self._lock = threading.Lock()
        self._retries = Retries()
        self._unopened: set[ObjectRef] = set()
        self._working: set[ObjectRef] = set()
        self._heals: dict[ObjectRef, _Heals] = {}
        self._threads = [
            threading.Thread(target=self._run, name=f"sealed-{number}", daemon=True)
            for number in range(WORKERS)
        ]

    def start(self) -> None:
        """Begin to work; it ends when the queue is closed."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the batches under way."""
        for thread in self._threads:
            thread.join(timeout_s)

    def keys_changed(self) -> None:
        """Try again what did not open."""
        with self._lock:
            refs = list(self._unopened)
        for ref in refs:
            self._retries.forget(ref)
            self._queue.add(ref, Lane.NEW)

    def target_changed(self, ref: ObjectRef) -> None:
        """Look at a Secret that is not as it was left; if it is, nothing is written."""
        with self._lock:
            if ref in self._working:
                return  # Perhaps it is our own write; that is seen at its end.
        self._mend(ref)

    def renewed(self, ref: ObjectRef) -> None:
        """Begin anew with a SealedSecret that was edited."""
        self._retries.forget(ref)
        with self._lock:
            self._heals.pop(ref, None)

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is remembered of a SealedSecret that is gone."""
        self._queue.forget(ref)
        self._retries.forget(ref)
        with self._lock:
            self._unopened.discard(ref)
            self._heals.pop(ref, None)

    def _mend(self, ref: ObjectRef) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            heals = self._heals.get(ref)
            calm = heals is None or now_s - heals.at_s > CALM_AFTER_S
            count = 0 if heals is None or calm else heals.count
            if calm:
                self._heals.pop(ref, None)
        if count < QUICK_HEALS:
            self._queue.add(ref, Lane.ROTATION)
            return
        attempt = count - QUICK_HEALS
        wait_s = backoff_s(attempt, base_s=TRANSIENT_BASE_S, cap_s=RETRY_CAP_S, spread=0.0)
        self._queue.add_after(ref, Lane.DUE, wait_s)

    def _run(self) -> None:
        while True:
            _, refs = self._queue.take(most=BATCH)
            if not refs:
                return
            try:
                self._process(refs)
            except Exception as exc:
                log.exception("batch failed", exc_info=exc)
                for ref in refs:
                    self._queue.add_after(ref, Lane.DUE, RETRY_CAP_S)
            finally:
                self._end(refs)

    def _process(self, refs: Sequence[ObjectRef]) -> None:
        found = (self._items.get(ref) for ref in refs)
        # One that is being deleted is left as it is; its Secret goes with it.
        batch = [item for item in found if item is not None and item.meta.deleted_at is None]
        if not self._keeper.loaded:
            self._wait_for_keys(batch)
            return
        with self._lock:
            self._working.update(item.ref for item in batch)
        self._unsealer.run(batch, self._keeper.ring, done=self._settle)

    def _wait_for_keys(self, batch: Sequence[SealedSecret]) -> None:
        """Look again later; say why, unless that is a fault that passes."""
        failure = self._keeper.failure
        for item in batch:
            self._queue.add_after(item.ref, Lane.NEW, NO_KEYS_RETRY_S)
            if failure is not None and not isinstance(failure, ClusterUnavailable):
                message = f"the sealing keys cannot be read: {failure.message}"
                self._recorder.record(
                    Outcome(
                        item,
                        Progress.FAILED,
                        reason=UNSEAL_FAILED,
                        message=message,
                        remedy=failure.remedy,
                    )
                )

    def _settle(self, outcome: SealedOutcome) -> None:
        item = outcome.item
        if self._items.get(item.ref) is None:
            self._garbage.collect(item)  # It went away meanwhile.
            return
        before = self._recorder.status(item)
        self._recorder.record(outcome)
        if outcome.progress is Progress.APPLIED:
            self._note_write(outcome, before)
        if outcome.failed:
            self._retry(outcome)
            return
        self._retries.forget(item.ref)
        with self._lock:
            self._unopened.discard(item.ref)

    def _note_write(self, outcome: SealedOutcome, before: SealedSecretStatus) -> None:
        """Expect to see a new Secret; count one that was mended, not one that is to differ."""
        item, action = outcome.item, outcome.action
        if action is not None and action.verb is Verb.CREATE:
            self._targets.created((item.meta.namespace, item.target_name))
        if action is None or action.verb is not Verb.UPDATE:
            return
        if before.synced != "True" or before.observed_generation != item.meta.generation:
            return
        self._drifted(item.meta.namespace)
        with self._lock:
            heals = self._heals.setdefault(item.ref, _Heals(0, 0.0))
            heals.count += 1
            heals.at_s = self._clock.monotonic_s()

    def _retry(self, outcome: SealedOutcome) -> None:
        ref = outcome.item.ref
        unopened = outcome.reason == UNSEAL_FAILED and not outcome.transient
        if unopened:
            with self._lock:
                self._unopened.add(ref)
        cap_s = UNSEAL_RETRY_CAP_S if unopened else RETRY_CAP_S
        wait_s = self._retries.failed(ref, outcome, alike=str(ref), cap_s=cap_s)
        self._queue.add_after(ref, Lane.DUE, wait_s)

    def _end(self, refs: Sequence[ObjectRef]) -> None:
        with self._lock:
            self._working.difference_update(refs)
        for ref in refs:
            if self._targets.surprising((ref.namespace, ref.name)):
                self._mend(ref)
            self._queue.done(ref)
