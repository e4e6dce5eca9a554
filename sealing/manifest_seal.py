"""From a Secret to a SealedSecret, as kubeseal writes it.

Neighbours: `fields` reads the input, `envelope` seals each value, `manifest_unseal` is
the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sealing.certificates import Certificate
from sealing.envelope import seal_value
from sealing.errors import InvalidManifest
from sealing.fields import data_field, metadata_copy, optional_bool, text_field, text_map
from sealing.scopes import SEPARATOR, Scope, scope_annotations, scope_of

__all__ = ["LAST_APPLIED_ANNOTATIONS", "seal_secret"]

#: Copies of a whole object: they would carry the plaintext along.
LAST_APPLIED_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
)
_DROPPED = frozenset({"ownerReferences"})


def seal_secret(
    secret: Mapping[str, Any],
    certificate: Certificate,
    *,
    now: datetime,
    scope: Scope | None = None,
    name: str = "",
    namespace: str = "",
    default_namespace: str = "",
    allow_empty_data: bool = False,
) -> dict[str, Any]:
    """Seal a whole Secret, each value on its own.

    Args:
        secret: the object; it is not changed.
        now: aware; what the certificate's end is compared with.
        scope: replaces what the Secret's annotations ask for; None keeps that.
        name: replaces the Secret's.
        namespace: must be the Secret's if that has one; not looked at for cluster-wide.
        default_namespace: of a Secret that has none; not looked at for cluster-wide.
        allow_empty_data: seal a Secret without values.

    Returns:
        The SealedSecret, in the order in which it is to be written.

    Raises:
        InvalidManifest: the Secret cannot be sealed as it stands.
        CertificateExpired: the certificate's time is over.
    """
    values = _values(secret)
    if not values and not allow_empty_data:
        raise InvalidManifest(
            "secret.data is empty in input Secret, assuming this is an error and aborting. "
            "To work with empty data, --allow-empty-data can be used"
        )
    metadata = metadata_copy(secret, path="metadata", drop=_DROPPED)
    annotations = metadata.get("annotations", {})
    scope = scope_of(annotations) if scope is None else scope
    metadata["name"] = _name(metadata, name)
    metadata["namespace"] = _namespace(metadata, scope, given=namespace, default=default_namespace)
    metadata["annotations"] = {
        key: value
        for key, value in sorted(scope_annotations(annotations, scope).items())
        if key not in LAST_APPLIED_ANNOTATIONS
    }
    place = {"name": metadata["name"], "namespace": metadata["namespace"]}
    encrypted = {
        key: seal_value(value, certificate, now=now, scope=scope, **place)
        for key, value in sorted(values.items())
    }
    return {
        "kind": "SealedSecret",
        "apiVersion": "bitnami.com/v1alpha1",
        "metadata": _filled(place | {"annotations": scope_annotations({}, scope)}),
        "spec": {"template": _template(secret, metadata), "encryptedData": encrypted},
    }


def _values(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """What is to be sealed: `data`, and `stringData` over it."""
    texts = text_map(secret, "stringData", path="stringData")
    return data_field(secret, path="data") | {key: text.encode() for key, text in texts.items()}


def _name(metadata: Mapping[str, str], given: str) -> str:
    name = given or metadata.get("name", "")
    if not name:
        raise InvalidManifest("missing metadata.name in input Secret")
    return name


def _namespace(metadata: Mapping[str, str], scope: Scope, *, given: str, default: str) -> str:
    own = metadata.get("namespace", "")
    if scope is Scope.CLUSTER_WIDE:
        given = default = ""
    elif own and given and own != given:
        raise InvalidManifest(
            f'namespace mismatch: input secret is in namespace "{own}" but "{given}" was specified'
        )
    elif not (own or given or default):
        raise InvalidManifest("secret must declare a namespace")
    chosen = own or given or default
    if SEPARATOR in chosen:
        raise InvalidManifest("a namespace holds no slash", field="metadata.namespace")
    return chosen


def _template(secret: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    order = ("name", "generateName", "namespace", "labels", "annotations", "finalizers")
    kept = {key: metadata.get(key) for key in (*order, "managedFields")}
    template: dict[str, Any] = {"metadata": _filled(kept)}
    if type_ := text_field(secret, "type", path="type"):
        template["type"] = type_
    immutable = optional_bool(secret, "immutable", path="immutable")
    if immutable is not None:
        template["immutable"] = immutable
    return template


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not empty: the API's encoder leaves the others out."""
    return {key: value for key, value in fields.items() if value}
