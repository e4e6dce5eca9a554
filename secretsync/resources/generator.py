"""Generators and ClusterGenerator, `generators.external-secrets.io/v1alpha1`.

The `spec` of each kind is described by its module's own `CONFIG` dataclass; this file
knows only what all of them share.

Source: the published CRDs of External Secrets Operator 2.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secretsync.generators import registry
from secretsync.resources.api_versions import read_spec
from secretsync.resources.composer import Path, quoted
from secretsync.resources.decode import closest, decode
from secretsync.resources.documents import Document
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta, type_name
from secretsync.resources.parsed import Parsed
from secretsync.resources.source_spec import GENERATOR_VERSION

__all__ = [
    "CLUSTER_GENERATOR",
    "GENERATOR_GROUP",
    "GENERATOR_KINDS",
    "Generator",
    "parse_generator",
]

GENERATOR_GROUP = GENERATOR_VERSION.partition("/")[0]
CLUSTER_GENERATOR = "ClusterGenerator"

#: Published kind → the field of a ClusterGenerator's `spec.generator` that holds its spec.
_SPEC_FIELDS = {
    "ACRAccessToken": "acrAccessTokenSpec",
    "BeyondtrustWorkloadCredentialsDynamicSecret": (
        "beyondtrustWorkloadCredentialsDynamicSecretSpec"
    ),
    "CloudsmithAccessToken": "cloudsmithAccessTokenSpec",
    "ECRAuthorizationToken": "ecrAuthorizationTokenSpec",
    "Fake": "fakeSpec",
    "GCRAccessToken": "gcrAccessTokenSpec",
    "GithubAccessToken": "githubAccessTokenSpec",
    "GitlabDeployToken": "gitlabDeployTokenSpec",
    "Grafana": "grafanaSpec",
    "MFA": "mfaSpec",
    "Password": "passwordSpec",
    "QuayAccessToken": "quayAccessTokenSpec",
    "SSHKey": "sshKeySpec",
    "STSSessionToken": "stsSessionTokenSpec",
    "UUID": "uuidSpec",
    "VaultDynamicSecret": "vaultDynamicSecretSpec",
    "Webhook": "webhookSpec",
}
#: Kinds of the group that an ExternalSecret may name, served here or not.
GENERATOR_KINDS = (*_SPEC_FIELDS, CLUSTER_GENERATOR)


@dataclass(frozen=True, slots=True)
class Generator:
    """One validated generator, or the one that a ClusterGenerator holds.

    Args:
        kind: what makes the values, e.g. Password.
        config: instance of that kind's `CONFIG` dataclass.
        cluster_wide: it is a ClusterGenerator: credentials are looked up in the
            namespace that a selector names, or else in its user's.
        path: where in the object its config stands.
    """

    meta: ObjectMeta
    kind: str
    config: Any
    cluster_wide: bool = False
    path: tuple[str, ...] = ("spec",)

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        kind = CLUSTER_GENERATOR if self.cluster_wide else self.kind
        return ObjectRef(kind, self.meta.namespace, self.meta.name)

    @property
    def controller(self) -> str:
        """The class of the controllers that serve it; "" is any."""
        return str(getattr(self.config, "controller", ""))


def parse_generator(document: Document, *, default_namespace: str) -> Parsed[Generator]:
    """Parse, default and validate one generator of any kind, or a ClusterGenerator.

    Args:
        document: an object of the generators' group.
        default_namespace: of a generator that names none.

    Returns:
        The object, or None where a problem is an error; all problems at once.
    """
    kind = str(document.value.get("kind"))
    cluster_wide = kind == CLUSTER_GENERATOR
    namespace = "" if cluster_wide else default_namespace
    findings = object_findings(document, default_namespace=namespace)
    if document.value.get("apiVersion") != GENERATOR_VERSION:
        findings.error(
            ("apiVersion",),
            f"{kind} has no version {quoted(str(document.value.get('apiVersion')))}",
            f"use {GENERATOR_VERSION}",
        )
    meta = read_meta(document, findings, default_namespace=namespace)
    # A kind without a required field may leave its spec out, as UUID's always does.
    raw = read_spec(document, findings) if document.value.get("spec") is not None else {}
    path: Path = ("spec",)
    if cluster_wide:
        kind, raw, path = _held(raw, findings)
    config = _config(kind, raw, path, findings) if kind else None
    generator = Generator(meta, kind, config, cluster_wide, tuple(map(str, path)))
    return Parsed(None if findings.failed else generator, findings.problems)


def _held(spec: dict[str, Any], findings: Findings) -> tuple[str, dict[str, Any], Path]:
    """Return kind, spec and its path of what a ClusterGenerator holds."""
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in _SPEC_FIELDS:
        meant = closest(str(kind), tuple(_SPEC_FIELDS)) if kind else ""
        remedy = f"did you mean {meant}?" if meant else "name the kind, such as Password"
        findings.error(("spec", "kind"), "kind names no generator", remedy)
        return "", {}, ("spec",)
    name = _SPEC_FIELDS[kind]
    path: Path = ("spec", "generator", name)
    holder = spec.get("generator")
    if not isinstance(holder, dict) or [key for key in holder if holder[key] is not None] != [name]:
        findings.error(
            ("spec", "generator"),
            f"generator must hold {name} and nothing else, as kind is {kind}",
            f"write the generator's spec under generator.{name}",
        )
        return kind, {}, path
    held = holder[name]
    if not isinstance(held, dict):
        findings.error(path, f"expected an object, found {type_name(held)}")
        return kind, {}, path
    return kind, held, path


def _config(kind: str, raw: dict[str, Any], path: Path, findings: Findings) -> Any:
    if kind in registry.GENERATORS:
        return decode(registry.load(kind).CONFIG, raw, path, findings)
    served = ", ".join(sorted(registry.GENERATORS))
    if kind in _SPEC_FIELDS:
        findings.error(("kind",), f"generator {kind} is not supported yet", f"use one of: {served}")
    else:
        meant = closest(kind, GENERATOR_KINDS)
        remedy = f"did you mean {meant}?" if meant else f"use one of: {served}"
        findings.error(("kind",), f"unknown kind {quoted(kind)} of {GENERATOR_GROUP}", remedy)
    return None
