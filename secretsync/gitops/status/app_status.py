"""The status of an Application as Argo CD writes it, from what was found. Pure.

Neighbours: `operation_status` has operations, `history` what succeeded; `inventory` is
`status.resources`, from which pruning works.

Source: Argo CD 3.6's type `ApplicationStatus`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from secretsync.gitops.model import Comparison, Rendered
from secretsync.gitops.status.inventory import inventory_of
from secretsync.gitops.status.operation_status import raw_sources, timestamp
from secretsync.resources.application import Application

__all__ = ["compared_status", "conditions_of", "failed_status", "settled"]

_DESTINATION = ("server", "name", "namespace")


def compared_status(
    app: Application,
    rendered: Rendered,
    comparison: Comparison,
    *,
    now: datetime,
    conditions: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return the status of an application that was compared.

    Args:
        app: with the status that it had, whose times stay where nothing changed.
        conditions: more than the comparison gave, type and message.
        now: of what changed.
    """
    had = app.status
    # That the resources are listed anew is safe: what is unknown stays in the inventory.
    found = [*comparison.conditions, *conditions]
    found += [("NonDeterministicRender", f"{key} differs in each render") for key in _few(rendered)]
    return {
        "resources": inventory_of(app, comparison),
        "sync": {
            "status": str(comparison.status),
            "comparedTo": _compared_to(app),
            **_revisions(app, rendered.revisions),
        },
        "health": _health(had, comparison, now),
        "conditions": conditions_of(had, found, now=now),
        "sourceType": rendered.source_types[0] if rendered.source_types else "",
        "controllerNamespace": app.meta.namespace,
        **({"sourceTypes": list(rendered.source_types)} if app.spec.multiple else {}),
    }


def failed_status(
    app: Application, *, condition: str, message: str, now: datetime
) -> dict[str, Any]:
    """Return the status where no comparison was possible: Unknown, and nothing forgotten.

    Args:
        condition: its type, `ComparisonError` or `InvalidSpecError`.
    """
    sync = {"status": "Unknown", "comparedTo": _compared_to(app)}
    return {
        "sync": {**(app.status.get("sync") or {}), **sync},
        "health": app.status.get("health") or {"status": "Unknown"},
        "conditions": conditions_of(app.status, [(condition, message)], now=now),
    }


def conditions_of(
    had: Mapping[str, Any], found: Iterable[tuple[str, str]], *, now: datetime
) -> list[dict[str, str]]:
    """Return `status.conditions`; one that was there keeps its time.

    Args:
        had: the status so far.
        found: type and message of each condition that holds.
    """
    times = {
        (each.get("type"), each.get("message")): each.get("lastTransitionTime")
        for each in had.get("conditions") or ()
    }
    return [
        {
            "type": kind,
            "message": message,
            "lastTransitionTime": times.get((kind, message)) or timestamp(now),
        }
        for kind, message in dict.fromkeys(found)
    ]


def settled(had: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Return whether a new status says nothing that the old one does not."""
    return all(_equal(had.get(name), value) for name, value in status.items())


def _equal(old: Any, new: Any) -> bool:
    """A merge patch of None removes, so None says what an absence says."""
    if isinstance(new, dict) and isinstance(old, dict):
        return all(_equal(old.get(name), new.get(name)) for name in {*old, *new})
    return bool(old == new) or (not old and not new)


def _few(rendered: Rendered) -> list[str]:
    return sorted(map(str, rendered.unstable))[:5]


def _compared_to(app: Application) -> dict[str, Any]:
    spec = app.raw.get("spec") or {}
    destination = spec.get("destination") or {}
    known = {name: destination[name] for name in _DESTINATION if destination.get(name)}
    ignored = spec.get("ignoreDifferences")
    return {
        "destination": known,
        **raw_sources(app),
        **({"ignoreDifferences": ignored} if ignored else {}),
    }


def _revisions(app: Application, revisions: tuple[str, ...]) -> dict[str, Any]:
    if app.spec.multiple:
        return {"revisions": list(revisions)}
    return {"revision": revisions[0] if revisions else ""}


def _health(had: Mapping[str, Any], comparison: Comparison, now: datetime) -> dict[str, Any]:
    health = comparison.health
    old = had.get("health") or {}
    same = old.get("status") == str(health.status)
    since = old.get("lastTransitionTime") if same else None
    found = {"status": str(health.status), "lastTransitionTime": since or timestamp(now)}
    return found | ({"message": health.message} if health.message else {"message": None})
