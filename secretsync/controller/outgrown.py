"""Targets that are no Secrets and that their ExternalSecret no longer names.

One goes where its controller reference names that very ExternalSecret, by uid; whatever is
in doubt stays. Neighbours: `reconciler` asks once the target of now stands, and does the same
for Secrets; `refresh.manifest_targets` writes them.
"""

from __future__ import annotations

import logging
import threading

from secretsync.cluster.base import Cluster, Kind, Object, Preconditions
from secretsync.core.plan import Verb
from secretsync.errors import ClusterError
from secretsync.refresh.manifest_targets import target_kind
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.meta import ObjectRef
from secretsync.resources.names import MANAGED_TARGET_LABEL

__all__ = ["OutgrownTargets"]

log = logging.getLogger(__name__)


class OutgrownTargets:
    """Deletes what an ExternalSecret owned under another name, or as another kind.

    Which kinds there were before is known of this process alone: after a restart, what was
    left of another kind stays. Names are found without a memory.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._kinds: dict[ObjectRef, set[Kind]] = {}

    def settle(self, outcome: Outcome[ExternalSecret]) -> None:
        """Take note of what was made; delete what it took the place of.

        Only a target that was made anew can have taken the place of another: nothing is
        listed for the others.
        """
        item, action = outcome.item, outcome.action
        owns = item.live and item.meta.uid and item.target.creation_policy == "Owner"
        if outcome.failed or not owns:
            return
        try:
            kinds = self._noted(item)
            made = action is not None and action.verb is Verb.CREATE
            for kind in kinds if made and outcome.progress is Progress.APPLIED else ():
                self._remove(item, kind)
        except ClusterError as exc:
            log.warning(
                "outgrown target not deleted",
                extra={"object": str(item.ref), "cause": exc.message},
            )

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is remembered of an ExternalSecret that is gone."""
        with self._lock:
            self._kinds.pop(ref, None)

    def _noted(self, item: ExternalSecret) -> tuple[Kind, ...]:
        """Return the kinds that it had made, with that of now."""
        if item.target.manifest is None:
            with self._lock:
                return tuple(self._kinds.get(item.ref, ()))
        now = target_kind(self._cluster, item)
        with self._lock:
            kinds = self._kinds.setdefault(item.ref, set())
            kinds.add(now)
            return tuple(kinds)

    def _remove(self, item: ExternalSecret, kind: Kind) -> None:
        page = self._cluster.list(
            kind,
            item.meta.namespace,
            label_selector=f"{MANAGED_TARGET_LABEL}=true",
            metadata_only=True,
        )
        for obj in page.items:
            if _owner_uid(obj) != item.meta.uid or self._is_target(item, kind, obj):
                continue
            meta = obj["metadata"]
            seen = Preconditions(meta.get("uid", ""), meta.get("resourceVersion", ""))
            self._cluster.delete(kind, item.meta.namespace, meta["name"], preconditions=seen)

    def _is_target(self, item: ExternalSecret, kind: Kind, obj: Object) -> bool:
        manifest = item.target.manifest
        if manifest is None or obj["metadata"]["name"] != item.target.name:
            return False
        return (manifest.api_version, manifest.kind) == (kind.api_version, kind.kind)


def _owner_uid(obj: Object) -> str:
    references = obj["metadata"].get("ownerReferences") or []
    found = next((each for each in references if each.get("controller")), None)
    if found is None or found.get("kind") != "ExternalSecret":
        return ""
    return str(found.get("uid", ""))
