"""One application from its sources to the cluster: looked at, synced, written down.

Commands and the controller both work through it. Neighbours: the renderer gives objects,
`comparing` stands them beside the cluster, `operating` syncs, `decision` says when.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from secretsync.cluster.base import Cluster, Served
from secretsync.errors import SecretSyncError
from secretsync.gitops.diff.comparing import Comparer
from secretsync.gitops.diff.keeping_made_up import keep_made_up
from secretsync.gitops.look import SYNC_WINDOW, Look
from secretsync.gitops.model import Comparison, Object, OperationPhase, OperationState, Rendered
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.operating import Operator, Syncs
from secretsync.gitops.projects.made_namespace import check_made_namespace
from secretsync.gitops.projects.permitting import Permits, Projects
from secretsync.gitops.projects.project_bounds import within_project
from secretsync.gitops.sources.integrity import Integrity
from secretsync.gitops.status.app_status import compared_status, failed_status, settled
from secretsync.gitops.status.app_store import AppStore
from secretsync.gitops.status.operation_claims import TERMINATED, change_running
from secretsync.gitops.status.operation_status import (
    raw_sources,
    state_from,
    state_status,
    timestamp,
)
from secretsync.gitops.status.pins import PIN, ended, pin_of, pinned_app, pinned_objects
from secretsync.gitops.sync.hook_running import end_hooks
from secretsync.gitops.sync.prune_guard import acknowledged_by, prune_verdict
from secretsync.resources.application import Application

__all__ = ["Engine", "Renders"]

Progress = Callable[[OperationState], None]


class Renders(Protocol):
    """Gives the objects of an application."""

    def forget(self) -> None:
        """Begin a round: repositories are asked again what moved."""
        ...

    def refetch(self, app: Application) -> None:
        """Fetch anew what an application is made of, when it is rendered next."""
        ...

    def resolve(self, app: Application) -> tuple[str, ...]:
        """Return the revision of each source."""
        ...

    def render(
        self,
        app: Application,
        *,
        revisions: Sequence[str] | None = None,
        kube: Served | None = None,
    ) -> Rendered:
        """Return its objects, at these revisions or the newest."""
        ...

    def author(self, app: Application, commit: str) -> str:
        """Return who wrote a commit, "" where nobody knows."""
        ...


@dataclass(frozen=True)
class Engine:
    """Works on applications of one cluster; safe in threads.

    Args:
        now: the wall clock, aware.
        integrity: verifies commits; without it a project that demands signatures allows
            nothing.
    """

    cluster: Cluster
    store: AppStore
    renderer: Renders
    comparer: Comparer
    syncer: Syncs
    now: Callable[[], datetime]
    integrity: Integrity | None = None

    def look(
        self,
        app: Application,
        *,
        revisions: Sequence[str] | None = None,
        tokens: Iterable[str] = (),
        compare: Callable[[Application, Sequence[Object]], Comparison] | None = None,
    ) -> Look:
        """Render and compare.

        Args:
            revisions: look at these instead of the newest, or of a pin.
            tokens: acknowledgements beside those on the Application.
            compare: instead of a comparison with everything that is live.

        Raises:
            SecretSyncError: it could not be rendered; nothing is known then.
        """
        permits = self._permits()
        project = permits.project(app)
        permits.check(project, app)  # Before anybody is asked for a revision.
        wanted = tuple(revisions) if revisions else self.renderer.resolve(app)
        pin = None if revisions else pin_of(app)
        over = pin is not None and ended(pin, app, wanted)
        held = None if over else pin
        shown = app if held is None else pinned_app(app, held)
        at = wanted if held is None else held.revisions
        permits.check(project, shown)
        permits.check_revisions(project, shown, at)
        rendered = self.renderer.render(shown, revisions=at)
        rendered = keep_made_up(self.cluster, shown, rendered)
        objects: Sequence[Object] = rendered.objects
        if held is not None:
            namespace = app.spec.destination.namespace
            objects = pinned_objects(objects, held, namespace=namespace)
            rendered = replace(rendered, objects=tuple(objects))
        permits.check_objects(project, shown, objects)
        options = SyncOptions.of(shown.spec.sync_policy.sync_options)
        check_made_namespace(self.cluster, project, shown, options)
        found = (compare or self.comparer.compare)(shown, objects)
        found = within_project(found, functools.partial(permits.denied_live, project, shown))
        verdict = prune_verdict(found, acknowledged_by(app.meta.annotations, tokens))
        return Look(shown, rendered, found, verdict, wanted, held, unpinned=over, project=project)

    def refresh(self, app: Application, *, hard: bool) -> None:
        """Have the next look ask for everything once more.

        Args:
            hard: charts are fetched anew too: a version may have been published once more.
        """
        self.renderer.forget()
        if hard:
            self.renderer.refetch(app)

    def resolve(self, app: Application, projects: Projects | None = None) -> tuple[str, ...]:
        """Return the revision of each source, if the project gives the repositories.

        Args:
            projects: asked instead of the cluster.

        Raises:
            ConfigError: it does not; nobody was asked for a revision then.
            GitOpsError: there is none, or nobody answers.
        """
        permits = self._permits(projects)
        permits.check(permits.project(app), app)
        return self.renderer.resolve(app)

    def note(self, look: Look, conditions: Iterable[tuple[str, str]] = ()) -> bool:
        """Write what was found to the status; return whether anything was written.

        Raises:
            ClusterError: the cluster refused it.
        """
        return self._write(look.app, self._status(look, conditions))

    def note_failure(self, app: Application, error: SecretSyncError) -> bool:
        """Write to the status that nothing is known; return whether anything was written.

        Raises:
            ClusterError: the cluster refused it.
        """
        kind = "ComparisonError" if app.spec.all_sources else "InvalidSpecError"
        status = failed_status(app, condition=kind, message=error.sentence, now=self.now())
        return self._write(app, status)

    def sync(
        self,
        look: Look,
        operation: Mapping[str, Any],
        *,
        begun: OperationState | None = None,
        failures: int = 0,
        progress: Progress | None = None,
        noting: Iterable[tuple[str, str]] | None = None,
        action: str = "",
    ) -> OperationState:
        """Run a sync to its end; how far it is, is in the status.

        Args:
            operation: what was asked for.
            begun: an operation that a kill interrupted, to be gone on with.
            failures: how often this revision has failed before.
            progress: told of each object.
            noting: conditions; what was found is written to the status too, as `note` does.
            action: the end goes into the history and the journal under this name; ""
                leaves that to `record`.

        Raises:
            OperationTaken: somebody else runs one, so nothing goes on.
            OperationTerminated: somebody asks for its end.
            ClusterError: the status cannot be written, so nothing goes on.
        """
        found = None
        if noting is not None:
            status = self._status(look, noting)
            if not settled(look.app.status, status):
                found = self._dated(status)
        return self.operator.sync(
            look,
            operation,
            begun=begun,
            failures=failures,
            progress=progress,
            found=found,
            action=action,
        )

    def take(self, app: Application, state: OperationState) -> None:
        """Take what the field `operation` asks for; from then on the status has it.

        Args:
            state: how far it is: about to begin, or at its end.

        Raises:
            Conflict: somebody else took or changed it.
            ClusterError: the cluster refused it.
        """
        status = {"operationState": state_status(state, raw_sources(app))}
        self.store.take_operation(app, status=status)

    def terminate(self, app: Application, *, served: bool) -> None:
        """End the operation of an application.

        Args:
            served: somebody runs it, and stops when the status says Terminating; else it
                is ended at once.

        Raises:
            ClusterError: the cluster refused it.
        """
        if app.operation is not None:
            self.store.take_operation(app)

        def change(state: OperationState) -> dict[str, Any]:
            if served:
                return {"phase": str(OperationPhase.TERMINATING)}
            ended = replace(
                end_hooks(self.cluster, app, state),
                phase=OperationPhase.FAILED,
                message=TERMINATED,
                finished_at=self.now(),
            )
            return state_status(ended, raw_sources(app))

        if state_from(app.status.get("operationState") or {}) is not None:
            change_running(self.store, app, change)

    def release(self, app: Application) -> None:
        """Remove the pin.

        Raises:
            ClusterError: the cluster refused it.
        """
        self.store.annotate(app, {PIN: None})

    @functools.cached_property
    def operator(self) -> Operator:
        """What runs operations, gives them up and records them."""
        return Operator(self.cluster, self.store, self.syncer, self._author, self.now)

    def _permits(self, projects: Projects | None = None) -> Permits:
        return Permits(self.cluster, projects or self.store, self.integrity)

    def _status(self, look: Look, conditions: Iterable[tuple[str, str]]) -> dict[str, Any]:
        more = [*look.conditions, *conditions]
        if blocked := look.windows(self.now(), manual=False).blocked:
            more.append((SYNC_WINDOW, blocked))
        return compared_status(
            look.app, look.rendered, look.comparison, now=self.now(), conditions=more
        )

    def _write(self, app: Application, status: Mapping[str, Any]) -> bool:
        """Write what differs; a status that says the same is no write."""
        if not app.live or settled(app.status, status):
            return False
        self.store.write_status(app, self._dated(status))
        return True

    def _dated(self, status: Mapping[str, Any]) -> dict[str, Any]:
        return {**status, "reconciledAt": timestamp(self.now())}

    def _author(self, app: Application, state: OperationState) -> str:
        try:
            return self.renderer.author(app, state.revisions[0]) if state.revisions else ""
        except SecretSyncError:
            return ""
