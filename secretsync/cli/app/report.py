"""What the verbs of `app` print: text for people, one stable JSON form for scripts.

JSON of plan and sync: `application` (namespace, name, revisions, sync, health, pinned),
`objects` (action, group, kind, namespace, name, health, message, changes with path, before
and after), `secrets` (as `plan` gives its objects), `summary` (a count of each action),
`conditions` (type, message), `problems`; sync adds `operation` (phase, message).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from secretsync.cli.problems import problem_json
from secretsync.cli.report import extra_rows, rows_of
from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.diff.revision_diff import every_change
from secretsync.gitops.look import Look
from secretsync.gitops.model import OperationState, Pair, ResultCode, SyncStatus
from secretsync.gitops.sources.revisions import short_revision
from secretsync.gitops.status.overview import place_of
from secretsync.refresh.oneshot import Result
from secretsync.resources.problems import Problem

__all__ = ["echo_json", "object_rows", "print_rows", "show_look", "table"]

ACTIONS = ("create", "update", "prune", "extra", "hook", "unchanged", "unknown")
_MAX_SHOWN = 200


def object_rows(
    pairs: Sequence[Pair], prints: Fingerprinter, *, prune: bool
) -> list[dict[str, Any]]:
    """Return what a sync would do with each object.

    Args:
        prune: whether it would delete what is extra.
    """
    return [_row(pair, prints, prune=prune) for pair in sorted(pairs, key=lambda p: p.key)]


def show_look(
    look: Look,
    prints: Fingerprinter,
    *,
    output: str,
    prune: bool,
    behind: Result,
    problems: Sequence[Problem],
    state: OperationState | None = None,
) -> None:
    """Print an application that was looked at or synced, on standard output.

    Args:
        behind: the Secrets of its ExternalSecrets and SealedSecrets.
        state: of the sync that was run.
    """
    rows = object_rows(look.comparison.pairs, prints, prune=prune)
    _add_results(rows, state)
    secrets = rows_of(behind, prints) + extra_rows(behind, prints, prune=prune)
    conditions = [*look.comparison.conditions, *look.conditions]
    if look.prune.reason and prune is False:
        conditions.append(("PruneStopped", look.prune.reason))
    if output == "json":
        echo_json(
            {
                "application": _head(look),
                "objects": rows,
                "secrets": secrets,
                "summary": _summary(rows),
                "conditions": [{"type": k, "message": m} for k, m in conditions],
                "problems": [problem_json(problem) for problem in problems],
                **_operation(state),
            }
        )
        return
    _print(look, rows, secrets, conditions, state)


def echo_json(value: Any) -> None:
    """Print JSON on standard output."""
    click.echo(json.dumps(value, indent=2, default=str))


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print objects and their changes, for people."""
    for row in rows:
        place = f"{row['namespace']}/{row['name']}" if row["namespace"] else row["name"]
        kind = f"{row['kind']}.{row['group']}" if row["group"] else row["kind"]
        result = f"  ({row['result']})" if row.get("result") else ""
        click.echo(f"{row['action']:<9} {kind} {place}{result}")
        if row["message"]:
            click.echo(f"            {row['message']}")
        for each in row["changes"]:
            click.echo(f"          {_change(each)}")


def _row(pair: Pair, prints: Fingerprinter, *, prune: bool) -> dict[str, Any]:
    changes = every_change(pair, prints) if pair.status is SyncStatus.OUT_OF_SYNC else ()
    return {
        "action": _action(pair, prune=prune),
        "group": pair.key.group,
        "kind": pair.key.kind,
        "namespace": pair.key.namespace,
        "name": pair.key.name,
        "health": str(pair.health.status) if pair.health else "",
        "message": pair.message,
        "changes": [
            {"path": each.path, "before": each.live, "after": each.target}
            for each in changes[:_MAX_SHOWN]
        ],
    }


def _action(pair: Pair, *, prune: bool) -> str:
    if pair.status is SyncStatus.UNKNOWN:
        return "unknown"
    if pair.hook:
        return "hook"
    if pair.status is SyncStatus.SYNCED:
        return "unchanged"
    if pair.target is None:
        return "prune" if prune else "extra"
    return "create" if pair.live is None else "update"


def _add_results(rows: list[dict[str, Any]], state: OperationState | None) -> None:
    """Say beside each object what came of it."""
    if state is None:
        return
    found = {each.key: each for each in state.results}
    for row in rows:
        key = tuple(row[name] for name in ("group", "kind", "namespace", "name"))
        for each, result in found.items():
            if (each.group, each.kind, each.namespace, each.name) == key:
                row["result"] = str(result.code or result.hook_phase or "")
                row["message"] = result.message if _failed(result.code) else row["message"]


def _failed(code: ResultCode | None) -> bool:
    return code in (ResultCode.SYNC_FAILED, ResultCode.PRUNE_SKIPPED)


def _head(look: Look) -> dict[str, Any]:
    return {
        **place_of(look.app),
        "revisions": list(look.rendered.revisions),
        "sync": str(look.comparison.status),
        "health": str(look.comparison.health.status),
        "pinned": look.pin.number if look.pin else None,
    }


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = Counter(row["action"] for row in rows)
    return {action: found[action] for action in ACTIONS}


def _operation(state: OperationState | None) -> dict[str, Any]:
    if state is None:
        return {}
    return {"operation": {"phase": str(state.phase), "message": state.message}}


def _print(
    look: Look,
    rows: Sequence[Mapping[str, Any]],
    secrets: Sequence[Mapping[str, Any]],
    conditions: Sequence[tuple[str, str]],
    state: OperationState | None,
) -> None:
    revisions = ", ".join(map(short_revision, look.rendered.revisions))
    click.echo(f"{look.app.ref} at {revisions}: {look.comparison.status}")
    for kind, message in conditions:
        click.echo(f"  {kind}: {message}")
    print_rows(rows)
    for row in secrets:
        origin = f"  (from {row['from']})" if row["from"] else ""
        click.echo(f"{row['action']:<9} {row['kind']} {row['namespace']}/{row['name']}{origin}")
        for key in row["keys"]:
            prints = " -> ".join(key[side] for side in ("before", "after") if side in key)
            click.echo(f"          {key['change']} {key['key']}  {prints}")
    counts = _summary(rows)
    click.echo(", ".join(f"{counts[action]} {action}" for action in ACTIONS if counts[action]))
    if state is not None:
        click.echo(f"{state.phase}: {state.message}")


def _change(each: Mapping[str, Any]) -> str:
    before, after = each["before"], each["after"]
    if before is None:
        return f"+ {each['path']}: {_short(after)}"
    if after is None:
        return f"- {each['path']}: {_short(before)}"
    return f"~ {each['path']}: {_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
