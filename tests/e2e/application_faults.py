"""What may go wrong at the source of an application: how, what is said, how it is mended."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.app_world import AppWorld, ObjectRepository, config_map
from tests.support.git_server import GitServer

__all__ = ["CANARY", "CASES", "Case", "prepare"]

#: In the store alone, and in the Secrets that are made from it.
CANARY = "canary-5d0e77-value"
HEALING = {"automated": {"prune": True, "selfHeal": True}}
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
)
#: Says what it was given, in words of its own.
TELLING = '{{ fail (printf "the password is %s" .Values.password) }}\n'


@dataclass
class Case:
    """One application with its repository.

    Args:
        breaks: what goes wrong.
        said: part of the condition's message.
        mends: undoes it; None commits the good state anew.
        found: conditions while it was broken.
    """

    name: str
    breaks: Callable[[Case], object]
    said: str
    mends: Callable[[Case], object] | None = None
    repository: ObjectRepository = field(init=False)
    world: AppWorld = field(init=False)
    found: str = ""
    values: dict[str, str | None] = field(default_factory=dict)

    def good(self, value: str = "1") -> str:
        """Commit the good state, with a value; return the commit."""
        for path in (self.repository.folder / "app").glob("*"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return self.repository.commit_objects("app/all.yaml", *self.objects(value))

    def objects(self, value: str = "1") -> list[dict[str, Any]]:
        """Return what the application is."""
        made = [config_map("a", value), config_map("b", value), external_secret()]
        for each in made:
            each["metadata"]["namespace"] = self.name
        return made

    def files(self, **texts: str) -> str:
        """Commit files below the application's folder; `__` stands for a slash."""
        return self.repository.commit(
            {f"app/{name.replace('__', '/')}": text for name, text in texts.items()}
        )

    def put(self, path: str, text: str) -> str:
        """Commit one file of the application's folder."""
        return self.repository.commit({f"app/{path}": text})

    def value(self, name: str = "a") -> str | None:
        """Return what is live."""
        found = self.world.get("configmaps", name, namespace=self.name)
        return None if found is None else found["data"]["a"]

    def secret(self) -> str | None:
        """Return what the Secret behind holds."""
        found = self.world.get("secrets", "db", namespace=self.name)
        return base64.b64decode(found["data"]["password"]).decode() if found else None

    def conditions(self) -> str:
        """Return the messages of the conditions."""
        found = self.world.status(self.name).get("conditions") or ()
        return "; ".join(f"{each['type']}: {each['message']}" for each in found)

    def told(self) -> bool:
        """Return whether a condition says what is wrong."""
        return bool(self.conditions()) and self.said in self.conditions()

    def synced(self) -> bool:
        """Return whether all is as its repository says."""
        status = self.world.status(self.name)
        phase = (status.get("operationState") or {}).get("phase")
        return (status.get("sync") or {}).get("status") == "Synced" and phase == "Succeeded"


def external_secret() -> dict[str, Any]:
    """Return an ExternalSecret of the canary."""
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "db"},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"name": "fake", "kind": "ClusterSecretStore"},
            "data": [{"secretKey": "password", "remoteRef": {"key": "db"}}],
        },
    }


def _move(case: Case) -> None:
    case.repository.folder.rename(case.repository.folder.with_suffix(".moved"))


def _move_back(case: Case) -> None:
    case.repository.folder.with_suffix(".moved").rename(case.repository.folder)


def _link(case: Case) -> None:
    (case.repository.folder / "app" / "hosts.yaml").symlink_to("/etc/hosts")
    case.repository.commit()


def _chart(case: Case) -> None:
    (case.repository.folder / "app" / "all.yaml").unlink()
    values = f"password: {CANARY}-chart\n"
    case.put("values.yaml", values)
    case.put("Chart.yaml", CHART)
    case.put("templates/a.yaml", TELLING)


def _emptied(case: Case) -> None:
    case.put("README.md", "nothing\n")
    case.repository.commit_objects("app/all.yaml")


def _project_gone(case: Case) -> None:
    case.world.path("argocd", "appprojects.argoproj.io", "own").unlink()


def _revoked(case: Case) -> None:
    SERVER[0].basic("shop", "another")
    case.put("extra.yaml", yaml.safe_dump(config_map("extra")))


CASES = (
    Case("gone", _move, "repository", _move_back),
    Case(
        "branch-gone",
        lambda case: case.repository.git("branch", "--move", "main", "other"),
        "no revision",
        lambda case: case.repository.git("branch", "--move", "other", "main"),
    ),
    Case("folder-gone", lambda case: case.repository.commit_objects("app/all.yaml"), "does not"),
    Case("emptied", _emptied, "wipe out all resources"),
    Case("link-out", _link, "out of the repository"),
    Case(
        "base-out",
        lambda case: case.put("kustomization.yaml", "resources: [../../../../etc]\n"),
        "outside of the repository",
    ),
    Case("bomb", lambda case: case.put("bomb.yaml", BOMB), "bomb.yaml"),
    Case("no-yaml", lambda case: case.put("bad.yaml", "a: [\n"), "bad.yaml"),
    Case(
        "no-name",
        lambda case: case.put("bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"),
        "metadata.name is missing",
    ),
    Case("telling-chart", _chart, "helm"),
    Case("project-gone", _project_gone, "no AppProject", lambda case: _project(case.world)),
    Case(
        "revoked",
        _revoked,
        "the repository refuses the login",
        lambda _: SERVER[0].basic("shop", "right"),
    ),
)
#: The one behind a login; a repository Secret holds its password.
SERVER: list[GitServer] = []


def _project(world: AppWorld) -> None:
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "own", "namespace": "argocd"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
    }
    write(world.path("argocd", "appprojects.argoproj.io", "own"), project)


def write(path: Path, obj: dict[str, Any]) -> None:
    """Write an object's file, as a person would; Secrets for the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(yaml.safe_dump(obj))
    draft.replace(path)


def prepare(world: AppWorld, folder: Path, server: GitServer) -> None:
    """Make the repositories, and put all that the applications need into the cluster.

    Args:
        folder: of the repositories, which the server serves.
        server: asks for a login.
    """
    SERVER[:] = [server]
    server.basic("shop", "right")
    data = [{"key": "db", "value": CANARY}]
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": "fake"},
        "spec": {"provider": {"fake": {"data": data}}},
    }
    write(world.root / "_cluster/clustersecretstores.external-secrets.io/fake.yaml", store)
    _project(world)
    login = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "login",
            "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"},
        },
        "type": "Opaque",
        "data": {
            name: base64.b64encode(text.encode()).decode()
            for name, text in {
                "url": server.url("revoked/.git"),
                "username": "shop",
                "password": "right",
                "insecure": "true",
            }.items()
        },
    }
    write(world.path("argocd", "secrets", "login"), login)
    for case in CASES:
        case.world = world
        case.repository = ObjectRepository(folder / case.name)
        case.good()
        source = {"repoURL": case.repository.url, "path": "app", "targetRevision": "main"}
        if case.name == "revoked":
            source["repoURL"] = server.url("revoked/.git")
        project = "own" if case.name == "project-gone" else "default"
        destination = {"server": "https://kubernetes.default.svc", "namespace": case.name}
        world.put(
            world.application(
                case.name, policy=HEALING, source=source, destination=destination, project=project
            )
        )
