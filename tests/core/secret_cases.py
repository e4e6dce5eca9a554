"""Small objects for the tests of the Secret path, and a pure model of an API server.

The model applies what `wire` makes to a Secret that is only a value, by the same merge
and ownership rules as the directory cluster, which the cluster contract holds to a real
API server.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from providers.base import SecretBytes, SecretRef, SecretValue
from secretsync.cluster.field_sets import Owner, Owners, managed_fields
from secretsync.cluster.merge import apply_fields, merge_patch, update_owners
from secretsync.core.hashes import created_by_hash, data_hash, eso_field_managers
from secretsync.core.materialize import Materialized, Source, desired_secret
from secretsync.core.plan import SecretAction, Verb, plan_secret
from secretsync.core.secrets import (
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    MANAGED_LABEL,
    DesiredSecret,
    LiveSecret,
    live_secret,
)
from secretsync.core.wire import apply_object, create_object, needs_patch, update_patch
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import (
    ExternalSecret,
    StoreRef,
    parse_external_secret,
)

__all__ = [
    "API_VERSION",
    "CANARY",
    "STORE",
    "UID",
    "Model",
    "answer",
    "desired",
    "external_secret",
    "foreign_secret",
    "item",
    "secret_bytes",
    "source",
    "written_by_eso",
]

API_VERSION = "external-secrets.io/v1"
UID = "11111111-1111-1111-1111-111111111111"
STORE = StoreRef("aws", "SecretStore")
#: A value that no message, repr or log may show.
CANARY = "c4n4ry-hunter2"


def item(secret_key: str, key: str, **remote: str) -> dict[str, Any]:
    """Return one entry of `spec.data`."""
    return {"secretKey": secret_key, "remoteRef": {"key": key, **remote}}


def external_secret(
    spec: dict[str, Any] | None = None,
    *,
    name: str = "db",
    namespace: str = "web",
    uid: str = UID,
    created: str = "2026-01-01T00:00:00Z",
    **metadata: Any,
) -> ExternalSecret:
    """Return a parsed ExternalSecret; without a uid it is one of PATH."""
    given = {"secretStoreRef": {"name": "aws"}, "data": [item("password", "db")], **(spec or {})}
    value = {
        "apiVersion": API_VERSION,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {key: part for key, part in given.items() if part is not None},
    }
    if uid:
        value["metadata"] |= {"uid": uid, "creationTimestamp": created, "generation": 1}
    parsed = parse_external_secret(Document(value, Origin("app.yaml")), default_namespace="web")
    assert parsed.value is not None, parsed.problems
    return parsed.value


def source(key: str, version: str = "", store: StoreRef = STORE) -> Source:
    """Return a source."""
    return Source(store, SecretRef(key, version))


def answer(value: str | bytes, version: str = "v1") -> SecretValue:
    """Return what a provider would answer."""
    raw = value.encode() if isinstance(value, str) else value
    return SecretValue(SecretBytes(raw), version)


def secret_bytes(data: dict[str, str]) -> dict[str, SecretBytes]:
    """Return data as the core holds it."""
    return {key: SecretBytes(value.encode()) for key, value in data.items()}


def desired(
    data: dict[str, str] | None = None,
    target: dict[str, Any] | None = None,
    *,
    versions: dict[str, str] | None = None,
    **metadata: Any,
) -> DesiredSecret:
    """Return what an ExternalSecret with this target wants."""
    parent = external_secret({"target": target or {}}, **metadata)
    values = {"password": "hunter2"} if data is None else data
    return desired_secret(parent, Materialized(secret_bytes(values), versions or {}))


Planned = tuple[DesiredSecret, SecretAction]


def as_it_is(wanted: DesiredSecret, live: LiveSecret | None) -> Planned:
    """Plan as for an ExternalSecret."""
    return wanted, plan_secret(wanted, live)


@dataclass
class Model:
    """One Secret of an imagined API server; None where there is none.

    Args:
        obj: the Secret without its managedFields.
        owners: who owns which field.
        planner: fits what is wanted to what is there, and decides.
    """

    obj: dict[str, Any] | None = None
    owners: Owners = field(default_factory=dict)
    version: int = 1
    planner: Callable[[DesiredSecret, LiveSecret | None], Planned] = as_it_is

    def live(self) -> LiveSecret | None:
        """Return what a read gives."""
        if self.obj is None:
            return None
        shown = copy.deepcopy(self.obj)
        shown["metadata"] |= {
            "uid": shown["metadata"].get("uid") or "secret-uid",
            "resourceVersion": str(self.version),
            "managedFields": managed_fields(self.owners, "v1"),
        }
        return live_secret(shown)

    def write(self, manager: str, obj: dict[str, Any]) -> None:
        """Let somebody put this in place of the Secret."""
        self.owners = update_owners(self.obj or {}, obj, Owner(manager, "Update"), self.owners)
        self.obj = obj

    def plan(self, wanted: DesiredSecret) -> SecretAction:
        """Plan against what is there."""
        return self.planner(wanted, self.live())[1]

    def carry_out(self, wanted: DesiredSecret) -> SecretAction:
        """Plan, and do what was planned."""
        live = self.live()
        wanted, action = self.planner(wanted, live)
        manager = wanted.field_managers[0]
        if action.verb is Verb.CREATE:
            self.write(manager, create_object(wanted, action))
        elif action.verb is Verb.UPDATE:
            assert live is not None
            assert self.obj is not None
            if needs_patch(wanted, action, live):
                self.patch(wanted)
            else:
                self._apply(manager, apply_object(wanted, action, live))
        self.version += 1
        return action

    def patch(self, wanted: DesiredSecret) -> None:
        """Carry an update out by patch, whether it needs one or not."""
        live = self.live()
        assert live is not None
        wanted, action = self.planner(wanted, live)
        patch = update_patch(wanted, action, live)
        del patch["metadata"]["resourceVersion"]
        self.write(wanted.field_managers[0], merge_patch(self.obj, patch))

    def _apply(self, manager: str, config: dict[str, Any]) -> None:
        for name in ("uid", "resourceVersion"):
            del config["metadata"][name]
        owner = Owner(manager, "Apply")
        self.obj, self.owners = apply_fields(self.obj or {}, config, owner, self.owners, force=True)

    def values(self) -> dict[str, str]:
        """Return the data, decoded."""
        data = (self.obj or {}).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def metadata(self, section: str) -> dict[str, str]:
        """Return labels or annotations."""
        found: dict[str, str] = (self.obj or {}).get("metadata", {}).get(section) or {}
        return found


def _secret(data: dict[str, str], **fields: Any) -> dict[str, Any]:
    metadata = {"name": "db", "namespace": "web", **fields.pop("metadata", {})}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    return {**body, "data": encoded, **fields}


def foreign_secret(data: dict[str, str], **fields: Any) -> Model:
    """Return a Secret that somebody made by hand."""
    model = Model()
    model.write("kubectl", _secret(data, **fields))
    return model


def written_by_eso(
    data: dict[str, str],
    *,
    policy: str = "Owner",
    name: str = "db",
    uid: str = UID,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Model:
    """Return a Secret as External Secrets Operator leaves it for an ExternalSecret."""
    metadata: dict[str, Any] = {
        "labels": {MANAGED_LABEL: "true", **(labels or {})},
        "annotations": {
            DATA_HASH_ANNOTATION: data_hash({key: value.encode() for key, value in data.items()}),
            **(annotations or {}),
        },
    }
    if policy == "Owner":
        metadata["labels"][CREATED_BY_LABEL] = created_by_hash("web", name)
        owner = {"apiVersion": API_VERSION, "kind": "ExternalSecret", "name": name, "uid": uid}
        metadata["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    model = Model()
    model.write(eso_field_managers(name)[0], _secret(data, metadata=metadata))
    return model
