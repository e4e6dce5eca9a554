"""Which resource is behind an apiVersion and kind: the discovery of an API server.

One request for each apiVersion, kept until kinds may have changed. Neighbours:
`kubernetes` says when that is, `kubernetes_api` carries the requests.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from secretsync.cluster.base import Kind, Served
from secretsync.cluster.known_kinds import split_api_version
from secretsync.cluster.kubernetes_api import JSON, KubernetesApi
from secretsync.errors import ClusterUnavailable, NotFound

__all__ = ["DEFINES_KINDS", "Discovery"]

#: Objects, by group and kind, whose change changes what is served.
DEFINES_KINDS = frozenset(
    {
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
    }
)


class _Resource(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool = False


class _ResourceList(msgspec.Struct):
    resources: list[_Resource] | None = None


class _GroupVersion(msgspec.Struct, rename="camel"):
    group_version: str


class _Group(msgspec.Struct):
    versions: list[_GroupVersion] | None = None


class _GroupList(msgspec.Struct):
    groups: list[_Group]


class _ResponseKind(msgspec.Struct):
    kind: str


class _FoundResource(msgspec.Struct, rename="camel"):
    response_kind: _ResponseKind | None = None


class _FoundVersion(msgspec.Struct):
    version: str
    resources: list[_FoundResource] | None = None


class _FoundMeta(msgspec.Struct, frozen=True):
    name: str = ""


class _FoundGroup(msgspec.Struct):
    metadata: _FoundMeta = _FoundMeta()
    versions: list[_FoundVersion] | None = None


class _Everything(msgspec.Struct):
    """All groups in one document, or what a server gives that has no such document."""

    items: list[_FoundGroup] | None = None
    groups: list[_Group] | None = None
    versions: list[str] | None = None


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""
    major: str = ""
    minor: str = ""

    @property
    def text(self) -> str:
        """The version; servers that were built without one still know major and minor."""
        if re.match(r"v[1-9]\d*\.\d+\.\d+", self.git_version):
            return self.git_version
        numbers = (self.major, self.minor.rstrip("+"))
        return "v{}.{}.0".format(*numbers) if all(map(str.isdigit, numbers)) else ""


#: Source: Kubernetes API concepts, "Aggregated discovery".
_AGGREGATED = f"{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,{JSON}"
_EVERYTHING = msgspec.json.Decoder(_Everything)
_VERSION = msgspec.json.Decoder(_Version)
_RESOURCES = msgspec.json.Decoder(_ResourceList)
_GROUPS = msgspec.json.Decoder(_GroupList)


class Discovery:
    """The kinds of one API server; safe in threads."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._served: dict[str, Mapping[str, Kind]] = {}
        api.unserved = self._forget_kind

    def resolve(self, api_version: str, kind: str) -> Kind:
        """Return the resource; asks the server where it is not known.

        Args:
            api_version: `v1`, or `group/version`.
            kind: as objects write it.

        Raises:
            NotFound: the server does not serve it.
            Rejected: this is no apiVersion.
        """
        # Locked through the request: of many threads that start at once one asks.
        with self._lock:
            found = self._served.get(api_version, {}).get(kind)
            if found is None:
                self._served[api_version] = self._ask(api_version, kind)
                found = self._served[api_version].get(kind)
        if found is None:
            raise _unserved(api_version, kind, self._api.cluster_name)
        return found

    def served(self) -> Served:
        """Return the server's version and every kind that it serves now."""
        found: set[str] = set()
        for path in ("/api", "/apis"):
            listed = self._api.discover(
                path, _EVERYTHING, about="the served kinds", accept=_AGGREGATED
            )
            found |= _names(listed or _Everything())
        version = self._api.discover("/version", _VERSION, about="the version")
        return Served(version.text if version else "", tuple(sorted(found)))

    def forget(self) -> None:
        """Ask anew from now on."""
        with self._lock:
            self._served.clear()

    def _forget_kind(self, kind: Kind) -> None:
        with self._lock:
            self._served.pop(kind.api_version, None)

    def _ask(self, api_version: str, kind: str) -> Mapping[str, Kind]:
        group, version = split_api_version(api_version, kind)
        about = Kind(kind, "", group, version)
        path = ("/apis/" if group else "/api/") + quote(api_version)
        listed = self._api.discover(path, _RESOURCES, about=api_version)
        if listed is None:
            self._check_absent(about)
            return {}
        return {
            each.kind: Kind(each.kind, each.name, group, version, namespaced=each.namespaced)
            for each in listed.resources or ()
            # Subresources are listed as `name/part`, under the kind that they take.
            if "/" not in each.name
        }

    def _check_absent(self, about: Kind) -> None:
        """Believe a 404 only where the server lists its groups without this one.

        A proxy's 404 looks the same, and an unserved kind looks like no objects.
        """
        if about.group:
            listed = self._api.discover("/apis", _GROUPS, about="the API groups")
            names = {
                each.group_version
                for group in (listed.groups if listed else ())
                for each in group.versions or ()
            }
            if listed is not None and about.api_version not in names:
                return
        elif about.version != "v1":
            return
        raise ClusterUnavailable(
            f"{self._api.cluster_name} does not tell whether it serves {about.kind}"
            f" ({about.api_version})",
            remedy="check what stands before the API server; the service tries again by itself",
        )


def _names(listed: _Everything) -> set[str]:
    names = set(listed.versions or ())
    names |= {each.group_version for group in listed.groups or () for each in group.versions or ()}
    for group in listed.items or ():
        for each in group.versions or ():
            prefix = f"{group.metadata.name}/" if group.metadata.name else ""
            names.add(prefix + each.version)
            for resource in each.resources or ():
                if resource.response_kind is not None:
                    names.add(f"{prefix}{each.version}/{resource.response_kind.kind}")
    return names


def _unserved(api_version: str, kind: str, cluster: str) -> NotFound:
    return NotFound(
        f"{cluster} does not serve {kind} ({api_version})",
        remedy="install the CustomResourceDefinition, or correct apiVersion and kind",
    )
