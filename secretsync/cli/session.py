"""What `plan` and `sync` share: inputs, cluster, install key, one run, its report."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from secretsync.cli.inputs import Inputs, inventory_id, read_paths
from secretsync.cli.keys import KeyFlags, OneShotUnsealing
from secretsync.cli.problems import broken_objects, show_problems
from secretsync.cli.report import Locator, outcome_problem, show_result
from secretsync.cli.repository_paths import checkout_with, repository_path
from secretsync.cluster.base import Cluster
from secretsync.cluster.opening import ClusterSpec, open_cluster, parse_cluster
from secretsync.core.fingerprints import Fingerprinter
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.clock import Clock
from secretsync.refresh.expanding import expanded
from secretsync.refresh.installkey import install_key
from secretsync.refresh.oneshot import OneShot, Result
from secretsync.resources.manifests import Manifests, load_manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem, Severity, errors

__all__ = ["Request", "Run", "field_path", "fingerprinter", "run_once", "stored_key"]


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of a one-shot run."""

    paths: Sequence[str]
    cluster: str
    namespace: str
    output: str
    prune: bool
    inventory: str
    acknowledge: tuple[str, ...]
    controller_class: str
    allowed: Allowances
    sealing_key: tuple[str, ...]
    sealing_namespace: str


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run.

    Args:
        problems: every error that was found, in the input and in the run.
        attempted: how many objects the run tried.
    """

    result: Result
    problems: tuple[Problem, ...]
    attempted: int


def run_once(request: Request, *, writes: bool) -> Run:
    """Read PATH, run over the cluster, and report.

    Raises:
        SecretSyncError: nothing could be attempted.
    """
    spec = parse_cluster(request.cluster)
    keys = KeyFlags(request.sealing_key, request.sealing_namespace).read()
    for path in request.paths:
        repository_path(path)  # One that is not of the form is refused before anything is opened.
    cluster = open_cluster(spec, read_only=not writes)
    try:
        inputs = read_paths(request.paths, checkout_with(cluster, local=spec.type == "dir"))
        stored = stored_key(cluster, spec, create=writes)
        return _run(
            request, inputs, cluster, OneShotUnsealing(cluster, keys, stored), writes=writes
        )
    finally:
        cluster.close()


def _run(
    request: Request,
    inputs: Inputs,
    cluster: Cluster,
    unseal: OneShotUnsealing,
    *,
    writes: bool,
) -> Run:
    namespace = request.namespace or cluster.default_namespace
    given = load_manifests(inputs.documents, default_namespace=namespace)
    manifests = expanded(given, cluster)
    found = [*inputs.unreadable, *inputs.problems, *manifests.problems]
    show_problems(found)
    prints = fingerprinter(unseal.digest_key)
    inventory = inventory_id(request.paths, name=request.inventory, namespace=namespace)
    one_shot = OneShot(
        cluster=cluster,
        manifests=manifests,
        clock=Clock(),
        writes=writes,
        unseal=unseal,
        inventory=inventory,
        controller_class=request.controller_class,
        allowed=request.allowed,
        acknowledged=request.acknowledge,
        incomplete=bool(errors(found)),
    )
    result = one_shot.run(prune=request.prune)
    locate = _locator(manifests)
    failed = [outcome_problem(item, locate) for item in result.ended if item.failed]
    failed += [
        Problem(extra.error, remedy=extra.remedy, object=str(extra.action.target))
        for extra in result.extras
        if extra.error
    ]
    failed += result.problems
    failed += _overlooked(cluster, failed)
    show_problems(failed)
    found += failed
    show_result(result, found, prints, output=request.output, prune=request.prune)
    kinds = (manifests.external_secrets, manifests.sealed_secrets, manifests.push_secrets)
    attempted = sum(map(len, kinds))
    return Run(result, tuple(errors(found)), attempted)


def _overlooked(cluster: Cluster, failed: Sequence[Problem]) -> list[Problem]:
    """Warn of files in a directory that could not be served and concern no object of PATH."""
    return [
        replace(problem, severity=Severity.WARNING)
        for problem in broken_objects(cluster)
        if not any(problem.file in known.message for known in failed)
    ]


def stored_key(cluster: Cluster, spec: ClusterSpec, *, create: bool) -> bytes | None:
    """Return the install key, or None where there is none to be had.

    Asked for before a run: a damaged key must not cost the report of what was done.
    """
    root = Path(spec.location).expanduser() if spec.type == "dir" else None
    return install_key(cluster, root, create=create)


def fingerprinter(key: bytes | None) -> Fingerprinter:
    """Return what values are shown as; keyed with the install key where there is one."""
    if key is None:
        click.echo(
            "secretsync: this cluster has no install key: fingerprints hold for this run only",
            err=True,
        )
        key = secrets.token_bytes(32)
    return Fingerprinter(key)


def _locator(manifests: Manifests) -> Locator:
    def locate(ref: ObjectRef, field: str) -> tuple[str, int]:
        origin = manifests.origins.get(ref)
        return (origin.file, origin.line_of(field_path(field))) if origin else ("", 0)

    return locate


def field_path(field: str) -> tuple[str | int, ...]:
    """Return the parts of a field as problems spell it: `spec.data[0].remoteRef`."""
    return tuple(
        int(part[1:-1]) if part.startswith("[") else part
        for part in re.findall(r"\[\d+\]|[^.\[\]]+", field)
    )
