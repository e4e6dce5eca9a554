"""What the tests of comparing share: an application, its objects, and both clusters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from secretsync.cluster.base import Cluster, Object
from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.diff.comparing import Comparer
from secretsync.gitops.model import FIELD_MANAGER, Comparison, Health, Pair
from secretsync.gitops.objects.jq_paths import JqPaths
from secretsync.resources.application import Application, parse_application
from secretsync.resources.documents import load_documents

__all__ = [
    "FINGERPRINTS",
    "Bench",
    "application",
    "config_map",
    "deployment",
    "in_namespace",
    "plain_secret",
]

FINGERPRINTS = Fingerprinter(b"k" * 32)


def application(name: str = "web", *, namespace: str, **spec: Any) -> Application:
    """Return an Application that deploys into a namespace."""
    annotations = spec.pop("annotations", {})
    status = spec.pop("status", {})
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd", "annotations": annotations},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example.com/r.git", "path": "web"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            **spec,
        },
        "status": status,
    }
    documents, problems = load_documents(json.dumps(document).encode(), file="app.yaml")
    assert not problems
    parsed = parse_application(documents[0], default_namespace="argocd")
    assert parsed.value is not None, parsed.problems
    return parsed.value


def in_namespace(app: Application, namespace: str) -> Application:
    """Return an Application as if it were in another namespace."""
    return replace(app, meta=replace(app.meta, namespace=namespace))


def config_map(name: str, data: dict[str, str] | None = None, **metadata: Any) -> Object:
    """Return a ConfigMap as a repository has it, without a namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": data or {},
    }


def plain_secret(name: str, **text: str) -> Object:
    """Return a Secret as a repository has it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": dict(text),
    }


def deployment(name: str, *, image: str = "example.com/web:1", **spec: Any) -> Object:
    """Return a Deployment with a port, a variable and resources, as people write it."""
    container = {
        "name": "web",
        "image": image,
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
            **spec,
        },
    }


@dataclass
class Bench:
    """One application in one cluster; counts what is asked of the cluster."""

    cluster: Cluster
    namespace: str
    app: Application
    comparer: Comparer = field(init=False)
    asked: list[str] = field(default_factory=list)
    jq: JqPaths = field(default_factory=JqPaths)
    health_of: Callable[[Object], Health | None] = lambda _: None

    def __post_init__(self) -> None:
        self.comparer = Comparer(
            _Counted(self.cluster, self.asked),  # type: ignore[arg-type] # it hands on the rest
            FINGERPRINTS,
            self._health,
            jq=self.jq,
            parallel=1,
        )

    def _health(self, obj: Object) -> Health | None:
        return self.health_of(obj)

    def compare(self, *objects: Object, **options: Any) -> Comparison:
        """Compare, with the inventory of the application's status."""
        self.asked.clear()
        return self.comparer.compare(self.app, objects, **options)

    def apply(self, *objects: Object) -> None:
        """Apply as a sync would."""
        for pair in self.compare(*objects).pairs:
            assert pair.target is not None
            kind = self.cluster.resolve(pair.target["apiVersion"], pair.target["kind"])
            self.cluster.apply(kind, pair.target, field_manager=FIELD_MANAGER)

    def had(self, *objects: Object) -> dict[str, Any]:
        """Return a status whose inventory has these objects."""
        resources = []
        for obj in objects:
            group, _, version = obj["apiVersion"].rpartition("/")
            resources.append(
                {
                    "group": group,
                    "version": version,
                    "kind": obj["kind"],
                    "namespace": self.namespace,
                    "name": obj["metadata"]["name"],
                }
            )
        return {"resources": resources}


def by_name(pairs: Iterable[Pair]) -> dict[str, Pair]:
    """Return pairs by the name of their object."""
    return {pair.key.name: pair for pair in pairs}


class _Counted:
    """A cluster that notes reads and dry runs."""

    def __init__(self, inner: Cluster, asked: list[str]) -> None:
        self._inner = inner
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name not in ("get", "apply"):
            return value

        def noted(*args: Any, **options: Any) -> Any:
            self._asked.append("dry-run" if options.get("dry_run") else name)
            return value(*args, **options)

        return noted
