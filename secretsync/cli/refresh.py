"""`secretsync refresh`: one object of the cluster, now, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secretsync.cli.options import (
    allowed_by,
    allowing_options,
    help_epilog,
    namespace_option,
    output_option,
    sealing_options,
    to_option,
)
from secretsync.cli.problems import show_problems
from secretsync.cluster.base import KINDS, Cluster
from secretsync.cluster.opening import open_cluster, parse_cluster
from secretsync.errors import ConfigError
from secretsync.refresh.clock import Clock
from secretsync.refresh.overview import parse_reference
from secretsync.resources.meta import ObjectRef, Parent
from secretsync.resources.problems import Problem, errors

if TYPE_CHECKING:
    from secretsync.cli.keys import KeySource
    from secretsync.refresh.allowances import Allowances
    from secretsync.refresh.outcomes import Outcome
    from secretsync.refresh.push_outcomes import PushOutcome

    Refreshed = tuple[Sequence[Outcome[Parent]], Sequence[Problem]]
    Pushed = tuple[Sequence[PushOutcome], Sequence[Problem]]

__all__ = ["command"]

_Done = TypeVar("_Done")

_PUSHERS = ("PushSecret", "ClusterPushSecret")
#: Kinds that push nothing, some of which are refused by name.
_READERS = ("ExternalSecret", "ClusterExternalSecret", "Secret")


@click.command(
    epilog=help_epilog(
        "0 all applied or unchanged, 1 at least one object failed, 2 nothing was attempted",
        "refresh es/database-credentials --to kube -n shop",
    )
)
@click.argument("object_name", metavar="KIND/NAME")
@to_option
@namespace_option
@output_option
@click.option(
    "--controller-class",
    default="default",
    show_default=True,
    help="Serve stores of this spec.controller, and those without one.",
)
@allowing_options
@sealing_options
def command(
    *,
    object_name: str,
    cluster: str,
    namespace: str,
    output: str,
    controller_class: str,
    sealing_key: tuple[str, ...],
    sealing_namespace: str,
    **allowing: Any,
) -> int:
    """Refresh one object, or all that use one store, now and once.

    KIND is externalsecret, sealedsecret, pushsecret, clusterexternalsecret or
    clusterpushsecret (all that it made), secretstore or clustersecretstore.
    """
    # Imported here, as in every verb: --help needs no YAML reader and no pipeline.
    from secretsync.cli.keys import KeyFlags  # noqa: PLC0415 - see above
    from secretsync.cli.report import outcome_problem, show_result  # noqa: PLC0415 - see above
    from secretsync.cli.session import fingerprinter, stored_key  # noqa: PLC0415 - see above
    from secretsync.refresh.oneshot import Result  # noqa: PLC0415 - see above

    spec = parse_cluster(cluster)
    kind, name = parse_reference(object_name)
    keys = KeyFlags(sealing_key, sealing_namespace).read()
    opened = open_cluster(spec)
    try:
        where = namespace or opened.default_namespace
        _require(opened, kind, where, name)
        stored = stored_key(opened, spec, create=True)
        outcomes: Sequence[Outcome[Parent]] = ()
        pushes: Sequence[PushOutcome] = ()
        problems: list[Problem] = []
        if kind == "SealedSecret":
            outcomes, found = _unsealed(opened, where, name, keys, stored)
            problems += found
        else:
            target = _Target(opened, kind, where, name, controller_class, allowed_by(allowing))
            if kind not in _PUSHERS:
                outcomes, found = target.refreshed()
                problems += found
            if kind not in _READERS:
                pushes, found = target.pushed()
                problems += found
        show_problems(problems)
        result = Result(outcomes, pushes=pushes)
        failed = [
            outcome_problem(item, lambda ref, field: (opened.name, 0))
            for item in result.ended
            if item.failed
        ]
        show_problems(failed)
        problems += failed
        show_result(result, problems, fingerprinter(stored), output=output, prune=False)
    finally:
        opened.close()
    if not errors(problems):
        return 0
    return 1 if result.ended else 2


@dataclass(frozen=True, slots=True)
class _Target:
    """What is refreshed, and how."""

    cluster: Cluster
    kind: str
    namespace: str
    name: str
    controller_class: str
    allowed: Allowances

    def refreshed(self) -> Refreshed:
        from secretsync.refresh.single import refresh_now  # noqa: PLC0415 - --help stays light

        return self._now(refresh_now)

    def pushed(self) -> Pushed:
        from secretsync.refresh.push_single import push_now  # noqa: PLC0415 - see above

        return self._now(push_now)

    def _now(self, work: Callable[..., _Done]) -> _Done:
        return work(
            self.cluster,
            self.kind,
            self.namespace,
            self.name,
            clock=Clock(),
            controller_class=self.controller_class,
            allowed=self.allowed,
        )


def _unsealed(
    cluster: Cluster, namespace: str, name: str, keys: KeySource, digest_key: bytes | None
) -> Refreshed:
    from secretsync.cli.keys import OneShotUnsealing  # noqa: PLC0415 - --help stays light
    from secretsync.sealed.single import refresh_sealed_now  # noqa: PLC0415 - see above

    unseal = OneShotUnsealing(cluster, keys, digest_key)
    return refresh_sealed_now(cluster, namespace, name, unseal=unseal, clock=Clock())


def _require(cluster: Cluster, kind: str, namespace: str, name: str) -> None:
    """Refuse an object that is not there; one that cannot be read is an error of its own."""
    if kind == "Secret":
        return  # Refused with a better reason: it is not what is refreshed.
    target = ObjectRef(kind, namespace if KINDS[kind].namespaced else "", name)
    if cluster.get(KINDS[kind], target.namespace, name) is None:
        raise ConfigError(
            f"{target} does not exist in {cluster.name}",
            remedy="check the name and -n; PATH objects are refreshed by sync",
        )
