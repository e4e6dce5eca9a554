"""`refresh` of PushSecrets: those of the cluster, compared with their stores now.

Neighbours: `single` does the same for ExternalSecrets; `pushing` pushes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from secretsync.cluster.base import KINDS, Cluster
from secretsync.core.push import pushes_to
from secretsync.core.push_status import push_status, push_version
from secretsync.errors import ConfigError, Forbidden, NotFound
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.generating import GeneratorRunner
from secretsync.refresh.generator_objects import GivenGenerators
from secretsync.refresh.oneshot import PathSiblings
from secretsync.refresh.outcomes import Progress
from secretsync.refresh.push_outcomes import SYNCED_MESSAGE, PushOutcome
from secretsync.refresh.push_wiring import build_pushes
from secretsync.refresh.pushing import PushPipeline
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.refresh.stores import StoreSource
from secretsync.refresh.wiring import Options, build_engine
from secretsync.resources.documents import Document, Origin
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem, Severity
from secretsync.resources.push_secret import PushSecret, SecretSource, parse_push_secret

__all__ = ["push_now"]

_STORES = ("SecretStore", "ClusterSecretStore")
_NEVER = datetime.max.replace(tzinfo=UTC)


def push_now(
    cluster: Cluster,
    kind: str,
    namespace: str,
    name: str,
    *,
    clock: Clock,
    controller_class: str,
    allowed: Allowances | None = None,
) -> tuple[Sequence[PushOutcome], Sequence[Problem]]:
    """Push one PushSecret, those that a ClusterPushSecret made, or those of a store.

    What is generated is made anew for those that are named, unless it is made once; of
    those that share a store, it keeps its interval.

    Args:
        kind: PushSecret, ClusterPushSecret, SecretStore or ClusterSecretStore.
        namespace: of the object; the cluster's own kinds are about all namespaces.
        allowed: what the command line allows; None is nothing.

    Returns:
        The outcomes, and what is wrong with objects that could not be parsed.

    Raises:
        ConfigError: there is nothing of that name to push.
        ClusterError: the cluster cannot be asked, or refused a status.
    """
    where = namespace if KINDS[kind].namespaced else ""
    try:
        found, problems = _parsed(cluster, where)
    except (Forbidden, NotFound) as exc:
        if kind not in _STORES:
            raise
        return (), _unseen(exc, cluster)
    if kind == "PushSecret":
        problems = [each for each in problems if each.object == f"PushSecret {namespace}/{name}"]
    stores = StoreSource(cluster, Manifests())
    is_wanted = _chooser(stores, ObjectRef(kind, where, name))
    wanted = [each.item for each in found if is_wanted(each)]
    if not wanted and not problems and kind not in _STORES:
        raise ConfigError(
            f"{kind} {name} has nothing to push now: it made no PushSecret yet, or it goes",
            remedy="look at its status; `secretsync run` makes what it asks for",
        )
    # The older one keeps a place that two want, whichever is looked at first.
    wanted.sort(key=lambda item: (item.meta.created_at or _NEVER, item.ref))
    others = [each.item for each in found if each.item not in wanted]
    pushes, end = _pipeline(cluster, stores, clock, controller_class, allowed or Allowances())
    try:
        for item in others:
            pushes.note(item)
        outcomes = [_pushed(pushes, item) for item in wanted]
    finally:
        end()
    for outcome in outcomes:
        _write_status(cluster, outcome, clock)
    return outcomes, problems


@dataclass(frozen=True, slots=True)
class _Found:
    """A PushSecret, and kind and name of what made it."""

    item: PushSecret
    maker: tuple[str, str] | None


def _unseen(exc: Forbidden | NotFound, cluster: Cluster) -> list[Problem]:
    """Tell who refreshes a store and may not see its PushSecrets."""
    if isinstance(exc, NotFound):
        return []  # The kind is not installed: there are none.
    what = f"PushSecrets are not looked at: {exc.message}"
    return [Problem(what, exc.remedy, file=cluster.name, severity=Severity.WARNING)]


def _parsed(cluster: Cluster, namespace: str) -> tuple[list[_Found], list[Problem]]:
    found: list[_Found] = []
    problems: list[Problem] = []
    for obj in cluster.list(KINDS["PushSecret"], namespace).items:
        metadata = obj.get("metadata") or {}
        where = metadata.get("namespace", namespace)
        parsed = parse_push_secret(Document(obj, Origin(cluster.name)), default_namespace=where)
        problems += parsed.problems
        if parsed.value is not None:
            owners = metadata.get("ownerReferences") or ()
            makers = [(each["kind"], each["name"]) for each in owners if each.get("controller")]
            found.append(_Found(parsed.value, makers[0] if makers else None))
    return found, problems


def _chooser(stores: StoreSource, named: ObjectRef) -> Callable[[_Found], bool]:
    """Return what tells whether a PushSecret is meant by the object that is named."""
    if named.kind == "PushSecret":
        return lambda each: _stays(each) and each.item.meta.name == named.name
    if named.kind not in _STORES:
        return lambda each: _stays(each) and each.maker == (named.kind, named.name)
    read = stores.store(named)
    store = read[0] if read else None
    if store is None:
        return lambda each: False
    return lambda each: (
        _stays(each) and isinstance(each.item.source, SecretSource) and pushes_to(each.item, store)
    )


def _stays(found: _Found) -> bool:
    """What is being deleted pushes nothing more."""
    return found.item.meta.deleted_at is None


def _pipeline(
    cluster: Cluster,
    stores: StoreSource,
    clock: Clock,
    controller_class: str,
    allowed: Allowances,
) -> tuple[PushPipeline, Callable[[], None]]:
    """Return what pushes, and what ends its sessions."""
    credentials = ClusterCredentials(cluster, allowed=allowed)
    engine = build_engine(
        cluster,
        lookup=stores,
        credentials=credentials,
        siblings=PathSiblings((), stores, ()),
        claims=Claims([]),
        clock=clock,
        options=Options(controller_class=controller_class),
    )
    runner = GeneratorRunner.of(
        cluster, GivenGenerators(), credentials, clock, controller_class=controller_class
    )
    pushes = build_pushes(engine, cluster, listing=stores, credentials=credentials, runner=runner)
    return pushes, engine.close


def _pushed(pushes: PushPipeline, item: PushSecret) -> PushOutcome:
    once = item.refresh_interval_s <= 0 and item.status.refresh_at is not None
    if once and not isinstance(item.source, SecretSource):
        said = "what is generated once was pushed, and is not made again"
        return PushOutcome(item, Progress.UNCHANGED, message=said, synced=item.status.synced)
    return pushes.run(item)


def _write_status(cluster: Cluster, outcome: PushOutcome, clock: Clock) -> None:
    """Write what came of it to its status, where that is news.

    Raises:
        ClusterError: the cluster refused it.
    """
    item = outcome.item
    if outcome.progress is Progress.SKIPPED:
        return
    written = push_status(
        item.status,
        ready=not outcome.failed,
        reason=outcome.reason,
        message=outcome.condition_message if outcome.failed else SYNCED_MESSAGE,
        synced=outcome.synced,
        version=push_version(item),
        refreshed=outcome.refreshed,
        now=clock.now(),
    )
    if written is not None:
        namespace, name = item.meta.namespace, item.meta.name
        cluster.patch_status(
            KINDS["PushSecret"], namespace, name, written[0], field_manager="secretsync"
        )
