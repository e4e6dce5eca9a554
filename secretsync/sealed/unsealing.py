"""The one way from a batch of SealedSecrets to written Secrets.

claim the target → look at it → open, unless its digest says what would come out →
plan → apply. One bad object never stops the good ones. Neighbours: `failures` words
what goes wrong, `refresh.applying` writes, `key_store` keeps the keys.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from sealing import KeyRing, PrivateKey, Render, SealingError, unseal_manifest
from secretsync.core.plan import SecretAction, Verb
from secretsync.core.sealed import (
    UNSEALED,
    UPDATE_FAILED,
    desired_from_live,
    desired_from_sealed,
    fit_to_live,
    plan_sealed,
)
from secretsync.core.secrets import DesiredSecret, LiveSecret
from secretsync.core.templating import sealed_rendering
from secretsync.cores import usable_cores
from secretsync.errors import SecretSyncError
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.refresh.outcomes import Notes, Outcome, Progress
from secretsync.resources.sealed_secret import SealedSecret
from secretsync.sealed.failures import (
    bug,
    contested,
    no_keys,
    not_opened,
    not_written,
)
from secretsync.sealed.key_order import KeyOrder

__all__ = ["SealedOptions", "SealedOutcome", "Unsealer"]

log = logging.getLogger(__name__)

SealedOutcome = Outcome[SealedSecret]

#: Threads that look, plan and write; as many as keep an API server busy.
DEFAULT_WORKERS = 8
SUCCESS = "SealedSecret unsealed successfully"


@dataclass(frozen=True, slots=True)
class SealedOptions:
    """What differs between the users of the unsealer.

    Args:
        digest_key: the install key; without one every look opens, and no digest is
            written.
        labels: extra labels for what is written, such as a PATH's inventory.
        accept_v1_data: open the old form, one blob under `spec.data`.
        workers: threads that look, plan and write.
        openers: threads that open; the private-key operation keeps a core busy and
            lets go of the interpreter.
    """

    digest_key: bytes | None = None
    labels: Mapping[str, str] | None = None
    accept_v1_data: bool = True
    workers: int = DEFAULT_WORKERS
    openers: int = usable_cores()

    def __repr__(self) -> str:
        return f"SealedOptions(workers={self.workers}, openers={self.openers})"


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys of one run.

    Args:
        broken: what is wrong with keys that could not be used, by their Secrets' names.
    """

    order: KeyOrder
    broken: Sequence[str]


class Unsealer:
    """Runs batches.

    Args:
        claims: who has which target, of both kinds.
        rendering: returns the engine of one SealedSecret's `spec.template.data`.
    """

    def __init__(
        self,
        applier: Applier,
        claims: Claims,
        *,
        options: SealedOptions | None = None,
        rendering: Callable[[], Render] = sealed_rendering,
    ) -> None:
        self._applier = applier
        self._claims = claims
        self._options = options or SealedOptions()
        self._rendering = rendering
        self._workers = ThreadPoolExecutor(self._options.workers, thread_name_prefix="sealed")
        self._openers = ThreadPoolExecutor(self._options.openers, thread_name_prefix="unseal")
        self._lock = threading.Lock()
        self._opened = 0

    @property
    def opened(self) -> int:
        """How many SealedSecrets it has tried keys on so far."""
        return self._opened

    def use_digest_key(self, key: bytes) -> None:
        """Write and trust digests from the next SealedSecret on."""
        self._options = replace(self._options, digest_key=key)

    def close(self) -> None:
        """End the threads; work under way is finished first."""
        self._workers.shutdown()
        self._openers.shutdown()

    def run(
        self,
        batch: Sequence[SealedSecret],
        ring: Iterable[PrivateKey],
        *,
        done: Callable[[SealedOutcome], None] | None = None,
        trouble: Sequence[str] = (),
    ) -> list[SealedOutcome]:
        """Process a batch; total: one outcome each, in the batch's order.

        Args:
            ring: a KeyRing, or private keys, newest first.
            done: called with each outcome as soon as it is known, from any thread.
            trouble: why there are fewer keys than there should be, for the remedies.
        """
        notes: Notes[SealedSecret] = Notes(done)
        broken = ring.broken if isinstance(ring, KeyRing) else ()
        unusable = [f"key Secret {each.name}: {each.error}" for each in broken]
        keys = _Ring(KeyOrder(tuple(ring)), [*trouble, *unusable])
        if len(batch) == 1:
            self._noted(batch[0], keys, notes)
        else:
            futures = [self._workers.submit(self._noted, item, keys, notes) for item in batch]
            for future in futures:
                future.result()
        notes.close()
        return [notes.outcomes[id(item)] for item in batch]

    def _noted(self, item: SealedSecret, ring: _Ring, notes: Notes[SealedSecret]) -> None:
        notes.add(self._one(item, ring))

    def _one(self, item: SealedSecret, ring: _Ring) -> SealedOutcome:
        """Finish one SealedSecret; every fault becomes its outcome."""
        try:
            return self._finish(item, ring)
        except SealingError as exc:
            return not_opened(item, exc, broken=ring.broken)
        except SecretSyncError as exc:
            return not_written(item, exc)
        except Exception as exc:
            log.debug("%s: internal error", item.ref, exc_info=exc)
            return bug(item, exc)

    def _finish(self, item: SealedSecret, ring: _Ring) -> SealedOutcome:
        rival = self._claims.rival(item)
        if rival is not None:
            return contested(item, rival)
        live = self._applier.look(item.meta.namespace, item.target_name)
        desired = self._remembered(item, live)
        if desired is None:
            if not ring.order:
                return no_keys(item, broken=ring.broken)
            desired = self._opener(item, ring.order)
        return _outcome(item, self._applier.settle(desired, live, _planned))

    def _remembered(self, item: SealedSecret, live: LiveSecret | None) -> DesiredSecret | None:
        """Return what is desired where the Secret's own digest tells; no key is used."""
        digest_key = self._options.digest_key
        if live is None or digest_key is None:
            return None
        labels = self._options.labels
        return desired_from_live(item, live, digest_key=digest_key, extra_labels=labels)

    def _opener(self, item: SealedSecret, order: KeyOrder) -> DesiredSecret:
        """Open on a thread of the cores' own; as many more wait as there are workers."""
        return self._openers.submit(self._open, item, order).result()

    def _open(self, item: SealedSecret, order: KeyOrder) -> DesiredSecret:
        with self._lock:
            self._opened += 1
        secret: dict[str, Any] = unseal_manifest(
            item.raw,
            order.keys_for(item),
            render=self._rendering(),
            accept_v1_data=self._options.accept_v1_data,
            opened=order.opened,
        )
        return desired_from_sealed(
            item,
            secret,
            digest_key=self._options.digest_key,
            extra_labels=self._options.labels,
        )


def _planned(desired: DesiredSecret, live: LiveSecret | None) -> tuple[DesiredSecret, SecretAction]:
    return fit_to_live(desired, live), plan_sealed(desired, live)


def _outcome(item: SealedSecret, action: SecretAction) -> SealedOutcome:
    if action.verb is Verb.BLOCKED:
        return Outcome(
            item,
            Progress.FAILED,
            reason=UPDATE_FAILED,
            message=action.message,
            remedy=action.remedy,
            action=action,
        )
    unchanged = action.verb is Verb.UNCHANGED
    return Outcome(
        item,
        Progress.UNCHANGED if unchanged else Progress.APPLIED,
        reason=UNSEALED,
        message=SUCCESS,
        action=action,
    )
