"""`refresh`: ExternalSecrets of the cluster, looked at now, statuses written."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.core.conditions import external_secret_status
from secretsync.core.hashes import synced_resource_version
from secretsync.errors import ConfigError, NotFound
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.generating import GeneratorRunner
from secretsync.refresh.generator_objects import GivenGenerators
from secretsync.refresh.oneshot import PathSiblings
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.refresh.stores import StoreSource
from secretsync.refresh.wiring import Options, build_engine
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret, parse_external_secret
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef, Parent
from secretsync.resources.problems import Problem
from secretsync.resources.sealed_secret import parse_sealed_secret

__all__ = ["claimants", "refresh_now", "write_status"]

#: Kinds by which ExternalSecrets are named, each or all that one made.
_NAMED = ("ExternalSecret", "ClusterExternalSecret")


def refresh_now(
    cluster: Cluster,
    kind: str,
    namespace: str,
    name: str,
    *,
    clock: Clock,
    controller_class: str,
    allowed: Allowances | None = None,
) -> tuple[Sequence[Outcome[ExternalSecret]], Sequence[Problem]]:
    """Refresh one ExternalSecret, those that a maker made, or all that read from a store.

    What is generated is made anew for those that are named, unless it is made once; of
    those that share a store, it keeps its interval.

    Args:
        allowed: what the command line allows; None is nothing.
        kind: ExternalSecret, ClusterExternalSecret, SecretStore or ClusterSecretStore.
        namespace: of the object; the cluster's own kinds are about all namespaces.

    Returns:
        The outcomes, and what is wrong with objects that could not be parsed.

    Raises:
        ConfigError: there is no such object, or nothing of that kind is refreshed.
        ClusterError: the cluster cannot be asked.
    """
    if kind not in (*_NAMED, "SecretStore", "ClusterSecretStore"):
        raise ConfigError(
            f"a {kind} is not refreshed",
            remedy="name its externalsecret, sealedsecret or pushsecret, or a store",
        )
    everywhere = namespace if KINDS[kind].namespaced else ""
    everything, problems = _parsed(cluster, everywhere)
    if kind in _NAMED:
        named = _named(cluster, kind, namespace, name)
        wanted = [item for item in everything if item.ref in named]
        problems = [each for each in problems if each.object in map(str, named)]
        if not wanted and not problems:
            raise ConfigError(
                f"{kind} {namespace}/{name} does not exist in {cluster.name}",
                remedy="check the name and -n; PATH objects are refreshed by sync",
            )
    else:
        wanted = [item for item in everything if _reads(item, kind, name)]
    claims = Claims([*everything, *_sealed(cluster, everywhere)])
    # Of many that share a store, what is generated keeps its interval.
    renewed = wanted if kind in _NAMED else ()
    allowed = allowed or Allowances()
    options = Options(
        # One look here is one look: the service takes the second.
        controller_class=controller_class,
        one_shot=False,
        generic_targets=allowed.generic_targets,
    )
    outcomes = _run(cluster, wanted, everything, claims, clock, options, renewed, allowed)
    for outcome in outcomes:
        write_status(cluster, outcome, clock, refreshed=not outcome.failed)
    return outcomes, problems


def claimants(cluster: Cluster, namespace: str) -> list[Parent]:
    """Return every object of a namespace ("" = of all) that may want a Secret.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    found: list[Parent] = []
    with contextlib.suppress(NotFound):  # A kind that is not installed: none of it.
        found += _parsed(cluster, namespace)[0]
    return [*found, *_sealed(cluster, namespace)]


def _sealed(cluster: Cluster, namespace: str) -> list[Parent]:
    try:
        page = cluster.list(KINDS["SealedSecret"], namespace)
    except NotFound:
        return []
    documents = [Document(obj, Origin(cluster.name)) for obj in page.items]
    parsed = [parse_sealed_secret(each, default_namespace=namespace) for each in documents]
    return [each.value for each in parsed if each.value is not None]


def _parsed(cluster: Cluster, namespace: str) -> tuple[list[ExternalSecret], list[Problem]]:
    items: list[ExternalSecret] = []
    problems: list[Problem] = []
    for obj in cluster.list(KINDS["ExternalSecret"], namespace).items:
        where = (obj.get("metadata") or {}).get("namespace", namespace)
        parsed = parse_external_secret(Document(obj, Origin(cluster.name)), default_namespace=where)
        problems += parsed.problems
        if parsed.value is not None:
            items.append(parsed.value)
    return items, problems


def _named(cluster: Cluster, kind: str, namespace: str, name: str) -> Collection[ObjectRef]:
    """Return the ExternalSecret of a name, or those that a ClusterExternalSecret made.

    Raises:
        ConfigError: it made none.
    """
    if kind == "ExternalSecret":
        return [ObjectRef(kind, namespace, name)]
    found = [
        ObjectRef("ExternalSecret", obj["metadata"]["namespace"], obj["metadata"]["name"])
        for obj in cluster.list(KINDS["ExternalSecret"], metadata_only=True).items
        if _is_made_by(obj["metadata"], kind, name)
    ]
    if not found:
        raise ConfigError(
            f"{kind} {name} has nothing to refresh now: it made no ExternalSecret yet",
            remedy="look at its status; `secretsync run` makes what it asks for",
        )
    return found


def _is_made_by(metadata: Mapping[str, Any], kind: str, name: str) -> bool:
    owners = metadata.get("ownerReferences") or ()
    return any(
        owner.get("controller") and (owner.get("kind"), owner.get("name")) == (kind, name)
        for owner in owners
    )


def _reads(item: ExternalSecret, kind: str, name: str) -> bool:
    """Return whether an ExternalSecret reads from a store."""
    return any((store.kind, store.name) == (kind, name) for store in item.stores())


def _run(
    cluster: Cluster,
    wanted: Sequence[ExternalSecret],
    everything: Sequence[ExternalSecret],
    claims: Claims,
    clock: Clock,
    options: Options,
    renewed: Sequence[ExternalSecret],
    allowed: Allowances,
) -> list[Outcome[ExternalSecret]]:
    stores = StoreSource(cluster, Manifests())
    credentials = ClusterCredentials(cluster, allowed=allowed)
    generators = GeneratorRunner.of(
        cluster,
        GivenGenerators(),
        credentials,
        clock,
        controller_class=options.controller_class,
    )
    engine = build_engine(
        cluster,
        lookup=stores,
        credentials=credentials,
        siblings=PathSiblings(everything, stores, ()),
        claims=claims,
        clock=clock,
        options=replace(options, generators=generators),
    )
    try:
        for item in renewed:
            engine.generations.renew(item.ref)
        return engine.pipeline.run(wanted)
    finally:
        engine.close()


def write_status(
    cluster: Cluster, outcome: Outcome[ExternalSecret], clock: Clock, *, refreshed: bool
) -> None:
    """Write what came of a live ExternalSecret to its status, where that is news.

    Args:
        refreshed: the refresh time moves.

    Raises:
        ClusterError: the cluster refused it.
    """
    item = outcome.item
    if outcome.progress is Progress.SKIPPED or not item.live:
        return
    meta = item.meta
    written = external_secret_status(
        item,
        item.status,
        ready=not outcome.failed,
        reason=outcome.reason,
        message=outcome.condition_message,
        version=synced_resource_version(meta.generation, meta.labels, meta.annotations),
        refreshed=refreshed,
        now=clock.now(),
    )
    if written is not None:
        cluster.patch_status(
            KINDS["ExternalSecret"],
            meta.namespace,
            meta.name,
            written[0],
            field_manager="secretsync",
        )
