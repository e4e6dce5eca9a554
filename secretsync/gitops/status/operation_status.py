"""`status.operationState` and `operation`, read and written as Argo CD has them. Pure.

Neighbours: `app_status` has the rest of the status; `syncing` moves the state on;
`attempts` says what the last one says about the next.

Source: Argo CD 3.6's types `OperationState` and `SyncOperation`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

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
    "count_in",
    "drift_in",
    "is_heal",
    "raw_sources",
    "sources_digest",
    "state_from",
    "state_status",
    "sync_operation",
    "timestamp",
]


#: The name of the `info` by which a command says that it runs an operation itself.
RUNNER = "Runner"
#: The name of the `info` that says what drifted, of a heal.
_DRIFT = "Drift"


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
    command: str = "",
    drift: Iterable[str] = (),
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
        command: the name of the command that runs it by itself, "" for none; the service
            leaves it alone.
        drift: what a heal is about, and who changed it.
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
    info += [{"name": RUNNER, "value": f"command {command}"}] if command else []
    info += [{"name": _DRIFT, "value": text} for text in drift]
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
    """Read `status.operationState`; None where there is none, or it is unreadable.

    Anybody may write a status: what is odd in it is left out, and so is done once more.
    """
    started = parse_timestamp(raw.get("startedAt"))
    try:
        phase = OperationPhase(str(raw.get("phase")))
    except ValueError:
        return None
    if started is None:
        return None
    result = raw.get("syncResult") or {}
    revisions = result.get("revisions") or [result.get("revision") or ""]
    listed = result.get("resources") or ()
    sources = {name: result[name] for name in ("source", "sources") if result.get(name)}
    return OperationState(
        operation=raw.get("operation") or {},
        phase=phase,
        started_at=started,
        message=str(raw.get("message") or ""),
        finished_at=parse_timestamp(raw.get("finishedAt")),
        retry_count=count_in(raw, "retryCount"),
        revisions=tuple(str(each) for each in revisions if each),
        results=tuple(found for each in listed if (found := _result_from(each)) is not None),
        sources=sources_digest(sources),
    )


def count_in(raw: Mapping[str, Any], name: str) -> int:
    """Return a count of a status, 0 for what is none."""
    found = raw.get(name)
    return found if isinstance(found, int) and found > 0 else 0


def is_heal(operation: Mapping[str, Any]) -> bool:
    """Return whether an operation is one by which automation heals drift."""
    return bool((operation.get("sync") or {}).get("autoHealAttemptsCount"))


def drift_in(operation: Mapping[str, Any]) -> list[str]:
    """Return what a heal is about, and who changed it."""
    found = operation.get("info") or ()
    return [str(each.get("value") or "") for each in found if each.get("name") == _DRIFT]


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


def _result_from(raw: Mapping[str, Any]) -> ResourceResult | None:
    phase = raw.get("syncPhase") or SyncPhase.SYNC
    if phase not in list(SyncPhase):
        return None
    texts = {name: str(raw.get(name) or "") for name in ("group", "kind", "namespace", "name")}
    code, hook = raw.get("status"), raw.get("hookPhase")
    return ResourceResult(
        key=ObjectKey(**texts),
        version=str(raw.get("version") or ""),
        sync_phase=SyncPhase(phase),
        code=ResultCode(str(code)) if code in list(ResultCode) else None,
        message=str(raw.get("message") or ""),
        hook_type=str(raw.get("hookType") or ""),
        hook_phase=OperationPhase(str(hook)) if hook in list(OperationPhase) else None,
    )
