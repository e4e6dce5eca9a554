"""Objects of a sync → tasks in the order that they run in. Pure.

Phase, then wave, then kind, then name; a Namespace goes before what is in it, and a CRD
before its objects, whatever their waves say. What is pruned goes in the opposite order of
the waves.

Neighbours: `hooks` reads the annotations, `syncing` works the tasks off.

Source: Argo CD 3.6, "Sync phases and waves"; the order of kinds is Helm's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from secretsync.gitops.model import Object, ObjectKey, Pair, SyncPhase
from secretsync.gitops.objects.hooks import hook_phases, wave_of
from secretsync.gitops.objects.sync_options import SyncOptions

__all__ = ["Task", "defined_by", "ranks", "steps", "tasks_of"]

_KINDS = (
    *("Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy"),
    *("PodDisruptionBudget", "ServiceAccount", "Secret", "SecretList", "ConfigMap"),
    *("StorageClass", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition"),
    *("ClusterRole", "ClusterRoleList", "ClusterRoleBinding", "ClusterRoleBindingList"),
    *("Role", "RoleList", "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod"),
    *("ReplicationController", "ReplicaSet", "Deployment", "HorizontalPodAutoscaler"),
    *("StatefulSet", "Job", "CronJob", "IngressClass", "Ingress", "APIService"),
)
_RANK = {kind: number for number, kind in enumerate(_KINDS)}
_PHASES = tuple(SyncPhase)


@dataclass(frozen=True, slots=True)
class Task:
    """One object in one phase.

    Args:
        hook: it runs, and is not kept.
    """

    pair: Pair
    phase: SyncPhase
    wave: int
    hook: bool = False

    @property
    def prunes(self) -> bool:
        """Whether it deletes what the sources no longer have."""
        return self.pair.target is None

    @property
    def obj(self) -> Object:
        """The object, as it should be or as it is."""
        return self.pair.target or self.pair.live or {}


def tasks_of(pairs: Iterable[Pair], options: SyncOptions, *, hooks: bool) -> list[Task]:
    """Return every task of a sync, in order.

    Args:
        hooks: False leaves hooks out, as a sync of some objects and a rollback do.
    """
    kept, run, pruned = [], [], []
    for pair in pairs:
        if pair.target is None:
            if pair.requires_pruning:
                pruned.append(Task(pair, SyncPhase.SYNC, wave_of(pair.live or {})))
        elif pair.hook:
            phases = hook_phases(pair.target) or ()
            run += [Task(pair, phase, wave_of(pair.target), hook=True) for phase in phases]
        else:
            kept.append(Task(pair, SyncPhase.SYNC, wave_of(pair.target)))
    kept = list(_dependencies_first(kept))
    tasks = [*kept, *(run if hooks else ()), *_swapped(pruned)]
    last = max((task.wave for task in tasks if task.phase is SyncPhase.SYNC), default=0)
    tasks = [
        replace(task, wave=last + 1)
        if task.prunes and options.has("PruneLast=true", task.obj)
        else task
        for task in tasks
    ]
    return sorted(tasks, key=_order)


def steps(tasks: Sequence[Task]) -> Iterator[tuple[SyncPhase, int, list[Task]]]:
    """Yield the tasks of each phase and wave together."""
    for (phase, wave), group in groupby(tasks, key=lambda task: (task.phase, task.wave)):
        yield phase, wave, list(group)


def ranks(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Yield tasks of one wave that need nothing of each other: those of one rank of kind."""
    for _, group in groupby(tasks, key=lambda task: (task.hook, _rank(task))):
        yield list(group)


def _rank(task: Task) -> int:
    return _RANK.get(task.pair.key.kind, len(_KINDS))


def _order(task: Task) -> tuple[int, int, bool, int, ObjectKey]:
    key = task.pair.key
    rank = _rank(task)
    if task.prunes:
        rank = -rank  # What uses others goes before them.
    return _PHASES.index(task.phase), task.wave, not task.prunes, rank, key


def _dependencies_first(tasks: list[Task]) -> Iterator[Task]:
    """Bring Namespaces and CRDs to the wave of the first object that needs them."""
    first: dict[tuple[str, ...], int] = {}
    for task in tasks:
        key = task.pair.key
        for needed in ((key.namespace,), (key.group, key.kind)):
            first[needed] = min(task.wave, first.get(needed, task.wave))
    for task in tasks:
        wave = task.wave
        if task.pair.key.kind == "Namespace":
            wave = min(wave, first.get((task.pair.key.name,), wave))
        elif task.pair.key.kind == "CustomResourceDefinition":
            wave = min(wave, first.get(defined_by(task.obj), wave))
        yield replace(task, wave=wave)


def defined_by(obj: Object) -> tuple[str, str]:
    """Return the group and kind that a CRD defines, two empty texts for anything else."""
    if obj.get("kind") != "CustomResourceDefinition":
        return "", ""
    spec = obj.get("spec") or {}
    return str(spec.get("group")), str((spec.get("names") or {}).get("kind"))


def _swapped(tasks: list[Task]) -> Iterator[Task]:
    """Give the highest wave of what is pruned the place of the lowest, and so on."""
    waves = sorted({task.wave for task in tasks})
    place = dict(zip(waves, reversed(waves), strict=True))
    for task in tasks:
        yield replace(task, wave=place[task.wave])
