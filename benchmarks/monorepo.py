"""The repository that `benchmarks/gitops.py` measures with: one base, N kustomize overlays.

Each overlay is an application of three objects in a namespace of its own.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

__all__ = ["OBJECTS_EACH", "Monorepo", "application"]

OBJECTS_EACH = 3
BRANCH = "main"

BASE: dict[str, dict[str, Any]] = {
    "deployment.yaml": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "example.invalid/web:1"}]},
            },
        },
    },
    "service.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    },
    "config.yaml": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web"},
        "data": {"mode": "base"},
    },
}


def name_of(index: int) -> str:
    """The name of an application, and of its namespace."""
    return f"app-{index:04d}"


def application(index: int, url: str) -> dict[str, Any]:
    """Return the Application of one overlay: automated, with pruning and healing."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name_of(index), "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": url,
                "path": f"overlays/{name_of(index)}",
                "targetRevision": BRANCH,
            },
            "destination": {
                "server": "https://kubernetes.default.svc",
                "namespace": name_of(index),
            },
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": ["CreateNamespace=true"],
            },
        },
    }


class Monorepo:
    """A work tree with N overlays, and the bare repository that it is pushed to."""

    def __init__(self, folder: Path, overlays: int) -> None:
        self.bare = folder / "monorepo.git"
        self._tree = folder / "tree"
        self._tree.mkdir()
        _git(folder, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(self.bare))
        _git(self._tree, "init", "--quiet", f"--initial-branch={BRANCH}")
        self._fill(overlays)
        self._push("Begin")

    def edit(self, index: int, mode: str) -> None:
        """Change what one overlay says, and push that commit."""
        self._overlay(index, mode)
        self._push(f"Set {name_of(index)} to {mode}")

    def _fill(self, overlays: int) -> None:
        base = self._tree / "base"
        base.mkdir()
        for file, obj in BASE.items():
            _write(base / file, obj)
        _write(base / "kustomization.yaml", {"resources": sorted(BASE)})
        for index in range(overlays):
            self._overlay(index, "first")

    def _overlay(self, index: int, mode: str) -> None:
        folder = self._tree / "overlays" / name_of(index)
        folder.mkdir(parents=True, exist_ok=True)
        patch = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "web"},
            "data": {"mode": mode},
        }
        _write(folder / "mode.yaml", patch)
        _write(
            folder / "kustomization.yaml",
            {
                "resources": ["../../base"],
                "namespace": name_of(index),
                "labels": [{"pairs": {"team": f"team-{index % 7}"}}],
                "patches": [{"path": "mode.yaml"}],
            },
        )

    def _push(self, message: str) -> None:
        _git(self._tree, "add", "--all")
        _git(self._tree, "commit", "--quiet", "--message", message)
        _git(self._tree, "push", "--quiet", str(self.bare), BRANCH)


def _write(path: Path, obj: Any) -> None:
    path.write_text(yaml.safe_dump(obj, sort_keys=False))


def _git(folder: Path, *arguments: str) -> None:
    who = {
        "GIT_AUTHOR_NAME": "bench",
        "GIT_AUTHOR_EMAIL": "bench@example.invalid",
        "GIT_COMMITTER_NAME": "bench",
        "GIT_COMMITTER_EMAIL": "bench@example.invalid",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **who}, check=True)
