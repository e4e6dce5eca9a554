"""What the watch says about managed Secrets, without keeping a value.

Per Secret one keyed digest a key stays in memory: enough to see that somebody changed
it, useless to anybody who reads the memory afterwards.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import SecretBytes
from secretsync.core.hashes import data_hash
from secretsync.core.secrets import (
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    VERSIONS_ANNOTATION,
)

__all__ = ["TargetCache", "TargetSummary"]

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """A managed Secret as last seen.

    Args:
        digests: one keyed digest per data key.
        intact: its data is what its data-hash annotation says.
        versions: the provider versions it was written from, {} where not known.
    """

    uid: str
    resource_version: str
    created_by: str
    owner_uid: str
    digests: Mapping[str, bytes]
    intact: bool
    versions: Mapping[str, str]


class TargetCache:
    """Summaries of the Secrets that carry the managed label, and what each should be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secret_key = secrets.token_bytes(32)
        self._seen: dict[Key, TargetSummary] = {}
        self._made_by: dict[tuple[str, str], set[str]] = {}
        self._expected: dict[Key, tuple[Mapping[str, bytes], bool]] = {}

    def put(self, key: Key, obj: Mapping[str, Any]) -> TargetSummary:
        """Note a Secret from the watch."""
        summary = self._summary(obj)
        with self._lock:
            self._unlink(key)
            self._seen[key] = summary
            if summary.created_by:
                self._made_by.setdefault((key[0], summary.created_by), set()).add(key[1])
        return summary

    def remove(self, key: Key) -> None:
        """Note that a Secret is gone, or no longer managed."""
        with self._lock:
            self._unlink(key)

    def _unlink(self, key: Key) -> None:
        before = self._seen.pop(key, None)
        if before is None or not before.created_by:
            return
        made = (key[0], before.created_by)
        names = self._made_by.get(made, set())
        names.discard(key[1])
        if not names:
            self._made_by.pop(made, None)

    def get(self, key: Key) -> TargetSummary | None:
        """Return a Secret's summary, None where the watch shows none."""
        with self._lock:
            return self._seen.get(key)

    def made_by(self, namespace: str, created_by: str) -> list[tuple[str, TargetSummary]]:
        """Return the Secrets of a namespace that carry a created-by label value."""
        with self._lock:
            names = self._made_by.get((namespace, created_by), ())
            return [(name, self._seen[namespace, name]) for name in sorted(names)]

    def expect(self, key: Key, data: Mapping[str, SecretBytes], *, exclusive: bool) -> None:
        """Note what a Secret should hold.

        Args:
            exclusive: no other key may be there.
        """
        digests = {name: self._digest(name, value.reveal()) for name, value in data.items()}
        with self._lock:
            self._expected[key] = (digests, exclusive)

    def expect_as_seen(self, key: Key, *, exclusive: bool) -> None:
        """Note that a Secret is as it should be: its own hash said so."""
        with self._lock:
            seen = self._seen.get(key)
            if seen is not None:
                self._expected[key] = (seen.digests, exclusive)

    def expects(self, key: Key) -> bool:
        """Return whether it is known what a Secret should hold."""
        with self._lock:
            return key in self._expected

    def unseen(self) -> frozenset[Key]:
        """Return the Secrets that should be there and that the watch does not show."""
        with self._lock:
            return frozenset(self._expected.keys() - self._seen.keys())

    def forget(self, key: Key) -> None:
        """Expect nothing of a Secret any more."""
        with self._lock:
            self._expected.pop(key, None)

    def drifted(self, key: Key) -> bool:
        """Return whether a Secret is not what it should be; False where nobody knows."""
        with self._lock:
            expected, seen = self._expected.get(key), self._seen.get(key)
        if expected is None:
            return False
        if seen is None:
            return True
        digests, exclusive = expected
        if exclusive:
            return not seen.intact or seen.digests != digests
        return any(seen.digests.get(name) != digest for name, digest in digests.items())

    def _summary(self, obj: Mapping[str, Any]) -> TargetSummary:
        metadata = obj.get("metadata") or {}
        annotations = metadata.get("annotations") or {}
        data = {key: _decoded(value) for key, value in (obj.get("data") or {}).items()}
        owners = metadata.get("ownerReferences") or []
        return TargetSummary(
            uid=metadata.get("uid", ""),
            resource_version=metadata.get("resourceVersion", ""),
            created_by=(metadata.get("labels") or {}).get(CREATED_BY_LABEL, ""),
            owner_uid=next((owner["uid"] for owner in owners if owner.get("controller")), ""),
            digests={key: self._digest(key, value) for key, value in data.items()},
            intact=annotations.get(DATA_HASH_ANNOTATION) == data_hash(data),
            versions=_versions(annotations.get(VERSIONS_ANNOTATION, "")),
        )

    def _digest(self, key: str, value: bytes) -> bytes:
        keyed = hashlib.blake2b(key=self._secret_key, digest_size=16)
        keyed.update(len(key).to_bytes(4, "big") + key.encode("utf-8", "surrogatepass"))
        keyed.update(value)
        return keyed.digest()


def _decoded(value: str | None) -> bytes:
    try:
        return base64.b64decode(value or "", validate=True)
    except (binascii.Error, ValueError):
        return (value or "").encode()


def _versions(text: str) -> dict[str, str]:
    """Read the provider-versions annotation; anything odd means not known."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, str)}
