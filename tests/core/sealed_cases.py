"""SealedSecrets for the tests of the Secret path, without any sealing.

What came out of one is given in plain: that it came out of a sealed value is the
business of the tests of `sealing` and of the unsealer.
"""

from __future__ import annotations

import base64
from typing import Any

from secretsync.core.plan import SecretAction
from secretsync.core.sealed import desired_from_sealed, fit_to_live, plan_sealed
from secretsync.core.secrets import DesiredSecret, LiveSecret
from secretsync.resources.documents import Document, Origin
from secretsync.resources.sealed_secret import SealedSecret, parse_sealed_secret
from tests.core.secret_cases import UID, Model

__all__ = [
    "DIGEST_KEY",
    "MANAGED",
    "PATCH",
    "SKIP_OWNER",
    "hand_made",
    "nothing",
    "owner_of",
    "sealed_secret",
    "unsealed",
    "wanted",
    "written_by_theirs",
]

DIGEST_KEY = b"k" * 32
_PREFIX = "sealedsecrets.bitnami.com"
MANAGED = {f"{_PREFIX}/managed": "true"}
PATCH = {f"{_PREFIX}/patch": "true"}
SKIP_OWNER = {f"{_PREFIX}/skip-set-owner-references": "true"}


def sealed_secret(
    keys: tuple[str, ...] = ("password",),
    template: dict[str, Any] | None = None,
    *,
    uid: str = UID,
    spec: dict[str, Any] | None = None,
    **metadata: Any,
) -> SealedSecret:
    """Return a parsed SealedSecret; without a uid it is one of PATH."""
    value: dict[str, Any] = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": "web", **metadata},
        "spec": {"encryptedData": dict.fromkeys(keys, "AgA="), **(spec or {})},
    }
    if template is not None:
        value["spec"]["template"] = template
    if uid:
        value["metadata"] |= {"uid": uid, "generation": 1}
    parsed = parse_sealed_secret(Document(value, Origin("app.yaml")), default_namespace="web")
    assert parsed.value is not None, parsed.problems
    return parsed.value


def unsealed(sealed: SealedSecret, data: dict[str, str]) -> dict[str, Any]:
    """Return the Secret that opening would give."""
    template = sealed.raw["spec"].get("template") or {}
    metadata = {**(template.get("metadata") or {}), "name": "db", "namespace": "web"}
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": metadata,
        "immutable": template.get("immutable"),
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        "type": template.get("type", ""),
    }


def wanted(
    data: dict[str, str] | None = None,
    template: dict[str, Any] | None = None,
    *,
    digest_key: bytes | None = None,
    extra_labels: dict[str, str] | None = None,
    **options: Any,
) -> DesiredSecret:
    """Return what a SealedSecret with this template wants."""
    values = {"password": "hunter2"} if data is None else data
    sealed = sealed_secret(tuple(values), template, **options)
    secret = unsealed(sealed, values)
    return desired_from_sealed(sealed, secret, digest_key=digest_key, extra_labels=extra_labels)


def owner_of(
    kind: str = "SealedSecret", *, name: str = "db", uid: str = UID, **more: Any
) -> dict[str, Any]:
    """Return a controller reference as the Sealed Secrets controller writes it."""
    version = "bitnami.com/v1alpha1" if kind == "SealedSecret" else "apps/v1"
    reference = {"apiVersion": version, "kind": kind, "name": name, "uid": uid}
    return {**reference, "controller": True, **more}


def _planned(desired: DesiredSecret, live: LiveSecret | None) -> tuple[DesiredSecret, SecretAction]:
    return fit_to_live(desired, live), plan_sealed(desired, live)


def hand_made(data: dict[str, str] | None = None, *, by: str = "kubectl", **fields: Any) -> Model:
    """Return a Secret that somebody made, to be planned as a SealedSecret's."""
    values = {"theirs": "x"} if data is None else data
    metadata = {"name": "db", "namespace": "web", **fields.pop("metadata", {})}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    model = Model(planner=_planned)
    model.write(by, {**body, "data": encoded, **fields})
    return model


def written_by_theirs(data: dict[str, str] | None = None, **fields: Any) -> Model:
    """Return a Secret as the Sealed Secrets controller leaves it for `db`."""
    values = {"password": "hunter2"} if data is None else data
    metadata = {"ownerReferences": [owner_of()], **fields.pop("metadata", {})}
    return hand_made(values, by="controller", metadata=metadata, **fields)


def nothing() -> Model:
    """Return the absence of a Secret, to be planned as a SealedSecret's."""
    return Model(planner=_planned)
