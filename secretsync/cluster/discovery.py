"""Which resource is behind an apiVersion and kind: the discovery of an API server.

One request for each apiVersion, kept until kinds may have changed. Neighbours:
`kubernetes` says when that is, `kubernetes_api` carries the requests.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from secretsync.cluster.base import Kind
from secretsync.cluster.known_kinds import split_api_version
from secretsync.cluster.kubernetes_api import KubernetesApi
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
        listed = self._api.discover(path, _RESOURCES, about=about)
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
            listed = self._api.discover("/apis", _GROUPS, about=about)
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
            remedy="it is tried again by itself; check what stands before the API server",
        )


def _unserved(api_version: str, kind: str, cluster: str) -> NotFound:
    return NotFound(
        f"{cluster} does not serve {kind} ({api_version})",
        remedy="install the CustomResourceDefinition, or correct apiVersion and kind",
    )
