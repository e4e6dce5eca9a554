"""Requests about kinds: paths, pages and streams of one API server.

Between the verbs of kubernetes.py and the bytes of kubernetes_http.py. Every
refusal leaves here as a ClusterError.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from urllib3 import BaseHTTPResponse

from secretsync.cluster.base import Kind, Object, WatchEvent, WatchEventType
from secretsync.cluster.kubernetes_errors import (
    Answer,
    Status,
    error_of,
    is_absent,
    is_unserved,
    parse_status,
)
from secretsync.cluster.kubernetes_http import Transport
from secretsync.cluster.kubernetes_watch import StopGuard, read_events
from secretsync.errors import ClusterError, ClusterUnavailable, Gone, Rejected

__all__ = ["JSON", "KubernetesApi", "metadata_of", "named", "typed"]

JSON = "application/json"
PAGE_ITEMS = 500
#: What a list or a watch of metadata only asks for. Servers of extensions that cannot
#: cut their objects down may send them whole.
#: Source: Kubernetes API concepts, "Metadata-only fetches".
METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"
METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}"


_Body = TypeVar("_Body")


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class ListBody(msgspec.Struct):
    """One page of a list."""

    metadata: _ListMeta
    items: list[Object] | None = None


#: Discovery is about no kind; errors name what was asked for.
_DISCOVERY = Kind("APIResourceList", "", "", "v1", namespaced=False)
_LIST = msgspec.json.Decoder(ListBody)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class KubernetesApi:
    """The requests that the verbs of the port are made of; safe in threads."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.guard = StopGuard()
        #: Told each kind that the server says it does not serve.
        self.unserved: Callable[[Kind], None] | None = None

    @property
    def cluster_name(self) -> str:
        """`kube:CONTEXT`, for messages."""
        return f"kube:{self.transport.endpoint.context}"

    def namespace_of(self, kind: Kind, namespace: str) -> str:
        """The namespace an object lies in: given, else the context's; "" for none."""
        return (namespace or self.transport.endpoint.namespace) if kind.namespaced else ""

    def target(
        self,
        kind: Kind,
        namespace: str,
        *segments: str,
        query: Mapping[str, Any] | None = None,
    ) -> str:
        """Return path and query: the collection, or what `segments` name in it.

        Raises:
            Rejected: a name that would make the path mean something else.
        """
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        scope = ("namespaces", namespace) if namespace else ()
        parts = (*scope, kind.plural, *segments)
        for part in parts:
            if part in {"", ".", ".."}:
                raise Rejected(
                    f"a {kind.kind} cannot be called {part!r}", remedy="give it a valid name"
                )
        path = "/".join([root, *(quote(part, safe="") for part in parts)])
        return f"{path}?{urlencode(query)}" if query else path

    def read(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return an object, or None where the server says that it is absent."""
        namespace = self.namespace_of(kind, namespace)
        response = self.transport.request("GET", self.target(kind, namespace, name))
        attempt = f"read {named(kind, namespace, name)}"
        if response.status == 404 and is_absent(404, parse_status(response.data), name):
            return None
        return self._decoded(_OBJECT, response, attempt, kind)

    def write(
        self,
        method: str,
        target: str,
        body: Object,
        *,
        attempt: str,
        kind: Kind,
        content_type: str = JSON,
    ) -> Object:
        """Send a body and return the object that the server answers with.

        Args:
            method: HTTP method.
            target: as target() gives it.
            body: what to send.
            attempt: for messages: "create Secret default/db".
            kind: what `body` is; decides what errors may quote.
            content_type: of the body, which is JSON in any case.
        """
        response = self.transport.request(
            method, target, body=msgspec.json.encode(body), content_type=content_type
        )
        return self._decoded(_OBJECT, response, attempt, kind, is_write=True)

    def delete(self, kind: Kind, namespace: str, name: str, options: Object) -> None:
        """Delete an object; one that is absent is fine."""
        response = self.transport.request(
            "DELETE", self.target(kind, namespace, name), body=msgspec.json.encode(options)
        )
        if not is_absent(response.status, parse_status(response.data), name):
            self._check(response, f"delete {named(kind, namespace, name)}", kind)

    def discover(
        self, path: str, decoder: msgspec.json.Decoder[_Body], *, about: str, accept: str = JSON
    ) -> _Body | None:
        """Return a document of the discovery, None where the server has no such path.

        Args:
            path: `/apis/apps/v1`.
            decoder: of the document.
            about: what is looked for, in messages.
            accept: the forms of it that are understood.
        """
        response = self.transport.request("GET", path, accept=accept)
        if response.status == 404:
            return None
        return self._decoded(decoder, response, f"discover {about}", _DISCOVERY)

    def pages(
        self, kind: Kind, namespace: str, label_selector: str, *, metadata_only: bool = False
    ) -> Iterator[ListBody | None]:
        """Yield the pages of a list; a None says that those before it are void.

        A continue token lives as long as etcd keeps its revision. A list that takes
        longer is asked for again in one piece: that cannot expire.
        """
        query = {"limit": str(PAGE_ITEMS)}
        if label_selector:
            query["labelSelector"] = label_selector
        attempt = f"list {kind.plural}"
        while True:
            response = self.transport.request(
                "GET",
                self.target(kind, namespace, query=query),
                accept=METADATA_LIST if metadata_only else JSON,
            )
            try:
                page = self._decoded(_LIST, response, attempt, kind)
            except Gone:
                if "continue" not in query:
                    raise
                del query["continue"], query["limit"]
                yield None
                continue
            yield page
            if not page.metadata.continue_:
                return
            query["continue"] = page.metadata.continue_

    def stream(
        self,
        kind: Kind,
        namespace: str,
        query: Mapping[str, str],
        stop: threading.Event,
        *,
        metadata_only: bool = False,
    ) -> Iterator[WatchEvent]:
        """Yield the events of one watch request until it ends or `stop` is set.

        Raises:
            WatchRefusedError: an ERROR event; refused_watch() says what it means.
        """
        if self.guard.is_set(stop):
            return
        limits = self.transport.timeouts
        asked = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": limits.watch_s}
        response = self.transport.stream(
            self.target(kind, namespace, query={**asked, **query}),
            accept=METADATA if metadata_only else JSON,
        )
        self._check(response, f"watch {kind.plural}", kind)
        events = read_events(response, stop, self.guard)
        yield from (_metadata_event(kind, event) for event in events) if metadata_only else events

    def refused_watch(self, kind: Kind, status: Status) -> ClusterError:
        """Return what an ERROR event of a watch means."""
        attempt = f"watch {kind.plural} in {self.cluster_name}"
        return error_of(Answer(attempt, kind, status.code or 500, status))

    def close(self) -> None:
        """End watches and close connections."""
        self.guard.close()
        self.transport.close()

    def _decoded(
        self,
        decoder: msgspec.json.Decoder[_Body],
        response: BaseHTTPResponse,
        attempt: str,
        kind: Kind,
        *,
        is_write: bool = False,
    ) -> _Body:
        self._check(response, attempt, kind, is_write=is_write)
        try:
            return decoder.decode(response.data)
        except msgspec.DecodeError:
            # Not chained: the message may show a part of the body.
            raise ClusterUnavailable(
                f"cannot {attempt} in {self.cluster_name}: the answer is not Kubernetes JSON",
                remedy="check what stands between this client and the API server",
            ) from None

    def _check(
        self, response: BaseHTTPResponse, attempt: str, kind: Kind, *, is_write: bool = False
    ) -> None:
        if 200 <= response.status < 300:
            return
        status = parse_status(response.data)
        if self.unserved is not None and is_unserved(response.status, status):
            self.unserved(kind)
        raise error_of(
            Answer(
                f"{attempt} in {self.cluster_name}",
                kind,
                response.status,
                status,
                response.headers,
                is_write,
            )
        )


def metadata_of(kind: Kind, obj: Object) -> Object:
    """The object's metadata under its own type: partial objects name another one."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": obj.get("metadata") or {},
    }


def _metadata_event(kind: Kind, event: WatchEvent) -> WatchEvent:
    if event.type in (WatchEventType.BOOKMARK, WatchEventType.SYNCED):
        return event
    return WatchEvent(event.type, metadata_of(kind, event.object), event.resource_version)


def typed(kind: Kind, obj: Object) -> Object:
    """The object with its apiVersion and kind, which the wire format asks for."""
    return {**obj, "apiVersion": kind.api_version, "kind": kind.kind}


def named(kind: Kind, namespace: str, name: str) -> str:
    """`Secret default/db`, for messages."""
    return f"{kind.kind} {namespace}/{name}" if namespace else f"{kind.kind} {name}"
