"""What stands beside what: the objects of the sources, and what the application had. Pure.

Neighbours: `comparing` reads the live side of each slot, `tracking` has the format of
the annotation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.cluster.base import Kind
from secretsync.errors import ClusterError, NotFound
from secretsync.gitops.model import Object, ObjectKey, api_group
from secretsync.gitops.normalizing import folded

__all__ = ["Paired", "Slot", "compare_options", "extraneous", "listed_in", "owner_of", "paired"]

TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE_LABEL = "app.kubernetes.io/instance"
_HOOKS = ("argocd.argoproj.io/hook", "helm.sh/hook")
_COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"

Resolve = Callable[[str, str], Kind]


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
    scopes = _defined_scopes(obj for obj in targets if not _fault(obj))
    kinds = _Kinds(resolve)
    slots: dict[ObjectKey, Slot] = {}
    nameless: list[Slot] = []
    repeated: list[ObjectKey] = []
    for number, obj in enumerate(targets, start=1):
        fault = _fault(obj)
        if fault:
            nameless.append(_broken(obj, instance, fault, number))
            continue
        kind, problem = kinds.of(obj["apiVersion"], obj["kind"])
        group_kind = (api_group(obj["apiVersion"]), obj["kind"])
        namespaced = scopes.get(group_kind, True) if kind is None else kind.namespaced
        # As Argo CD writes it: what lies in no namespace is tracked under the destination's.
        place = obj["metadata"].get("namespace") or namespace
        target = _placed(obj, namespace if namespaced else "")
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


def _ran(result: Mapping[str, Any]) -> bool:
    return bool(result.get("hookType"))


class _Kinds:
    """Resolves each kind once."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._known: dict[tuple[str, str], tuple[Kind | None, str]] = {}

    def of(self, api_version: str, kind: str) -> tuple[Kind | None, str]:
        """Return the kind, None where it is not served or, with a reason, not known."""
        if (api_version, kind) not in self._known:
            found: tuple[Kind | None, str]
            try:
                found = self._resolve(api_version, kind), ""
            except NotFound:
                found = None, ""
            except ClusterError as exc:
                found = None, exc.message
            self._known[api_version, kind] = found
        return self._known[api_version, kind]


def _fault(obj: Mapping[str, Any]) -> str:
    """Return why this is no object that can be looked for, "" where it is one."""
    for name in ("apiVersion", "kind"):
        if not isinstance(obj.get(name), str) or not obj[name]:
            return f"{name} is missing, or no text"
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        return "metadata is missing, or no map"
    for name in ("name", "generateName", "namespace"):
        if not isinstance(metadata.get(name), str | None):
            return f"metadata.{name} is no text: put it in quotes"
    if not metadata.get("name") and not metadata.get("generateName"):
        return "metadata.name is missing"
    for name in ("labels", "annotations"):
        texts = metadata.get(name)
        if not isinstance(texts, Mapping | None):
            return f"metadata.{name} is no map"
        for key, text in (texts or {}).items():
            if not isinstance(text, str | None):
                return f"metadata.{name}: the value of {key} is no text: put it in quotes"
    return ""


def _broken(obj: Mapping[str, Any], instance: str, fault: str, number: int) -> Slot:
    """Return the slot of what is no object, under what it does tell about itself."""
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    kind = str(obj.get("kind") or "object")
    key = ObjectKey("", kind, "", str(name or f"number {number} of the sources"))
    return Slot(key, instance, dict(obj), None, fault, nameless=True)


def _slot(target: Object, instance: str, kind: Kind | None, problem: str) -> Slot:
    metadata = target["metadata"]
    hook = any(name in _annotations(target) for name in _HOOKS)
    nameless = not metadata.get("name")
    if nameless and not hook:
        problem = problem or "generateName is for hooks: give the object a name"
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    key = ObjectKey(
        api_group(target["apiVersion"]), target["kind"], metadata.get("namespace", ""), name
    )
    return Slot(key, instance, target, kind, problem, hook=hook, nameless=nameless)


def _placed(obj: Object, namespace: str) -> Object:
    """Return the object in its namespace, or in none."""
    metadata = dict(obj.get("metadata") or {})
    if not namespace:
        metadata.pop("namespace", None)
    elif not metadata.get("namespace"):
        metadata["namespace"] = namespace
    return folded({**obj, "metadata": metadata})


def _tracked(obj: Object, instance: str, namespace: str) -> Object:
    metadata = obj["metadata"]
    place = f"{namespace}/{metadata.get('name', '')}"
    tracking = f"{instance}:{api_group(obj['apiVersion'])}/{obj['kind']}:{place}"
    annotations = {**(metadata.get("annotations") or {}), TRACKING: tracking}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return (obj.get("metadata") or {}).get("annotations") or {}


def _defined_scopes(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], bool]:
    """Return whether kinds that the objects define are namespaced, by group and kind."""
    scopes = {}
    for obj in objects:
        spec = obj.get("spec")
        if obj["kind"] != "CustomResourceDefinition" or not isinstance(spec, Mapping):
            continue
        names = spec.get("names")
        kind = names.get("kind") if isinstance(names, Mapping) else None
        scopes[str(spec.get("group")), str(kind)] = spec.get("scope") != "Cluster"
    return scopes
