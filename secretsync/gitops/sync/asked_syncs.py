"""What an operation asks for that is not done, and which objects it is about. Pure.

Whoever patches the field `operation` means what Argo CD does by it: what is not done so is
refused by name, never done as something else.
Neighbours: `syncing` goes by it, the controller asks it before it takes an operation.

Source: Argo CD 3.6's types `SyncOperation` and `SyncOperationResource`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.gitops.errors import GitOpsError
from secretsync.gitops.model import Comparison, ObjectKey
from secretsync.gitops.status.operation_status import raw_sources
from secretsync.resources.application import Application

__all__ = ["Selection", "refusal", "unserved"]

_REMEDIES = {
    "dryRun": "see what a sync would do with secretsync app plan",
    "manifests": "commit what is to be synced",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects that a sync is about.

    Args:
        included: entries as `operation.sync.resources` has them; none are all objects.
        excluded: those that stay out, whatever is included.
    """

    included: tuple[Mapping[str, Any], ...] = ()
    excluded: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, sync: Mapping[str, Any]) -> Selection:
        """Return the selection of an `operation.sync`."""
        listed = tuple(sync.get("resources") or ())
        return cls(
            tuple(each for each in listed if not each.get("exclude")),
            tuple(each for each in listed if each.get("exclude")),
        )

    @property
    def partial(self) -> bool:
        """Whether it is not about the whole."""
        return bool(self.included or self.excluded)

    def has(self, key: ObjectKey) -> bool:
        """Return whether an object is of it; an entry without namespace is of any."""
        if any(_names(each, key) for each in self.excluded):
            return False
        return not self.included or any(_names(each, key) for each in self.included)


def unserved(operation: Mapping[str, Any], app: Application) -> GitOpsError | None:
    """Return what is wrong with an operation that asks for what no sync here does.

    Args:
        app: with the sources that would be synced.
    """
    sync = operation.get("sync") or {}
    for name, remedy in _REMEDIES.items():
        if sync.get(name):
            return GitOpsError(f"{app.ref}: operation.sync.{name} is not served", remedy=remedy)
    name = "sources" if sync.get("sources") else "source"
    asked = _listed(sync)
    if asked and asked != _listed(raw_sources(app)):
        return GitOpsError(
            f"{app.ref}: operation.sync.{name} is not what the Application syncs, "
            "and no other source is served",
            remedy="go back with secretsync app rollback, or change the Application's spec",
        )
    return None


def refusal(
    operation: Mapping[str, Any], app: Application, comparison: Comparison
) -> GitOpsError | None:
    """Return what is wrong with an operation that is about to begin, None where nothing is.

    One that was begun is not asked again what it is about: that may be gone by then.

    Args:
        app: with the sources that would be synced.
        comparison: of everything.
    """
    selection = Selection.of(operation.get("sync") or {})
    if (found := unserved(operation, app)) is not None or not selection.partial:
        return found
    if any(selection.has(pair.key) for pair in comparison.pairs if not pair.hook):
        return None
    return GitOpsError(
        f"{app.ref}: operation.sync.resources selects nothing of the Application",
        remedy="see group, kind, namespace and name of its objects with secretsync app tree",
    )


def _names(entry: Mapping[str, Any], key: ObjectKey) -> bool:
    group, kind, namespace, name = (
        str(entry.get(field) or "") for field in ("group", "kind", "namespace", "name")
    )
    same = (group, kind, name) == (key.group, key.kind, key.name)
    return same and namespace in ("", key.namespace)


def _listed(sources: Mapping[str, Any]) -> list[Any]:
    """Return the sources as a list, without what says nothing: clients write it or do not."""
    found = sources.get("sources") or ([sources["source"]] if sources.get("source") else [])
    return [_bare(each) for each in found]


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        bare = {key: _bare(each) for key, each in value.items()}
        said = {key: each for key, each in bare.items() if each is not None and each is not False}
        return {key: each for key, each in said.items() if each not in ("", {}, [])}
    return [_bare(each) for each in value] if isinstance(value, list) else value
