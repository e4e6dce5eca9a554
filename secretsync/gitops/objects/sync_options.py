"""`syncOptions`: of an application, and of one object by its annotation. Pure.

Source: Argo CD 3.6, "Sync options".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.cluster.base import Propagation

__all__ = ["OPTIONS_ANNOTATION", "SyncOptions", "is_kept"]

OPTIONS_ANNOTATION = "argocd.argoproj.io/sync-options"

_HELM_POLICY = "helm.sh/resource-policy"

_PROPAGATIONS = {"background": Propagation.BACKGROUND, "orphan": Propagation.ORPHAN}


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The options of an application; those of an object go first where it has them."""

    of_app: frozenset[str]

    @classmethod
    def of(cls, *options: Iterable[str]) -> SyncOptions:
        """Return the options of an application and of its operation."""
        return cls(frozenset(each for some in options for each in some))

    @property
    def propagation(self) -> Propagation:
        """How pruning treats what an object owns; anything unknown is foreground."""
        for option in self.of_app:
            name, _, value = option.partition("=")
            if name == "PrunePropagationPolicy" and value in _PROPAGATIONS:
                return _PROPAGATIONS[value]
        return Propagation.FOREGROUND

    def has(self, option: str, obj: Mapping[str, Any] | None = None) -> bool:
        """Return whether an option holds: `Replace=true`; a word of the object wins."""
        name, _, value = option.partition("=")
        for own in _own(obj):
            own_name, _, own_value = own.partition("=")
            if own_name == name:
                return own_value == value
        return option in self.of_app


def is_kept(obj: Mapping[str, Any]) -> bool:
    """Return whether a chart says that an object stays when its release goes."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(_HELM_POLICY, "")).strip() == "keep"


def _own(obj: Mapping[str, Any] | None) -> list[str]:
    if obj is None:
        return []
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return [part.strip() for part in str(annotations.get(OPTIONS_ANNOTATION, "")).split(",")]
