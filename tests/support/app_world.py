"""A Git repository, a directory cluster and Applications between them, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cli.kit import ROOT, Ended
from tests.support.git_repository import GitRepository
from tests.support.service import RunningService, clean_environment

__all__ = ["AppWorld", "ObjectRepository", "config_map", "hundred_in_waves"]

WAVE = "argocd.argoproj.io/sync-wave"


def config_map(name: str, value: str = "1", **annotations: str) -> dict[str, Any]:
    """Return a ConfigMap as a repository has it."""
    metadata: dict[str, Any] = {"name": name}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


def hundred_in_waves(generation: int) -> list[dict[str, Any]]:
    """Return a commit: each changes all objects; five go, which a later one brings back."""
    gone = {(generation * 5 + offset) % 100 for offset in range(5)}
    return [
        config_map(f"a{number:02d}", str(generation), **{WAVE: str(number % 4)})
        for number in range(100)
        if number not in gone
    ]


class ObjectRepository(GitRepository):
    """A repository of objects."""

    def commit_objects(self, path: str, *objects: dict[str, Any]) -> str:
        """Make a file have these objects, none removes it; return the commit."""
        if objects:
            return self.commit({path: yaml.safe_dump_all(objects)}, f"change {path}")
        (self.folder / path).unlink()
        return self.commit(message=f"change {path}")


class AppWorld:
    """One repository, one directory cluster.

    Args:
        env: variables of every process, such as lead to a store.
    """

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.env = dict(env or {})
        self.repository = ObjectRepository(folder / "repository")
        self.root = folder / "cluster"
        self.services: list[RunningService] = []

    def application(self, name: str = "web", *, policy: Any = None, **spec: Any) -> dict[str, Any]:
        """Return an Application of the repository's folder of that name."""
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": {
                    "repoURL": self.repository.url,
                    "path": name,
                    "targetRevision": "main",
                },
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
                **({"syncPolicy": policy} if policy is not None else {}),
                **spec,
            },
        }

    def file(self, application: dict[str, Any]) -> str:
        """Write an Application's manifest; return its path."""
        path = self.folder / f"{application['metadata']['name']}.yaml"
        path.write_text(yaml.safe_dump(application))
        return str(path)

    def put(self, application: dict[str, Any]) -> None:
        """Put an Application into the cluster, as a person would, or change it."""
        metadata = application["metadata"]
        name = metadata["name"]
        path = self.path(metadata["namespace"], "applications.argoproj.io", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{name}.draft")
        draft.write_text(yaml.safe_dump(application))
        draft.replace(path)

    def run(self, *arguments: str, app: str = "argocd/web") -> Ended:
        """Run `secretsync app VERB APP …` on the cluster.

        Args:
            arguments: the verb and what follows APP.
        """
        verb, *rest = arguments
        about = [] if verb == "list" else [app]
        where = ["--to", f"dir:{self.root}"]
        where += [] if verb == "list" else ["--cache-dir", str(self.folder / "cache")]
        ended = subprocess.run(
            [sys.executable, "-m", "secretsync", "app", verb, *about, *rest, *where],
            capture_output=True,
            env={**clean_environment(), "PYTHONPATH": str(ROOT), **self.env},
            timeout=120,
            check=False,
        )
        assert b"internal error" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def serve(self, *arguments: str, ready: bool = True) -> RunningService:
        """Start the service on the cluster."""
        cache = str(self.folder / "cache")
        service = RunningService(
            ["--to", f"dir:{self.root}", "--cache-dir", cache, "--poll-interval", "1", *arguments],
            env={"PYTHONPATH": str(ROOT), **self.env},
            log=self.folder / "service.log",
        )
        self.services.append(service)
        if ready:
            service.wait_ready()
        return service

    def path(self, namespace: str, plural: str, name: str) -> Path:
        """Return the file of an object."""
        return self.root / namespace / plural / f"{name}.yaml"

    def get(self, plural: str, name: str, *, namespace: str = "shop") -> dict[str, Any] | None:
        """Return an object of the cluster, None where it is not there."""
        try:
            text = self.path(namespace, plural, name).read_text()
        except FileNotFoundError:
            return None
        found: dict[str, Any] = yaml.safe_load(text)
        return found

    def value(self, name: str) -> str | None:
        """Return what a ConfigMap holds, None where it is not there."""
        found = self.get("configmaps", name)
        return None if found is None else found["data"]["a"]

    def edit(self, name: str, value: str) -> None:
        """Edit a ConfigMap as a person would."""
        found = self.get("configmaps", name)
        assert found is not None
        path = self.path("shop", "configmaps", name)
        draft = path.with_name(f".{name}.draft")
        draft.write_text(yaml.safe_dump({**found, "data": {"a": value}}))
        draft.replace(path)

    def status(self, name: str = "web") -> dict[str, Any]:
        """Return the status of an Application, {} where it has none."""
        found = self.get("applications.argoproj.io", name, namespace="argocd") or {}
        status: dict[str, Any] = found.get("status") or {}
        return status

    def events(self, reason: str) -> list[str]:
        """Return the messages of the events with a reason."""
        try:
            text = (self.root / ".secretsync" / "events.jsonl").read_text()
        except FileNotFoundError:
            return []
        # Of a line that is just being written, a part may be there.
        found = [json.loads(line) for line in text.split("\n")[:-1]]
        return [each["message"] for each in found if each["reason"] == reason]

    def close(self) -> None:
        """End what runs."""
        for service in self.services:
            service.kill()
