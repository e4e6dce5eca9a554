"""Which number a version has: metadata reads, and the little that is remembered of them.

Neighbours: `reading` asks before it reads a value, `changes` instead of reading one.

Two things are scarce at Google, and differently: values cost money ($0.03 for 10,000) and
may be read 90,000 times a minute; metadata is free, and a project may read it 600 times a
minute, all its users together. So metadata is asked for within a budget, and what is
beyond it is answered "not known", which leads to a read of the value and is never wrong.

No value is kept here: numbers, keyed digests of what was read last, and which keys'
metadata this identity may not see.

Source: https://cloud.google.com/secret-manager/quotas
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.cloud.secretmanager_v1 import (
    GetSecretVersionRequest,
    ListSecretVersionsRequest,
    SecretManagerServiceClient,
)

from providers.base import (
    AccessDenied,
    RateLimited,
    SecretNotFound,
    SecretRef,
    Unavailable,
)
from providers.gcp.budget import Budget
from providers.gcp.calls import CallError, Calls
from providers.gcp.errors import UnreadableVersion, state_error
from providers.gcp.ids import Place, is_latest, number_in, version_id, version_of
from providers.metadata import content_version

__all__ = ["ENABLED", "Version", "VersionReader"]

ENABLED = "ENABLED"

#: Denials without a single success, after which an identity is taken to have no metadata.
_DENIALS = 5
#: Versions of one secret whose ids are remembered: the newest, and those that refs pin.
_REMEMBERED = 8
#: Pages of a version list that are looked through; a filtered page may be empty.
_PAGES = 20


@dataclass(frozen=True, slots=True)
class Version:
    """What metadata says of a version; `state` is ENABLED, DISABLED or DESTROYED."""

    number: str
    state: str
    created_at: datetime

    @property
    def id(self) -> str:
        """What tells it from all others; see `ids.version_id`."""
        return version_id(self.number, self.created_at, "")

    def error(self, key: str) -> UnreadableVersion:
        """Return why it cannot be read."""
        return state_error(self.state, key, version=self.number)


class VersionReader:
    """Resolves versions of one place for one identity.

    Args:
        client: of Secret Manager.
        calls: runs its methods.
        place: project and location.
        fetch_enabled: where the newest version is disabled or destroyed, the newest
            enabled one is meant (LatestOrFetch).
    """

    def __init__(
        self,
        client: SecretManagerServiceClient,
        calls: Calls,
        *,
        place: Place,
        fetch_enabled: bool,
    ) -> None:
        self._client = client
        self._calls = calls
        self._place = place
        self._fetch_enabled = fetch_enabled
        self._lock = threading.Lock()
        self._newest: dict[str, int] = {}
        self._read: dict[str, dict[str, tuple[str, str]]] = {}
        self._denied: set[str] = set()
        self._seen = False
        self.budget = Budget()

    def forget_denials(self) -> None:
        """Ask for all metadata again, so that a granted permission is noticed."""
        with self._lock:
            self._denied.clear()

    def newest(self, key: str) -> int:
        """Return the highest number that this session has seen of a secret, or 0."""
        with self._lock:
            return self._newest.get(key, 0)

    def note(self, key: str, number: str) -> None:
        """Remember that a version exists."""
        if number:
            with self._lock:
                self._newest[key] = max(self._newest.get(key, 0), int(number))

    def identified(self, key: str, number: str, payload: bytes, told: Version | None) -> str:
        """Return the id of a version whose payload was read.

        One that metadata dated before is known again by a digest of the payload, which
        is kept for that: a read beyond the budget is no change by itself.

        Args:
            told: what metadata says of it, if it was asked.
        """
        digest = content_version(payload)
        with self._lock:
            versions = self._read.setdefault(key, {})
            before = versions.pop(number, None)
            if before is None and len(versions) >= _REMEMBERED:
                del versions[next(iter(versions))]
            made = version_id(number, told.created_at if told else None, digest)
            if told is None and before is not None and before[0] == digest:
                made = before[1]
            versions[number] = (digest, made)
            return made

    def forget(self, key: str) -> None:
        """Forget a secret's numbers: it was made anew, and they began again."""
        with self._lock:
            self._newest.pop(key, None)
            self._read.pop(key, None)

    def look_up(self, ref: SecretRef) -> Version | None:
        """Return what metadata says of the ref's version, or None if only a read can tell.

        Raises:
            CallError: there is no such version, or it cannot be asked for now.
        """
        if not self._may_ask(ref.key) or not self.budget.take():
            return None
        try:
            version = self._get(ref.key, version_of(ref))
        except CallError as failed:
            if failed.unsent:
                raise
            if failed.fault.kind is RateLimited:
                self.budget.throttled()
            elif failed.fault.kind is AccessDenied:
                with self._lock:
                    self._denied.add(ref.key)
            else:
                raise
            return None
        self._seen = True
        if not is_latest(ref):
            return version
        version = self._not_older(ref.key, version)
        return self.enabled_instead(ref, version.state) or version

    def enabled_instead(self, ref: SecretRef, state: str) -> Version | None:
        """Return the newest enabled version, where the store's policy wants it.

        Args:
            state: of the newest version.

        Raises:
            CallError: the versions cannot be listed.
        """
        if not self._fetch_enabled or ref.version or state == ENABLED:
            return None
        token = ""
        for _ in range(_PAGES):
            page = self._calls.run(
                "ListSecretVersions",
                self._client.list_secret_versions,
                ListSecretVersionsRequest(
                    parent=self._place.secret(ref.key),
                    filter="state:ENABLED",
                    page_size=10,
                    page_token=token,
                ),
            )
            found = [_version(one) for one in page.versions]
            enabled = [one for one in found if one.state == ENABLED]
            if enabled:
                # Newest first, as documented; by number all the same.
                return max(enabled, key=lambda one: int(one.number))
            token = page.next_page_token
            if not token:
                break
        return None

    def _not_older(self, key: str, told: Version) -> Version:
        """Return the newest version that was ever seen, where `latest` shows an older one."""
        newest = self.newest(key)
        if int(told.number) < newest:
            try:
                told = self._get(key, str(newest))
            except CallError as failed:
                if failed.fault.kind is not SecretNotFound:
                    raise
                self.forget(key)
        self.note(key, told.number)
        return told

    def _may_ask(self, key: str) -> bool:
        with self._lock:
            hopeless = not self._seen and len(self._denied) >= _DENIALS
            return key not in self._denied and not hopeless

    def _get(self, key: str, version: str) -> Version:
        request = GetSecretVersionRequest(name=f"{self._place.secret(key)}/versions/{version}")
        return _version(
            self._calls.run("GetSecretVersion", self._client.get_secret_version, request)
        )


def _version(told: Any) -> Version:
    number = number_in(told.name)
    state = told.state.name if hasattr(told.state, "name") else ""
    made = told.create_time
    if not number or not made or state not in ("ENABLED", "DISABLED", "DESTROYED"):
        raise Unavailable("what Google tells of a version is not whole")
    # The SDK's own class of dates carries more than the contract wants.
    created_at = datetime.fromtimestamp(made.timestamp(), UTC)
    return Version(number, state, created_at)
