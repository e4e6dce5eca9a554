"""What the last sync that ended says: which revision is deployed, so what is drift. Pure.

Neighbours: `decision` goes by it, `operation_status` reads it, `drift` says who drifted it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretsync.gitops.decision import Attempt
from secretsync.gitops.diff.drift import DRIFTED, has_drifted
from secretsync.gitops.model import Comparison, OperationPhase, OperationState, Pair
from secretsync.gitops.status.history import revisions_of
from secretsync.gitops.status.operation_status import count_in, sources_digest, state_from
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["attempt_of", "drifted_since"]

_SOURCES = ("source", "sources")
_UNSERVED = ("dryRun", "manifests")


def attempt_of(status: Mapping[str, Any]) -> Attempt | None:
    """Return the last sync that ended, None where there is none.

    A selective sync of somebody, and what is refused by name, say nothing about the whole:
    the history does then. A heal does. A later revision that changed nothing of the
    application, so was Synced without a sync, is deployed too: what differs from then on is
    no commit of anybody.

    Args:
        status: of the Application.
    """
    raw = status.get("operationState") or {}
    state = state_from(raw)
    if state is None or not state.phase.completed:
        return None
    sync = state.operation.get("sync") or {}
    if _passed_by(state):
        return _deployed(status)
    result = raw.get("syncResult") or {}
    failed = state.phase is not OperationPhase.SUCCEEDED
    attempt = Attempt(
        revisions=state.revisions,
        sources=_sources(result),
        phase=state.phase,
        finished_at=state.finished_at or state.started_at,
        failures=state.retry_count + 1 if failed else 0,
        heals=count_in(sync, "autoHealAttemptsCount"),
    )
    return attempt if failed else _seen_synced(attempt, status)


def drifted_since(
    attempt: Attempt | None, comparison: Comparison, *, revisions: tuple[str, ...], sources: str
) -> list[Pair]:
    """Return the objects that somebody changed since the last sync, which was a good one.

    Args:
        revisions: that are wanted now.
        sources: digest of the sources that are wanted now.
    """
    if attempt is None or attempt.phase is not OperationPhase.SUCCEEDED:
        return []
    if (attempt.revisions, attempt.sources) != (revisions, sources):
        return []
    return [pair for pair in comparison.pairs if has_drifted(pair)]


def _passed_by(state: OperationState) -> bool:
    """Return whether an operation says nothing about the whole of the application."""
    sync = state.operation.get("sync") or {}
    if any(sync.get(each) for each in _UNSERVED):
        return True
    if (state.operation.get("initiatedBy") or {}).get("automated"):
        return False
    refused = state.phase is OperationPhase.ERROR and any(sync.get(each) for each in _SOURCES)
    return refused or bool(sync.get("resources"))


def _deployed(status: Mapping[str, Any]) -> Attempt | None:
    """Return the last full successful sync, as the history has it."""
    history = status.get("history") or ()
    entry = history[-1] if history else {}
    finished, revisions = parse_timestamp(str(entry.get("deployedAt"))), revisions_of(entry)
    if finished is None or not revisions:
        return None
    done = Attempt(revisions, _sources(entry), OperationPhase.SUCCEEDED, finished)
    return _seen_synced(done, status)


def _seen_synced(attempt: Attempt, status: Mapping[str, Any]) -> Attempt:
    """Return an attempt as one of the revision at which all was seen as it should be."""
    sync = status.get("sync") or {}
    revisions = tuple(sync.get("revisions") or (sync.get("revision"),))
    if revisions == attempt.revisions or not all(revisions):
        return attempt
    conditions = {each.get("type") for each in status.get("conditions") or ()}
    if sync.get("status") != "Synced" and DRIFTED not in conditions:
        return attempt
    if _sources(sync.get("comparedTo") or {}) != attempt.sources:
        return attempt
    return replace(attempt, revisions=revisions, heals=0)


def _sources(raw: Mapping[str, Any]) -> str:
    return sources_digest({name: raw[name] for name in _SOURCES if raw.get(name)})
