"""PreDelete and PostDelete hooks: run when an application is deleted, before and after.

How far a deletion is stands in the finalizers of the Application, as Argo CD has them: a
phase that is through takes its own away, so that a kill repeats no phase. A hook that
fails is deleted, to be tried again, and holds the deletion meanwhile.

Neighbours: `deleting` asks for the phases, `hook_running` knows how a hook ends.

Source: Argo CD 3.6, "Resource hooks".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ConfigError, Conflict, NotFound
from secretsync.gitops.diff.pairing import Slot, owner_of, paired, with_name
from secretsync.gitops.model import FIELD_MANAGER, HealthStatus, Object, ObjectKey
from secretsync.gitops.objects.health import health_of
from secretsync.gitops.objects.hooks import DeletionPhase, deletes_after, deletion_phases, wave_of
from secretsync.gitops.projects.instances import instance_of
from secretsync.gitops.sync.hook_running import NOT_RUN, delete_hook, ended_as
from secretsync.resources.application import Application

__all__ = [
    "CLEANUP",
    "DeletionHooks",
    "finalizer_of",
    "hold_for_hooks",
    "phases_left",
    "set_finalizers",
]

#: Ends the finalizer of a phase whose hooks have run and are to go.
CLEANUP = "/cleanup"

Told = Callable[[ObjectKey, str], None]

_FINALIZERS = {
    DeletionPhase.PRE_DELETE: "pre-delete-finalizer.argocd.argoproj.io",
    DeletionPhase.POST_DELETE: "post-delete-finalizer.argocd.argoproj.io",
}


def finalizer_of(phase: DeletionPhase) -> str:
    """Return the finalizer that holds an Application until the hooks of a phase have run."""
    return _FINALIZERS[phase]


def phases_left(finalizers: Iterable[str]) -> list[str]:
    """Return the finalizers of hooks that are still on an Application."""
    names = tuple(_FINALIZERS.values())
    return [each for each in finalizers if each.removesuffix(CLEANUP) in names]


def hold_for_hooks(
    cluster: Cluster, app: Application, objects: Iterable[Mapping[str, Any]]
) -> None:
    """Let an Application carry the finalizers of the hooks that its sources have.

    Nothing is written where it does; whoever changes it at the same moment goes first.

    Args:
        objects: as rendered.

    Raises:
        ClusterError: the cluster refused it.
    """
    if not app.live or app.meta.deleted_at is not None:
        return
    phases = {phase for obj in objects for phase in deletion_phases(obj)}
    wanted = [
        name + end
        for phase, name in _FINALIZERS.items()
        if phase in phases
        for end in ("", CLEANUP)
    ]
    had = phases_left(app.meta.finalizers)
    if sorted(had) == sorted(wanted):
        return
    kept = [each for each in app.meta.finalizers if each not in had]
    set_finalizers(cluster, app, [*kept, *wanted])


def set_finalizers(cluster: Cluster, app: Application, finalizers: Sequence[str]) -> bool:
    """Set the finalizers of an Application as it was read; return whether they are set.

    Raises:
        ClusterError: the cluster refused it.
    """
    version = app.meta.resource_version or None
    patch: Object = {"metadata": {"finalizers": [*finalizers] or None, "resourceVersion": version}}
    where = (KINDS["Application"], app.meta.namespace, app.meta.name)
    try:
        cluster.merge_patch(*where, patch, field_manager=FIELD_MANAGER)
    except (Conflict, NotFound):
        return False  # Somebody else was faster: whoever asks looks again.
    return True


@dataclass(frozen=True)
class DeletionHooks:
    """Runs the hooks of deletions in one cluster; safe in threads.

    Args:
        render: the objects of an application, as its project allows them.
    """

    cluster: Cluster
    render: Callable[[Application], Sequence[Object]]

    def run(self, app: Application, phase: DeletionPhase, told: Told) -> bool:
        """Start the hooks of a phase, wave by wave; return whether all have succeeded.

        Args:
            told: of each hook what came of it.

        Raises:
            ConfigError: one has failed; it is deleted, and made anew the next time.
            SecretSyncError: the sources cannot be read, or the cluster not be asked.
        """
        slots = sorted(self._slots(app, phase), key=_wave)
        for wave in dict.fromkeys(map(_wave, slots)):
            ended = [self._ended(app, slot, told) for slot in slots if _wave(slot) == wave]
            if not all(ended):
                return False
        return True

    def pass_by(self, app: Application, told: Told) -> None:
        """Say of each hook that it is not run, in a cluster that has nobody who would.

        Raises:
            SecretSyncError: the sources cannot be read.
        """
        for phase in DeletionPhase:
            for slot in self._slots(app, phase):
                told(slot.key, NOT_RUN)

    def clean(self, app: Application, phase: DeletionPhase, told: Told) -> bool:
        """Delete the hooks of a phase as their policies say; return whether they are gone.

        Raises:
            SecretSyncError: the sources cannot be read, or the cluster not be asked.
        """
        gone = True
        for slot in self._slots(app, phase):
            live = self._live(slot)
            if live is None or owner_of(live, slot.key) != instance_of(app):
                continue
            health = ended_as(live, health_of)
            succeeded = health is not None and health.status is HealthStatus.HEALTHY
            if not deletes_after(live, succeeded=succeeded):
                continue
            if not live["metadata"].get("deletionTimestamp"):
                delete_hook(
                    self.cluster, (slot.key, str(live["apiVersion"])), instance=instance_of(app)
                )
                told(slot.key, "deleted")
            gone = False
        return gone

    def _slots(self, app: Application, phase: DeletionPhase) -> list[Slot]:
        objects = [obj for obj in self.render(app) if phase in deletion_phases(obj)]
        found = paired(
            [_named(obj, app, phase) for obj in objects],
            instance=instance_of(app),
            namespace=app.spec.destination.namespace,
            inventory={},
            resolve=self.cluster.resolve,
        )
        return list(found.slots)

    def _ended(self, app: Application, slot: Slot, told: Told) -> bool:
        """Start a hook that is not there; return whether it has succeeded."""
        if slot.kind is None or slot.target is None:
            raise ConfigError(
                f"{slot.key}: {slot.problem or 'the cluster does not serve this kind'}",
                remedy="mend the hook in the repository, or remove the Application's finalizer",
            )
        live = self._live(slot)
        if live is None:
            self.cluster.create(slot.kind, slot.target, field_manager=FIELD_MANAGER)
            told(slot.key, "started")
            return False
        if owner_of(live, slot.key) != instance_of(app):
            raise ConfigError(
                f"{slot.key}: it exists and is not this application's",
                remedy="rename the hook, or remove what has its name",
            )
        health = ended_as(live, health_of)
        if health is None:
            return False
        if health.status is HealthStatus.HEALTHY:
            return True
        delete_hook(self.cluster, (slot.key, str(live["apiVersion"])), instance=instance_of(app))
        raise ConfigError(
            f"{slot.key}: the hook failed: {health.message}",
            remedy="it is tried again; mend it in the repository, or remove the finalizer",
        )

    def _live(self, slot: Slot) -> Object | None:
        if slot.kind is None:
            return None
        return self.cluster.get(slot.kind, slot.key.namespace, slot.key.name)


def _named(obj: Object, app: Application, phase: DeletionPhase) -> Object:
    """Return a hook with a name that is the same for one deletion."""
    metadata = obj.get("metadata") or {}
    if metadata.get("name") or not metadata.get("generateName"):
        return obj
    deleted_at = app.meta.deleted_at
    number = int(deleted_at.timestamp()) if deleted_at is not None else 0
    return with_name(obj, f"{metadata['generateName']}{phase}-{number}".lower())


def _wave(slot: Slot) -> int:
    return wave_of(slot.target or {})
