"""Which objects are hooks, when they run, and when they are deleted. Pure.

Neighbours: `ordering` puts them in order, `syncing` runs them.

Source: Argo CD 3.6, "Resource hooks" and "Sync phases and waves"; Helm's hooks as it maps
them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any

from secretsync.gitops.model import SyncPhase

__all__ = [
    "DeletionPhase",
    "deletes_after",
    "deletes_before",
    "deletes_when",
    "deletion_phases",
    "hook_name",
    "hook_phases",
    "wave_of",
]

HOOK = "argocd.argoproj.io/hook"
HOOK_DELETE = "argocd.argoproj.io/hook-delete-policy"
WAVE = "argocd.argoproj.io/sync-wave"
HELM_HOOK = "helm.sh/hook"
HELM_DELETE = "helm.sh/hook-delete-policy"
HELM_WEIGHT = "helm.sh/hook-weight"

_HELM_PHASES = {
    "pre-install": SyncPhase.PRE_SYNC,
    "pre-upgrade": SyncPhase.PRE_SYNC,
    "post-install": SyncPhase.POST_SYNC,
    "post-upgrade": SyncPhase.POST_SYNC,
}
_HELM_DELETIONS = {"pre-delete": "PreDelete", "post-delete": "PostDelete"}
_HELM_POLICIES = {
    "before-hook-creation": "BeforeHookCreation",
    "hook-succeeded": "HookSucceeded",
    "hook-failed": "HookFailed",
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)

Object = Mapping[str, Any]


class DeletionPhase(enum.StrEnum):
    """When a hook of a deletion runs: before what the application made goes, or after."""

    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"


def hook_phases(obj: Object) -> tuple[SyncPhase, ...] | None:
    """Return the phases that an object runs in as a hook; None where it is no hook.

    An empty answer is a hook that never runs in a sync: `Skip`, those that run at a
    deletion, and Helm's other ones. Argo CD's annotation makes Helm's count for nothing.
    """
    own = _listed(obj, HOOK)
    if own:
        found = [phase for phase in SyncPhase if str(phase) in own]
        return tuple(found)
    helm = _listed(obj, HELM_HOOK)
    if not helm:
        return None
    if helm == ["crd-install"]:
        return None  # Helm 2's way to put a CRD first: an object like any other.
    return tuple(dict.fromkeys(_HELM_PHASES[name] for name in helm if name in _HELM_PHASES))


def deletion_phases(obj: Object) -> tuple[DeletionPhase, ...]:
    """Return when an object runs at the deletion of its application; () for never."""
    helm = {_HELM_DELETIONS.get(name, "") for name in _listed(obj, HELM_HOOK)}
    named = set(_listed(obj, HOOK)) or helm
    return tuple(phase for phase in DeletionPhase if str(phase) in named)


def wave_of(obj: Object) -> int:
    """Return the wave: Argo CD's annotation, else Helm's weight, else 0."""
    annotations = _annotations(obj)
    for name in (WAVE, HELM_WEIGHT):
        text = str(annotations.get(name, "")).strip()
        if _INTEGER.fullmatch(text):
            return int(text)
    return 0


def deletes_before(obj: Object) -> bool:
    """Return whether a hook that is still there goes before it runs again.

    A hook without a policy does, as in Argo CD.
    """
    policies = _policies(obj)
    return not policies or "BeforeHookCreation" in policies


def deletes_when(obj: Object, *, succeeded: bool) -> bool:
    """Return whether a hook goes when it has ended."""
    return ("HookSucceeded" if succeeded else "HookFailed") in _policies(obj)


def deletes_after(obj: Object, *, succeeded: bool) -> bool:
    """Return whether a hook of a deletion goes in the end; one without a policy does."""
    return not _policies(obj) or deletes_when(obj, succeeded=succeeded)


def hook_name(obj: Object, revision: str, phase: SyncPhase, started_at_s: int) -> str:
    """Return the name of a hook that has only a generateName."""
    prefix = str((obj.get("metadata") or {}).get("generateName", ""))
    return f"{prefix}{revision[:7]}-{phase}-{started_at_s}".lower()


def _policies(obj: Object) -> set[str]:
    helm = (_HELM_POLICIES.get(name, "") for name in _listed(obj, HELM_DELETE))
    return {*_listed(obj, HOOK_DELETE), *helm} - {""}


def _listed(obj: Object, name: str) -> list[str]:
    text = str(_annotations(obj).get(name, ""))
    return [part.strip() for part in text.split(",") if part.strip()]


def _annotations(obj: Object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (obj.get("metadata") or {}).get("annotations") or {}
    return found
