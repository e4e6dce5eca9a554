"""Kubernetes events about objects, as the API takes them. Pure.

Repeats of one event share one name, so that a failure that lasts a week is one
object with a count and not ten thousand.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from secretsync.cluster.base import Event

__all__ = ["event_object", "repeat_patch"]

#: What the API server allows (core/v1 Event, `message`).
MESSAGE_BYTES = 1024
NAME_CHARS = 200


def event_object(event: Event, *, now: datetime, instance: str) -> dict[str, Any]:
    """Return a `v1` Event that happened once.

    Args:
        event: what happened to which object.
        now: aware UTC.
        instance: which of several replicas says so.
    """
    metadata = event.about.get("metadata", {})
    namespace = metadata.get("namespace") or "default"
    about = {
        "apiVersion": event.about.get("apiVersion", ""),
        "kind": event.about.get("kind", ""),
        "name": metadata.get("name", ""),
        "uid": metadata.get("uid", ""),
        "resourceVersion": metadata.get("resourceVersion", ""),
        "namespace": metadata.get("namespace", ""),
    }
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": _name(event), "namespace": namespace},
        "involvedObject": {key: value for key, value in about.items() if value},
        "type": event.type.value,
        "reason": event.reason,
        "message": _cut(event.message),
        "source": {"component": event.component},
        "reportingComponent": event.component,
        "reportingInstance": instance,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }


def repeat_patch(existing: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """Return the merge patch that counts one more occurrence.

    The version makes two replicas that count at once not lose one silently.
    """
    return {
        "metadata": {"resourceVersion": existing["metadata"]["resourceVersion"]},
        "count": int(existing.get("count") or 1) + 1,
        "lastTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _name(event: Event) -> str:
    metadata = event.about.get("metadata", {})
    identity = [
        str(event.about.get("kind", "")),
        str(metadata.get("uid", "")),
        event.type.value,
        event.reason,
        event.message,
    ]
    digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:16]
    return f"{str(metadata.get('name', ''))[:NAME_CHARS]}.{digest}"


def _cut(message: str) -> str:
    raw = message.encode()
    if len(raw) <= MESSAGE_BYTES:
        return message
    return raw[: MESSAGE_BYTES - 3].decode(errors="ignore") + "…"
