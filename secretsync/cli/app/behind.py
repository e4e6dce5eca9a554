"""The Secrets behind an application: its ExternalSecrets and SealedSecrets, run once.

In a directory nobody serves them, so the command that syncs makes the Secrets too; in a
Kubernetes cluster the service does, and commands only show what would come of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from secretsync.cli.app.session import AppSession
from secretsync.cli.keys import KeyFlags, OneShotUnsealing
from secretsync.cli.report import outcome_problem
from secretsync.core.secrets import live_secret
from secretsync.gitops.deletion.owned_secrets import secrets_of
from secretsync.gitops.look import Look
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.expanding import expanded
from secretsync.refresh.leftovers import Extra, removal
from secretsync.refresh.oneshot import OneShot, Result
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.single import write_status
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.manifests import load_manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem
from secretsync.resources.sealed_secret import SealedSecret
from secretsync.sealed.single import write_sealed_status
from secretsync.sealed.unsealing import SealedOutcome

__all__ = ["SealingFlags", "going_with", "run_behind"]

_GROUPS = ("external-secrets.io", "generators.external-secrets.io", "bitnami.com")
_CORE = ("Secret", "ConfigMap", "Namespace")


@dataclass(frozen=True, slots=True)
class SealingFlags:
    """What the command line says about keys and stores."""

    sealing_key: tuple[str, ...] = ()
    sealing_namespace: str = ""
    controller_class: str = "default"
    allowed: Allowances = field(default_factory=Allowances)


def run_behind(
    session: AppSession,
    objects: Iterable[Mapping[str, Any]],
    flags: SealingFlags,
    *,
    namespace: str,
    writes: bool,
) -> tuple[Result, list[Problem]]:
    """Plan or make the Secrets that objects of an application ask for.

    Args:
        objects: rendered, or as they are in the cluster: then the Secrets get an owner.
        namespace: of objects that name none.
        writes: False plans only.

    Returns:
        What came of each, and everything that is wrong.
    """
    keys = KeyFlags(flags.sealing_key, flags.sealing_namespace).read()
    documents = [Document(dict(obj), Origin(_origin(obj))) for obj in objects if _concerns(obj)]
    if not any(_makes(document.value) for document in documents):
        return Result(()), []
    given = load_manifests(documents, default_namespace=namespace)
    manifests = expanded(given, session.cluster)
    one_shot = OneShot(
        cluster=session.cluster,
        manifests=manifests,
        clock=session.clock,
        writes=writes,
        unseal=OneShotUnsealing(session.cluster, keys, session.install_key),
        controller_class=flags.controller_class,
        allowed=flags.allowed,
    )
    result = one_shot.run(prune=False)
    if writes:
        _write_statuses(session, result)
    failed = [
        outcome_problem(item, lambda ref, _: (str(ref), 0)) for item in result.ended if item.failed
    ]
    return result, [*manifests.problems, *failed, *result.problems]


def going_with(session: AppSession, look: Look) -> list[Extra]:
    """Return the Secrets that go with what a prune deletes: its owner takes each along.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    gone = [
        pair.key
        for pair in look.comparison.pairs
        if pair.target is None and pair.key in look.prune.doomed
    ]
    return [Extra(removal(live_secret(obj))) for obj in secrets_of(session.cluster, gone)]


def _write_statuses(session: AppSession, result: Result) -> None:
    """Say in the objects what came of them: their health, and the application's, is that.

    Raises:
        ClusterError: a status cannot be written.
    """
    for outcome in result.outcomes:
        item = outcome.item
        if isinstance(item, ExternalSecret):
            if item.status.ready == "True" and outcome.progress is Progress.UNCHANGED:
                continue  # Whatever the words were, it is as well as before.
            refreshed = outcome.progress is Progress.APPLIED
            found = cast("Outcome[ExternalSecret]", outcome)
            write_status(session.cluster, found, session.clock, refreshed=refreshed)
        elif isinstance(item, SealedSecret):
            write_sealed_status(session.cluster, cast("SealedOutcome", outcome), session.clock)


def _place(ref: ObjectRef, _field: str) -> tuple[str, int]:
    return str(ref), 0


def _concerns(obj: Mapping[str, Any]) -> bool:
    group, slash, _ = str(obj.get("apiVersion") or "").rpartition("/")
    return group in _GROUPS if slash else obj.get("kind") in _CORE


def _makes(obj: Mapping[str, Any]) -> bool:
    return bool("/" in str(obj.get("apiVersion")))


def _origin(obj: Mapping[str, Any]) -> str:
    metadata = obj.get("metadata") or {}
    return f"{obj.get('kind')} {metadata.get('name')}"
