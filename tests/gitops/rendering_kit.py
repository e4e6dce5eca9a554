"""A repository with a renderer of its own, for the tests of rendering."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from secretsync.cluster.base import Served
from secretsync.gitops.model import Rendered
from secretsync.gitops.processes.children import ChildLimits
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.rendering import Renderer
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repositories import Repositories
from secretsync.resources.application import Application, parse_application
from secretsync.resources.documents import Document, Origin
from tests.support.git_repository import GitRepository
from tests.support.tools import tool_path

__all__ = ["CANARY", "CHART", "KUBE", "MAP", "Scene", "application"]

CANARY = "canary-9f1c-must-not-show"
KUBE = Served("v1.34.1", ("apps/v1", "apps/v1/Deployment", "v1"))
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '%s'}\n"
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"


class Scene:
    """A repository and a renderer with its own cache."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.repository = GitRepository(folder / "repo")
        self.git = GitProgram(local=True)
        programs = folder / "programs"
        programs.mkdir()
        for name in ("kustomize", "helm"):
            (programs / name).symlink_to(tool_path(name))
        self.programs = Programs(programs, limits=ChildLimits(**{"time_s": 60.0, **limits}))
        self.repositories = Repositories(folder / "cache", self.git, local=True)
        self.renderer = Renderer(self.repositories, self.programs, served=lambda: KUBE)

    def app(self, path: str = "app", **source: Any) -> Application:
        return application({"repoURL": self.repository.url, "path": path, **source})

    def render(self, path: str = "app", **source: Any) -> Rendered:
        self.renderer.forget()
        return self.renderer.render(self.app(path, **source))

    def names(self, path: str = "app", **source: Any) -> list[str]:
        objects = self.render(path, **source).objects
        return sorted(f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects)


def application(*sources: dict[str, Any], name: str = "shop") -> Application:
    spec: dict[str, Any] = {
        "destination": {"name": "in-cluster", "namespace": "shop"},
        "project": "default",
    }
    spec |= {"source": sources[0]} if len(sources) == 1 else {"sources": list(sources)}
    value = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": spec,
    }
    parsed = parse_application(Document(value, Origin("app.yaml")), default_namespace="argocd")
    assert parsed.value is not None, parsed.problems
    return parsed.value
