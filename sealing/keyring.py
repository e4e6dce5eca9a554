"""The key ring: which of the controller's key Secrets seal, and which open.

The Secrets come in as plain dictionaries from wherever they are kept. One bad Secret
never stops the others: it is reported as a value beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sealing.certificates import Certificate, parse_certificate, require_aware
from sealing.encoding import encode_base64
from sealing.errors import InvalidKey, NoSealingKey, SealingError
from sealing.fields import child, data_field, text_field, text_map
from sealing.frames import shed_frames
from sealing.keys import PrivateKey, parse_private_key
from sealing.pem import first_block

__all__ = [
    "ACTIVE",
    "KEY_LABEL",
    "KEY_PREFIX",
    "BrokenKey",
    "InactiveKey",
    "KeyOrder",
    "KeyRing",
    "RingKey",
    "key_secret",
    "load_key_ring",
]

KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
ACTIVE = "active"
KEY_PREFIX = "sealed-secrets-key"

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class KeyOrder(StrEnum):
    """Which time makes one key newer than another."""

    CERT_NOT_BEFORE = "CertNotBefore"
    SECRET_CREATION_TIMESTAMP = "SecretCreationTimestamp"  # noqa: S105 - a flag's value


@dataclass(frozen=True, slots=True)
class RingKey:
    """A key that opens, and may seal.

    Args:
        name: of its Secret.
        ordering_at: aware; the newest seals.
    """

    name: str
    private_key: PrivateKey
    certificate: Certificate
    ordering_at: datetime


@dataclass(frozen=True, slots=True)
class BrokenKey:
    """A Secret that is labelled as a key and cannot be one.

    Args:
        name: of the Secret; "" where even that cannot be read.
        error: why.
    """

    name: str
    error: SealingError


@dataclass(frozen=True, slots=True)
class InactiveKey:
    """A Secret that somebody took out of use, or that never was in use.

    Args:
        name: of the Secret.
        status: value of the key label, `compromised` by convention; "" without label.
    """

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of a controller; iterating gives the private ones, newest first.

    Args:
        keys: newest first.
        broken: what could not be used, in the order given.
        inactive: what is not to be used, in the order given.
    """

    keys: tuple[RingKey, ...] = ()
    broken: tuple[BrokenKey, ...] = ()
    inactive: tuple[InactiveKey, ...] = ()

    def __iter__(self) -> Iterator[PrivateKey]:
        return (key.private_key for key in self.keys)

    def sealing_key(self, now: datetime) -> RingKey:
        """Return the newest key whose certificate is not over at `now`.

        Raises:
            NoSealingKey: there is none.
            ValueError: `now` has no time zone.
        """
        require_aware(now, "now")
        if not self.keys:
            raise NoSealingKey("key registry has no keys")
        for key in self.keys:
            if now <= key.certificate.not_after:
                return key
        raise NoSealingKey(f"all {len(self.keys)} sealing certificates have expired")


def load_key_ring(
    secrets: Iterable[Mapping[str, Any]],
    *,
    order: KeyOrder = KeyOrder.CERT_NOT_BEFORE,
    key_prefix: str = KEY_PREFIX,
    known: Iterable[RingKey] = (),
) -> KeyRing:
    """Sort Secrets into keys, broken and inactive ones; no Secret makes this raise.

    Each key is checked in full, about 0.25 s for one of 4096 bits: keep the ring, and
    give its keys as `known` when it is loaded again.

    Args:
        secrets: objects with metadata and `data`, in any order.
        key_prefix: the Secret of exactly this name needs no label (controllers before
            0.9 made one).
        known: keys that were checked before; a Secret with the very same key and
            certificate is not checked again.
    """
    checked = {key.certificate.pem: key for key in known}
    keys: list[tuple[datetime, RingKey]] = []
    broken: list[BrokenKey] = []
    inactive: list[InactiveKey] = []
    for secret in secrets:
        name = ""
        try:
            metadata = child({"secret": secret}, "secret", path="secret").get("metadata")
            metadata = child({"metadata": metadata}, "metadata", path="metadata")
            name = text_field(metadata, "name", path="metadata.name")
            status = text_map(metadata, "labels", path="metadata.labels").get(KEY_LABEL, "")
            if status != ACTIVE and (status or name != key_prefix):
                inactive.append(InactiveKey(name, status))
                continue
            created_at = _created_at(metadata)
            private_key, certificate = _pair(secret, checked)
            by_certificate = order is KeyOrder.CERT_NOT_BEFORE
            ordering_at = certificate.not_before if by_certificate else created_at
            keys.append((created_at, RingKey(name, private_key, certificate, ordering_at)))
        except SealingError as exc:
            broken.append(BrokenKey(name, shed_frames(exc)))
    return KeyRing(_newest_first(keys), tuple(broken), tuple(inactive))


def _newest_first(keys: list[tuple[datetime, RingKey]]) -> tuple[RingKey, ...]:
    """Of keys with the same ordering time, the Secret that was created first leads."""
    by_creation = sorted(keys, key=lambda pair: (pair[0], pair[1].name))
    newest = sorted(by_creation, key=lambda pair: pair[1].ordering_at, reverse=True)
    return tuple(key for _created_at, key in newest)


def _pair(
    secret: Mapping[str, Any], checked: Mapping[bytes, RingKey]
) -> tuple[PrivateKey, Certificate]:
    data = data_field(secret, path="data")
    for key in ("tls.key", "tls.crt"):
        if not data.get(key):
            raise InvalidKey(f"secret must contain {key} under data")
    known = checked.get(first_block(data["tls.crt"], "CERTIFICATE") or b"")
    if known is not None and known.private_key.reveal_pem() == data["tls.key"]:
        return known.private_key, known.certificate
    private_key = parse_private_key(data["tls.key"])
    certificate = parse_certificate(data["tls.crt"])
    if certificate.fingerprint != private_key.fingerprint:
        raise InvalidKey("tls.crt belongs to another key than tls.key")
    return private_key, certificate


def _created_at(metadata: Mapping[str, Any]) -> datetime:
    """When the Secret was created; one without the field counts as the oldest."""
    value = metadata.get("creationTimestamp")
    if value is None:
        return _LONG_AGO
    try:
        # YAML readers give a datetime where the text is not quoted.
        created_at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidKey("metadata.creationTimestamp is not a time") from None
    return created_at if created_at.tzinfo else created_at.replace(tzinfo=UTC)


def key_secret(
    private_key: PrivateKey,
    certificate: Certificate,
    *,
    namespace: str,
    key_prefix: str = KEY_PREFIX,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the Secret that keeps a key, as the controller writes it.

    The result holds the private key in plain: it goes to the cluster and nowhere else.

    Args:
        key_prefix: becomes generateName; the API server adds the rest.
        labels, annotations: further ones; the key label stays `active`.

    Raises:
        ValueError: the certificate is another key's.
    """
    if certificate.fingerprint != private_key.fingerprint:
        raise ValueError("the certificate belongs to another key")
    metadata: dict[str, Any] = {"generateName": key_prefix, "namespace": namespace}
    metadata["labels"] = dict(labels or {}) | {KEY_LABEL: ACTIVE}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": encode_base64(certificate.pem),
            "tls.key": encode_base64(private_key.reveal_pem()),
        },
    }
