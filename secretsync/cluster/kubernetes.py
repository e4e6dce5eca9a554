"""The Cluster port on a Kubernetes API server.

Reading and watching are here, writes in kubernetes_writing.py; paths, pages and
streams are in kubernetes_api.py, connections and time limits in kubernetes_http.py,
credentials in kubernetes_config.py, and what a refusal means in kubernetes_errors.py.
It holds no objects and retries nothing.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from secretsync.cluster.base import (
    COMPONENT,
    KINDS,
    Event,
    Kind,
    ListPage,
    Object,
    Served,
    ServiceAccountTokenReview,
    WatchEvent,
    WatchEventType,
)
from secretsync.cluster.kubernetes_api import KubernetesApi, metadata_of, named
from secretsync.cluster.kubernetes_events import event_object, repeat_patch
from secretsync.cluster.kubernetes_http import Timeouts, Transport
from secretsync.cluster.kubernetes_watch import WatchRefusedError, without_managed_fields
from secretsync.cluster.kubernetes_writing import KubernetesWrites
from secretsync.errors import AlreadyExists, ClusterError, Rejected

__all__ = ["KubernetesCluster", "Timeouts", "open_kubernetes"]

#: HTTP codes of ERROR events that say "not now" rather than "not by this server".
_NOT_NOW = frozenset({410, 429, 503, 504})

_log = logging.getLogger(__name__)


def open_kubernetes(context: str = "", *, timeouts: Timeouts | None = None) -> KubernetesCluster:
    """Open the cluster of a kubeconfig context, or the one this pod runs in.

    Args:
        context: "" is the kubeconfig's current context, or the pod's own service
            account where there is no kubeconfig.
        timeouts: other than the usual time limits.

    Returns:
        The cluster. Nothing is sent yet.

    Raises:
        ConfigError: there is no usable configuration, or it gave no credentials.
    """
    return KubernetesCluster(KubernetesApi(Transport(context, timeouts or Timeouts())))


class KubernetesCluster(KubernetesWrites):
    """Objects of a Kubernetes API server; see secretsync.cluster.base.Cluster.

    `get` returns objects whole; `list` and `watch` leave out managedFields.
    """

    def __init__(self, api: KubernetesApi) -> None:
        super().__init__(api)
        # A server that refuses to stream its state first is asked once.
        self._streams_state = True

    @property
    def name(self) -> str:
        """`kube:CONTEXT`."""
        return self._api.cluster_name

    @property
    def collects_garbage(self) -> bool:
        """True: Kubernetes' garbage collector does."""
        return True

    @property
    def default_namespace(self) -> str:
        """The context's namespace, or `default`."""
        return self._api.transport.endpoint.namespace

    def resolve(self, api_version: str, kind: str) -> Kind:
        """Return the resource behind an apiVersion and kind, as the server's discovery says.

        Raises:
            NotFound: the server does not serve it.
        """
        return self._discovery.resolve(api_version, kind)

    def served(self) -> Served:
        """Return the server's version and every kind that it serves now."""
        return self._discovery.served()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return the object with its managedFields, or None where it is absent.

        Raises:
            NotFound: the server does not serve this kind.
        """
        return self._api.read(kind, namespace, name)

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> ListPage:
        """Return every object ("" = of all namespaces), without managedFields."""
        items: list[Object] = []
        version = ""
        for page in self._api.pages(
            kind, _scope(kind, namespace), label_selector, metadata_only=metadata_only
        ):
            if page is None:
                items = []
                continue
            version = page.metadata.resource_version
            # Items of a list name no type; everywhere else in the port they do.
            listed = (without_managed_fields(item) for item in page.items or ())
            form = metadata_of if metadata_only else _listed
            items += [form(kind, item) for item in listed]
        return ListPage(items, version)

    def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
        stop: threading.Event,
    ) -> Iterator[WatchEvent]:
        """Yield changes, without managedFields, until the server ends it or `stop` is set.

        A watch also ends when the connection is silent for long; the caller goes on
        from the last version it saw.

        Raises:
            Gone: the version is too old; start again with "".
            ClusterUnavailable: the stream broke off.
        """
        namespace = _scope(kind, namespace)
        query = {"labelSelector": label_selector} if label_selector else {}
        if not resource_version:
            if self._streams_state and (
                yield from self._watch_with_state(
                    kind, namespace, query, stop, metadata_only=metadata_only
                )
            ):
                return
            page = self.list(
                kind, namespace, label_selector=label_selector, metadata_only=metadata_only
            )
            # Only now: a bad selector is refused in both ways.
            self._streams_state = False
            yield from _as_events(page)
            resource_version = page.resource_version
        query["resourceVersion"] = resource_version
        try:
            yield from self._api.stream(kind, namespace, query, stop, metadata_only=metadata_only)
        except WatchRefusedError as exc:
            raise self._api.refused_watch(kind, exc.status) from exc

    def event(self, event: Event) -> None:
        """Record an event, or count one more; a failure is a debug line and no error."""
        try:
            self._record(event)
        except ClusterError as exc:
            _log.debug("event %s is not recorded: %s", event.reason, exc.message)

    def request_token(
        self, namespace: str, name: str, *, audiences: Sequence[str], expiration_s: int = 3600
    ) -> ServiceAccountTokenReview:
        """Issue a token for a ServiceAccount (TokenRequest).

        Args:
            namespace: of the ServiceAccount.
            name: of the ServiceAccount.
            audiences: who may accept it; none is the API server itself.
            expiration_s: seconds it lives; the server takes 600 at least.
        """
        kind = KINDS["ServiceAccount"]
        spec = {"audiences": [*audiences], "expirationSeconds": expiration_s}
        answer = self._api.write(
            "POST",
            self._api.target(kind, namespace, name, "token"),
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
            attempt=f"request a token for {named(kind, namespace, name)}",
            kind=kind,
        )
        status = answer["status"]
        return ServiceAccountTokenReview(status["token"], status["expirationTimestamp"])

    def close(self) -> None:
        """End watches and close connections."""
        self._api.close()

    def _watch_with_state(
        self,
        kind: Kind,
        namespace: str,
        query: Mapping[str, str],
        stop: threading.Event,
        *,
        metadata_only: bool,
    ) -> Generator[WatchEvent, None, bool]:
        """Have the server stream its state first; return False where it does not."""
        asked = {
            **query,
            "sendInitialEvents": "true",
            # Servers that do not know the former refuse the latter, instead of
            # streaming a state whose end nobody would see.
            "resourceVersionMatch": "NotOlderThan",
        }
        began = False
        try:
            for event in self._api.stream(
                kind, namespace, asked, stop, metadata_only=metadata_only
            ):
                began = True
                yield event
        except WatchRefusedError as exc:
            if began or exc.status.code in _NOT_NOW:
                raise self._api.refused_watch(kind, exc.status) from exc
        except Rejected:
            if began:
                raise
        else:
            return True
        return False

    def _record(self, event: Event) -> None:
        now = datetime.now(UTC)
        obj = event_object(event, now=now, instance=socket.gethostname())
        kind, namespace, name = KINDS["Event"], *map(obj["metadata"].get, ("namespace", "name"))
        try:
            self.create(kind, obj, field_manager=COMPONENT)
        except AlreadyExists:
            if existing := self.get(kind, namespace, name):
                patch = repeat_patch(existing, now=now)
                self.merge_patch(kind, namespace, name, patch, field_manager=COMPONENT)


def _scope(kind: Kind, namespace: str) -> str:
    """The namespace of a list: "" is all of them, and kinds without have none."""
    return namespace if kind.namespaced else ""


def _listed(kind: Kind, item: Object) -> Object:
    return {"apiVersion": kind.api_version, "kind": kind.kind, **item}


def _as_events(page: ListPage) -> Iterator[WatchEvent]:
    for item in page.items:
        yield WatchEvent(WatchEventType.ADDED, item, str(item["metadata"]["resourceVersion"]))
    synced = {"metadata": {"resourceVersion": page.resource_version}}
    yield WatchEvent(WatchEventType.SYNCED, synced, page.resource_version)
