"""What can be known not to work before a sync begins: nothing of it is applied then.

Neighbours: `comparing` and `adoption` say what is wrong with an object, `syncing` asks.

Source: Argo CD 3.6, "Sync options"; its dry run of everything before the first wave.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from secretsync.gitops.model import Pair, ResultCode, SyncPhase
from secretsync.gitops.sync.ordering import Task, defined_by
from secretsync.gitops.sync.sync_run import SyncRun, result_of

__all__ = ["refused"]

_TOLERATED = ("SkipDryRunOnMissingResource=true", "Force=true", "Replace=true")


def refused(run: SyncRun, pairs: list[Pair]) -> bool:
    """Note what cannot work; return whether there is any.

    Args:
        pairs: what the sync is about.
    """
    shared = [pair for pair in pairs if pair.target is not None and not pair.ours]
    if run.options.has("FailOnSharedResource=true") and shared:
        _note(run, shared, "another application has it")
        return True
    if run.state.results:
        # It was begun: what is wrong by now shows when it is applied. A status is no word
        # of anybody's, though, to take what is another's.
        found = [pair for pair in shared if pair.message]
    else:
        defined = {defined_by(pair.target) for pair in pairs if pair.target is not None}
        found = [pair for pair in pairs if _unusable(run, pair, defined)]
    _note(run, found, "")
    return bool(found)


def _unusable(run: SyncRun, pair: Pair, defined: set[tuple[str, str]]) -> bool:
    """Return whether it is known before that an object cannot be applied.

    Args:
        defined: groups and kinds whose definitions the same sync applies.
    """
    target = pair.target
    if target is None or not pair.message or (pair.key.group, pair.key.kind) in defined:
        return False
    if not pair.ours:
        return True  # Somebody else's: no option makes it this application's.
    return not run.force and not any(run.options.has(option, target) for option in _TOLERATED)


def _note(run: SyncRun, pairs: Iterable[Pair], message: str) -> None:
    results = [
        replace(
            result_of(Task(pair, SyncPhase.SYNC, 0)),
            code=ResultCode.SYNC_FAILED,
            message=message or pair.message,
        )
        for pair in pairs
    ]
    run.note(*results)
