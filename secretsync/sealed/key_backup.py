"""A key ring as one document, and what a cluster lacks of it. Pure.

The document is a v1 List of key Secrets: `kubectl apply` and `kubeseal
--recovery-private-key` read it too. It holds private keys in plain, so whoever has it
encrypts it before it goes anywhere. Neighbour: `key_store` lists and creates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sealing import SealingError
from sealing.fields import child, optional_bool, text_field, text_map
from sealing.keyring import ACTIVE, KEY_LABEL
from secretsync.cluster.base import Object
from secretsync.errors import InputError
from secretsync.resources.documents import load_documents
from secretsync.resources.names import check_subdomain
from secretsync.resources.timestamps import parse_timestamp
from secretsync.sealed.key_listing import certificate_of
from secretsync.sealed.key_making import letters_of
from secretsync.sealed.key_secrets import CREATED_AT_ANNOTATION, key_data, key_label

__all__ = [
    "RestoreAction",
    "RestoreStep",
    "plan_restore",
    "read_ring",
    "same_key_entries",
    "write_ring",
]

#: What a cluster sets by itself, or what belongs to one cluster only, stays behind.
_SAVED_METADATA = ("name", "namespace", "labels", "annotations", "creationTimestamp")
_SAVED_FIELDS = ("type", "immutable", "data")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class RestoreAction(StrEnum):
    """What is to be done with one saved key."""

    CREATE = "create"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RestoreStep:
    """One saved key, and what becomes of it.

    Args:
        secret: to be created. It holds the private key in plain.
        fingerprint: of the public key; "" where the certificate cannot be read.
        reason: why; "" where the action says it all.
    """

    secret: Object
    action: RestoreAction
    fingerprint: str
    reason: str = ""

    @property
    def name(self) -> str:
        """Of the Secret."""
        name: str = self.secret["metadata"]["name"]
        return name

    def __repr__(self) -> str:
        return f"RestoreStep({self.name}, {self.action}, {self.reason!r})"


def write_ring(secrets: Iterable[Object]) -> bytes:
    """Return key Secrets as one JSON document, broken ones and marked ones included."""
    items = []
    for secret in secrets:
        metadata = secret["metadata"]
        saved = {key: metadata[key] for key in _SAVED_METADATA if metadata.get(key)}
        fields = {key: secret[key] for key in _SAVED_FIELDS if key in secret}
        items.append({"apiVersion": "v1", "kind": "Secret", "metadata": saved, **fields})
    ring = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}
    return (json.dumps(ring, indent=2) + "\n").encode()


def read_ring(document: bytes, *, key_prefix: str) -> list[Object]:
    """Return the key Secrets of a document that write_ring() made, or a person by hand.

    Args:
        key_prefix: the Secret of exactly this name needs no label.

    Raises:
        InputError: it is something else; nothing of its content is in the message.
    """
    documents, problems = load_documents(document, file="backup")
    if problems or not documents:
        raise _no_ring("it is no list of Secrets")
    secrets = [_checked(found.value, key_prefix) for found in documents]
    names = [secret["metadata"]["name"] for secret in secrets]
    if len(set(names)) != len(names):
        raise _no_ring("two Secrets in it have the same name")
    return secrets


def plan_restore(
    saved: Sequence[Object], live: Sequence[Object], *, namespace: str, key_prefix: str
) -> list[RestoreStep]:
    """Decide what to do with each saved key; what is in the cluster is never changed.

    Marked keys come first, then the others from the oldest to the newest. A key whose
    name something else has gets another one, the same at each attempt.

    Args:
        live: the key Secrets of the cluster, and any Secret that has a saved one's name.
        namespace: that the keys are restored to.
        key_prefix: begins the names of keys whose own is taken.
    """
    steps: list[RestoreStep] = []
    known = list(live)
    for secret in sorted(saved, key=_restore_order):
        action, reason = _decide(secret, known)
        if action is RestoreAction.CREATE:
            known.append(secret)
        certificate = certificate_of(secret)
        fingerprint = certificate.fingerprint if certificate else ""
        created = _to_create(secret, namespace)
        if action is RestoreAction.CREATE and reason:
            created = _renamed(created, key_prefix)
        steps.append(RestoreStep(created, action, fingerprint, reason))
    return steps


def same_key_entries(secrets: Sequence[Object], fingerprint: str) -> list[str]:
    """Return the names of key Secrets whose certificate is for the key of this fingerprint."""
    return [secret["metadata"]["name"] for secret in secrets if fingerprint in _identities(secret)]


def _decide(secret: Object, known: Sequence[Object]) -> tuple[RestoreAction, str]:
    name, in_use = secret["metadata"]["name"], _in_use(secret)
    same_key = [other for other in known if _identities(other) & _identities(secret)]
    marked = [other for other in same_key if not _in_use(other)]
    if in_use and marked:
        mark, where = key_label(marked[0]), marked[0]["metadata"]["name"]
        return RestoreAction.REFUSED, f"this key is marked {mark} as {where}, and stays so"
    # Only the very same data will do: a damaged copy of a key must not keep it away.
    copies = [other for other in known if key_data(other) == key_data(secret)]
    unmarked = [other for other in same_key if _in_use(other)]
    if not in_use and unmarked:
        mark, where = key_label(secret), unmarked[0]["metadata"]["name"]
        return (
            RestoreAction.REFUSED,
            f"it was marked {mark} when it was saved, and is in use as {where}: mark it there",
        )
    if not copies:
        taken = any(other["metadata"]["name"] == name for other in known)
        return RestoreAction.CREATE, f"another Secret is called {name}" if taken else ""
    names = [other["metadata"]["name"] for other in copies]
    return RestoreAction.UNCHANGED, "" if name in names else f"it is there as {names[0]}"


def _in_use(secret: Object) -> bool:
    """Whether its label lets it open: a Secret that is a key by its name has none."""
    labels: dict[str, str] = secret["metadata"].get("labels") or {}
    return labels.get(KEY_LABEL, ACTIVE) == ACTIVE


def _identities(secret: Object) -> frozenset[str]:
    """What two Secrets with the same key share: the public key, or the private one's text."""
    private = (key_data(secret) or {}).get("tls.key", b"")
    found = {"key:" + hashlib.sha256(private.strip()).hexdigest()} if private else set()
    certificate = certificate_of(secret)
    return frozenset(found | ({certificate.fingerprint} if certificate else set()))


def _to_create(secret: Object, namespace: str) -> Object:
    metadata = dict(secret["metadata"])
    created_at = metadata.pop("creationTimestamp", None)
    if created_at:
        noted = {CREATED_AT_ANNOTATION: created_at}
        metadata["annotations"] = metadata.get("annotations", {}) | noted
    return {**secret, "metadata": metadata | {"namespace": namespace}}


def _renamed(secret: Object, key_prefix: str) -> Object:
    """The Secret under a free name, where it is a key by its label only."""
    content = json.dumps(secret.get("data"), sort_keys=True).encode()
    labels = {KEY_LABEL: ACTIVE} | secret["metadata"].get("labels", {})
    named = {"name": key_prefix + letters_of(content), "labels": labels}
    return {**secret, "metadata": secret["metadata"] | named}


def _restore_order(secret: Object) -> tuple[bool, datetime, str]:
    metadata = secret["metadata"]
    created_at = parse_timestamp(metadata.get("creationTimestamp")) or _LONG_AGO
    return _in_use(secret), created_at, metadata["name"]


def _checked(secret: dict[str, Any], key_prefix: str) -> Object:
    """A clean copy of a saved Secret."""
    try:
        metadata = child(secret, "metadata", path="metadata")
        name = text_field(metadata, "name", path="metadata.name")
        labels = text_map(metadata, "labels", path="metadata.labels")
        clean: Object = {
            "name": name,
            "namespace": text_field(metadata, "namespace", path="metadata.namespace"),
            "labels": labels,
            "annotations": text_map(metadata, "annotations", path="metadata.annotations"),
            "creationTimestamp": text_field(metadata, "creationTimestamp", path="created"),
        }
        fields = {
            "type": text_field(secret, "type", path="type"),
            "immutable": optional_bool(secret, "immutable", path="immutable"),
            "data": text_map(secret, "data", path="data"),
        }
    except SealingError:
        raise _no_ring("a Secret in it is damaged") from None
    if secret.get("kind") != "Secret" or secret.get("apiVersion") != "v1" or check_subdomain(name):
        raise _no_ring("something in it is no Secret")
    if KEY_LABEL not in labels and name != key_prefix:
        raise _no_ring(f"Secret {name} in it is no sealing key")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {key: value for key, value in clean.items() if value},
        **{key: value for key, value in fields.items() if value not in ("", None)},
    }


def _no_ring(why: str) -> InputError:
    return InputError(
        f"the backup opened, and holds no key ring: {why}",
        remedy="give a file that `seal backup` wrote",
    )
