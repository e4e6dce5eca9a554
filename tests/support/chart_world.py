"""An Application of a chart, and what its cluster must know of the chart's repository."""

from __future__ import annotations

import base64
from typing import Any

import yaml

from tests.support.app_world import AppWorld
from tests.support.chart_server import ChartServer

__all__ = ["CANARY", "application", "know", "publish_anew"]

#: The password of the repository.
CANARY = "canary-5c1e-must-not-show"


def know(world: AppWorld, server: ChartServer, password: str = CANARY) -> None:
    """Give the cluster the login and the authority of the server, as Argo CD has them."""
    label = {"argocd.argoproj.io/secret-type": "repository"}
    values = {"url": server.url, "type": "helm", "username": "reader", "password": password}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "data": encoded}
    secret["metadata"] = {"name": "charts", "namespace": "argocd", "labels": label}
    trust: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
    trust["metadata"] = {"name": "argocd-tls-certs-cm", "namespace": "argocd"}
    trust["data"] = {"127.0.0.1": server.web.ca_pem.decode()}
    for plural, obj in (("secrets", secret), ("configmaps", trust)):
        path = world.path("argocd", plural, obj["metadata"]["name"])
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        draft = path.with_name(".draft")  # A service that runs never sees a half of it.
        draft.touch(mode=0o600)
        draft.write_text(yaml.safe_dump(obj))
        draft.replace(path)


def publish_anew(server: ChartServer, version: str) -> None:
    """Give a version of the chart another content, and take all other versions away."""
    server.entries.clear()
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {version: anew}\n"
    server.publish("web", version, **{"templates/map.yaml": template})


def application(world: AppWorld, server: ChartServer, policy: Any = None) -> dict[str, Any]:
    """Return an Application of a chart, with values of the repository beside it."""
    chart = {"repoURL": server.url, "chart": "web", "targetRevision": "1.x"}
    values = {"valueFiles": ["$values/production.yaml"]}
    git = {"repoURL": world.repository.url, "targetRevision": "main", "ref": "values"}
    found = world.application(policy=policy)
    del found["spec"]["source"]
    found["spec"]["sources"] = [{**chart, "helm": values}, git]
    return found
