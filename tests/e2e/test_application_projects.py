"""Applications under an AppProject: windows that are closed, commits that must be signed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.controller.app_loop import SKIP
from tests.e2e.rig import eventually, steady
from tests.gitops.signing_kit import ssh_key
from tests.gitops.submodule_kit import add as add_submodule
from tests.support.app_world import AppWorld, ObjectRepository, config_map
from tests.support.git_server import git_server

pytestmark = pytest.mark.e2e

HEALING = {"automated": {"prune": True, "selfHeal": True}}
ALL = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
#: Every minute begins an hour.
ALWAYS = {"schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
#: None begins: there is no such day.
NEVER = {"schedule": "0 0 30 2 *", "duration": "1h", "applications": ["*"]}


class Project:
    """An application `web` in the project `shop`."""

    def __init__(self, folder: Path) -> None:
        self.world = AppWorld(folder)
        self.world.repository.commit_objects("web/a.yaml", config_map("a"))

    def put(self, *, policy: Any = None, operation: Any = None, **spec: Any) -> None:
        """Write the project, and the Application where it is not there yet."""
        path = self.world.path("argocd", "appprojects.argoproj.io", "shop")
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": {**ALL, **spec},
        }
        draft = path.with_name(".draft")
        draft.write_text(yaml.safe_dump(document))
        draft.replace(path)
        if not self.world.path("argocd", "applications.argoproj.io", "web").exists():
            app = self.world.application(policy=policy, project="shop")
            self.world.put({**app, **({"operation": operation} if operation else {})})

    def operation(self, field: str) -> str:
        """Return a field of the operation that runs or ran last."""
        return str((self.world.status().get("operationState") or {}).get(field) or "")

    def conditions(self) -> dict[str, str]:
        """Return the conditions of the status, message by type."""
        found = self.world.status().get("conditions") or ()
        return {each["type"]: each["message"] for each in found}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(tmp_path)
    yield found
    found.world.close()


@pytest.mark.parametrize("window", [{"kind": "deny", **ALWAYS}, {"kind": "allow", **NEVER}])
def test_window_that_is_closed_holds_automation_back_until_the_project_changes(
    project: Project, window: dict[str, Any]
) -> None:
    world = project.world
    project.put(policy=HEALING, syncWindows=[window])
    world.serve()
    said = eventually(lambda: project.conditions().get("SyncWindow", ""), within_s=60)
    assert f"{window['kind']} {window['schedule']} for 1h" in said
    assert steady(lambda: world.value("a") is None, for_s=2)
    shown = world.run("get")
    assert "SYNCS:      denied" in shown.out
    assert f"SyncWindow: {said}" in shown.out
    assert eventually(lambda: world.events("SyncWindow"), within_s=60) == [said]
    project.put(syncWindows=[])
    eventually(lambda: world.value("a") == "1", within_s=60)
    eventually(lambda: "SyncWindow" not in project.conditions(), within_s=60)


def test_operation_that_is_asked_for_waits_for_a_window(project: Project) -> None:
    world = project.world
    operation = {"initiatedBy": {"username": "somebody"}, "sync": {}}
    project.put(operation=operation, syncWindows=[{"kind": "deny", **ALWAYS}])
    world.serve()
    eventually(lambda: "SyncWindow" in project.conditions(), within_s=60)
    assert steady(lambda: world.value("a") is None, for_s=2)
    project.put(syncWindows=[{"kind": "deny", **ALWAYS, "manualSync": True}])
    eventually(lambda: world.value("a") == "1", within_s=60)


def test_operation_to_a_revision_that_there_is_not_ends_in_an_error(project: Project) -> None:
    world = project.world
    operation = {"initiatedBy": {"username": "somebody"}, "sync": {"revision": "no-such"}}
    project.put(operation=operation)
    world.serve()
    eventually(lambda: project.operation("phase") == "Error", within_s=60)
    assert "no revision 'no-such'" in project.operation("message")

    def taken() -> bool:
        stored = world.get("applications.argoproj.io", "web", namespace="argocd")
        assert stored is not None
        return "operation" not in stored

    # By a second write, after the status: a kill between them loses no operation.
    eventually(taken, within_s=60)
    assert world.value("a") is None


def test_sync_that_a_window_closes_on_stays_where_it_is_and_goes_on_when_one_opens(
    project: Project,
) -> None:
    world = project.world
    # Nobody serves it, so that the first wave waits until its health is written by hand.
    child = world.application("child")
    child["metadata"]["annotations"] = {SKIP: "true", "argocd.argoproj.io/sync-wave": "-1"}
    world.repository.commit_objects("web/child.yaml", child)
    world.serve()
    now = datetime.now(UTC)
    window = {
        "kind": "allow",
        "schedule": f"{now.minute} {now.hour} * * *",
        "duration": f"{now.second + 40}s",
        "applications": ["web"],
    }
    project.put(policy=HEALING, syncWindows=[window])
    eventually(lambda: project.operation("phase") == "Running", within_s=40)
    waiting = f"waiting: no sync window is open: allow {window['schedule']}"
    eventually(lambda: project.operation("message").startswith(waiting), within_s=90)
    healthy = {"health": {"status": "Healthy"}, "sync": {"status": "Synced"}}
    stored = world.get("applications.argoproj.io", "child", namespace="argocd")
    assert stored is not None
    world.put({**stored, "status": healthy})
    assert steady(lambda: world.value("a") is None, for_s=3)
    project.put(syncWindows=[])
    eventually(lambda: world.value("a") == "1", within_s=60)
    eventually(lambda: project.operation("phase") == "Succeeded", within_s=60)


@pytest.mark.parametrize(("manual", "code"), [(False, 2), (True, 0)])
def test_command_syncs_in_a_closed_window_where_manual_sync_lets_it(
    project: Project, manual: bool, code: int
) -> None:
    project.put(syncWindows=[{"kind": "deny", **ALWAYS, "manualSync": manual}])
    ended = project.world.run("sync")
    assert ended.code == code, ended.err
    assert (project.world.value("a") == "1") is manual
    assert ("a sync window is closed to it" in ended.err) is not manual
    got = project.world.run("get", "-o", "json").json
    assert got["syncs"] == ("by hand only" if manual else "denied")
    assert got["windows"] == ["deny * * * * * for 1h"]


def test_commit_that_is_not_signed_as_the_project_demands_is_not_applied(
    project: Project, tmp_path: Path
) -> None:
    world = project.world
    key = ssh_key(tmp_path / "key")
    policies = [{"repos": [{"url": "*"}], "gpg": {"mode": "head", "keys": [key]}}]
    project.put(policy=HEALING, sourceIntegrity={"git": {"policies": policies}})
    world.serve()
    said = eventually(lambda: project.conditions().get("ComparisonError", ""), within_s=60)
    assert "the project demands signed commits" in said
    assert "is unsigned" in said
    assert steady(lambda: world.value("a") is None, for_s=2)
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={tmp_path / 'key'}")
    world.repository.git(
        *signing, "commit", "--quiet", "--allow-empty", "--gpg-sign", "--message=signed"
    )
    eventually(lambda: world.value("a") == "1", within_s=60)
    # What was applied stays when somebody pushes what is not signed.
    world.repository.commit_objects("web/a.yaml")
    eventually(lambda: "ComparisonError" in project.conditions(), within_s=60)
    assert steady(lambda: world.value("a") == "1", for_s=2)
    assert world.status()["sync"]["status"] == "Unknown"


def test_project_with_a_typing_error_allows_nothing(project: Project) -> None:
    project.put(policy=HEALING, destinations="*")
    ended = project.world.run("sync")
    assert ended.code == 2
    assert "AppProject argocd/shop: spec.destinations: expected a list" in ended.err
    assert project.world.value("a") is None


def test_namespace_that_the_project_does_not_give_is_made_by_no_sync(project: Project) -> None:
    world, made = project.world, {"syncOptions": ["CreateNamespace=true"]}
    project.put(policy=made)
    for verb in ("plan", "sync"):
        ended = world.run(verb)
        assert ended.code == 2
        assert "Namespace shop: the project does not allow this kind" in ended.err
    assert world.value("a") is None
    # An operation may ask for it as well as the Application.
    world.put({**world.application(project="shop"), "operation": {"sync": made}})
    world.serve()
    eventually(lambda: project.operation("phase") == "Failed", within_s=60)
    assert "Namespace shop: the project does not allow" in project.operation("message")
    assert world.value("a") is None
    project.put(clusterResourceWhitelist=[{"group": "", "kind": "Namespace"}])
    world.put({**world.application(project="shop"), "operation": {"sync": made}})
    eventually(lambda: world.value("a") == "1", within_s=60)


def test_object_that_the_project_gives_no_longer_is_neither_pruned_nor_deleted(
    project: Project,
) -> None:
    world = project.world
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "b"}}
    world.repository.commit_objects("web/b.yaml", account)
    project.put()
    assert world.run("sync").code == 0
    world.repository.commit_objects("web/b.yaml")
    project.put(namespaceResourceBlacklist=[{"group": "", "kind": "ServiceAccount"}])
    ended = world.run("sync", "--prune")
    assert ended.code == 0, ended
    said = "ServiceAccount shop/b: the project does not allow this kind"
    assert project.conditions()["ProjectWarning"] == f"{said}, so it stays"
    ended = world.run("delete")
    assert (ended.code, f"stays: {said}" in ended.out) == (0, True), ended
    assert world.value("a") is None
    assert world.get("serviceaccounts", "b") is not None


def test_base_of_another_repository_must_be_signed_too(project: Project, tmp_path: Path) -> None:
    world = project.world
    key = ssh_key(tmp_path / "key")
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={tmp_path / 'key'}")
    base = ObjectRepository(tmp_path / "base")
    base.put({"web/kustomization.yaml": "resources: [a.yaml]\n"})
    base.commit_objects("web/a.yaml", config_map("a"))
    world.repository.put({"web/kustomization.yaml": f"resources: ['{base.url}//web?ref=main']\n"})
    world.repository.commit_objects("web/a.yaml")
    commit = ("commit", "--quiet", "--allow-empty", "--gpg-sign", "--message=signed")
    world.repository.git(*signing, *commit)
    policies = [{"repos": [{"url": "*"}], "gpg": {"mode": "head", "keys": [key]}}]
    project.put(sourceIntegrity={"git": {"policies": policies}})
    ended = world.run("sync")
    assert ended.code == 2
    assert f"signed commits of {base.url}" in ended.err
    assert world.value("a") is None
    base.git(*signing, *commit)
    assert world.run("sync").code == 0
    assert world.value("a") == "1"


def test_repository_that_the_project_does_not_give_is_asked_by_no_poll_and_no_command(
    project: Project, tmp_path: Path
) -> None:
    world = project.world
    for name in ("given", "denied"):
        made = ObjectRepository(tmp_path / "served" / name)
        made.commit_objects("web/a.yaml", config_map(name))
    with git_server(tmp_path / "served") as server:
        server.watched = False
        trust = world.path("argocd", "configmaps", "argocd-tls-certs-cm")
        trust.parent.mkdir(parents=True)
        data = {"127.0.0.1": server.web.ca_pem.decode()}
        metadata = {"name": "argocd-tls-certs-cm", "namespace": "argocd"}
        trust.write_text(
            yaml.safe_dump(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
        )
        project.put(sourceRepos=[server.url("given/.git")])
        for app, name in (("web", "denied"), ("other", "given")):
            source = {"path": "web", "targetRevision": "main"}
            source["repoURL"] = server.url(f"{name}/.git")
            world.put(world.application(app, project="shop", source=source))
        world.serve()
        said = eventually(lambda: project.conditions().get("ComparisonError", ""), within_s=60)
        assert "the project does not allow the repository" in said
        # The poll asks every application in a round: these are three rounds.
        asked = server.count("given/.git/info/refs")
        eventually(lambda: server.count("given/.git/info/refs") >= asked + 3, within_s=60)
        for verb in (("plan",), ("diff", "--revision", "x", "--from", "y")):
            ended = world.run(*verb)
            assert ended.code == 2, ended.out
            assert "the project does not allow the repository" in ended.err
        assert server.count("denied") == 0


def test_submodule_is_held_to_the_repositories_and_signatures_of_the_project(
    project: Project, tmp_path: Path
) -> None:
    world = project.world
    part = ObjectRepository(tmp_path / "part")
    commit = part.commit_objects("web/a.yaml", config_map("a", "part"))
    world.repository.commit_objects("web/a.yaml")
    add_submodule(world.repository, "web/part", part.url, commit)
    project.put(sourceRepos=[world.repository.url])
    stored = world.get("applications.argoproj.io", "web", namespace="argocd")
    assert stored is not None
    stored["spec"]["source"]["path"] = "web/part/web"
    world.put(stored)
    ended = world.run("plan")
    assert ended.code == 2
    assert 'enableSubmodules: "true"' in ended.err
    ask_for_submodules(world)
    ended = world.run("plan")
    assert ended.code == 2
    assert f"the project does not allow the repository {part.url}" in ended.err
    signed = {"repos": [{"url": part.url}], "gpg": {"mode": "head", "keys": ["A" * 16]}}
    given = [world.repository.url, part.url]
    project.put(sourceRepos=given, sourceIntegrity={"git": {"policies": [signed]}})
    ended = world.run("plan")
    assert ended.code == 2
    assert f"signed commits of {part.url}" in ended.err
    project.put(sourceRepos=given)
    assert world.run("sync").code == 0
    assert world.value("a") == "part"


def ask_for_submodules(world: AppWorld) -> None:
    """Write the repository Secret as Argo CD has it, with our switch."""
    values = {"url": world.repository.url, "enableSubmodules": "true"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "own",
            "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"},
        },
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in values.items()},
    }
    path = world.path("argocd", "secrets", "own")
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(secret))
