"""Makes the children of ClusterExternalSecrets and ClusterPushSecrets.

A child belongs to its maker by a controller owner reference, and only then is it changed or
deleted: an ExternalSecret of the same name that somebody else made stays as it is.
Namespaces get no finalizer: a namespace that is deleted takes its children with it, and
none of what deletes it should ever wait for secretsync. It gets no child any more, and is
let go where External Secrets Operator held it.

Neighbours: `push_loop` says when; `resources.provisioner` says what a child looks like.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.controller.namespace_finalizers import NamespaceFinalizers
from secretsync.controller.push_recorder import PushRecorder
from secretsync.core.push_status import child_fields
from secretsync.errors import AlreadyExists, ClusterError, NotFound
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import parse_external_secret
from secretsync.resources.meta import ObjectMeta
from secretsync.resources.parsed import Parsed
from secretsync.resources.provisioner import Provisioner
from secretsync.resources.push_secret import parse_push_secret

__all__ = ["MAKER_FINALIZER", "Provisioning", "maker_of"]

log = logging.getLogger(__name__)

FIELD_MANAGER = "secretsync"
#: ESO's; it is removed when its object goes, and never set.
MAKER_FINALIZER = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup"

_PARSERS: Mapping[str, Callable[..., Parsed[Any]]] = {
    "ExternalSecret": parse_external_secret,
    "PushSecret": parse_push_secret,
}

Object = Mapping[str, Any]


def maker_of(obj: Object) -> tuple[str, str, str] | None:
    """Return kind, name and uid of the controller owner of an object, None without one."""
    for owner in (obj.get("metadata") or {}).get("ownerReferences") or ():
        if owner.get("controller"):
            return owner.get("kind", ""), owner.get("name", ""), owner.get("uid", "")
    return None


class Provisioning:
    """Makes, changes and deletes children."""

    def __init__(self, cluster: Cluster, recorder: PushRecorder) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._namespaces = NamespaceFinalizers(cluster)
        self._leaving: frozenset[str] = frozenset()

    def leaves(self, namespace: str, *, leaving: bool) -> bool:
        """Note whether a namespace is being deleted; returns whether that is new."""
        if leaving == (namespace in self._leaving):
            return False
        self._leaving = self._leaving ^ {namespace}
        return leaving

    def let_go(self, namespace: str) -> bool:
        """Let a namespace go that is being deleted; returns whether that is done."""
        return self._namespaces.release(namespace)

    def provision(self, item: Provisioner, namespaces: Mapping[str, Mapping[str, str]]) -> None:
        """Make every selected namespace have its child, and no other; total.

        Args:
            namespaces: name → labels of all there are.
        """
        before = self._recorder.provisioned(item)
        made: list[str] = []
        failed: dict[str, str] = {}
        for namespace, labels in sorted(namespaces.items()):
            if namespace in self._leaving or not item.selects(namespace, labels):
                continue
            try:
                problem = self._ensure(item, namespace)
            except ClusterError as exc:
                problem = exc.message
            if problem:
                failed[namespace] = problem
            else:
                made.append(namespace)
        renamed = bool(before.child_name) and before.child_name != item.child_name
        for namespace in before.provisioned:
            if renamed or (namespace not in made and namespace not in failed):
                problem = self._removed(item, namespace, before.child_name or item.child_name)
                if problem:
                    failed[namespace] = problem
        self._recorder.made(item, made, failed)

    def withdraw(self, item: Provisioner) -> bool:
        """Delete every child of one that goes; returns whether all are gone."""
        before = self._recorder.provisioned(item)
        name = before.child_name or item.child_name
        problems = [self._removed(item, namespace, name) for namespace in before.provisioned]
        return not any(problems)

    def _ensure(self, item: Provisioner, namespace: str) -> str:
        """Make a namespace have its child; returns why it cannot, or ""."""
        kind = KINDS[item.child_kind]
        wanted = item.child(namespace)
        live = self._cluster.get(kind, namespace, item.child_name)
        if live is None:
            try:
                self._cluster.create(kind, _owned(wanted, item), field_manager=FIELD_MANAGER)
            except AlreadyExists:
                live = self._cluster.get(kind, namespace, item.child_name)
            else:
                log.info("provisioned", extra={"object": str(item.ref), "namespace": namespace})
                return ""
        if live is None:
            return "it was made and deleted by somebody else meanwhile"
        if not _is_owned(live, item):
            return f"{item.child_kind} {item.child_name} exists already and is somebody else's"
        patch = child_fields(live, wanted)
        if patch and not self._is_same(item, live, wanted):
            version = live["metadata"].get("resourceVersion", "")
            patch["metadata"] = {**patch.get("metadata", {}), "resourceVersion": version}
            self._cluster.merge_patch(
                kind, namespace, item.child_name, patch, field_manager=FIELD_MANAGER
            )
        return ""

    def _is_same(self, item: Provisioner, live: Object, wanted: Object) -> bool:
        """Return whether a child is as it should be, whatever the API server defaulted."""
        first, second = (self._parsed(item, obj) for obj in (live, wanted))
        if first is None or second is None:
            return False
        asked = wanted["metadata"]
        annotations = {
            key: value
            for key, value in first.meta.annotations.items()
            if key in (asked.get("annotations") or {})
        }
        if first.meta.labels != second.meta.labels or annotations != second.meta.annotations:
            return False
        blank: dict[str, Any] = {"meta": ObjectMeta(""), "live": False, "status": second.status}
        return bool(replace(first, **blank) == replace(second, **blank))

    def _parsed(self, item: Provisioner, obj: Object) -> Any:
        namespace = obj["metadata"]["namespace"]
        document = Document(dict(obj), Origin(""))
        return _PARSERS[item.child_kind](document, default_namespace=namespace).value

    def _removed(self, item: Provisioner, namespace: str, name: str) -> str:
        """Delete a child that is not wanted any more; returns why it cannot, or ""."""
        kind = KINDS[item.child_kind]
        if item.kind == "ClusterExternalSecret":
            self._namespaces.release(namespace, item.meta.name)
        try:
            live = self._cluster.get(kind, namespace, name)
            if live is None or not _is_owned(live, item):
                return ""
            uid = live["metadata"].get("uid", "")
            self._cluster.delete(kind, namespace, name, preconditions=Preconditions(uid))
        except NotFound:
            return ""
        except ClusterError as exc:
            return exc.message
        log.info("withdrawn", extra={"object": str(item.ref), "namespace": namespace})
        return ""


def _owned(wanted: dict[str, Any], item: Provisioner) -> dict[str, Any]:
    owner = {
        "apiVersion": KINDS[item.kind].api_version,
        "kind": item.kind,
        "name": item.meta.name,
        "uid": item.meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {**wanted, "metadata": {**wanted["metadata"], "ownerReferences": [owner]}}


def _is_owned(live: Object, item: Provisioner) -> bool:
    maker = maker_of(live)
    return maker is not None and maker == (item.kind, item.meta.name, item.meta.uid)
