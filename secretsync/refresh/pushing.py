"""From a PushSecret to stores that hold its values, and back when it goes.

sources → template → entries → compare → push → delete what is not pushed any more. Nothing
is written where it is held already, nothing is touched that somebody else made, and
nothing is deleted on doubt: only when everything else went well, and where the status
says that this PushSecret put it there.

Neighbours: `core.push` says what goes where, `push_calls` calls the stores, a command or
`controller.pushes` decides when.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from providers.base import InvalidRef, ProviderError, PushRef
from secretsync.core.push import Planned, PushProblem, place_of, planned_pushes, remote_ref, stale
from secretsync.core.secrets import ALLOW_EMPTY_ANNOTATION
from secretsync.core.target_template import TargetTemplateError
from secretsync.errors import ConfigError, SecretSyncError
from secretsync.refresh.catalog import StoreUnmanaged
from secretsync.refresh.clock import Clock
from secretsync.refresh.outcomes import Progress
from secretsync.refresh.push_calls import PushCalls
from secretsync.refresh.push_deleting import PushDeleter, PushWork
from secretsync.refresh.push_outcomes import PushAction, PushOutcome, PushVerb, failed_push
from secretsync.refresh.push_rivals import PushRivals
from secretsync.refresh.push_sources import PushSources, Sourced
from secretsync.refresh.push_stores import OpenStore, PushStores
from secretsync.resources.meta import ObjectRef
from secretsync.resources.push_secret import PushSecret, SecretSource

__all__ = ["CONFIRM_ABSENCE_S", "PushPipeline"]

log = logging.getLogger(__name__)

#: How long after a first look a second one proves that a source Secret is gone: whoever
#: makes it may be about to make it anew.
CONFIRM_ABSENCE_S = 10.0

#: Dialects that take a whole Secret apart again, so that its values may be any bytes.
_TAKEN_APART = frozenset({"kubernetes"})
_MAY_BE_EMPTY = f'annotate the PushSecret {ALLOW_EMPTY_ANNOTATION}: "true"'


class PushPipeline:
    """Pushes, one PushSecret at a time; any number of threads may.

    Args:
        writes: False plans only.
    """

    def __init__(
        self,
        sources: PushSources,
        stores: PushStores,
        calls: PushCalls,
        clock: Clock,
        *,
        writes: bool = True,
    ) -> None:
        self._sources = sources
        self._stores = stores
        self._calls = calls
        self._clock = clock
        self._writes = writes
        self._rivals = PushRivals()
        self._deleter = PushDeleter(stores, calls, self._rivals, writes=writes)
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._pushed: dict[ObjectRef, bytes] = {}
        self._absent_since_s: dict[ObjectRef, float] = {}

    def run(self, item: PushSecret, *, due: bool = True) -> PushOutcome:
        """Push what a PushSecret says; total: every fault is in the outcome.

        Args:
            due: compare with the stores, whatever was pushed before. Otherwise they are
                asked only where there is something else to push than the last time.
        """
        try:
            return self._run(item, due=due)
        except StoreUnmanaged as exc:
            return PushOutcome(item, Progress.SKIPPED, "", str(exc), synced=item.status.synced)
        except (PushProblem, TargetTemplateError) as exc:
            return failed_push(item, "could not make what is pushed", exc)
        except (SecretSyncError, ProviderError) as exc:
            return failed_push(item, "could not push", exc)
        except Exception as exc:
            log.debug("%s: internal error", item.ref, exc_info=exc)
            bug = ProviderError(
                f"internal error ({type(exc).__name__})",
                remedy="run with --debug for the traceback, and report it",
            )
            return replace(failed_push(item, "could not push", bug), transient=True)

    def withdraw(self, item: PushSecret, *, reason: str = "Synced") -> PushOutcome:
        """Delete everything that a PushSecret pushed, for it goes or its source did.

        Total; where something could not be deleted, the outcome has failed and says what
        is left.
        """
        work = PushWork(item)
        try:
            self._deleter.delete(work, stale(item.status.synced, {}))
        except (SecretSyncError, ProviderError) as exc:
            return failed_push(item, "could not delete what was pushed", exc)
        self.forget(item.ref)
        if work.failure is not None:
            return replace(work.failure, synced=work.synced, actions=tuple(work.actions))
        return PushOutcome(
            item,
            Progress.APPLIED,
            reason,
            "what was pushed is deleted",
            actions=tuple(work.actions),
            synced=work.synced,
            refreshed=True,
        )

    def renew(self, ref: ObjectRef) -> None:
        """Make new values at the next due look: a generator that was edited makes others."""
        self._sources.pushed(ref)

    def note(self, item: PushSecret) -> None:
        """Know where a PushSecret pushes that is not run here: what its status says stays its."""
        for key, places in item.status.synced.items():
            kind, _, name = key.partition("/")
            where = "" if kind == "ClusterSecretStore" else item.meta.namespace
            refs = (remote_ref(entry) for entry in places.values())
            self._rivals.claim(item, ObjectRef(kind, where, name), filter(None, refs))

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is remembered of a PushSecret that is gone or edited."""
        self._rivals.forget(ref)
        self._sources.pushed(ref)
        with self._lock:
            self._pushed.pop(ref, None)
            self._absent_since_s.pop(ref, None)

    def _run(self, item: PushSecret, *, due: bool) -> PushOutcome:
        stores = self._stores.find(item)
        if not due and not isinstance(item.source, SecretSource):
            return self._unchanged(item)
        sourced = self._sources.read(item)
        if not sourced:
            return self._without_source(item)
        with self._lock:
            self._absent_since_s.pop(item.ref, None)
        opened = [self._stores.open(store, item.meta.namespace) for store in stores]
        planned = {store.key: self._planned(item, store, sourced) for store in opened}
        _refuse_emptied(item, sourced, planned)
        digest = self._digest(planned)
        if not due and self._pushed.get(item.ref) == digest:
            return self._unchanged(item)
        work = PushWork(item)
        for store in opened:
            for each in planned[store.key]:
                self._push_one(work, store, each)
        if work.failure is None:
            self._deleter.delete(work, stale(item.status.synced, work.synced))
        return self._finished(work, digest)

    def _planned(
        self, item: PushSecret, store: OpenStore, sourced: Sequence[Sourced]
    ) -> list[Planned]:
        """Return what goes to a store, of all Secrets; two never go to one place."""
        found: dict[PushRef, tuple[str, Planned]] = {}
        any_bytes = store.session.dialect in _TAKEN_APART
        for source in sourced:
            for each in planned_pushes(item, source.data, store.store, any_bytes=any_bytes):
                name, other = found.setdefault(each.item.ref, (source.name, each))
                if other is not each:
                    raise PushProblem(
                        each.field,
                        f"Secrets {name} and {source.name} both go to {place_of(each.item.ref)}",
                        remedy="select one Secret, or give dataTo keys that differ",
                    )
        rival = self._rivals.claim(item, store.store.ref, found)
        if rival is not None:
            raise PushProblem(
                "spec",
                f"{rival[1]} at {store.key} is pushed by {rival[0]}, which is older",
                remedy="send the two to places of their own",
            )
        return [each for _, each in found.values()]

    def _push_one(self, work: PushWork, store: OpenStore, planned: Planned) -> None:
        place, item = place_of(planned.item.ref), work.item
        before = item.status.synced.get(store.key, {}).get(place)
        try:
            if item.update_policy == "IfNotExists" and self._calls.exists(store, planned.item.ref):
                # Somebody else's is not noted: only what was pushed is ever deleted.
                if before is not None:
                    work.keep(store.key, place, before)
                kept = "something is there, and updatePolicy is IfNotExists"
                work.actions.append(PushAction(store.key, place, PushVerb.KEEP, kept))
                return
            self._refuse_empty(item, store, planned)
            written = self._push(store, planned)
        except ProviderError as exc:
            work.fail(store.key, planned, exc)
            return
        work.keep(store.key, place, planned.entry)
        verb = PushVerb.PUSH if written else PushVerb.UNCHANGED
        work.actions.append(PushAction(store.key, place, verb))

    def _push(self, store: OpenStore, planned: Planned) -> bool:
        if self._writes:
            return self._calls.push(store, planned)
        return self._calls.differs(store, planned)

    def _refuse_empty(self, item: PushSecret, store: OpenStore, planned: Planned) -> None:
        if planned.item.value or item.meta.annotations.get(ALLOW_EMPTY_ANNOTATION) == "true":
            return
        if self._calls.holds_value(store, planned.item.ref):
            raise InvalidRef(
                "the value is empty and would replace one that is not",
                remedy=f"set the value, or {_MAY_BE_EMPTY}",
            )

    def _without_source(self, item: PushSecret) -> PushOutcome:
        """Deal with a source that does not exist, which two looks must say."""
        name = item.source.name if isinstance(item.source, SecretSource) else ""
        what = f"Secret {item.meta.namespace}/{name}" if name else "a Secret with these labels"
        gone = ConfigError(f"{what} does not exist", remedy="create it, or correct spec.selector")
        outcome = failed_push(item, "could not get source secret", gone)
        if not item.deletes or not any(item.status.synced.values()):
            return outcome
        now_s = self._clock.monotonic_s()
        with self._lock:
            since_s = self._absent_since_s.setdefault(item.ref, now_s)
        if now_s - since_s < CONFIRM_ABSENCE_S:
            wait_s = CONFIRM_ABSENCE_S - (now_s - since_s)
            return replace(outcome, retry_after_s=wait_s, transient=True)
        return self.withdraw(item, reason="SourceDeleted")

    def _finished(self, work: PushWork, digest: bytes) -> PushOutcome:
        actions = tuple(work.actions)
        if work.failure is not None:
            with self._lock:
                self._pushed.pop(work.item.ref, None)
            return replace(work.failure, synced=work.synced, actions=actions)
        if self._writes:
            self._sources.pushed(work.item.ref)
            with self._lock:
                self._pushed[work.item.ref] = digest
        changed = any(each.verb in (PushVerb.PUSH, PushVerb.DELETE) for each in actions)
        return PushOutcome(
            work.item,
            Progress.APPLIED if changed else Progress.UNCHANGED,
            actions=actions,
            synced=work.synced,
            refreshed=True,
        )

    def _unchanged(self, item: PushSecret) -> PushOutcome:
        return PushOutcome(item, Progress.UNCHANGED, synced=item.status.synced)

    def _digest(self, planned: Mapping[str, Iterable[Planned]]) -> bytes:
        """Return what differs where anything that is pushed does, in this process only."""
        digest = hashlib.blake2b(key=self._key)
        for store, entries in planned.items():
            for each in entries:
                said = json.dumps([store, each.entry], sort_keys=True, default=str)
                for part in (said.encode("utf-8", "surrogatepass"), each.item.value.reveal()):
                    digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()


def _refuse_emptied(
    item: PushSecret, sourced: Sequence[Sourced], planned: Mapping[str, Sequence[Planned]]
) -> None:
    """A Secret that lost all its keys deletes nothing: it looks like a mistake."""
    if any(planned.values()) or any(each.data for each in sourced) or not item.deletes:
        return
    if any(item.status.synced.values()) and (
        item.meta.annotations.get(ALLOW_EMPTY_ANNOTATION) != "true"
    ):
        raise PushProblem(
            "spec.selector",
            "the source Secret is empty: what was pushed of it is not deleted",
            remedy=f"delete the Secret, or {_MAY_BE_EMPTY}",
        )
