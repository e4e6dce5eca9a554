"""Hands batches of the queue to threads, store by store: one that hangs holds up itself.

Neighbours: `reconciler` processes a batch; `refresh.lanes` says which comes first.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.meta import ObjectRef

__all__ = ["Dispatcher", "Stores"]

log = logging.getLogger(__name__)

#: Stores whose batches may be under way at once; most of them wait for their provider.
PARALLEL_STORES = 32
#: Batches of the same stores at once: new objects get one that refreshes may not have.
REFRESHES_AT_ONCE = 1
URGENT_AT_ONCE = 2
RETRY_S = 300.0

#: What a batch reads from; empty where it reads nothing.
Stores = frozenset[ObjectRef]


class Dispatcher:
    """Takes keys from the queue and runs them in batches of the same stores.

    Args:
        process: deals with a batch; may wait for a provider.
        stores_of: what an object reads from.
    """

    def __init__(
        self,
        queue: LaneQueue,
        process: Callable[[list[ObjectRef]], None],
        stores_of: Callable[[ObjectRef], Stores],
    ) -> None:
        self._queue = queue
        self._process = process
        self._stores_of = stores_of
        self._lock = threading.Lock()
        self._running: Counter[Stores] = Counter()
        self._waiting: dict[Stores, dict[ObjectRef, Lane]] = {}
        self._taker = threading.Thread(target=self._take, name="dispatch", daemon=True)
        self._pool = ThreadPoolExecutor(PARALLEL_STORES, thread_name_prefix="batch")

    def start(self) -> None:
        """Begin to take from the queue; it ends when the queue is closed."""
        self._taker.start()

    def close(self) -> None:
        """Wait for the batches under way; those that wait are dropped."""
        self._pool.shutdown(cancel_futures=True)

    def _take(self) -> None:
        while True:
            lane, keys = self._queue.take()
            if not keys:
                return
            for stores, group in self._grouped(keys).items():
                self._begin(stores, lane, group)

    def _grouped(self, keys: Iterable[ObjectRef]) -> Mapping[Stores, list[ObjectRef]]:
        groups: dict[Stores, list[ObjectRef]] = defaultdict(list)
        for key in keys:
            groups[self._stores_of(key)].append(key)
        return groups

    def _begin(self, stores: Stores, lane: Lane, keys: list[ObjectRef]) -> None:
        at_once = URGENT_AT_ONCE if lane <= Lane.NEW else REFRESHES_AT_ONCE
        with self._lock:
            busy = bool(stores) and self._running[stores] >= at_once
            if busy:
                waiting = self._waiting.setdefault(stores, {})
                waiting.update({key: min(lane, waiting.get(key, lane)) for key in keys})
            else:
                self._running[stores] += 1
        if busy:
            self._finish(keys)
            return
        try:
            self._pool.submit(self._run, stores, keys)
        except RuntimeError:
            self._finish(keys)  # Closed in between: the next start takes it up.

    def _run(self, stores: Stores, keys: list[ObjectRef]) -> None:
        try:
            self._process(keys)
        except Exception as exc:
            log.exception("batch failed", exc_info=exc)
            for key in keys:
                self._queue.add_after(key, Lane.DUE, RETRY_S)
        finally:
            self._finish(keys)
            self._free(stores)

    def _finish(self, keys: Iterable[ObjectRef]) -> None:
        for key in keys:
            self._queue.done(key)

    def _free(self, stores: Stores) -> None:
        """Let those that waited for these stores queue up again, by their lanes."""
        with self._lock:
            self._running[stores] -= 1
            if not self._running[stores]:
                del self._running[stores]
            waiting = self._waiting.pop(stores, {})
        for key, lane in waiting.items():
            self._queue.add(key, lane)
