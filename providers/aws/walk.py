"""One walk through ListSecrets: what it has shown, and how far down it must go.

Neighbour: `listing` starts it, fetches its pages, and judges by it; why it may stop
where it does is told there. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from providers.aws.ids import account_scope, callings
from providers.base import SecretRef

__all__ = ["OVERLAP", "KnownRead", "ListWalk", "Watermark"]

#: Twice the delay that AWS documents for lists; the rest is for slow listings and skew.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Watermark:
    """What one list has shown; callers hand it back and do not look inside.

    Args:
        owner: the detector that made it; to another one it means nothing.
        moment: counts the lists of that detector; this one was begun at it.
        made_at: when AWS made the list, as far as its reply says.
        newest: the newest date that the list showed.
        listed: version id per ref as of that list.
        scope: partition, region and account that the list is of, as an ARN starts.
        sorts: the endpoint proved to sort.
        denied: listing is denied; nothing is asked until the next full sweep.
        pages: how many pages the list took.
    """

    owner: object
    moment: int
    made_at: datetime | None = None
    newest: datetime | None = None
    listed: Mapping[SecretRef, str] = field(default_factory=dict)
    scope: str = ""
    sorts: bool = False
    denied: bool = False
    pages: int = 0


@dataclass(frozen=True, slots=True)
class KnownRead:
    """A version that this session read, of which account, and after how many lists."""

    version: str
    scope: str
    since: int


class ListWalk:
    """One list on its way: what it has shown, and whether it may stop.

    Attributes:
        believed: the endpoint is taken to sort; `in_order`: this list was sorted so far.
        seen: entry per wanted SecretId that the list showed.
        complete: the list has ended; `reached`: it was read down to the previous one.
        first_name: of the first entry.
    """

    def __init__(self, mark: Watermark | None, *, wanted: set[str]) -> None:
        self._mark = mark
        self._wanted = wanted
        self.believed = mark is not None and mark.sorts
        self.seen: dict[str, Mapping[str, Any]] = {}
        self._seen_in_full: set[str] = set()
        self.pages = 0
        self.in_order = True
        self.first_name = ""
        self._made_at: datetime | None = None
        self._scope = mark.scope if mark is not None else ""
        self._newest: datetime | None = None
        self._last: datetime | None = None
        self.complete = False
        self.reached = False

    @property
    def done(self) -> bool:
        """No further page is needed."""
        return self.complete or self.reached

    def take(self, reply: Mapping[str, Any]) -> None:
        """Take in one page."""
        self._made_at = self._made_at or _reply_date(reply)
        for entry in reply["SecretList"]:
            self._take_date(entry.get("LastChangedDate") or entry.get("CreatedDate"))
            self._take_names(entry)
        self.pages += 1
        if self.pages == 1 and self._starts_too_late():
            self.believed = False
        self.complete = not reply.get("NextToken")
        self.reached = self._reaches_back()

    def still(self, ref: SecretRef, read: KnownRead | None) -> str:
        """Return the version that an unseen ref certainly still has, or ""."""
        if not self.reached or self.complete or self._mark is None:
            return ""
        fresh = read is not None and read.since >= self._mark.moment
        if read is not None and fresh and read.scope == self._scope:
            return read.version
        return self._mark.listed.get(ref, "")

    def watermark(self, owner: object, moment: int) -> Watermark:
        """Return what the next list needs to know of this one, but for the refs."""
        return Watermark(
            owner=owner,
            moment=moment,
            made_at=self._made_at or self._newest,
            newest=self._newest,
            scope=self._scope,
            pages=self.pages,
        )

    def _starts_too_late(self) -> bool:
        """What was the newest is not on the first page: deleted, or the list is not sorted."""
        newest = self._mark.newest if self._mark is not None else None
        return newest is not None and (self._newest is None or self._newest < newest)

    def _reaches_back(self) -> bool:
        if self._mark is None or not (self.believed and self.in_order):
            return False
        made_at, last = self._mark.made_at, self._last
        return made_at is not None and last is not None and last < made_at - OVERLAP

    def _take_date(self, changed_at: object) -> None:
        if not isinstance(changed_at, datetime):
            self.in_order = False
            return
        if self._last is not None and changed_at > self._last:
            self.in_order = False
        self._last = changed_at
        self._newest = changed_at if self._newest is None else max(self._newest, changed_at)

    def _take_names(self, entry: Mapping[str, Any]) -> None:
        name, arn, partial = callings(entry)
        self.first_name = self.first_name or name
        self._scope = account_scope(arn) or self._scope
        for full in self._wanted.intersection((name, arn)):
            self.seen[full] = entry
            self._seen_in_full.add(full)
        if partial in self._wanted and partial not in self._seen_in_full:
            self.seen[partial] = entry


def _reply_date(reply: Mapping[str, Any]) -> datetime | None:
    headers = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None
