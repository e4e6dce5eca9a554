"""Objects that a kustomization may change without the program, and their order. Pure.

Neighbour: `kustomize_changes` changes them.

Source: kustomize 5.7, the order in which it prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from secretsync.gitops.model import Object, api_group
from secretsync.gitops.render.kustomize_reading import NotSimpleError

__all__ = ["NAME", "OWN", "Placed", "is_texts", "matches", "placed_of", "sort_key"]

#: Kinds that lie in a namespace and name nothing that a change of it would touch.
_BUILT_IN = frozenset(
    {
        *(("v1", kind) for kind in ("ConfigMap", "Secret", "Service", "ServiceAccount")),
        ("v1", "PersistentVolumeClaim"),
        *(("apps/v1", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet")),
        *(("batch/v1", kind) for kind in ("Job", "CronJob")),
        *(("networking.k8s.io/v1", kind) for kind in ("Ingress", "NetworkPolicy")),
        ("policy/v1", "PodDisruptionBudget"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("rbac.authorization.k8s.io/v1", "Role"),
    }
)
_CUSTOM = frozenset(
    {
        ("bitnami.com", "SealedSecret"),
        *(("external-secrets.io", kind) for kind in ("ExternalSecret", "SecretStore")),
        ("argoproj.io", "Application"),
        *(("cert-manager.io", kind) for kind in ("Certificate", "Issuer")),
        *(("monitoring.coreos.com", kind) for kind in ("ServiceMonitor", "PrometheusRule")),
    }
)
_FIRST = (
    *("Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition"),
    *("ServiceAccount", "PodSecurityPolicy", "Role", "ClusterRole", "RoleBinding"),
    *("ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service", "LimitRange"),
    *("PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment"),
    *("StatefulSet", "CronJob", "PodDisruptionBudget"),
)
NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?", re.ASCII)
#: Annotations by which files talk to kustomize.
OWN = ("config.kubernetes.io/", "config.k8s.io/")


@dataclass(slots=True)
class Placed:
    """An object on its way, and the namespace that its file gave it."""

    obj: Object
    namespace: str

    @property
    def id(self) -> tuple[str, str, str, str]:
        """What no two objects may share."""
        metadata = self.obj["metadata"]
        return (
            self.obj["apiVersion"],
            self.obj["kind"],
            metadata.get("namespace", ""),
            metadata["name"],
        )


def placed_of(obj: dict[str, Any]) -> Placed:
    """Return an object of a file.

    Raises:
        NotSimpleError: it is of a kind that is not simple, or unusual in another way.
    """
    version, kind, metadata = obj.get("apiVersion"), obj.get("kind"), obj.get("metadata")
    if not isinstance(version, str) or not isinstance(kind, str) or not isinstance(metadata, dict):
        raise NotSimpleError
    if (version, kind) not in _BUILT_IN and (api_group(version), kind) not in _CUSTOM:
        raise NotSimpleError
    namespace = metadata.get("namespace", "")
    if not matches(NAME, metadata.get("name")) or "generateName" in metadata:
        raise NotSimpleError
    # No namespace is `default` to kustomize, where it tells objects apart.
    if namespace and (not matches(NAME, namespace) or namespace == "default"):
        raise NotSimpleError
    for name in ("labels", "annotations"):
        texts = metadata.get(name)
        if texts is not None and (
            not is_texts(texts) or any(o in key for key in texts for o in OWN)
        ):
            raise NotSimpleError
    return Placed(obj, namespace)


def sort_key(obj: Object) -> tuple[int, str, str]:
    """Return where kustomize prints an object."""
    kind, metadata = obj["kind"], obj["metadata"]
    place = _FIRST.index(kind) - len(_FIRST) if kind in _FIRST else 0
    group, _, version = str(obj["apiVersion"]).rpartition("/")
    about = f"{group or '~G'}_{version}_{kind}"
    return place, about, f"{metadata.get('namespace') or '~X'}|{metadata['name']}"


def is_texts(value: Any) -> bool:
    """Return whether a value is a map of texts, and not empty."""
    return isinstance(value, dict) and bool(value) and all(type(v) is str for v in value.values())


def matches(rule: re.Pattern[str], value: Any) -> bool:
    """Return whether a value is a text that fits a pattern, all of it."""
    return isinstance(value, str) and rule.fullmatch(value) is not None
