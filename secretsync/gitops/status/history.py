"""What was deployed: `status.history` as Argo CD keeps it, and a journal that tells more.

Pure. The history has full successful syncs alone, and is what a rollback goes back to.
The journal, an annotation of ours, also has heals, prunes, failures and rollbacks, each
with who did it, who had changed what a heal is about, and the provider versions of the
Secrets; never a value.
Neighbours: `pins` makes a rollback of an entry, `operation_status` has the operation.

Source: Argo CD 3.6's type `RevisionHistory`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from secretsync.errors import ConfigError
from secretsync.gitops.model import OperationPhase, OperationState
from secretsync.gitops.status.operation_status import count_in, drift_in, timestamp

__all__ = [
    "JOURNAL",
    "entry_versions",
    "journal_of",
    "journal_text",
    "journalled",
    "recorded",
    "revisions_of",
    "rollback_target",
]

JOURNAL = "secretsync.io/journal"
#: Annotations of an object share 256 KiB; the journal takes a quarter of it at most.
_JOURNAL_BYTES = 64 * 1024
_JOURNAL_ENTRIES = 50

Versions = Mapping[str, Mapping[str, str]]


def recorded(
    history: Sequence[Mapping[str, Any]],
    state: OperationState,
    sources: Mapping[str, Any],
    *,
    limit: int,
) -> list[dict[str, Any]]:
    """Return the history after an operation; the same where it is none for it.

    Args:
        history: oldest first.
        state: the operation that ended.
        sources: `{"source": …}` or `{"sources": […]}` that it used.
        limit: how many entries are kept; the entry of now is, whatever it says.
    """
    entries = [dict(each) for each in history]
    sync = state.operation.get("sync") or {}
    partial = sync.get("dryRun") or sync.get("resources")
    if state.phase is not OperationPhase.SUCCEEDED or partial or state.finished_at is None:
        return entries
    last = max((_id(each) for each in entries), default=-1)
    multiple = "sources" in sources
    entry: dict[str, Any] = {
        "id": last + 1,
        **({"revisions": list(state.revisions)} if multiple else {"revision": state.revisions[0]}),
        **sources,
        "deployStartedAt": timestamp(state.started_at),
        "deployedAt": timestamp(state.finished_at),
        "initiatedBy": dict(state.operation.get("initiatedBy") or {}),
    }
    return [*entries, entry][-max(1, limit) :]


def revisions_of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the revisions of an entry, however many."""
    found = entry.get("revisions") or [entry.get("revision") or ""]
    return tuple(str(each) for each in found if each)


def rollback_target(
    history: Sequence[Mapping[str, Any]], number: int | None = None
) -> Mapping[str, Any]:
    """Return the entry to go back to.

    Args:
        history: oldest first; the last one is what is deployed.
        number: its id; None for the last one that deployed something else than now.

    Raises:
        ConfigError: there is none.
    """
    if number is not None:
        for entry in history:
            if _id(entry) == number:
                return entry
        known = ", ".join(str(_id(entry)) for entry in history) or "none"
        raise ConfigError(
            f"the history has no entry {number}", remedy=f"choose one of app history: {known}"
        )
    earlier = [entry for entry in history if _deployed(entry) != _deployed(history[-1])]
    if earlier:
        return earlier[-1]
    raise ConfigError(
        "there is no earlier successful sync to go back to",
        remedy="see app history; only full successful syncs are in it",
    )


def journal_of(annotations: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the journal, oldest first; what somebody damaged is left out."""
    try:
        found = json.loads(annotations.get(JOURNAL) or "[]")
    except (ValueError, RecursionError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def journalled(
    journal: Sequence[Mapping[str, Any]],
    state: OperationState,
    *,
    action: str,
    author: str = "",
    versions: Versions | None = None,
    number: int | None = None,
) -> list[dict[str, Any]]:
    """Return the journal after an operation; a failure that repeats counts up.

    Args:
        action: `sync`, `heal`, `prune`, `rollback` or `release`.
        author: of the commit.
        versions: Secret as NAMESPACE/NAME → source → version at the provider.
        number: the id in the history, None where it is not in it.
    """
    by = state.operation.get("initiatedBy") or {}
    entry: dict[str, Any] = {
        "at": timestamp(state.finished_at or state.started_at),
        "action": action,
        "result": str(state.phase),
        "revisions": list(state.revisions),
        "by": "automation" if by.get("automated") else str(by.get("username") or "unknown"),
        **({"id": number} if number is not None else {}),
        **({"author": author} if author else {}),
        **({"message": state.message[:200]} if state.message else {}),
        **({"secrets": versions} if versions else {}),
    }
    if drift := drift_in(state.operation):
        entry["drift"] = drift
    kept = [dict(each) for each in journal]
    if kept and state.phase is not OperationPhase.SUCCEEDED and _same(kept[-1], entry):
        entry["times"] = max(1, count_in(kept.pop(), "times")) + 1
    return [*kept, entry][-_JOURNAL_ENTRIES:]


def journal_text(journal: Sequence[Mapping[str, Any]]) -> str:
    """Return the annotation's text; the oldest entries go where it would be too long."""
    kept = list(journal)
    while kept:
        text = json.dumps(kept, separators=(",", ":"))
        if len(text) <= _JOURNAL_BYTES:
            return text
        kept = kept[1:]
    return "[]"


def entry_versions(journal: Sequence[Mapping[str, Any]], number: int) -> Versions:
    """Return the provider versions that an entry of the history was deployed with."""
    for each in reversed(journal):
        if each.get("id") == number and isinstance(each.get("secrets"), dict):
            found: Versions = each["secrets"]
            return found
    return {}


def _id(entry: Mapping[str, Any]) -> int:
    return count_in(entry, "id")


def _deployed(entry: Mapping[str, Any]) -> object:
    return revisions_of(entry), entry.get("sources") or entry.get("source")


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    names = ("action", "result", "revisions", "by", "message")
    return all(old.get(name) == new.get(name) for name in names)
