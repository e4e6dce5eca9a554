"""Change detection for Secrets Manager: one list call instead of a read per secret.

Neighbours: `secrets_manager` owns one detector per session; `walk` takes in the pages.
No clock: every decision compares dates that AWS returned.

ListSecrets is asked for the last changed first, and read until it is older than the
previous list. Why the answers hold:

* T is the moment at which AWS made the previous list, by the Date of its reply. A list
  may lack the changes of the 5 minutes before it was made; whatever it lacked is
  therefore dated T - 5 min or later, and the next list is read down to T - OVERLAP. A
  change that a lag hides is found as soon as the list shows it, and none falls between
  two lists. Without a Date, the newest LastChangedDate of the list serves: it is not
  later than T.
* A ref that the list shows is judged by the version id that carries its stage.
* A ref that a list read down to T - OVERLAP does not show has not changed since it was
  last known for certain: either a list of this chain showed it (`listed`), or this
  session read it after the previous list was begun, from the account and region which
  that list is of. It is `unchanged` if the caller knows that very version and
  `unknown` otherwise. A ref of which neither holds (read by an earlier process, or
  kept in another account, which no list of ours ever shows) is `unknown`.
* A list that is complete and lacks a ref proves nothing about it: `unknown`.
* Stopping early needs an endpoint that sorts. It is believed once a list of several
  pages was in order and the opposite order began with another secret; it is doubted
  again when a page is out of order, or when what was the newest is not on the first.
* A deletion need not appear among the changes. A full sweep, which is a call without
  watermark, finds it: the caller makes one per hour.

Cost: never more pages than reading all refs in batches would take calls (at least 2);
refs beyond that are `unknown`. An account of 500,000 secrets is not listed for ten.

Source: API_ListSecrets (sorting, delay of 5 minutes), API_SecretListEntry.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from providers.aws.calls import CallError, Calls
from providers.aws.errors import UNREADABLE
from providers.aws.ids import CURRENT, account_scope, asked_id, pinned_version
from providers.aws.walk import KnownRead, ListWalk, Watermark
from providers.base import AccessDenied, Changes, SecretRef

__all__ = ["PAGE_MAX_SECRETS", "ChangeDetector"]

#: AWS refuses a larger page.
PAGE_MAX_SECRETS = 100
_MIN_PAGES = 2
#: As BatchGetSecretValue takes.
_SECRETS_PER_READ = 20
#: Reads remembered per session; an older one forgotten costs one read more.
_MAX_READS = 100_000

_LIST = "ListSecrets"


class ChangeDetector:
    """Lists, and remembers which version this session has read of what."""

    def __init__(self, client: Any, calls: Calls, *, prefix: str) -> None:
        self._client = client
        self._calls = calls
        self._prefix = prefix
        self._lock = threading.Lock()
        self._moment = 0
        self._reads: dict[SecretRef, KnownRead] = {}

    def moment(self) -> int:
        """Return how many lists were begun; ask before a read, hand to `note_read`."""
        with self._lock:
            return self._moment

    def note_read(self, ref: SecretRef, *, version: str, arn: str, since: int) -> None:
        """Remember a successful read that was begun at moment `since`."""
        with self._lock:
            # Taken out first, so that the order of the dict is the order of reading.
            self._reads.pop(ref, None)
            self._reads[ref] = KnownRead(version, account_scope(arn), since)
            if len(self._reads) > _MAX_READS:
                del self._reads[next(iter(self._reads))]

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Judge the known refs; see the module's description.

        Raises:
            ProviderError: the list failed for another reason than a denial.
        """
        mine = isinstance(watermark, Watermark) and watermark.owner is self
        mark = watermark if isinstance(watermark, Watermark) and mine else None
        verdict = _Verdict()
        listable = {ref: version for ref, version in known.items() if _is_listable(ref)}
        for ref in known.keys() - listable.keys():
            # A pinned version never changes; metadata shows in no list.
            pinned = not ref.metadata and pinned_version(ref) == known[ref]
            (verdict.unchanged if pinned else verdict.unknown).add(ref)
        if not listable:
            return verdict.changes(mark)
        if mark is not None and mark.denied:
            verdict.unknown.update(listable)
            return verdict.changes(mark)
        return self._listed_changes(mark, listable, verdict)

    def _listed_changes(
        self, mark: Watermark | None, known: Mapping[SecretRef, str], verdict: _Verdict
    ) -> Changes:
        with self._lock:
            self._moment += 1
            moment = self._moment
        walk = ListWalk(mark, wanted={asked_id(self._prefix, ref) for ref in known})
        try:
            self._walk(walk, max_pages=max(_MIN_PAGES, -(-len(known) // _SECRETS_PER_READ)))
        except CallError as failed:
            if failed.fault.kind is not AccessDenied and not failed.fault.unknown_operation:
                raise failed.error() from failed.__cause__
            verdict.unknown.update(known)
            return verdict.changes(Watermark(owner=self, moment=moment, denied=True))
        listed = self._judge(walk, known, verdict)
        return verdict.changes(
            replace(walk.watermark(self, moment), listed=listed, sorts=self._sorts(walk))
        )

    def _walk(self, walk: ListWalk, *, max_pages: int) -> None:
        token: dict[str, str] = {}
        while not walk.done and walk.pages < max_pages:
            reply = self._list(MaxResults=PAGE_MAX_SECRETS, SortOrder="desc", **token)
            walk.take(reply)
            token = {"NextToken": reply.get("NextToken", "")}

    def _sorts(self, walk: ListWalk) -> bool:
        """Return whether the endpoint may be believed to sort by date."""
        if not walk.in_order or walk.believed:
            return walk.in_order
        if walk.pages < _MIN_PAGES:
            # Nothing to stop early in; the proof is made when there is.
            return False
        try:
            oldest = self._list(MaxResults=1, SortOrder="asc")
        except CallError:
            return False
        return [entry.get("Name") for entry in oldest["SecretList"]] not in ([], [walk.first_name])

    def _list(self, **params: Any) -> Mapping[str, Any]:
        reply = self._calls.run(
            _LIST,
            self._client.list_secrets,
            SortBy="last-changed-date",
            IncludePlannedDeletion=True,
            **params,
        )
        if not isinstance(reply.get("SecretList"), list):
            # An unreadable body must not pass for an account without secrets.
            raise CallError(UNREADABLE, _LIST)
        return reply

    def _judge(
        self, walk: ListWalk, known: Mapping[SecretRef, str], verdict: _Verdict
    ) -> dict[SecretRef, str]:
        """Sort refs into the verdict; return the version id per ref that is certain now."""
        listed: dict[SecretRef, str] = {}
        with self._lock:
            reads = {ref: self._reads.get(ref) for ref in known}
        for ref, version in known.items():
            entry = walk.seen.get(asked_id(self._prefix, ref))
            if entry is not None:
                now = _version_of(entry, ref.version or CURRENT)
            else:
                now = walk.still(ref, reads[ref])
            if now:
                listed[ref] = now
            if now and now == version:
                verdict.unchanged.add(ref)
            elif now and entry is not None:
                verdict.changed[ref] = now
            else:
                verdict.unknown.add(ref)
        return listed


class _Verdict:
    """Refs by what is known of them."""

    def __init__(self) -> None:
        self.changed: dict[SecretRef, str] = {}
        self.unchanged: set[SecretRef] = set()
        self.unknown: set[SecretRef] = set()

    def changes(self, mark: Watermark | None) -> Changes:
        return Changes(self.changed, frozenset(self.unchanged), frozenset(self.unknown), mark)


def _is_listable(ref: SecretRef) -> bool:
    return not ref.metadata and not pinned_version(ref)


def _version_of(entry: Mapping[str, Any], stage: str) -> str:
    """Return the id of the version that carries the stage; "" if that is not certain."""
    stages: Mapping[str, Iterable[str]] = entry.get("SecretVersionsToStages") or {}
    carriers = [version for version, labels in stages.items() if stage in labels]
    return carriers[0] if len(carriers) == 1 and not entry.get("DeletedDate") else ""
