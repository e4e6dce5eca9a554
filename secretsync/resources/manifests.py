"""Sorts the documents of all input files into the objects that commands work with.

Neighbours: `documents` reads the files, the parser of each kind does the rest. A bad
object stops only itself; its problems are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.resources.api_versions import ESO_GROUP, V1
from secretsync.resources.composer import quoted
from secretsync.resources.core_objects import (
    ConfigMapManifest,
    NamespaceManifest,
    SecretManifest,
    parse_config_map,
    parse_namespace,
    parse_secret,
)
from secretsync.resources.decode import closest
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret, parse_external_secret
from secretsync.resources.findings import Findings
from secretsync.resources.generator import (
    CLUSTER_GENERATOR,
    GENERATOR_GROUP,
    GENERATOR_KINDS,
    Generator,
    parse_generator,
)
from secretsync.resources.meta import ObjectRef
from secretsync.resources.object_meta import object_findings, type_name
from secretsync.resources.parsed import Parsed
from secretsync.resources.problems import Problem
from secretsync.resources.provisioner import Provisioner, parse_provisioner
from secretsync.resources.push_secret import PushSecret, parse_push_secret
from secretsync.resources.sealed_secret import (
    SEALED_SECRETS_GROUP,
    SealedSecret,
    parse_sealed_secret,
)
from secretsync.resources.secret_store import SecretStore, parse_secret_store

__all__ = ["Manifests", "load_manifests"]

_SERVED = (
    "ExternalSecret",
    "SecretStore",
    "ClusterSecretStore",
    "PushSecret",
    "ClusterPushSecret",
    "ClusterExternalSecret",
)
#: Group → the kinds of it that are told from one another.
_HANDLED = {
    ESO_GROUP: _SERVED,
    GENERATOR_GROUP: GENERATOR_KINDS,
    SEALED_SECRETS_GROUP: ("SealedSecret",),
    "": ("Secret", "ConfigMap", "Namespace"),
}
_CLUSTER_SCOPED = (
    "Namespace",
    "ClusterSecretStore",
    "ClusterPushSecret",
    "ClusterExternalSecret",
    CLUSTER_GENERATOR,
)

Value = (
    ExternalSecret
    | SealedSecret
    | SecretStore
    | Generator
    | SecretManifest
    | ConfigMapManifest
    | NamespaceManifest
    | PushSecret
    | Provisioner
)


@dataclass(frozen=True, slots=True)
class Manifests:
    """Every good object of the input, and what is wrong with the rest.

    Args:
        origins: where each good object was written.
    """

    external_secrets: tuple[ExternalSecret, ...] = ()
    sealed_secrets: tuple[SealedSecret, ...] = ()
    secret_stores: tuple[SecretStore, ...] = ()
    generators: tuple[Generator, ...] = ()
    secrets: tuple[SecretManifest, ...] = ()
    config_maps: tuple[ConfigMapManifest, ...] = ()
    namespaces: tuple[NamespaceManifest, ...] = ()
    push_secrets: tuple[PushSecret, ...] = ()
    provisioners: tuple[Provisioner, ...] = ()
    problems: tuple[Problem, ...] = ()
    origins: Mapping[ObjectRef, Origin] = field(default_factory=dict)


def load_manifests(documents: Iterable[Document], *, default_namespace: str) -> Manifests:
    """Parse the documents of every file.

    Two objects of the same kind, namespace and name are an error, and neither is kept:
    the order of the input must not decide which one counts.

    Args:
        documents: of all files, in any order.
        default_namespace: of objects that name none.
    """
    problems: list[Problem] = []
    first: dict[ObjectRef, Origin] = {}
    repeated: set[ObjectRef] = set()
    good: dict[ObjectRef, Value] = {}
    for document in documents:
        ref = _ref(document, default_namespace)
        if ref is not None and ref in first:
            problems.append(_repeated(document, ref, first[ref]))
            repeated.add(ref)
            continue
        parsed = _parse(document, default_namespace)
        problems.extend(parsed.problems)
        if ref is not None:
            first[ref] = document.origin
            if parsed.value is not None:
                good[ref] = parsed.value
    values = [value for ref, value in good.items() if ref not in repeated]
    return Manifests(
        external_secrets=tuple(item for item in values if isinstance(item, ExternalSecret)),
        sealed_secrets=tuple(item for item in values if isinstance(item, SealedSecret)),
        secret_stores=tuple(item for item in values if isinstance(item, SecretStore)),
        generators=tuple(item for item in values if isinstance(item, Generator)),
        secrets=tuple(item for item in values if isinstance(item, SecretManifest)),
        config_maps=tuple(item for item in values if isinstance(item, ConfigMapManifest)),
        namespaces=tuple(item for item in values if isinstance(item, NamespaceManifest)),
        push_secrets=tuple(item for item in values if isinstance(item, PushSecret)),
        provisioners=tuple(item for item in values if isinstance(item, Provisioner)),
        problems=tuple(problems),
        origins={item.ref: first[item.ref] for item in values},
    )


def _ref(document: Document, default_namespace: str) -> ObjectRef | None:
    """Return how a handled object is told from others, None where it cannot be."""
    api_version, kind = document.value.get("apiVersion"), document.value.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return None
    group = api_version.rpartition("/")[0]
    metadata = document.value.get("metadata")
    if kind not in _HANDLED.get(group, ()) or not isinstance(metadata, dict):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace") or default_namespace
    if not isinstance(name, str) or not name or not isinstance(namespace, str):
        return None
    return ObjectRef(kind, "" if kind in _CLUSTER_SCOPED else namespace, name)


def _repeated(document: Document, ref: ObjectRef, first: Origin) -> Problem:
    line = first.line_of(())
    findings = Findings(document.origin, str(ref))
    findings.error(
        (),
        f"the object is given twice; the other is in {first.file}{f':{line}' if line else ''}",
        "remove one of the two; neither is used",
    )
    return findings.problems[0]


def _parse(document: Document, default_namespace: str) -> Parsed[Any]:
    findings = object_findings(document, default_namespace=default_namespace)
    api_version = _required(document, "apiVersion", findings)
    kind = _required(document, "kind", findings)
    if findings.failed:
        return Parsed(None, findings.problems)
    group = api_version.rpartition("/")[0]
    if group == ESO_GROUP and kind in ("SecretStore", "ClusterSecretStore"):
        return parse_secret_store(document, default_namespace=default_namespace)
    if group == ESO_GROUP and kind == "ExternalSecret":
        return parse_external_secret(document, default_namespace=default_namespace)
    if group == GENERATOR_GROUP:
        return parse_generator(document, default_namespace=default_namespace)
    if group == ESO_GROUP and kind == "PushSecret":
        return parse_push_secret(document, default_namespace=default_namespace)
    if group == ESO_GROUP and kind in ("ClusterPushSecret", "ClusterExternalSecret"):
        return parse_provisioner(document)
    if group == SEALED_SECRETS_GROUP and kind == "SealedSecret":
        return parse_sealed_secret(document, default_namespace=default_namespace)
    if api_version == "v1" and kind == "Secret":
        return parse_secret(document, default_namespace=default_namespace)
    if api_version == "v1" and kind == "ConfigMap":
        return parse_config_map(document, default_namespace=default_namespace)
    if api_version == "v1" and kind == "Namespace":
        return parse_namespace(document)
    _refuse(group, kind, findings)
    return Parsed(None, findings.problems)


def _required(document: Document, name: str, findings: Findings) -> str:
    value = document.value.get(name)
    if isinstance(value, str) and value:
        return value
    what = "is missing" if value in (None, "") else f"is {type_name(value)}, not a string"
    findings.error((name,), f"{name} {what}", f"set {name}, as every Kubernetes object has it")
    return ""


def _refuse(group: str, kind: str, findings: Findings) -> None:
    path = ("kind",)
    if group == ESO_GROUP:
        meant = closest(kind, _SERVED)
        remedy = f"did you mean {meant}?" if meant else f"use a kind of {V1}"
        findings.error(path, f"unknown kind {quoted(kind)} of {ESO_GROUP}", remedy)
    elif kind == "List":
        findings.error(("items",), "items of a List is not a list", "write the objects as a list")
    else:
        findings.warning(path, f"kind {kind} is not handled by this command", "leave it out")
