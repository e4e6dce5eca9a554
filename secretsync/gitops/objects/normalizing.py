"""An object as two of its kind are compared: without what says nothing about a wish. Pure.

Neighbours: `ignoring` takes away what the application asks to ignore, `comparing` and
`local_diff` compare what is left.

Source: Argo CD's normalizers, and the defaults in the CustomResourceDefinitions of
External Secrets Operator and Sealed Secrets.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from secretsync.gitops.model import Object, api_group
from secretsync.gitops.objects.field_paths import ABSENT, Path

__all__ = ["LAST_APPLIED", "default_of", "folded", "is_secret", "normalized"]

#: Where client-side apply keeps a copy of what it applied, values of Secrets included.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

#: Metadata that somebody may wish; the cluster writes the rest.
_WISHES = ("name", "namespace", "labels", "annotations", "ownerReferences", "finalizers")
_ROLES = frozenset({"Role", "ClusterRole"})

_ESO = "external-secrets.io"
_GENERATORS = "generators.external-secrets.io/v1alpha1"
_EXTERNAL_SECRET = {
    "refreshInterval": "1h0m0s",
    "target.creationPolicy": "Owner",
    "target.deletionPolicy": "Retain",
    "target.template.engineVersion": "v2",
    "target.template.mergePolicy": "Replace",
    "target.template.templateFrom.*.target": "Data",
    "data.*.sourceRef.generatorRef.apiVersion": _GENERATORS,
    "dataFrom.*.sourceRef.generatorRef.apiVersion": _GENERATORS,
    **{
        f"{place}.{name}": value
        for place in ("data.*.remoteRef", "dataFrom.*.extract", "dataFrom.*.find")
        for name, value in (
            ("conversionStrategy", "Default"),
            ("decodingStrategy", "None"),
            ("metadataPolicy", "None"),
            ("nullBytePolicy", "Ignore"),
        )
    },
}
#: What the cluster fills in, by group and kind: the path, `*` for any index, and the value.
_DEFAULTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("", "Secret"): {"type": "Opaque"},
    (_ESO, "ExternalSecret"): {f"spec.{key}": value for key, value in _EXTERNAL_SECRET.items()},
    (_ESO, "ClusterExternalSecret"): {
        f"spec.externalSecretSpec.{key}": value for key, value in _EXTERNAL_SECRET.items()
    },
    (_ESO, "PushSecret"): {
        "spec.deletionPolicy": "None",
        "spec.refreshInterval": "1h0m0s",
        "spec.updatePolicy": "Replace",
        "spec.secretStoreRefs.*.kind": "SecretStore",
        "spec.selector.generatorRef.apiVersion": _GENERATORS,
        "spec.data.*.conversionStrategy": "None",
        "spec.dataTo.*.conversionStrategy": "None",
        "spec.dataTo.*.storeRef.kind": "SecretStore",
        "spec.template.engineVersion": "v2",
        "spec.template.mergePolicy": "Replace",
    },
}


def is_secret(obj: Mapping[str, Any]) -> bool:
    """Return whether an object is a Secret of the core group."""
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"


def normalized(obj: Mapping[str, Any]) -> Object:
    """Return the part of an object that people and controllers wish for.

    The status goes, and the metadata that the cluster writes; a Secret's `stringData`
    is merged into `data`. What stays is shared with the object, not copied.

    Args:
        obj: with apiVersion, kind and metadata; rendered, or as a cluster gives it.
    """
    metadata = obj.get("metadata") or {}
    wishes: Object = {}
    for name in _WISHES:
        value = metadata.get(name)
        if name == "annotations" and value:
            value = {key: text for key, text in value.items() if key != LAST_APPLIED}
        if value not in (None, {}, []):
            wishes[name] = value
    kept = {key: value for key, value in obj.items() if key != "status"}
    kept["metadata"] = wishes
    if obj.get("kind") in _ROLES and "rules" in kept and kept["rules"] is None:
        kept["rules"] = []
    return folded(kept)


def folded(obj: Object) -> Object:
    """Return a Secret with its `stringData` in `data`; any other object as it is.

    So it must be applied, too: whoever applies `stringData` server-side owns no key of
    `data`, and a key that leaves the sources would stay.

    Args:
        obj: what is no text in it stays, for the cluster to refuse it.
    """
    encoded = obj.get("data")
    if not is_secret(obj) or not isinstance(encoded, Mapping | None):
        return obj
    if "stringData" not in obj and encoded is None:
        return obj
    data = dict(encoded or {})
    plain = obj.get("stringData")
    for key, value in plain.items() if isinstance(plain, Mapping) else ():
        text = "" if value is None else value
        if isinstance(text, str):
            text = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")
        data[key] = text
    data = {key: "" if value is None else value for key, value in data.items()}
    return {**{key: value for key, value in obj.items() if key != "stringData"}, "data": data}


def default_of(obj: Mapping[str, Any], path: Path) -> Any:
    """Return what the cluster fills in at a path of this kind; ABSENT where it is unknown."""
    table = _DEFAULTS.get((api_group(str(obj.get("apiVersion"))), str(obj.get("kind"))))
    if table is None:
        return ABSENT
    return table.get(".".join("*" if isinstance(step, int) else step for step in path), ABSENT)
