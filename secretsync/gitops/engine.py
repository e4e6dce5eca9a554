"""One application from its sources to the cluster: looked at, synced, written down.

Commands and the controller both work through it. Neighbours: the renderer gives objects,
`comparing` stands them beside the cluster, the syncer applies them, `decision` says when.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from secretsync.cluster.base import KINDS, Cluster, Propagation, Served
from secretsync.core.secrets import live_secret, written_versions
from secretsync.errors import ClusterError, SecretSyncError
from secretsync.gitops.adoption import without_foreign
from secretsync.gitops.app_status import compared_status, failed_status, settled
from secretsync.gitops.app_store import AppStore
from secretsync.gitops.comparing import Comparer
from secretsync.gitops.history import (
    JOURNAL,
    journal_of,
    journal_text,
    journalled,
    recorded,
)
from secretsync.gitops.model import (
    Comparison,
    Object,
    OperationPhase,
    OperationState,
    Rendered,
    ResourceResult,
)
from secretsync.gitops.operation_status import raw_sources, state_from, state_status, timestamp
from secretsync.gitops.permitting import Permits
from secretsync.gitops.pins import PIN, Pin, ended, pin_of, pinned_app, pinned_objects
from secretsync.gitops.prune_guard import PruneVerdict, acknowledged_by, prune_verdict
from secretsync.resources.application import Application

__all__ = ["Engine", "Look", "Renders", "Syncs"]

Progress = Callable[[OperationState], None]

#: A number (Vault, Google, Parameter Store) or a UUID (Secrets Manager).
_VERSION = re.compile(r"[0-9]{1,19}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class Renders(Protocol):
    """Gives the objects of an application."""

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


class Syncs(Protocol):
    """Closes the differences of an application."""

    def run(
        self,
        app: Application,
        comparison: Comparison,
        state: OperationState,
        *,
        progress: Progress,
        now: Callable[[], datetime],
    ) -> OperationState:
        """Go on from a state until the operation is completed."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What was found.

    Args:
        app: with the sources that count, which a pin may have changed.
        wanted: what the sources of the spec are at, whatever is pinned.
        pin: None without one, or where it has ended.
        unpinned: a pin was there, and a new commit has ended it.
    """

    app: Application
    rendered: Rendered = field(repr=False)
    comparison: Comparison = field(repr=False)
    prune: PruneVerdict
    wanted: tuple[str, ...]
    pin: Pin | None = None
    unpinned: bool = False

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """What the status says beside the comparison: type and message."""
        found = [("RenderWarning", text) for text in self.rendered.warnings]
        if self.pin is not None:
            text = f"{self.pin}: it ends at the next commit, or by app rollback --release"
            found.append(("RolledBack", text))
        return found


@dataclass(frozen=True)
class Engine:
    """Works on applications of one cluster; safe in threads.

    Args:
        now: the wall clock, aware.
    """

    cluster: Cluster
    store: AppStore
    renderer: Renders
    comparer: Comparer
    syncer: Syncs
    now: Callable[[], datetime]

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
        permits = Permits(self.cluster, self.store)
        project = permits.project(app)
        wanted = tuple(revisions) if revisions else self.renderer.resolve(app)
        pin = None if revisions else pin_of(app)
        over = pin is not None and ended(pin, app, wanted)
        held = None if over else pin
        shown = app if held is None else pinned_app(app, held)
        at = wanted if held is None else held.revisions
        permits.check(project, shown)
        rendered = self.renderer.render(shown, revisions=at)
        objects: Sequence[Object] = rendered.objects
        if held is not None:
            namespace = app.spec.destination.namespace
            objects = pinned_objects(objects, held, namespace=namespace)
            rendered = replace(rendered, objects=tuple(objects))
        permits.check_objects(project, shown, objects)
        found = (compare or self.comparer.compare)(shown, objects)
        verdict = prune_verdict(found, acknowledged_by(app.meta.annotations, tokens))
        return Look(shown, rendered, found, verdict, wanted, held, unpinned=over)

    def note(self, look: Look, conditions: Iterable[tuple[str, str]] = ()) -> bool:
        """Write what was found to the status; return whether anything was written.

        Raises:
            ClusterError: the cluster refused it.
        """
        more = [*look.conditions, *conditions]
        status = compared_status(
            look.app, look.rendered, look.comparison, now=self.now(), conditions=more
        )
        return self._write(look.app, status)

    def note_failure(self, app: Application, error: SecretSyncError) -> bool:
        """Write to the status that nothing is known; return whether anything was written.

        Raises:
            ClusterError: the cluster refused it.
        """
        kind = "ComparisonError" if app.spec.all_sources else "InvalidSpecError"
        text = f"{error.message}; {error.remedy}" if error.remedy else error.message
        return self._write(app, failed_status(app, condition=kind, message=text, now=self.now()))

    def sync(
        self,
        look: Look,
        operation: Mapping[str, Any],
        *,
        begun: OperationState | None = None,
        failures: int = 0,
        progress: Progress | None = None,
    ) -> OperationState:
        """Run a sync to its end; its progress is in the status before each next object.

        Args:
            operation: what was asked for.
            begun: an operation that a kill interrupted, to be gone on with.
            failures: how often this revision has failed before.
            progress: told of each object too.

        Raises:
            ClusterError: the status cannot be written, so nothing goes on.
        """
        sources = raw_sources(look.app)
        state = begun or OperationState(
            operation=operation,
            phase=OperationPhase.RUNNING,
            started_at=self.now(),
            retry_count=failures,
            revisions=look.rendered.revisions,
        )

        written: list[OperationState] = []

        def keep(reached: OperationState) -> None:
            if look.app.live and written[-1:] != [reached]:
                written[:] = [reached]
                self.store.write_status(
                    look.app, {"operationState": state_status(reached, sources)}
                )
            if progress is not None:
                progress(reached)

        keep(state)
        safe = without_foreign(look.comparison)
        final = self.syncer.run(look.app, safe, state, progress=keep, now=self.now)
        keep(final)
        return final

    def give_up(self, look: Look, reached: OperationState, message: str) -> OperationState:
        """End an operation in the middle: hooks that run go, what it applied stays.

        Raises:
            ClusterError: the status cannot be written.
        """
        for each in reached.results:
            if each.hook_phase is OperationPhase.RUNNING:
                self._end_hook(each)
        failed = OperationPhase.FAILED
        state = replace(reached, phase=failed, message=message, finished_at=self.now())
        if look.app.live:
            status = state_status(state, raw_sources(look.app))
            self.store.write_status(look.app, {"operationState": status})
        return state

    def _end_hook(self, hook: ResourceResult) -> None:
        """Delete a hook that runs; one that cannot be deleted is left to the next sync."""
        group, version = hook.key.group, hook.version
        with contextlib.suppress(ClusterError):
            kind = self.cluster.resolve(f"{group}/{version}" if group else version, hook.key.kind)
            self.cluster.delete(
                kind, hook.key.namespace, hook.key.name, propagation=Propagation.BACKGROUND
            )

    def record(self, look: Look, state: OperationState, *, action: str) -> None:
        """Write a completed operation to the history and the journal.

        Args:
            action: as the journal names it.

        Raises:
            ClusterError: the cluster refused it.
        """
        app = look.app
        current = self.store.get(app.meta.namespace, app.meta.name) or app
        had = current.status.get("history") or []
        history = recorded(
            had, state, raw_sources(app), limit=app.spec.revision_history_limit or 10
        )
        number = None
        if history != list(had):
            number = int(history[-1]["id"])
            self.store.write_status(current, {"history": history})
        journal = journalled(
            journal_of(current.meta.annotations),
            state,
            action=action,
            author=self._author(app, state),
            versions=self.secret_versions(look),
            number=number,
        )
        self.store.annotate(current, {JOURNAL: journal_text(journal)})

    def secret_versions(self, look: Look) -> dict[str, dict[str, str]]:
        """Return the provider versions of the Secrets behind the ExternalSecrets."""
        found = {}
        for namespace, name in _targets(look):
            try:
                obj = self.cluster.get(KINDS["Secret"], namespace, name)
            except ClusterError:
                continue  # The journal has what could be read.
            versions = written_versions(live_secret(obj)) if obj is not None else {}
            kept = {key: version for key, version in versions.items() if _named(version)}
            if kept:
                found[f"{namespace}/{name}"] = kept
        return found

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
        state = state_from(app.status.get("operationState") or {})
        if state is None or state.phase.completed:
            return
        change: dict[str, Any] = {"phase": str(OperationPhase.TERMINATING)}
        if not served:
            change = {
                "phase": str(OperationPhase.FAILED),
                "message": "Operation terminated",
                "finishedAt": timestamp(self.now()),
            }
        self.store.write_status(app, {"operationState": change})

    def release(self, app: Application) -> None:
        """Remove the pin.

        Raises:
            ClusterError: the cluster refused it.
        """
        self.store.annotate(app, {PIN: None})

    def _write(self, app: Application, status: Mapping[str, Any]) -> bool:
        """Write what differs; a status that says the same is no write."""
        if not app.live or settled(app.status, status):
            return False
        self.store.write_status(app, {**status, "reconciledAt": timestamp(self.now())})
        return True

    def _author(self, app: Application, state: OperationState) -> str:
        try:
            return self.renderer.author(app, state.revisions[0]) if state.revisions else ""
        except SecretSyncError:
            return ""


def _named(version: str) -> bool:
    """Return whether a provider gave this version, which can be asked for again.

    Where a provider has no versions, ours is a digest of the value. An Application has
    more readers than a Secret, so that must not be on it.
    """
    return _VERSION.fullmatch(version) is not None


def _targets(look: Look) -> list[tuple[str, str]]:
    found = []
    for pair in look.comparison.pairs:
        if pair.key.kind == "ExternalSecret" and pair.target is not None:
            target = (pair.target.get("spec") or {}).get("target") or {}
            found.append((pair.key.namespace, str(target.get("name") or pair.key.name)))
    return found
