"""Secrets of a directory cluster, for stores that mean the cluster itself.

In a directory `https://kubernetes.default.svc` is the directory, which has no API server.
This answers the few requests of the `kubernetes` adapter in an API server's words. There
are no identities in a directory: whoever writes a store there can read its files as well.

Neighbours: `selectors` hands it out; `providers.kubernetes.api` asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from providers.base import Unavailable
from providers.http_answers import HttpAnswer
from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.errors import AlreadyExists, ClusterError, Conflict

__all__ = ["DirectoryApi"]

_SECRET = KINDS["Secret"]
_MANAGER = "secretsync-push"
_NOT_FOUND = {"kind": "Status", "reason": "NotFound", "details": {"kind": "secrets"}}
_CONFLICT = {"kind": "Status", "reason": "Conflict"}


class DirectoryApi:
    """A `providers.base.LocalApi` over a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Answer one request.

        Raises:
            Unavailable: the directory cannot be read or written.
        """
        target = urlsplit(url)
        parts = [unquote(part) for part in target.path.split("/")[1:]]
        sent = json.loads(body) if body else {}
        if parts[1] == "authorization.k8s.io":
            return _answer(201, {"status": {"allowed": True}})
        namespace, name = parts[3], parts[5] if len(parts) > 5 else ""
        acts: dict[str, Callable[[], HttpAnswer]] = {
            "GET": lambda: (
                self._one(namespace, name) if name else self._all(namespace, parse_qs(target.query))
            ),
            "POST": lambda: self._created(namespace, sent),
            "PUT": lambda: self._updated(namespace, name, sent),
            "DELETE": lambda: self._deleted(namespace, name, sent["preconditions"]),
        }
        try:
            return acts[method]()
        except (Conflict, AlreadyExists):
            return _answer(409, _CONFLICT)
        except ClusterError as exc:
            problem = exc
        raise Unavailable(problem.message, remedy=problem.remedy)

    def close(self) -> None:
        """Nothing of its own is open."""

    def _one(self, namespace: str, name: str) -> HttpAnswer:
        found = self._cluster.get(_SECRET, namespace, name)
        return _answer(404, _NOT_FOUND) if found is None else _answer(200, found)

    def _all(self, namespace: str, query: Mapping[str, list[str]]) -> HttpAnswer:
        [labels] = query.get("labelSelector", [""])
        page = self._cluster.list(_SECRET, namespace, label_selector=labels, metadata_only=True)
        items = [{"metadata": item["metadata"]} for item in page.items]
        return _answer(200, {"kind": "PartialObjectMetadataList", "items": items})

    def _created(self, namespace: str, sent: Mapping[str, Any]) -> HttpAnswer:
        secret = {**sent, "metadata": {**sent["metadata"], "namespace": namespace}}
        return _answer(201, self._cluster.create(_SECRET, secret, field_manager=_MANAGER))

    def _updated(self, namespace: str, name: str, sent: Mapping[str, Any]) -> HttpAnswer:
        """Write what differs; the version that was read is the precondition, as of a PUT."""
        live = self._cluster.get(_SECRET, namespace, name) or {}
        gone = dict.fromkeys((live.get("data") or {}).keys() - sent["data"].keys())
        wanted = ("resourceVersion", "labels", "annotations")
        patch = {
            "metadata": {key: sent["metadata"][key] for key in wanted},
            "data": {**sent["data"], **gone},
        }
        self._cluster.merge_patch(_SECRET, namespace, name, patch, field_manager=_MANAGER)
        return self._one(namespace, name)

    def _deleted(self, namespace: str, name: str, wanted: Mapping[str, str]) -> HttpAnswer:
        only = Preconditions(uid=wanted["uid"], resource_version=wanted["resourceVersion"])
        self._cluster.delete(_SECRET, namespace, name, preconditions=only)
        return _answer(200, {"kind": "Status", "status": "Success"})


def _answer(status: int, body: Mapping[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, {}, json.dumps(body).encode())
