"""`status.operationState` and `operation`, read and written as Argo CD has them. Pure.

Neighbours: `app_status` has the rest of the status; `syncing` moves the state on.

Source: Argo CD 3.6's types `OperationState` and `SyncOperation`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from secretsync.gitops.decision import Attempt
from secretsync.gitops.model import (
    ObjectKey,
    OperationPhase,
    OperationState,
    ResourceResult,
    ResultCode,
    SyncPhase,
)
from secretsync.resources.application import Application
from secretsync.resources.timestamps import parse_timestamp

__all__ = [
    "RUNNER",
    "attempt_of",
    "raw_sources",
    "sources_digest",
    "state_from",
    "state_status",
    "sync_operation",
    "timestamp",
]


#: The name of the `info` by which a command says that it runs an operation itself.
RUNNER = "Runner"


def timestamp(moment: datetime) -> str:
    """Return a moment as the API writes it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def raw_sources(app: Application) -> dict[str, Any]:
    """Return `source` or `sources` as the manifest writes it."""
    spec = app.raw.get("spec") or {}
    if app.spec.multiple:
        return {"sources": list(spec.get("sources") or ())}
    return {"source": dict(spec.get("source") or {})}


def sources_digest(sources: Mapping[str, Any]) -> str:
    """Return what tells two states of `source` or `sources` apart."""
    text = json.dumps(sources, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sync_operation(
    revisions: Iterable[str],
    *,
    multiple: bool,
    username: str = "",
    prune: bool = False,
    only: Iterable[ObjectKey] = (),
    heals: int = 0,
    options: Iterable[str] = (),
    dry_run: bool = False,
    reason: str = "",
    hooks: bool = True,
    command: bool = False,
) -> dict[str, Any]:
    """Return an `operation` that asks for a sync.

    Args:
        revisions: what to sync to.
        multiple: the application has several sources.
        username: who asks; "" is the automation.
        only: restricts it to these objects.
        heals: how often the revision was healed, this one counted.
        options: syncOptions.
        reason: for people.
        hooks: they run too; not in a rollback.
        command: a command runs it by itself, and the service leaves it alone.
    """
    revisions = tuple(revisions)
    sync: dict[str, Any] = {}
    if multiple:
        sync["revisions"] = list(revisions)
    elif revisions:
        sync["revision"] = revisions[0]
    sync |= {"prune": True} if prune else {}
    sync |= {"dryRun": True} if dry_run else {}
    sync |= {"syncOptions": list(options)} if options else {}
    sync |= {"autoHealAttemptsCount": heals} if heals else {}
    resources = [_selected(key) for key in only]
    sync |= {"resources": resources} if resources else {}
    sync |= {} if hooks else {"syncStrategy": {"apply": {}}}
    by = {"username": username} if username else {"automated": True}
    info = [{"name": "Reason", "value": reason}] if reason else []
    info += [{"name": RUNNER, "value": "command"}] if command else []
    return {"initiatedBy": by, "sync": sync, **({"info": info} if info else {})}


def state_status(state: OperationState, sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return `status.operationState`.

    Args:
        state: how far the operation is.
        sources: `{"source": …}` or `{"sources": […]}` that were synced.
    """
    multiple = "sources" in sources
    # Argo CD's definition of the kind wants `revision` in either case.
    one = state.revisions[0] if state.revisions and not multiple else ""
    revisions = {"revision": one} | ({"revisions": list(state.revisions)} if multiple else {})
    result: dict[str, Any] = {
        **revisions,
        **sources,
        "resources": [_result(each) for each in state.results],
    }
    status: dict[str, Any] = {
        "operation": dict(state.operation),
        "phase": str(state.phase),
        "message": state.message,
        "startedAt": timestamp(state.started_at),
        "retryCount": state.retry_count,
        "syncResult": result,
    }
    # A merge patch keeps what it does not name: an operation that runs has no end.
    status["finishedAt"] = timestamp(state.finished_at) if state.finished_at else None
    return status


def state_from(raw: Mapping[str, Any]) -> OperationState | None:
    """Read `status.operationState`; None where there is none, or it is unreadable."""
    started = parse_timestamp(raw.get("startedAt"))
    try:
        phase = OperationPhase(str(raw.get("phase")))
    except ValueError:
        return None
    if started is None:
        return None
    result = raw.get("syncResult") or {}
    revisions = result.get("revisions") or [result.get("revision") or ""]
    return OperationState(
        operation=raw.get("operation") or {},
        phase=phase,
        started_at=started,
        message=str(raw.get("message") or ""),
        finished_at=parse_timestamp(raw.get("finishedAt")),
        retry_count=int(raw.get("retryCount") or 0),
        revisions=tuple(str(each) for each in revisions if each),
        results=tuple(_result_from(each) for each in result.get("resources") or ()),
    )


def attempt_of(status: Mapping[str, Any]) -> Attempt | None:
    """Return the last sync that ended, None where there is none.

    A selective or a dry sync of somebody says nothing about the whole, a heal does.
    """
    raw = status.get("operationState") or {}
    state = state_from(raw)
    if state is None or not state.phase.completed:
        return None
    sync = state.operation.get("sync") or {}
    by = state.operation.get("initiatedBy") or {}
    if sync.get("dryRun") or (sync.get("resources") and not by.get("automated")):
        return None
    result = raw.get("syncResult") or {}
    sources = {name: result[name] for name in ("source", "sources") if result.get(name)}
    failed = state.phase is not OperationPhase.SUCCEEDED
    return Attempt(
        revisions=state.revisions,
        sources=sources_digest(sources),
        phase=state.phase,
        finished_at=state.finished_at or state.started_at,
        failures=state.retry_count + 1 if failed else 0,
        heals=int(sync.get("autoHealAttemptsCount") or 0),
    )


def _selected(key: ObjectKey) -> dict[str, str]:
    found = {"group": key.group, "kind": key.kind, "name": key.name}
    return found | ({"namespace": key.namespace} if key.namespace else {})


def _result(each: ResourceResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "group": each.key.group,
        "version": each.version,
        "kind": each.key.kind,
        "namespace": each.key.namespace,
        "name": each.key.name,
        "syncPhase": str(each.sync_phase),
    }
    found |= {"status": str(each.code)} if each.code else {}
    found |= {"message": each.message} if each.message else {}
    found |= {"hookType": each.hook_type} if each.hook_type else {}
    return found | ({"hookPhase": str(each.hook_phase)} if each.hook_phase else {})


def _result_from(raw: Mapping[str, Any]) -> ResourceResult:
    texts = {name: str(raw.get(name) or "") for name in ("group", "kind", "namespace", "name")}
    code, hook = raw.get("status"), raw.get("hookPhase")
    return ResourceResult(
        key=ObjectKey(**texts),
        version=str(raw.get("version") or ""),
        sync_phase=SyncPhase(str(raw.get("syncPhase") or SyncPhase.SYNC)),
        code=ResultCode(str(code)) if code in list(ResultCode) else None,
        message=str(raw.get("message") or ""),
        hook_type=str(raw.get("hookType") or ""),
        hook_phase=OperationPhase(str(hook)) if hook in list(OperationPhase) else None,
    )
