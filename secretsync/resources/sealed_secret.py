"""SealedSecret, `bitnami.com/v1alpha1`.

The parser checks shapes and keeps the object as it was written: what opens it is
`sealing`, which reads the plain dictionary. Neighbours: `sealed_secret_template` reads
`spec.template`, `sealed_secret_rules` looks into the envelopes.

Source: the published CRD of Sealed Secrets 0.40 (field names, required fields).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sealing import Scope, scope_of
from secretsync.resources.api_versions import read_spec
from secretsync.resources.decode import warn_unknown_fields
from secretsync.resources.documents import Document
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.names import check_secret_key
from secretsync.resources.object_meta import object_findings, read_meta, type_name
from secretsync.resources.parsed import Parsed
from secretsync.resources.sealed_secret_template import SealedTemplate, read_template
from secretsync.resources.status import condition_of
from secretsync.resources.timestamps import parse_timestamp

__all__ = [
    "SEALED_SECRETS_GROUP",
    "SealedSecret",
    "SealedSecretStatus",
    "SealedTemplate",
    "parse_sealed_secret",
    "sealed_secret_status",
]

SEALED_SECRETS_GROUP = "bitnami.com"
_API_VERSION = f"{SEALED_SECRETS_GROUP}/v1alpha1"
_SPEC_FIELDS = ("encryptedData", "data", "template")
_PATCH_ANNOTATION = "sealedsecrets.bitnami.com/patch"


@dataclass(frozen=True, slots=True)
class SealedSecretStatus:
    """The part of `status` that says what was synced last."""

    observed_generation: int = 0
    synced: str = ""  # True | False | Unknown | ""
    message: str = ""
    updated_at: datetime | None = None
    transition_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """One SealedSecret of the right shape; whether it opens is not known yet.

    Args:
        raw: the object as written, with its namespace filled in, for `sealing`.
        live: the object lives in the target cluster (it has a uid and a status);
            False for an object read from PATH.
    """

    meta: ObjectMeta
    raw: Mapping[str, Any] = field(repr=False)
    template: SealedTemplate = field(default_factory=SealedTemplate)
    status: SealedSecretStatus = field(default_factory=SealedSecretStatus)
    live: bool = False

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("SealedSecret", self.meta.namespace, self.meta.name)

    @property
    def scope(self) -> Scope:
        """Where its values open, by its own annotations."""
        return scope_of(self.meta.annotations)

    @property
    def target_name(self) -> str:
        """The name of the Secret it makes: its own."""
        return self.meta.name

    @property
    def target_key(self) -> str:
        """The same: it always makes a Secret."""
        return self.meta.name

    @property
    def creation_policy(self) -> str:
        """How it shares the Secret, in ExternalSecret's terms.

        A patch annotation in the template lands on the Secret and makes every later
        write a merge.
        """
        patches = self.template.annotations.get(_PATCH_ANNOTATION) == "true"
        return "CreateOrMerge" if patches else "Owner"

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The keys the Secret will have; None for the old form, which hides them."""
        spec = self.raw["spec"]
        if spec.get("data") is not None:
            return None
        names = {*spec.get("encryptedData", ()), *self.template.data}
        return tuple(sorted(names - self.template.hidden_keys))


def parse_sealed_secret(document: Document, *, default_namespace: str) -> Parsed[SealedSecret]:
    """Parse and check one SealedSecret; no value is decoded.

    Args:
        document: an object of a file, or of a cluster (then it has a uid).
        default_namespace: of an object that names none.

    Returns:
        The object, or None where a problem is an error; all problems at once.
    """
    findings = object_findings(document, default_namespace=default_namespace)
    _check_type(document, findings)
    meta = read_meta(document, findings, default_namespace=default_namespace)
    spec = read_spec(document, findings)
    warn_unknown_fields(spec, _SPEC_FIELDS, ("spec",), findings)
    template = read_template(spec, findings)
    if isinstance(document.value.get("spec"), dict):
        _check_values(spec, template, findings)
    if findings.failed:
        return Parsed(None, findings.problems)
    metadata = {**document.value["metadata"], "namespace": meta.namespace}
    sealed = SealedSecret(
        meta=meta,
        raw={**document.value, "metadata": metadata},
        template=template,
        status=sealed_secret_status(document.value),
        live=bool(meta.uid),
    )
    return Parsed(sealed, findings.problems)


def _check_type(document: Document, findings: Findings) -> None:
    if document.value.get("kind") != "SealedSecret":
        findings.error(("kind",), "kind must be SealedSecret", "correct the kind")
    if document.value.get("apiVersion") != _API_VERSION:
        findings.error(("apiVersion",), "apiVersion is not one that is read", f"use {_API_VERSION}")


def _check_values(spec: dict[str, Any], template: SealedTemplate, findings: Findings) -> None:
    blob = spec.get("data")
    if blob is not None and not isinstance(blob, str):
        path = ("spec", "data")
        findings.error(path, f"expected a string, found {type_name(blob)}", "seal the Secret anew")
    values, path = spec.get("encryptedData"), ("spec", "encryptedData")
    if values is None:
        if blob is None:
            remedy = "put the sealed values there; {} where only the template has data"
            findings.error(path, "encryptedData is required", remedy)
        return
    if not isinstance(values, dict):
        findings.error(path, f"expected an object, found {type_name(values)}")
        return
    for key, text in values.items():
        _check_value(key, text, template, findings)


def _check_value(key: str, text: object, template: SealedTemplate, findings: Findings) -> None:
    path = ("spec", "encryptedData", key)
    if key not in template.hidden_keys and (wanted := check_secret_key(key)):
        findings.error(path, "the key is not valid", f"it must be {wanted}")
    if not isinstance(text, str):
        findings.error(
            path,
            f"expected a string, found {type_name(text)}",
            "seal the value, and put the sealed text here; remove the key if it is not wanted",
        )


def sealed_secret_status(obj: Mapping[str, Any]) -> SealedSecretStatus:
    """Read `status`; what is malformed counts as absent, since no user writes it."""
    value = obj.get("status")
    if not isinstance(value, dict):
        return SealedSecretStatus()
    synced = condition_of(obj, "Synced")
    generation = value.get("observedGeneration")
    return SealedSecretStatus(
        observed_generation=generation if type(generation) is int else 0,
        synced=_text(synced, "status"),
        message=_text(synced, "message"),
        updated_at=parse_timestamp(synced.get("lastUpdateTime")),
        transition_at=parse_timestamp(synced.get("lastTransitionTime")),
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
