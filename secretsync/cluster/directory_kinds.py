"""Which resource is behind an apiVersion and kind in a directory cluster.

Kubernetes' own kinds come from a table, custom ones from the definitions that lie in
the directory. A kind without either is guessed, so that a repository can be looked at
before its definitions are there. Neighbours: `directory_tree` reads, `known_kinds` knows.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from typing import Any

from secretsync.cluster.base import KINDS, Kind, Served
from secretsync.cluster.directory_listing import Found
from secretsync.cluster.directory_objects import BrokenObject
from secretsync.cluster.directory_tree import ObjectTree
from secretsync.cluster.known_kinds import (
    KUBERNETES_VERSION,
    builtin_kinds,
    guessed_kind,
    known_kind,
)

__all__ = ["DirectoryKinds"]

_DEFINITION = Kind(
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "apiextensions.k8s.io",
    "v1",
    namespaced=False,
)


class DirectoryKinds:
    """The kinds of one directory cluster; safe in threads."""

    def __init__(self, tree: ObjectTree) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._read: dict[str, tuple[tuple[int, ...], tuple[Kind, ...]]] = {}

    def resolve(self, api_version: str, kind: str) -> Kind:
        """Return the resource; reads definitions that changed since they were read.

        Args:
            api_version: `v1`, or `group/version`.
            kind: as objects write it.

        Raises:
            NotFound: Kubernetes has no such kind in a group of its own.
            Rejected: this is no apiVersion.
        """
        found = known_kind(api_version, kind)
        if found is not None:
            return found
        guess = guessed_kind(api_version, kind)
        defined = self._defined(guess) or KINDS.get(kind)
        if defined is None or defined.group != guess.group:
            return guess
        return Kind(kind, defined.plural, guess.group, guess.version, defined.namespaced)

    def served(self) -> Served:
        """Return Kubernetes' own kinds, those we speak of, and those that are defined."""
        kinds = [*builtin_kinds(), *KINDS.values()]
        for (_, name), found in self._tree.scan(_DEFINITION, "").items():
            kinds += self._definition(name, found)
        names = {name for kind in kinds for name in (kind.api_version, _served_name(kind))}
        return Served(KUBERNETES_VERSION, tuple(sorted(names)))

    def _defined(self, wanted: Kind) -> Kind | None:
        """Return what a definition in the directory says; one that is broken says nothing."""
        for (_, name), found in self._tree.scan(_DEFINITION, "").items():
            # The API server insists on names of the form <plural>.<group>.
            if name.partition(".")[2] != wanted.group:
                continue
            for defined in self._definition(name, found):
                if defined.kind == wanted.kind:
                    return defined
        return None

    def _definition(self, name: str, found: Found) -> tuple[Kind, ...]:
        with self._lock:
            signature, defined = self._read.get(name, ((), ()))
            if signature != found.signature:
                defined = ()
                with contextlib.suppress(BrokenObject):
                    defined = _kinds_of(self._tree.view(found) or {})
                self._read[name] = (found.signature, defined)
            return defined


def _served_name(kind: Kind) -> str:
    return f"{kind.api_version}/{kind.kind}"


def _kinds_of(definition: Mapping[str, Any]) -> tuple[Kind, ...]:
    """Return the kind in each version that is served; none for what is no definition."""
    spec = definition.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(names, Mapping):
        return ()
    kind, plural, group = names.get("kind"), names.get("plural"), spec.get("group")
    if not (isinstance(kind, str) and isinstance(plural, str) and isinstance(group, str)):
        return ()
    versions = spec.get("versions")
    return tuple(
        Kind(kind, plural, group, each["name"], namespaced=spec.get("scope") != "Cluster")
        for each in (versions if isinstance(versions, list) else ())
        if isinstance(each, Mapping) and isinstance(each.get("name"), str) and each.get("served")
    )
