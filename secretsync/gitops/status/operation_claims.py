"""Who runs an operation: the one whose first word is in the status; nobody else goes on.

Every write of an operation's state demands the resourceVersion that it knows. Where another
write came first, the Application is read: who finds somebody else's operation there ends,
and so does who was told to; any other write does not matter. Two that start at once, such
as a command and the service, so run one operation, and its hooks once.
Neighbours: `operating` writes through this, `keeping` says when; a directory has one writer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from secretsync.errors import Conflict
from secretsync.gitops.errors import GitOpsError
from secretsync.gitops.model import OperationPhase, OperationState
from secretsync.gitops.status.app_store import AppStore
from secretsync.gitops.status.operation_status import RUNNER, state_from, state_status
from secretsync.resources.application import Application

__all__ = ["TERMINATED", "Claim", "OperationTaken", "OperationTerminated", "change_running"]

#: What the status says of an operation that somebody ended.
TERMINATED = "Operation terminated"
#: So many writes of others one after the other are a fault of theirs.
_TRIES = 10

_Identity = tuple[Any, ...] | None


class OperationTaken(GitOpsError):
    """Somebody else runs an operation on the Application, or has run one meanwhile."""


class OperationTerminated(GitOpsError):
    """Somebody asks for the end of the operation that runs.

    Args:
        reached: how far it was.
    """

    def __init__(self, message: str, reached: OperationState) -> None:
        super().__init__(message)
        self.reached = reached


class Claim:
    """One operation on one Application, held from its first write on.

    Args:
        app: as it was when it was decided that the operation is to run.
        sources: as `state_status` takes them.
        begun: the operation, where the status has it already.
    """

    def __init__(
        self,
        store: AppStore,
        app: Application,
        sources: Mapping[str, Any],
        *,
        begun: OperationState | None = None,
    ) -> None:
        self._store = store
        self._app = app
        self._sources = sources
        self._version = app.meta.resource_version
        before = app.status.get("operationState") or {}
        self._held = begun is not None
        self._known = _identity(before if begun is None else state_status(begun, sources))

    def write(self, state: OperationState, status: Mapping[str, Any] | None = None) -> None:
        """Write how far the operation is; the first write is the claim.

        Args:
            status: more of the status, by the same write.

        Raises:
            OperationTaken: somebody else was first, or has taken over.
            OperationTerminated: somebody asks for its end.
            ClusterError: the cluster refused it, or the Application is gone.
        """
        own = state_status(state, self._sources)
        for _ in range(_TRIES):
            if not self._version:
                self._read(state)
            wanted = {**(status or {}), "operationState": own}
            try:
                found = self._store.write_status(self._app, wanted, version=self._version)
            except Conflict:
                self._version = ""
                continue
            self._version = str(found["metadata"].get("resourceVersion") or "")
            self._known, self._held = _identity(own), True
            return
        raise _busy(self._app)

    def _read(self, state: OperationState) -> None:
        """See who else wrote the Application, and what."""
        live = self._store.live(self._app)
        theirs = (live.get("status") or {}).get("operationState") or {}
        if _identity(theirs) != self._known:
            raise OperationTaken(
                f"{self._app.ref}: another operation was begun meanwhile",
                remedy="wait for it with app wait, then try again",
            )
        if self._held and theirs.get("phase") == OperationPhase.TERMINATING:
            raise OperationTerminated(TERMINATED, state)
        self._version = str(live["metadata"].get("resourceVersion") or "")


def change_running(
    store: AppStore, app: Application, change: Callable[[OperationState], Mapping[str, Any]]
) -> None:
    """Change the state of the operation that runs; one that has ended by then stays as it is.

    Args:
        change: gives what is merged into `status.operationState`.

    Raises:
        ClusterError: the cluster refused it, or the Application is gone.
    """
    for _ in range(_TRIES):
        live = store.live(app)
        state = state_from((live.get("status") or {}).get("operationState") or {})
        if state is None or state.phase.completed:
            return
        version = str(live["metadata"].get("resourceVersion") or "")
        try:
            store.write_status(app, {"operationState": dict(change(state))}, version=version)
        except Conflict:
            continue
        return
    raise _busy(app)


def _busy(app: Application) -> Conflict:
    return Conflict(f"{app.ref}: others write it all the time", remedy="see who does")


def _identity(raw: Mapping[str, Any]) -> _Identity:
    """Return what tells an operation from another one that began in the same second."""
    if not raw:
        return None
    operation = raw.get("operation") or {}
    by = operation.get("initiatedBy") or {}
    runners = [each["value"] for each in operation.get("info") or () if each.get("name") == RUNNER]
    times = raw.get("startedAt"), raw.get("finishedAt") or ""
    return *times, bool(by.get("automated")), by.get("username") or "", *runners
