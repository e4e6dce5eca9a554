"""The Cluster port: the few verbs of the Kubernetes API that secretsync uses.

Objects are plain dictionaries as the API gives them. Implementations raise the
ClusterError family and nothing else; they do not retry and keep nothing but which
kinds are served. Every method may be called from several threads at once.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = [
    "COMPONENT",
    "KINDS",
    "Cluster",
    "Event",
    "EventType",
    "Kind",
    "ListPage",
    "Preconditions",
    "Propagation",
    "Served",
    "ServiceAccountTokenReview",
    "WatchEvent",
    "WatchEventType",
]

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API.

    Args:
        group: "" for the core group.
        version: the version that is spoken on the wire.
    """

    kind: str
    plural: str
    group: str
    version: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`v1`, or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def folder(self) -> str:
        """`<plural>[.<group>]`, the folder of a directory cluster."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True)
class Served:
    """What a cluster offers, in the words of Helm's Capabilities.

    Args:
        version: of Kubernetes: `v1.34.1`; "" where the cluster does not tell.
        api_versions: sorted, `apps/v1` and `apps/v1/Deployment`.
    """

    version: str
    api_versions: tuple[str, ...]


#: Who events come from, unless they say otherwise.
COMPONENT = "secretsync"

_ESO = "external-secrets.io"
_GENERATORS = "generators.external-secrets.io"
_ARGO = "argoproj.io"

#: The kinds secretsync speaks of by itself, by their `kind`.
KINDS: Mapping[str, Kind] = {
    kind.kind: kind
    for kind in (
        Kind("Secret", "secrets", "", "v1"),
        Kind("ConfigMap", "configmaps", "", "v1"),
        Kind("Namespace", "namespaces", "", "v1", namespaced=False),
        Kind("ServiceAccount", "serviceaccounts", "", "v1"),
        Kind("Event", "events", "", "v1"),
        Kind("Lease", "leases", "coordination.k8s.io", "v1"),
        Kind("ExternalSecret", "externalsecrets", _ESO, "v1"),
        Kind("SecretStore", "secretstores", _ESO, "v1"),
        Kind("ClusterSecretStore", "clustersecretstores", _ESO, "v1", namespaced=False),
        Kind("ClusterExternalSecret", "clusterexternalsecrets", _ESO, "v1", namespaced=False),
        Kind("PushSecret", "pushsecrets", _ESO, "v1alpha1"),
        Kind("ClusterPushSecret", "clusterpushsecrets", _ESO, "v1alpha1", namespaced=False),
        Kind("ECRAuthorizationToken", "ecrauthorizationtokens", _GENERATORS, "v1alpha1"),
        Kind("Fake", "fakes", _GENERATORS, "v1alpha1"),
        Kind("GCRAccessToken", "gcraccesstokens", _GENERATORS, "v1alpha1"),
        Kind("GithubAccessToken", "githubaccesstokens", _GENERATORS, "v1alpha1"),
        Kind("MFA", "mfas", _GENERATORS, "v1alpha1"),
        Kind("Password", "passwords", _GENERATORS, "v1alpha1"),
        Kind("QuayAccessToken", "quayaccesstokens", _GENERATORS, "v1alpha1"),
        Kind("SSHKey", "sshkeys", _GENERATORS, "v1alpha1"),
        Kind("STSSessionToken", "stssessiontokens", _GENERATORS, "v1alpha1"),
        Kind("UUID", "uuids", _GENERATORS, "v1alpha1"),
        Kind("VaultDynamicSecret", "vaultdynamicsecrets", _GENERATORS, "v1alpha1"),
        Kind("Webhook", "webhooks", _GENERATORS, "v1alpha1"),
        Kind("ClusterGenerator", "clustergenerators", _GENERATORS, "v1alpha1", namespaced=False),
        Kind("SealedSecret", "sealedsecrets", "bitnami.com", "v1alpha1"),
        Kind("Application", "applications", _ARGO, "v1alpha1"),
        Kind("AppProject", "appprojects", _ARGO, "v1alpha1"),
    )
}


@dataclass(frozen=True, slots=True)
class ListPage:
    """All objects of a list call, and the resource version to watch from."""

    items: Sequence[Object]
    resource_version: str


class WatchEventType(enum.StrEnum):
    """What happened; SYNCED closes the initial state of a watch that sends it."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    SYNCED = "SYNCED"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change. For BOOKMARK and SYNCED `object` holds the resource version only."""

    type: WatchEventType
    object: Object
    resource_version: str


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must still be true for a delete to happen."""

    uid: str = ""
    resource_version: str = ""


class Propagation(enum.StrEnum):
    """What becomes of the objects that a deleted one owns, as DeleteOptions has it."""

    FOREGROUND = "Foreground"
    BACKGROUND = "Background"
    ORPHAN = "Orphan"


class EventType(enum.StrEnum):
    """Kubernetes' two types of events."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event about an object (an API dictionary: kind, metadata).

    Args:
        component: who says so.
    """

    about: Mapping[str, Any]
    type: EventType
    reason: str
    message: str
    component: str = COMPONENT


@dataclass(frozen=True, slots=True)
class ServiceAccountTokenReview:
    """A token issued for a ServiceAccount; `expires_at` is RFC 3339."""

    token: str = field(repr=False)
    expires_at: str


class Cluster(Protocol):
    """A place that holds objects."""

    @property
    def name(self) -> str:
        """How messages name this cluster: `dir:out`, `kube:production`."""
        ...

    @property
    def collects_garbage(self) -> bool:
        """Whether objects go by themselves when their controller owner is gone."""
        ...

    @property
    def default_namespace(self) -> str:
        """The namespace of objects that name none."""
        ...

    def resolve(self, api_version: str, kind: str) -> Kind:
        """Return the resource behind the apiVersion and kind of an object.

        What is known is kept, until a CustomResourceDefinition is written or the
        cluster says that it does not serve it; what is not known is asked for each time.

        Raises:
            NotFound: the cluster definitely does not serve it.
        """
        ...

    def served(self) -> Served:
        """Return the version of Kubernetes and every kind that is served now.

        It is asked for each time, in three requests where the cluster is a remote one.
        """
        ...

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return the object with its managedFields, or None where it is definitely absent."""
        ...

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> ListPage:
        """Return every object ("" = of all namespaces), in pages under the hood.

        Items carry apiVersion and kind, and no managedFields: get() has those. With
        `metadata_only` they carry their metadata and nothing else, and nothing else
        is sent over the wire where the cluster is a remote one.

        Raises:
            NotFound: the cluster does not serve this kind.
        """
        ...

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
        """Yield changes after `resource_version` until the server ends it or `stop` is set.

        With resource_version "" the current state comes first as ADDED events, then
        one SYNCED; where the server cannot stream it, list() does it under the hood.
        Objects carry no managedFields; `metadata_only` is as in list(). A watch also
        ends, without an error, after a time of silence: a connection that died
        unnoticed looks just like that.

        Raises:
            Gone: the version is too old; start again with "".
        """
        ...

    def create(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """Create the object.

        With `dry_run`, here as in apply() and replace(), everything is checked and the
        object returned as it would be, and nothing changes.

        Raises:
            AlreadyExists: something of that name is there.
        """
        ...

    def apply(
        self,
        kind: Kind,
        obj: Object,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply: own the given fields, drop owned ones no longer given.

        A `metadata.resourceVersion` and `metadata.uid` in `obj` are preconditions; give
        both, or an object that is gone is created (the version alone costs a read).
        """
        ...

    def replace(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """Make the object what is given and nothing else; status and identity stay.

        A `metadata.resourceVersion` and `metadata.uid` in `obj` are preconditions.

        Raises:
            Conflict: a precondition does not hold, or somebody wrote at this moment.
            NotFound: the object is not there.
        """
        ...

    def merge_patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Object,
        *,
        field_manager: str,
    ) -> Object:
        """JSON merge patch (RFC 7386); `metadata.resourceVersion` is a precondition."""
        ...

    def patch_status(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        status: Object,
        *,
        field_manager: str,
        resource_version: str = "",
    ) -> Object:
        """Merge-patch the status subresource; a resourceVersion is a precondition."""
        ...

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        preconditions: Preconditions | None = None,
        propagation: Propagation | None = None,
    ) -> None:
        """Delete; an object that is already gone is fine.

        `propagation` is Background unless given; it says something only where the
        cluster collects garbage.

        Raises:
            Conflict: a precondition does not hold.
        """
        ...

    def event(self, event: Event) -> None:
        """Record an event; failing to is never an error of the caller's work."""
        ...

    def request_token(
        self, namespace: str, name: str, *, audiences: Sequence[str], expiration_s: int = 3600
    ) -> ServiceAccountTokenReview:
        """Issue a token for a ServiceAccount (TokenRequest).

        Raises:
            Rejected: this kind of cluster issues no tokens.
        """
        ...

    def close(self) -> None:
        """Release connections and locks."""
        ...
