"""The fields that External Secrets Operator publishes: its CRDs, and what came after them.

The CRDs are those of the release that the Go module proxy has (tests/tools/README.md). What
later releases added stands here by name, until 2.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.deploy.api import load_manifests
from tests.deploy.push_crds import CRDS
from tests.support.eso_operator import published_crds

__all__ = ["LATER", "ours", "paths", "published", "schema"]

Schema = dict[str, Any]


@cache
def published() -> dict[str, Schema]:
    """Return the published CRDs by kind."""
    return {crd["spec"]["names"]["kind"]: crd for crd in published_crds()}


@cache
def ours() -> dict[str, Schema]:
    """Return the CRDs of deploy/ by kind."""
    crds = [crd for path in sorted(CRDS.glob("*.yaml")) for crd in load_manifests(path)]
    return {crd["spec"]["names"]["kind"]: crd for crd in crds}


def schema(crd: Schema, version: str, part: str) -> Schema:
    """Return the schema of `spec` or `status` in a version."""
    (found,) = (each for each in crd["spec"]["versions"] if each["name"] == version)
    properties = found["schema"]["openAPIV3Schema"]["properties"]
    return dict(properties.get(part, {}))


def paths(below: Schema, path: str) -> Iterator[str]:
    """Give the path of every field below a schema, outer before inner; `.*` for any."""
    if below.get("type") == "array":
        yield from paths(below["items"], f"{path}[]")
        return
    yield path
    if below.get("x-kubernetes-preserve-unknown-fields"):
        yield f"{path}.*"
    for name, inner in below.get("properties", {}).items():
        yield from paths(inner, f"{path}.{name}")


_REF = "nullBytePolicy"
_MERGE = ("into", "priority[]", "priorityPolicy", "conflictPolicy", "strategy")
_TEMPLATE = ("metadata.finalizers[]", "templateFrom[].valuesDecodingStrategy")
_FEDERATION = (
    *("audience", "awsSecurityCredentials.awsCredentialsSecretRef", "credConfig"),
    *("awsSecurityCredentials.region", "externalTokenEndpoint", "gcpServiceAccountEmail"),
    "serviceAccountRef",
)
_GCP_LOGIN = ("location", "path", "projectID", "role", "serviceAccountRef")
_VAULT = (
    *("auth.cert.path", "auth.cert.vaultRole", "checkAndSet.required"),
    *(f"auth.gcp.{name}" for name in _GCP_LOGIN),
    *("auth.gcp.secretRef.secretAccessKeySecretRef", "auth.gcp.workloadIdentity.clusterName"),
)

#: Table of the page → fields of releases after the one whose CRDs are at hand.
LATER: dict[str, tuple[str, ...]] = {
    "ExternalSecret": (
        *(f"spec.{item}.{_REF}" for item in ("data[].remoteRef", "dataFrom[].extract")),
        f"spec.dataFrom[].find.{_REF}",
        *(f"spec.dataFrom[].rewrite[].merge.{name}" for name in _MERGE),
        *("spec.syncWindows.kind", "spec.syncWindows.windows[].schedule"),
        *("spec.syncWindows.windows[].duration", "spec.target.manifest.apiVersion"),
        "spec.target.manifest.kind",
        *(f"spec.target.template.{name}" for name in _TEMPLATE),
    ),
    "PushSecret": (
        *(f"spec.dataTo[].{name}" for name in ("storeRef.name", "storeRef.kind", "remoteKey")),
        *(f"spec.dataTo[].{name}" for name in ("match.regexp", "metadata", "conversionStrategy")),
        *("spec.dataTo[].rewrite[].regexp.source", "spec.dataTo[].rewrite[].transform.template"),
        *(f"spec.template.{name}" for name in _TEMPLATE),
    ),
    "provider aws": ("sessionTagsPolicy", "customSessionTags"),
    "provider fake": ("validationResult",),
    "provider gcpsm": (
        "secretVersionSelectionPolicy",
        *(f"auth.workloadIdentityFederation.{name}" for name in _FEDERATION),
    ),
    "provider vault": _VAULT,
    "provider openBao": ("server", "path", "auth.tokenSecretRef", *_VAULT),
    "generator GCRAccessToken": tuple(
        f"spec.auth.workloadIdentityFederation.{name}" for name in _FEDERATION
    ),
    "generator MFA": ("spec.secret", "spec.length", "spec.timePeriod", "spec.algorithm"),
    "generator Password": ("spec.secretKeys[]", "spec.encoding"),
    "generator SSHKey": ("spec.keyType", "spec.keySize", "spec.comment"),
    "generator VaultDynamicSecret": ("spec.getParameters",),
}
