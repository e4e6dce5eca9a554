"""What stands beside what: the objects of the sources, and what the application had. Pure.

Neighbours: `placing` knows in which namespace, `comparing` reads the live side of each
slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.cluster.base import Kind
from secretsync.gitops.model import Object, ObjectKey, api_group
from secretsync.gitops.objects.hooks import hook_phases
from secretsync.gitops.objects.placing import (
    Kinds,
    Resolve,
    defined_scopes,
    fault_of,
    in_place,
    is_namespaced,
)

__all__ = [
    "Paired",
    "Slot",
    "compare_options",
    "extraneous",
    "hooks_listed_in",
    "listed_in",
    "owner_of",
    "paired",
    "with_name",
]

TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE_LABEL = "app.kubernetes.io/instance"
_COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"


@dataclass(frozen=True, slots=True)
class Slot:
    """One object to look for.

    Args:
        target: with tracking, a Secret's stringData in its data; None for what only the
            inventory has.
        kind: None where the cluster does not serve it.
        problem: why its kind is not known, "" where it is, or is not served.
        hook: it runs at a sync instead of being kept.
        nameless: it is named when it is created.
    """

    key: ObjectKey
    instance: str
    target: Object | None = field(repr=False)
    kind: Kind | None
    problem: str = ""
    hook: bool = False
    nameless: bool = False

    def is_ours(self, live: Mapping[str, Any]) -> bool:
        """Return whether a live object carries the tracking of this application.

        Without the annotation, Argo CD's label counts for an object that the sources
        have; it is too weak a reason to delete one.
        """
        owner = owner_of(live, self.key)
        if owner is None and self.target is not None and TRACKING not in _annotations(live):
            labels = (live.get("metadata") or {}).get("labels") or {}
            return bool(labels.get(INSTANCE_LABEL) == self.instance)
        return owner == self.instance


@dataclass(frozen=True, slots=True)
class Paired:
    """All slots of an application, those of the sources first.

    Args:
        warnings: conditions, type and message.
    """

    slots: tuple[Slot, ...]
    warnings: tuple[tuple[str, str], ...] = ()


def paired(
    objects: Iterable[Object],
    *,
    instance: str,
    namespace: str,
    inventory: Mapping[ObjectKey, str],
    resolve: Resolve,
) -> Paired:
    """Return what must be looked for.

    Args:
        objects: as rendered; a namespace that is missing, or that the kind cannot have,
            is mended here, where scopes are known.
        instance: names the application in tracking.
        namespace: of namespaced objects that name none.
        inventory: what the application had, key → apiVersion.
        resolve: the kind behind apiVersion and kind, or a ClusterError.
    """
    targets = list(objects)
    scopes = defined_scopes(obj for obj in targets if not fault_of(obj))
    kinds = Kinds(resolve)
    slots: dict[ObjectKey, Slot] = {}
    nameless: list[Slot] = []
    repeated: list[ObjectKey] = []
    for number, obj in enumerate(targets, start=1):
        fault = fault_of(obj)
        if fault:
            nameless.append(_broken(obj, instance, fault, number))
            continue
        kind, problem = kinds.of(obj["apiVersion"], obj["kind"])
        # As Argo CD writes it: what lies in no namespace is tracked under the destination's.
        place = obj["metadata"].get("namespace") or namespace
        target = in_place(obj, namespace if is_namespaced(obj, kind, scopes) else "")
        target = _tracked(target, instance, target["metadata"].get("namespace") or place)
        slot = _slot(target, instance, kind, problem)
        if slot.nameless:
            nameless.append(slot)
            continue
        if slot.key in slots:
            repeated.append(slot.key)
        slots[slot.key] = slot
    extras = []
    for key in sorted(inventory.keys() - slots.keys()):
        kind, problem = kinds.of(inventory[key], key.kind)
        extras.append(Slot(key, instance, None, kind, problem))
    warnings = tuple(
        ("RepeatedResourceWarning", f"{key} is in the sources more than once; the last one counts")
        for key in dict.fromkeys(repeated)
    )
    return Paired((*slots.values(), *nameless, *extras), warnings)


def owner_of(live: Mapping[str, Any], key: ObjectKey) -> str | None:
    """Return which application's tracking an object carries as its own; None for none.

    A tracking that names another object was copied here, and says nothing.
    """
    parts = str(_annotations(live).get(TRACKING) or "").split(":", 2)
    if len(parts) != 3:
        return None
    instance, kind, place = parts
    namespace, slash, name = place.partition("/")
    own = (kind, slash, name) == (f"{key.group}/{key.kind}", "/", key.name)
    # One that lies in no namespace is tracked under the application's destination.
    return instance if own and key.namespace in ("", namespace) else None


def extraneous(live: Mapping[str, Any]) -> bool:
    """Return whether an object without a counterpart is not to count (IgnoreExtraneous)."""
    return "IgnoreExtraneous" in compare_options(_annotations(live))


def compare_options(annotations: Mapping[str, Any]) -> frozenset[str]:
    """Return the compare-options of an object or an Application."""
    text = str(annotations.get(_COMPARE_OPTIONS) or "")
    return frozenset(option.strip() for option in text.split(",") if option.strip())


def listed_in(status: Mapping[str, Any]) -> dict[ObjectKey, str]:
    """Return what the status of an Application says that it has, key → apiVersion.

    What a sync reports as applied counts too: it may have been killed before the
    inventory was written.
    """
    operation = status.get("operationState") or {}
    results = (operation.get("syncResult") or {}).get("resources") or ()
    applied = [each for each in results if each.get("status") == "Synced" and not _ran(each)]
    found = {}
    for each in (*(status.get("resources") or ()), *applied):
        group, version = str(each.get("group") or ""), str(each.get("version") or "")
        kind, name = str(each.get("kind") or ""), str(each.get("name") or "")
        if kind and name and version and not each.get("hook"):
            key = ObjectKey(group, kind, str(each.get("namespace") or ""), name)
            found[key] = f"{group}/{version}" if group else version
    return found


def hooks_listed_in(status: Mapping[str, Any]) -> dict[ObjectKey, str]:
    """Return the hooks that the last operation ran, key → apiVersion."""
    operation = status.get("operationState") or {}
    found = {}
    for each in (operation.get("syncResult") or {}).get("resources") or ():
        group, version = str(each.get("group") or ""), str(each.get("version") or "")
        kind, name = str(each.get("kind") or ""), str(each.get("name") or "")
        if _ran(each) and kind and name and version:
            key = ObjectKey(group, kind, str(each.get("namespace") or ""), name)
            found[key] = f"{group}/{version}" if group else version
    return found


def _ran(result: Mapping[str, Any]) -> bool:
    return bool(result.get("hookType"))


def _broken(obj: Mapping[str, Any], instance: str, fault: str, number: int) -> Slot:
    """Return the slot of what is no object, under what it does tell about itself."""
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    kind = str(obj.get("kind") or "object")
    key = ObjectKey("", kind, "", str(name or f"number {number} of the sources"))
    return Slot(key, instance, dict(obj), None, fault, nameless=True)


def _slot(target: Object, instance: str, kind: Kind | None, problem: str) -> Slot:
    metadata = target["metadata"]
    hook = hook_phases(target) is not None
    nameless = not metadata.get("name")
    if nameless and not hook:
        problem = problem or "generateName is for hooks: give the object a name"
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    key = ObjectKey(
        api_group(target["apiVersion"]), target["kind"], metadata.get("namespace", ""), name
    )
    return Slot(key, instance, target, kind, problem, hook=hook, nameless=nameless)


def _tracked(obj: Object, instance: str, namespace: str) -> Object:
    metadata = obj["metadata"]
    place = f"{namespace}/{metadata.get('name', '')}"
    tracking = f"{instance}:{api_group(obj['apiVersion'])}/{obj['kind']}:{place}"
    annotations = {**(metadata.get("annotations") or {}), TRACKING: tracking}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def with_name(obj: Object, name: str) -> Object:
    """Return an object that had only a generateName under a name, its tracking included."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "generateName"}
    annotations = dict(metadata.get("annotations") or {})
    if TRACKING in annotations:
        annotations[TRACKING] = f"{annotations[TRACKING].rpartition('/')[0]}/{name}"
        metadata["annotations"] = annotations
    return {**obj, "metadata": {**metadata, "name": name}}


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return (obj.get("metadata") or {}).get("annotations") or {}
