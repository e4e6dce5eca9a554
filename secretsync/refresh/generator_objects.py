"""Generators by reference: those of PATH first, then those of the cluster.

Nothing is kept: values are made seldom, and an edit counts at once. Neighbours: `generating`
runs what is found here, `stores` does the same for stores.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ConfigError
from secretsync.refresh.catalog import StoreUnmanaged
from secretsync.resources.documents import Document, Origin
from secretsync.resources.generator import (
    CLUSTER_GENERATOR,
    GENERATOR_KINDS,
    Generator,
    parse_generator,
)
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem, errors
from secretsync.resources.source_spec import GeneratorRef

__all__ = ["GeneratorCatalog", "GivenGenerators", "generator_ref"]


def generator_ref(ref: GeneratorRef, namespace: str) -> ObjectRef:
    """Return which object is meant.

    Args:
        namespace: of the ExternalSecret, which namespaced generators are in too.
    """
    return ObjectRef(ref.kind, "" if ref.kind == CLUSTER_GENERATOR else namespace, ref.name)


@dataclass(frozen=True, slots=True)
class _Given:
    """What PATH holds of one object: it, or what is wrong with it."""

    generator: Generator | None
    problems: tuple[Problem, ...] = ()


class GivenGenerators:
    """The generators that PATH brings; it may be read anew while this is in use."""

    def __init__(self, manifests: Manifests | None = None) -> None:
        self._lock = threading.Lock()
        self._given: dict[ObjectRef, _Given] = {}
        if manifests is not None:
            self.replace(manifests)

    def replace(self, manifests: Manifests) -> frozenset[ObjectRef]:
        """Take what PATH holds now; returns those that are new, gone or another than before."""
        given = {item.ref: _Given(item) for item in manifests.generators}
        for problem in errors(manifests.problems):
            ref = _named(problem.object)
            if ref is not None and ref not in given:
                # PATH means this one and got it wrong: the cluster's is not what was asked.
                given[ref] = _Given(None, (problem,))
        with self._lock:
            before, self._given = self._given, given
        return frozenset(
            ref for ref in before.keys() | given.keys() if before.get(ref) != given.get(ref)
        )

    def find(self, ref: ObjectRef) -> _Given | None:
        """Return what PATH says of an object, None where it says nothing."""
        with self._lock:
            return self._given.get(ref)


def _named(text: str) -> ObjectRef | None:
    """Read `Kind namespace/name` of a problem."""
    kind, _, place = text.partition(" ")
    if kind not in KINDS or not place:
        return None
    namespace, _, name = place.rpartition("/")
    return ObjectRef(kind, namespace, name)


class GeneratorCatalog:
    """Answers which generator an ExternalSecret may use.

    Args:
        given: what PATH brings.
        controller_class: generators with another `spec.controller` are not ours.
    """

    def __init__(
        self, cluster: Cluster, given: GivenGenerators, *, controller_class: str = "default"
    ) -> None:
        self._cluster = cluster
        self._given = given
        self._controller_class = controller_class

    def require(self, refs: Iterable[GeneratorRef], namespace: str) -> None:
        """Find each of them, for what that raises."""
        for ref in dict.fromkeys(refs):
            self.find(ref, namespace)

    def find(self, ref: GeneratorRef, namespace: str) -> Generator:
        """Return the generator that an object of `namespace` names.

        Raises:
            StoreUnmanaged: another controller serves it.
            ConfigError: it does not exist, or is not valid.
            ClusterError: the cluster cannot be asked.
        """
        target = generator_ref(ref, namespace)
        found = self._given.find(target) or self._read(target)
        if found is None:
            raise ConfigError(
                f"{target} does not exist",
                remedy="create the generator, or correct generatorRef (its kind and name)",
            )
        if found.generator is None:
            first = next(iter(errors(found.problems)), None)
            detail = f": {first.field}: {first.message}" if first else ""
            raise ConfigError(f"{target} is invalid{detail}", remedy=first.remedy if first else "")
        if found.generator.controller not in ("", self._controller_class):
            raise StoreUnmanaged(
                f"{target} is served by controller class {found.generator.controller!r}"
            )
        return found.generator

    def _read(self, ref: ObjectRef) -> _Given | None:
        kind = KINDS.get(ref.kind) if ref.kind in GENERATOR_KINDS else None
        if kind is None:
            raise ConfigError(
                f"generator {ref.kind} is not supported yet", remedy="use another generator"
            )
        obj = self._cluster.get(kind, ref.namespace, ref.name)
        if obj is None:
            return None
        document = Document(obj, Origin(self._cluster.name, {}))
        parsed = parse_generator(document, default_namespace=ref.namespace)
        return _Given(parsed.value, parsed.problems)
