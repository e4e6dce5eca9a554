"""Which kinds there are where no API server says it: Kubernetes' own, and guesses. Pure.

Source: the discovery of kube-apiserver 1.34, which the tests hold this table to, and
the CustomResourceDefinitions of the named projects.
"""

from __future__ import annotations

from collections.abc import Mapping

from secretsync.cluster.base import Kind
from secretsync.errors import NotFound, Rejected

__all__ = ["KUBERNETES_VERSION", "builtin_kinds", "guessed_kind", "known_kind", "split_api_version"]

#: Whose kinds these are.
KUBERNETES_VERSION = "v1.34.0"
#: group → namespaced kinds, cluster-scoped kinds. Groups of this table are complete.
_BUILTIN: Mapping[str, tuple[str, str]] = {
    "": (
        (
            "Binding ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate "
            "ReplicationController ResourceQuota Secret Service ServiceAccount"
        ),
        "ComponentStatus Namespace Node PersistentVolume",
    ),
    "admissionregistration.k8s.io": (
        "",
        (
            "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration "
            "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
            "ValidatingWebhookConfiguration"
        ),
    ),
    "apiextensions.k8s.io": ("", "CustomResourceDefinition"),
    "apiregistration.k8s.io": ("", "APIService"),
    "apps": ("ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet", ""),
    "authentication.k8s.io": ("", "SelfSubjectReview TokenReview"),
    "authorization.k8s.io": (
        "LocalSubjectAccessReview",
        "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    ),
    "autoscaling": ("HorizontalPodAutoscaler", ""),
    "batch": ("CronJob Job", ""),
    "certificates.k8s.io": (
        "PodCertificateRequest",
        "CertificateSigningRequest ClusterTrustBundle",
    ),
    "coordination.k8s.io": ("Lease LeaseCandidate", ""),
    "discovery.k8s.io": ("EndpointSlice", ""),
    "events.k8s.io": ("Event", ""),
    "flowcontrol.apiserver.k8s.io": ("", "FlowSchema PriorityLevelConfiguration"),
    "internal.apiserver.k8s.io": ("", "StorageVersion"),
    "networking.k8s.io": ("Ingress NetworkPolicy", "IPAddress IngressClass ServiceCIDR"),
    "node.k8s.io": ("", "RuntimeClass"),
    "policy": ("PodDisruptionBudget", ""),
    "rbac.authorization.k8s.io": ("Role RoleBinding", "ClusterRole ClusterRoleBinding"),
    "resource.k8s.io": (
        "ResourceClaim ResourceClaimTemplate",
        "DeviceClass DeviceTaintRule ResourceSlice",
    ),
    "scheduling.k8s.io": ("", "PriorityClass"),
    "storage.k8s.io": (
        "CSIStorageCapacity",
        "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    ),
    "storagemigration.k8s.io": ("", "StorageVersionMigration"),
}
#: Cluster-scoped custom kinds that do not say so by their name (`ClusterIssuer` does).
_CLUSTER_SCOPED = frozenset(
    {
        ("gateway.networking.k8s.io", "GatewayClass"),
        ("karpenter.k8s.aws", "EC2NodeClass"),
        ("karpenter.sh", "NodeClaim"),
        ("karpenter.sh", "NodePool"),
        ("pkg.crossplane.io", "Configuration"),
        ("pkg.crossplane.io", "Function"),
        ("pkg.crossplane.io", "Provider"),
        ("snapshot.storage.k8s.io", "VolumeSnapshotClass"),
        ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
        ("templates.gatekeeper.sh", "ConstraintTemplate"),
    }
)
#: Groups whose `Cluster…` kinds are about clusters, and lie in namespaces.
_ABOUT_CLUSTERS = ("cluster.x-k8s.io", "operators.coreos.com")
#: Kinds whose version is not v1.
_VERSIONS = {"HorizontalPodAutoscaler": "v2"}
#: Whose plurals follow no rule.
_PLURALS = {"Endpoints": "endpoints"}


def known_kind(api_version: str, kind: str) -> Kind | None:
    """Return a kind of Kubernetes itself, or None where the group is another's.

    Raises:
        NotFound: the group is Kubernetes' own and has no such kind.
        Rejected: this is no apiVersion.
    """
    group, version = split_api_version(api_version, kind)
    if group not in _BUILTIN:
        return None
    namespaced, cluster_scoped = (names.split() for names in _BUILTIN[group])
    if kind not in (*namespaced, *cluster_scoped):
        raise NotFound(
            f"Kubernetes has no {kind} ({api_version})", remedy="correct apiVersion and kind"
        )
    return Kind(kind, _plural(kind), group, version, namespaced=kind in namespaced)


def guessed_kind(api_version: str, kind: str) -> Kind:
    """Return what a custom kind most likely is: namespaced, with a regular plural.

    Args:
        api_version: `group/version`.
        kind: `ClusterIssuer` and the like count as cluster-scoped.

    Raises:
        Rejected: this is no apiVersion.
    """
    group, version = split_api_version(api_version, kind)
    says_so = kind.startswith("Cluster") and kind[7:8].isupper()
    wide = (group, kind) in _CLUSTER_SCOPED or (says_so and not group.endswith(_ABOUT_CLUSTERS))
    return Kind(kind, _plural(kind), group, version, namespaced=not wide)


def builtin_kinds() -> list[Kind]:
    """Return every kind of the table, in the version that people write it in."""
    return [
        Kind(kind, _plural(kind), group, _VERSIONS.get(kind, "v1"), namespaced=namespaced)
        for group, scopes in _BUILTIN.items()
        for namespaced, names in zip((True, False), scopes, strict=True)
        for kind in names.split()
    ]


def split_api_version(api_version: str, kind: str) -> tuple[str, str]:
    """Return group ("" for the core group) and version.

    Args:
        api_version: as objects write it.
        kind: names the object in the error.

    Raises:
        Rejected: this is no apiVersion.
    """
    group, slash, version = api_version.rpartition("/")
    if not version or (slash and not group) or "/" in group:
        raise Rejected(
            f"{kind}: {api_version!r} is no apiVersion", remedy="write v1, or group/version"
        )
    return group, version


def _plural(kind: str) -> str:
    """The lower-case plural, by the rules that generators of CRDs go by."""
    name = kind.lower()
    if kind in _PLURALS:
        return _PLURALS[kind]
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"
