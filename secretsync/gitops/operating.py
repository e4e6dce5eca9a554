"""Operations of an application: run to their end, kept in its status, written to its history.

Neighbours: `syncing` does the work, `engine` looks before it, `history` has the entries.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from secretsync.cluster.base import KINDS, Cluster
from secretsync.core.secrets import live_secret, written_versions
from secretsync.errors import ClusterError, ConfigError, SecretSyncError
from secretsync.gitops.deletion.owned_secrets import collect_owned, pruned_in
from secretsync.gitops.diff.adoption import without_foreign
from secretsync.gitops.look import Look
from secretsync.gitops.model import Comparison, OperationPhase, OperationState
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.projects.made_namespace import check_made_namespace
from secretsync.gitops.status.app_store import AppStore
from secretsync.gitops.status.history import JOURNAL, journal_of, journal_text, journalled, recorded
from secretsync.gitops.status.keeping import Keeper
from secretsync.gitops.status.operation_claims import Claim
from secretsync.gitops.status.operation_status import raw_sources, sources_digest, state_status
from secretsync.gitops.sync.hook_running import end_hooks
from secretsync.resources.application import Application

__all__ = ["Authors", "Operator", "Syncs"]

Progress = Callable[[OperationState], None]
#: Who wrote the commit that an application is at, "" where nobody knows.
Authors = Callable[[Application, OperationState], str]

#: A number (Vault, Google, Parameter Store) or a UUID (Secrets Manager).
_VERSION = re.compile(
    r"(?:(?P<number>[0-9]{1,19})@[0-9TZ:.+-]{10,40}"
    r"|(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))",
    re.ASCII,
)


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


@dataclass(frozen=True)
class Operator:
    """Runs operations on applications of one cluster; safe in threads.

    Args:
        now: the wall clock, aware.
    """

    cluster: Cluster
    store: AppStore
    syncer: Syncs
    authors: Authors
    now: Callable[[], datetime]

    def sync(
        self,
        look: Look,
        operation: Mapping[str, Any],
        *,
        begun: OperationState | None = None,
        failures: int = 0,
        progress: Progress | None = None,
        found: Mapping[str, Any] | None = None,
        action: str = "",
    ) -> OperationState:
        """Run a sync to its end; how far it is, is in the status.

        Args:
            operation: what was asked for; it prunes only where the guard allows that now.
            begun: an operation that a kill interrupted, to be gone on with.
            failures: how often this revision has failed before.
            progress: told of each object.
            found: a status that is written with the first word of the operation.
            action: the end goes into the history under this name, in the same write;
                "" leaves that to `record`.

        Raises:
            OperationTaken: somebody else runs one, so nothing goes on.
            OperationTerminated: somebody asks for its end.
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
        # What goes on at the same sources was asked when it began; part of it may be gone.
        if begun is None or begun.sources != sources_digest(sources):
            state = _guarded(state, look)
        first = dict(found or {})

        claim = Claim(self.store, look.app, sources, begun=begun)

        def write(reached: OperationState) -> None:
            if look.app.live:
                claim.write(reached, first)
                first.clear()

        keeper = Keeper(write, self.now)

        def keep(reached: OperationState) -> None:
            keeper.keep(reached)
            if progress is not None:
                progress(reached)

        keep(state)
        if refusal := self._refusal(look, state):
            failed = OperationPhase.FAILED
            final = replace(state, phase=failed, message=refusal, finished_at=self.now())
        else:
            safe = without_foreign(look.comparison)
            final = self.syncer.run(look.app, safe, state, progress=keep, now=self.now)
        collect_owned(self.cluster, pruned_in(final))
        if action and final.phase.completed:
            self._record(look, final, action, ended=True)
        else:
            keeper.flush(final)
        if progress is not None:
            progress(final)
        return final

    def _refusal(self, look: Look, state: OperationState) -> str:
        """Return why the project does not allow what an operation adds, "" where it does."""
        asked = (state.operation.get("sync") or {}).get("syncOptions") or ()
        options = SyncOptions.of(look.app.spec.sync_policy.sync_options, asked)
        try:
            check_made_namespace(self.cluster, look.project, look.app, options)
        except SecretSyncError as exc:
            return exc.sentence
        return ""

    def give_up(self, look: Look, reached: OperationState, message: str) -> OperationState:
        """End an operation in the middle: hooks that run go, what it applied stays.

        Raises:
            ClusterError: the status cannot be written.
        """
        reached = end_hooks(self.cluster, look.app, reached)
        failed = OperationPhase.FAILED
        state = replace(reached, phase=failed, message=message, finished_at=self.now())
        if look.app.live:
            status = state_status(state, raw_sources(look.app))
            self.store.write_status(look.app, {"operationState": status})
        return state

    def record(self, look: Look, state: OperationState, *, action: str) -> None:
        """Write a completed operation to the history and the journal.

        Args:
            action: as the journal names it.

        Raises:
            ClusterError: the cluster refused it.
        """
        self._record(look, state, action, ended=False)

    def _record(self, look: Look, state: OperationState, action: str, *, ended: bool) -> None:
        """Write the history and the journal, and the end of the operation where it is new."""
        app = look.app
        current = self._current(app)
        had = current.status.get("history") or []
        sources = raw_sources(app)
        history = recorded(had, state, sources, limit=app.spec.revision_history_limit or 10)
        number = None
        status: dict[str, Any] = {"operationState": state_status(state, sources)} if ended else {}
        if history != list(had):
            number = int(history[-1]["id"])
            status["history"] = history
        journal = journalled(
            journal_of(current.meta.annotations),
            state,
            action=action,
            author=self.authors(app, state),
            versions=self.secret_versions(look),
            number=number,
        )
        annotations = {JOURNAL: journal_text(journal)}
        self.store.write(current, status=status, annotations=annotations)

    def _current(self, app: Application) -> Application:
        with contextlib.suppress(ConfigError):  # Its spec was broken meanwhile.
            return self.store.get(app.meta.namespace, app.meta.name) or app
        return app

    def secret_versions(self, look: Look) -> dict[str, dict[str, str]]:
        """Return the provider versions of the Secrets behind the ExternalSecrets."""
        found = {}
        for namespace, name in _targets(look):
            try:
                obj = self.cluster.get(KINDS["Secret"], namespace, name)
            except ClusterError:
                continue  # The journal has what could be read.
            versions = written_versions(live_secret(obj)) if obj is not None else {}
            named = {key: _asked_by(version) for key, version in versions.items()}
            kept = {key: version for key, version in named.items() if version}
            if kept:
                found[f"{namespace}/{name}"] = kept
        return found


def _guarded(state: OperationState, look: Look) -> OperationState:
    """Return an operation that prunes no more than may be pruned by now."""
    sync = state.operation.get("sync") or {}
    if not sync.get("prune") or look.prune.allowed:
        return state
    return replace(state, operation={**state.operation, "sync": {**sync, "prune": False}})


def _asked_by(version: str) -> str:
    """Return by what a version that was written can be asked for again, "" for nothing.

    Where a provider has no versions, ours is a digest of the value, or what changes with
    each write. An Application has more readers than a Secret, so a digest must not be on it.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return ""
    # Secrets Manager takes what has no such prefix for a stage.
    return found["number"] or f"uuid/{found['uuid']}"


def _targets(look: Look) -> list[tuple[str, str]]:
    found = []
    for pair in look.comparison.pairs:
        if pair.key.kind == "ExternalSecret" and pair.target is not None:
            target = (pair.target.get("spec") or {}).get("target") or {}
            found.append((pair.key.namespace, str(target.get("name") or pair.key.name)))
    return found
