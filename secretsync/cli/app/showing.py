"""How plan and sync end: the Secrets behind, the report, the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secretsync.cli.app.behind import SealingFlags, going_with, run_behind
from secretsync.cli.app.report import show_look
from secretsync.cli.app.session import AppSession
from secretsync.cli.problems import show_problems
from secretsync.cli.report import shown_verb
from secretsync.core.plan import Verb
from secretsync.errors import ClusterError
from secretsync.gitops.look import Look
from secretsync.gitops.model import Object, OperationPhase, OperationState, SyncStatus
from secretsync.refresh.leftovers import Extra
from secretsync.resources.application import Application
from secretsync.resources.problems import errors

__all__ = ["SealingFlags", "prunes", "show", "show_synced", "wants_prune"]


def wants_prune(app: Application, given: bool | None) -> bool:  # noqa: FBT001 - a flag of click
    """Return whether a sync is to delete what left the repository.

    Args:
        given: by the command line; None as automated.prune says.
    """
    automated = app.spec.automated
    return given if given is not None else bool(automated and automated.prune)


def prunes(app: Application, look: Look, given: bool | None) -> bool:  # noqa: FBT001 - a flag of click
    """Return whether a sync deletes what left the repository.

    Args:
        given: by the command line; None as automated.prune says.
    """
    return wants_prune(app, given) and look.prune.allowed


def show(session: AppSession, look: Look, flags: SealingFlags, *, prune: bool | None) -> int:
    """Print a plan, the Secrets behind included; return the exit code."""
    namespace = look.app.spec.destination.namespace or session.cluster.default_namespace
    targets = [pair.target for pair in look.comparison.pairs if pair.target is not None]
    behind, problems = run_behind(session, targets, flags, namespace=namespace, writes=False)
    show_problems(problems)
    show_look(
        look,
        session.prints,
        output=session.request.output,
        prune=prunes(look.app, look, prune),
        behind=replace(behind, extras=going_with(session, look)),
        problems=problems,
    )
    if errors(problems) or look.comparison.status is SyncStatus.UNKNOWN:
        return 2
    differs = look.comparison.status is SyncStatus.OUT_OF_SYNC
    differs = differs or any(shown_verb(each) is not Verb.UNCHANGED for each in behind.ended)
    return 1 if differs else 0


def show_synced(
    session: AppSession,
    look: Look,
    state: OperationState,
    flags: SealingFlags,
    *,
    prune: bool,
    going: Sequence[Extra] = (),
) -> int:
    """Make the Secrets behind where nobody else does, print all, return the exit code.

    Args:
        going: what goes with what was pruned, as it was before the sync.
    """
    namespace = look.app.spec.destination.namespace or session.cluster.default_namespace
    live = _live(session, look)
    behind, problems = run_behind(
        session, live, flags, namespace=namespace, writes=session.directory
    )
    if not session.directory:
        problems = []  # The service of the cluster makes them, and says what is wrong.
    show_problems(problems)
    show_look(
        look,
        session.prints,
        output=session.request.output,
        prune=prune,
        behind=replace(behind, extras=going),
        problems=problems,
        state=state,
    )
    failed = state.phase is not OperationPhase.SUCCEEDED
    return 1 if failed or errors(problems) else 0


def _live(session: AppSession, look: Look) -> list[Object]:
    """Return the objects as they are now: what is made from them then has an owner."""
    found = []
    for pair in look.comparison.pairs:
        if pair.target is None or pair.hook:
            continue
        try:
            kind = session.cluster.resolve(pair.target["apiVersion"], pair.key.kind)
            live = session.cluster.get(kind, pair.key.namespace, pair.key.name)
        except ClusterError:
            live = None  # Told of by the sync already.
        if live is not None:
            found.append(live)
    return found
