"""The `metadata` block of a push, and what it makes of a secret's resource.

Neighbour: `writing` pushes. Pure.

Source: ESO's PushSecretMetadata (kubernetes.external-secrets.io/v1alpha1) for Google.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import InvalidRef, PushItem
from providers.gcp.ids import Place
from providers.showing import shown

__all__ = ["MANAGED", "PushOptions", "is_managed", "push_options"]

#: The label that ESO gives to what it pushes.
MANAGED = ("managed-by", "external-secrets")

_WHERE = "metadata of the PushSecret's entry"
_FIELDS: dict[str, type] = {
    "annotations": dict,
    "labels": dict,
    "topics": list,
    "mergePolicy": str,
    "cmekKeyName": str,
    "replicationLocation": str,
    "replicationLocations": list,
}


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What a push wants of the secret besides its value.

    Args:
        given: there is such a block; without one, an existing secret keeps its labels,
            annotations and topics.
        merge: existing labels and annotations stay.
        key_name: of the key in Cloud KMS that encrypts; "" for Google's own.
        locations: where a global secret is replicated; () for everywhere.
    """

    given: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    topics: tuple[str, ...] = ()
    merge: bool = False
    key_name: str = ""
    locations: tuple[str, ...] = ()

    def resource(self, place: Place) -> dict[str, Any]:
        """Return the fields of a secret that is to be created."""
        fields: dict[str, Any] = {
            "labels": dict([*self.labels, MANAGED]),
            "annotations": dict(self.annotations),
            "topics": [{"name": name} for name in self.topics],
        }
        key = {"customer_managed_encryption": {"kms_key_name": self.key_name}}
        encryption = key if self.key_name else {}
        if place.location:
            return fields | encryption
        if self.locations:
            replicas = [{"location": location, **encryption} for location in self.locations]
            return fields | {"replication": {"user_managed": {"replicas": replicas}}}
        return fields | {"replication": {"automatic": encryption}}

    def updates(self, secret: Any) -> dict[str, Any]:
        """Return the fields of an existing secret that differ; {} for none."""
        if not self.given:
            return {}
        labels, annotations = dict(secret.labels), dict(secret.annotations)
        kept = (labels, annotations) if self.merge else ({}, {})
        wanted: dict[str, Any] = {
            "labels": {**kept[0], **dict(self.labels), MANAGED[0]: MANAGED[1]},
            "annotations": {**kept[1], **dict(self.annotations)},
        }
        held: dict[str, Any] = {"labels": labels, "annotations": annotations}
        if self.topics:
            held["topics"] = [topic.name for topic in secret.topics]
            wanted["topics"] = list(self.topics)
        changed = {name: value for name, value in wanted.items() if value != held[name]}
        if "topics" in changed:
            changed["topics"] = [{"name": name} for name in self.topics]
        return changed


def is_managed(secret: Any) -> bool:
    """Return whether a secret carries the label of what was pushed."""
    return bool(secret.labels.get(MANAGED[0]) == MANAGED[1])


def push_options(item: PushItem) -> PushOptions:
    """Read the block.

    Raises:
        InvalidRef: it is none, or goes together with a property.
    """
    block = item.metadata
    if not block:
        return PushOptions()
    if item.ref.property:
        raise InvalidRef(
            "metadata and property cannot be given together",
            remedy="put the metadata at an entry that pushes the whole secret",
        )
    kind = (block.get("apiVersion"), block.get("kind"))
    spec = block.get("spec")
    if kind != ("kubernetes.external-secrets.io/v1alpha1", "PushSecretMetadata") or not isinstance(
        spec, Mapping
    ):
        raise InvalidRef(
            f"{_WHERE} is no PushSecretMetadata with a spec",
            remedy="write apiVersion: kubernetes.external-secrets.io/v1alpha1, "
            "kind: PushSecretMetadata and spec",
        )
    for name, value in spec.items():
        _check(name, value)
    single = spec.get("replicationLocation", "")
    return PushOptions(
        given=True,
        labels=tuple(sorted(spec.get("labels", {}).items())),
        annotations=tuple(sorted(spec.get("annotations", {}).items())),
        topics=tuple(spec.get("topics", ())),
        merge=spec.get("mergePolicy") == "Merge",
        key_name=spec.get("cmekKeyName", ""),
        locations=tuple(spec.get("replicationLocations", ())) or ((single,) if single else ()),
    )


def _check(name: object, value: object) -> None:
    kind = _FIELDS.get(str(name))
    if kind is None:
        raise InvalidRef(f'{_WHERE} has an unknown field "{shown(str(name))}"', remedy="remove it")
    inner: list[object] = []
    if isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, list):
        inner = list(value)
    if not isinstance(value, kind) or not all(isinstance(one, str) for one in inner):
        raise InvalidRef(f"{_WHERE}: {name} has a value of the wrong kind")
    if name == "mergePolicy" and value not in ("", "Replace", "Merge"):
        raise InvalidRef(f"{_WHERE}: mergePolicy is neither Replace nor Merge")
