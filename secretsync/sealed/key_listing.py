"""What can be told of a key ring without telling a key. Pure.

Neighbour: `key_store` reads the Secrets and judges them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sealing import Certificate, KeyRing, NoSealingKey, RingKey, SealingError, parse_certificate
from sealing.fields import data_field
from sealing.keyring import KEY_LABEL
from secretsync.cluster.base import Object

__all__ = [
    "KeyEntry",
    "KeyState",
    "certificate_of",
    "key_entries",
    "sealing_key_or_none",
    "show_time",
]


class KeyState(StrEnum):
    """What a key is good for."""

    SEALING = "sealing"
    OPENS_ONLY = "opens only"
    OUT_OF_USE = "out of use"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key Secret.

    Args:
        state: of the key in its ring.
        label: value of the key label; "" where the Secret has none.
        reason: why the state is what it is; "" where that is plain.
        fingerprint: of the public key; "" where the certificate cannot be read.
        not_before, not_after: of the certificate, UTC.
        created_at: of the Secret, as the cluster gives it.
    """

    namespace: str
    name: str
    state: KeyState
    label: str
    reason: str
    fingerprint: str
    not_before: datetime | None
    not_after: datetime | None
    created_at: str

    def as_json(self) -> dict[str, Any]:
        """Return the stable form for scripts; times are RFC 3339 or null."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "state": str(self.state),
            "label": self.label,
            "reason": self.reason,
            "fingerprint": self.fingerprint,
            "not_before": show_time(self.not_before) or None,
            "not_after": show_time(self.not_after) or None,
            "created_at": self.created_at or None,
        }


def key_entries(
    namespace: str, secrets: Sequence[Object], ring: KeyRing, *, now: datetime
) -> list[KeyEntry]:
    """Return an entry for each key, newest first, then those of no use by name.

    Args:
        secrets: that the ring was loaded from.
        now: aware; what certificates' ends are compared with.
    """
    by_name = {str(secret["metadata"]["name"]): secret for secret in secrets}
    sealing = sealing_key_or_none(ring, now)
    entries = []
    for key in ring.keys:
        state = KeyState.SEALING if key is sealing else KeyState.OPENS_ONLY
        reason = "its certificate is over" if now > key.certificate.not_after else ""
        entries.append(_entry(namespace, key.name, by_name.get(key.name), state, reason))
    for inactive in ring.inactive:
        reason = f"marked {inactive.status}" if inactive.status else "its key label is empty"
        secret = by_name.get(inactive.name)
        entries.append(_entry(namespace, inactive.name, secret, KeyState.OUT_OF_USE, reason))
    for broken in ring.broken:
        secret = by_name.get(broken.name)
        entries.append(_entry(namespace, broken.name, secret, KeyState.BROKEN, str(broken.error)))
    return entries


def sealing_key_or_none(ring: KeyRing, now: datetime) -> RingKey | None:
    """Return the key that seals at `now`, or None where there is none."""
    with contextlib.suppress(NoSealingKey):
        return ring.sealing_key(now)
    return None


def certificate_of(secret: Object) -> Certificate | None:
    """Return the certificate in a key Secret, or None where it cannot be read."""
    try:
        return parse_certificate(data_field(secret, path="data").get("tls.crt", b""))
    except SealingError:
        return None


def show_time(moment: datetime | None) -> str:
    """Return a time as the API writes it; "" for none."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _entry(
    namespace: str, name: str, secret: Object | None, state: KeyState, reason: str
) -> KeyEntry:
    metadata = secret["metadata"] if secret else {}
    certificate = certificate_of(secret) if secret else None
    labels = metadata.get("labels") or {}
    return KeyEntry(
        namespace,
        name,
        state,
        str(labels.get(KEY_LABEL, "")),
        reason,
        certificate.fingerprint if certificate else "",
        certificate.not_before if certificate else None,
        certificate.not_after if certificate else None,
        str(metadata.get("creationTimestamp") or ""),
    )
