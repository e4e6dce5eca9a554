"""What a run found, for people and for scripts; fingerprints stand for values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from secretsync.cli.problems import problem_json
from secretsync.core.fingerprints import Fingerprinter
from secretsync.core.plan import KeyChange, KeyVerb, SecretAction, Verb
from secretsync.core.sealed import UNSEALED
from secretsync.refresh.leftovers import Extra
from secretsync.refresh.oneshot import Result
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.push_outcomes import SYNCED_MESSAGE, PushOutcome
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.meta import ObjectRef, Parent
from secretsync.resources.problems import Problem

__all__ = [
    "extra_rows",
    "outcome_problem",
    "rows_of",
    "show_result",
    "shown_verb",
]

_MARKS = {KeyVerb.ADDED: "+", KeyVerb.CHANGED: "~", KeyVerb.REMOVED: "-"}

#: Reasons that tell no more than the action; why something is blocked is a problem.
_EXPECTED = frozenset({"SecretSynced", "ResourceSynced", UNSEALED})

#: The action of what is left over and stays; the others are verbs.
EXTRA = "extra"

#: Places a problem: (object, field) → (file, line).
Locator = Callable[[ObjectRef, str], tuple[str, int]]


def outcome_problem(outcome: Outcome[Parent] | PushOutcome, locate: Locator) -> Problem:
    """Return what is wrong with a failed object, with its place in the input."""
    ref = outcome.item.ref
    file, line = locate(ref, outcome.field)
    return Problem(
        outcome.message,
        remedy=outcome.remedy,
        object=str(ref),
        field=outcome.field,
        file=file,
        line=line,
    )


def shown_verb(outcome: Outcome[Parent] | PushOutcome) -> Verb:
    """Return the verb that people see: what could not be decided is blocked."""
    if outcome.failed:
        return Verb.BLOCKED
    if isinstance(outcome, PushOutcome):
        changed = outcome.progress in (Progress.APPLIED, Progress.PLANNED)
        return Verb.UPDATE if changed else Verb.UNCHANGED
    return outcome.action.verb if outcome.action else Verb.UNCHANGED


def show_result(
    result: Result,
    problems: Sequence[Problem],
    fingerprinter: Fingerprinter,
    *,
    output: str,
    prune: bool,
) -> None:
    """Print a run on standard output.

    The JSON form: `objects` (action, kind, namespace, name, from, reason, message, keys
    with key, change, before and after as fingerprints, metadata), `summary` (a count of
    each action), `problems` (as `validate` gives them). A PushSecret's object has `places`
    (store, place, action, message) beside.
    """
    rows = rows_of(result, fingerprinter)
    rows += extra_rows(result, fingerprinter, prune=prune)
    found = Counter(row["action"] for row in rows)
    summary = {action: found[action] for action in (*map(str, Verb), EXTRA)}
    if output == "json":
        shown = [problem_json(problem) for problem in problems]
        document = {"objects": rows, "summary": summary, "problems": shown}
        click.echo(json.dumps(document, indent=2))
        return
    for row in rows:
        _print_row(row)
    counts = [f"{summary[verb]} {verb}" for verb in Verb]
    if summary[EXTRA]:
        counts.append(f"{summary[EXTRA]} {EXTRA}")
    click.echo(", ".join(counts))


def rows_of(result: Result, fingerprinter: Fingerprinter) -> list[dict[str, Any]]:
    """Return what became of each object, in the JSON form, without what is left over."""
    rows = [_row(outcome, fingerprinter) for outcome in result.outcomes if _shown(outcome)]
    return rows + [_push_row(outcome) for outcome in result.pushes if _shown(outcome)]


def extra_rows(
    result: Result, fingerprinter: Fingerprinter, *, prune: bool
) -> list[dict[str, Any]]:
    """Return what is left over, in the JSON form.

    Args:
        prune: it goes, unless something held it back.
    """
    return [_extra_row(extra, fingerprinter, prune=prune) for extra in result.extras]


def _shown(outcome: Outcome[Parent] | PushOutcome) -> bool:
    return outcome.progress is not Progress.SKIPPED


def _row(outcome: Outcome[Parent], fingerprinter: Fingerprinter) -> dict[str, Any]:
    item = outcome.item
    action = outcome.action
    return {
        "action": str(shown_verb(outcome)),
        "kind": _target_kind(item),
        "namespace": item.meta.namespace,
        "name": item.target_name,
        "from": str(item.ref),
        "reason": outcome.reason,
        "message": outcome.message,
        "keys": _keys(action, fingerprinter) if action else [],
        "metadata": list(action.metadata) if action else [],
    }


def _target_kind(item: Parent) -> str:
    manifest = item.target.manifest if isinstance(item, ExternalSecret) else None
    return "Secret" if manifest is None else manifest.kind


def _push_row(outcome: PushOutcome) -> dict[str, Any]:
    item = outcome.item
    return {
        "action": str(shown_verb(outcome)),
        "kind": "PushSecret",
        "namespace": item.meta.namespace,
        "name": item.meta.name,
        "from": "",
        "reason": outcome.reason,
        "message": outcome.message,
        "keys": [],
        "metadata": [],
        "places": [
            {
                "store": each.store,
                "place": each.place,
                "action": str(each.verb),
                "message": each.message,
            }
            for each in outcome.actions
        ],
    }


def _extra_row(extra: Extra, fingerprinter: Fingerprinter, *, prune: bool) -> dict[str, Any]:
    pruned = prune and not extra.error
    return {
        "action": str(Verb.DELETE) if pruned else EXTRA,
        "kind": "Secret",
        "namespace": extra.action.target.namespace,
        "name": extra.action.target.name,
        "from": "",
        "reason": "extra",
        "message": extra.error or ("" if pruned else "no longer wanted; --prune deletes it"),
        "keys": _keys(extra.action, fingerprinter),
        "metadata": [],
    }


def _keys(action: SecretAction, fingerprinter: Fingerprinter) -> list[dict[str, str]]:
    where = f"{action.target.namespace}/{action.target.name}"
    return [_key(change, where, fingerprinter) for change in action.changes]


def _key(change: KeyChange, where: str, fingerprinter: Fingerprinter) -> dict[str, str]:
    entry = {"key": change.key, "change": str(change.verb)}
    for side, value in (("before", change.before), ("after", change.after)):
        if value is not None:
            entry[side] = fingerprinter.fingerprint(where, change.key, value.reveal())
    return entry


def _print_row(row: Mapping[str, Any]) -> None:
    origin = f"  (from {row['from']})" if row["from"] else ""
    click.echo(f"{row['action']:<9} {row['kind']} {row['namespace']}/{row['name']}{origin}")
    said = row["reason"] in _EXPECTED or row["action"] == str(Verb.BLOCKED)
    said = said or row["message"] == SYNCED_MESSAGE
    if row["message"] and not said:
        click.echo(f"            {row['message']}")
    width = max((len(key["key"]) for key in row["keys"]), default=0)
    for key in row["keys"]:
        mark = _MARKS[KeyVerb(key["change"])]
        prints = " -> ".join(key[side] for side in ("before", "after") if side in key)
        click.echo(f"          {mark} {key['key']:<{width}}  {prints}")
    for name in row["metadata"]:
        click.echo(f"          ~ {name}")
    for each in row.get("places", ()):
        click.echo(f"          {each['action']:<9} {each['store']} {each['place']}")
