"""What a cluster says of itself, as rows for `status`: read-only, no provider asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.core.secrets import INVENTORY_LABEL, MANAGED_LABEL, VERSIONS_ANNOTATION
from secretsync.errors import ConfigError, NotFound
from secretsync.resources.status import condition_of, ready_condition

__all__ = ["Overview", "Row", "parse_reference"]

_NAMES = {
    "externalsecret": "ExternalSecret",
    "externalsecrets": "ExternalSecret",
    "es": "ExternalSecret",
    "sealedsecret": "SealedSecret",
    "sealedsecrets": "SealedSecret",
    "secretstore": "SecretStore",
    "secretstores": "SecretStore",
    "ss": "SecretStore",
    "clustersecretstore": "ClusterSecretStore",
    "clustersecretstores": "ClusterSecretStore",
    "css": "ClusterSecretStore",
    "pushsecret": "PushSecret",
    "pushsecrets": "PushSecret",
    "ps": "PushSecret",
    "clusterpushsecret": "ClusterPushSecret",
    "clusterpushsecrets": "ClusterPushSecret",
    "clusterexternalsecret": "ClusterExternalSecret",
    "clusterexternalsecrets": "ClusterExternalSecret",
    "ces": "ClusterExternalSecret",
    "secret": "Secret",
    "secrets": "Secret",
}


def parse_reference(text: str) -> tuple[str, str]:
    """Read KIND/NAME; kinds as kubectl takes them.

    Raises:
        ConfigError: it is not of that form, or the kind is not served.
    """
    kind, slash, name = text.partition("/")
    if not slash or not name:
        raise ConfigError(f"{text!r} is not KIND/NAME", remedy="for example externalsecret/db")
    if kind.lower() not in _NAMES:
        served = ", ".join(dict.fromkeys(_NAMES.values()))
        raise ConfigError(f"kind {kind!r} is not served", remedy=f"one of {served}")
    return _NAMES[kind.lower()], name


@dataclass(frozen=True, slots=True)
class Row:
    """One object.

    Args:
        age_s: seconds since it was last written or synced; None where nothing says.
        versions: provider version ids, by store and key.
    """

    kind: str
    namespace: str
    name: str
    good: bool
    reason: str = ""
    message: str = ""
    age_s: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


class Overview:
    """Collects the rows of one moment."""

    def __init__(self, cluster: Cluster, now: datetime) -> None:
        self._cluster = cluster
        self._now = now

    def rows(self, namespace: str = "") -> list[Row]:
        """Return what has a status, and the Secrets that none of it makes.

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        # A run from files notes its inventory on what it makes from either kind.
        secrets = {
            _identity(obj): obj
            for selector in (f"{MANAGED_LABEL}=true", INVENTORY_LABEL)
            for obj in self._cluster.list(KINDS["Secret"], namespace, label_selector=selector).items
        }
        rows = []
        for obj in self._listed("ExternalSecret", namespace):
            target = (_identity(obj)[0], _target_name(obj))
            made = None if _makes_no_secret(obj) else secrets.pop(target, None)
            rows.append(self._external_secret(obj, made))
        for obj in self._listed("SealedSecret", namespace):
            secrets.pop(_identity(obj), None)
            rows.append(self._sealed_secret(obj))
        for kind in ("SecretStore", "ClusterSecretStore"):
            rows += [_store(kind, obj) for obj in self._listed(kind, namespace)]
        for kind in ("PushSecret", "ClusterPushSecret", "ClusterExternalSecret"):
            rows += [self._synced(kind, obj) for obj in self._listed(kind, namespace)]
        rows += [self._secret(obj) for obj in secrets.values()]
        return sorted(rows, key=lambda row: (row.kind, row.namespace, row.name))

    def _listed(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        try:
            return list(self._cluster.list(KINDS[kind], namespace).items)
        except NotFound:
            return []  # The kind is not installed: there are none of it.

    def _external_secret(self, obj: Mapping[str, Any], secret: Mapping[str, Any] | None) -> Row:
        row = self._synced("ExternalSecret", obj)
        return replace(row, versions=_versions(secret) if secret else {})

    def _synced(self, kind: str, obj: Mapping[str, Any]) -> Row:
        namespace, name = _identity(obj)
        ready = ready_condition(obj)
        refreshed = (obj.get("status") or {}).get("refreshTime", "")
        return Row(
            kind,
            namespace,
            name,
            good=ready.get("status") == "True",
            reason=ready.get("reason", "") or "NotSynced",
            message=ready.get("message", ""),
            age_s=self._since(refreshed),
        )

    def _sealed_secret(self, obj: Mapping[str, Any]) -> Row:
        namespace, name = _identity(obj)
        synced = condition_of(obj, "Synced")
        generation = (obj.get("metadata") or {}).get("generation")
        observed = (obj.get("status") or {}).get("observedGeneration")
        if not synced:
            reason = "NotSynced"
        elif isinstance(observed, int) and observed != generation:
            reason = "Outdated"  # The spec changed, and nobody has looked at it since.
        else:
            reason = "Synced" if synced.get("status") == "True" else "NotSynced"
        return Row(
            "SealedSecret",
            namespace,
            name,
            good=reason == "Synced",
            reason=reason,
            message=synced.get("message", ""),
            age_s=self._since(synced.get("lastUpdateTime", "")),
        )

    def _secret(self, obj: Mapping[str, Any]) -> Row:
        namespace, name = _identity(obj)
        written = [
            entry.get("time", "")
            for entry in (obj.get("metadata") or {}).get("managedFields") or []
            if str(entry.get("manager", "")).startswith("secretsync.io/")
        ]
        created = (obj.get("metadata") or {}).get("creationTimestamp", "")
        return Row(
            "Secret",
            namespace,
            name,
            good=True,
            reason="SecretSynced",
            age_s=self._since(max(written, default="") or created),
            versions=_versions(obj),
        )

    def _since(self, stamp: str) -> float | None:
        try:
            return (self._now - datetime.fromisoformat(stamp)).total_seconds()
        except (ValueError, TypeError):
            return None


def _store(kind: str, obj: Mapping[str, Any]) -> Row:
    namespace, name = _identity(obj)
    ready = ready_condition(obj)
    # Nobody but the service validates stores; one that was never looked at is not bad.
    return Row(
        kind,
        namespace,
        name,
        good=ready.get("status", "True") == "True",
        reason=ready.get("reason", "") or "NotValidated",
        message=ready.get("message", ""),
    )


def _identity(obj: Mapping[str, Any]) -> tuple[str, str]:
    metadata = obj.get("metadata") or {}
    return metadata.get("namespace", ""), metadata.get("name", "")


def _makes_no_secret(obj: Mapping[str, Any]) -> bool:
    target = (obj.get("spec") or {}).get("target") or {}
    return bool(target.get("manifest"))


def _target_name(obj: Mapping[str, Any]) -> str:
    target = (obj.get("spec") or {}).get("target") or {}
    name: str = target.get("name") or _identity(obj)[1]
    return name


def _versions(obj: Mapping[str, Any]) -> Mapping[str, str]:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    try:
        found = json.loads(annotations.get(VERSIONS_ANNOTATION, "{}"))
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
