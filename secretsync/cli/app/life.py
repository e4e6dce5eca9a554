"""Shows the service that a command is at work, so that it leaves the operation to it."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from secretsync.cli.app.session import AppSession
from secretsync.errors import ClusterError
from secretsync.gitops.model import OperationPhase, OperationState
from secretsync.gitops.runner import ALIVE, RENEW_S, sign_of_life
from secretsync.gitops.status.operation_claims import TERMINATED, OperationTerminated
from secretsync.resources.application import Application

__all__ = ["signs_of_life"]

log = logging.getLogger(__name__)


@contextlib.contextmanager
def signs_of_life(
    session: AppSession, app: Application, runner: str
) -> Iterator[Callable[[OperationState], None]]:
    """Renew the annotation while something is done; a folder has nobody who would read it.

    Gives what is to be told of the operation, and ends it where somebody asks for that.

    Args:
        runner: the name of the command; "" where nobody asks for it.

    Raises:
        ClusterError: it cannot be written, so nothing else could be either.
    """
    if not runner:
        yield lambda _state: None
        return
    done, terminated = threading.Event(), threading.Event()

    def renew() -> None:
        live = session.store.annotate(app, sign_of_life(runner, session.clock.now()))
        state = (live.get("status") or {}).get("operationState") or {}
        if state.get("phase") == OperationPhase.TERMINATING:
            terminated.set()

    def told(state: OperationState) -> None:
        if terminated.is_set() and not state.phase.completed:
            raise OperationTerminated(TERMINATED, state)

    def keep() -> None:
        while not done.wait(RENEW_S):
            try:
                renew()
            except ClusterError as exc:
                log.warning("no sign of life given", extra={"cause": exc.message})

    renew()
    terminated.clear()
    thread = threading.Thread(target=keep, name="life", daemon=True)
    thread.start()
    try:
        yield told
    finally:
        done.set()
        thread.join()
        with contextlib.suppress(ClusterError):
            session.store.annotate(app, {ALIVE: None})
