"""`status.resources`: what an application has, which is also what pruning knows. Pure.

An object stays in the inventory until it is definitely gone: one that could not be read
is kept as it was. Neighbours: `pairing.listed_in` reads it back.

Source: Argo CD 3.6's type `ResourceStatus`.
"""

from __future__ import annotations

from typing import Any

from secretsync.gitops.diff.pairing import listed_in
from secretsync.gitops.model import Comparison, ObjectKey, Pair
from secretsync.gitops.objects.hooks import wave_of
from secretsync.resources.application import Application

__all__ = ["inventory_of"]


def inventory_of(app: Application, comparison: Comparison) -> list[dict[str, Any]]:
    """Return `status.resources`, sorted, hooks left out.

    Args:
        app: its status has the inventory so far.
        comparison: of everything that is wanted or was had.
    """
    had = listed_in(app.status)
    found = {
        pair.key: _entry(pair, had.get(pair.key, ""))
        for pair in comparison.pairs
        if not pair.hook and (pair.target is not None or pair.live is not None or pair.message)
    }
    return [found[key] for key in sorted(found)]


def _entry(pair: Pair, api_version: str) -> dict[str, Any]:
    obj = pair.target or pair.live or {}
    version = str(obj.get("apiVersion") or api_version).rpartition("/")[2]
    entry: dict[str, Any] = {**_key(pair.key), "version": version, "status": str(pair.status)}
    if pair.health is not None:
        health = {"status": str(pair.health.status)}
        entry["health"] = health | ({"message": pair.health.message} if pair.health.message else {})
    wave = wave_of(obj)
    if wave:
        entry["syncWave"] = wave
    return entry | ({"requiresPruning": True} if pair.requires_pruning else {})


def _key(key: ObjectKey) -> dict[str, str]:
    found = {"kind": key.kind, "name": key.name}
    found |= {"group": key.group} if key.group else {}
    return found | ({"namespace": key.namespace} if key.namespace else {})
