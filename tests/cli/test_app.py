"""`secretsync app` on a directory, each verb as a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.app_world import AppWorld, config_map

CANARY = "canary-7f3a9c"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AppWorld]:
    """A repository, and a directory without anything."""
    found = AppWorld(tmp_path)
    yield found
    found.close()


def store() -> dict[str, Any]:
    """Return a store with one value."""
    data = [{"key": "db", "value": CANARY}]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "fake"},
        "spec": {"provider": {"fake": {"data": data}}},
    }


def external_secret() -> dict[str, Any]:
    """Return an ExternalSecret of that value."""
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "db"},
        "spec": {
            "secretStoreRef": {"name": "fake"},
            "data": [{"secretKey": "password", "remoteRef": {"key": "db"}}],
        },
    }


def test_plan_of_a_manifest_file_shows_all_and_writes_nothing(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", config_map("a"), store(), external_secret())
    found = world.run("plan", "-o", "json", app=world.file(world.application()))
    assert found.code == 1
    assert found.actions() == {"a": "create", "db": "create", "fake": "create"}
    assert [(row["action"], row["name"]) for row in found.json["secrets"]] == [("create", "db")]
    assert found.json["application"]["sync"] == "OutOfSync"
    assert not world.root.exists()


def test_sync_makes_objects_and_the_secrets_behind_them_in_one_run(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", config_map("a"), store(), external_secret())
    file = world.file(world.application())
    done = world.run("sync", "-o", "json", app=file)
    assert done.code == 0, done.err
    secret = world.get("secrets", "db")
    assert secret is not None
    assert secret["metadata"]["ownerReferences"][0]["kind"] == "ExternalSecret"
    assert world.run("plan", app=file).code == 0
    assert world.run("plan").code == 0
    assert world.status()["sync"]["status"] == "Synced"
    assert [each["id"] for each in world.status()["history"]] == [0]


def test_second_sync_writes_no_object_again(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", config_map("a"))
    file = world.file(world.application())
    world.run("sync", app=file)
    before = world.path("shop", "configmaps", "a").stat()
    assert world.run("sync", app=file).code == 0
    assert world.path("shop", "configmaps", "a").stat().st_mtime_ns == before.st_mtime_ns


def test_value_of_a_secret_is_printed_by_no_verb(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", external_secret(), config_map("a"))
    world.put(world.application())
    path = world.path("shop", "secretstores.external-secrets.io", "fake")
    path.parent.mkdir(parents=True)
    path.write_text(str(store()).replace("'metadata': {", "'metadata': {'namespace': 'shop', "))
    verbs = (["plan"], ["sync"], ["plan"], ["get"], ["tree"], ["history", "--all"], ["list"])
    for verb in verbs:
        for form in ("text", "json"):
            found = world.run(*verb, "-o", form)
            assert CANARY not in found.out + found.err
    application = world.path("argocd", "applications.argoproj.io", "web").read_text()
    assert CANARY not in application


def test_rollback_pins_until_the_next_commit(world: AppWorld) -> None:
    first = world.repository.commit_objects("web/a.yaml", config_map("a", "1"))
    world.put(world.application(policy={"automated": {"prune": True, "selfHeal": True}}))
    world.run("sync")
    world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    world.run("sync")
    assert world.value("a") == "2"
    back = world.run("rollback")
    assert back.code == 0, back.err
    assert "rolled back to entry 0" in back.err
    assert world.value("a") == "1"
    shown = world.run("get", "-o", "json").json
    assert shown["pinned"] == 0
    assert shown["revision"] == first[:7]
    assert world.run("plan").code == 0
    world.repository.commit_objects("web/a.yaml", config_map("a", "3"))
    assert world.run("sync").code == 0
    assert world.value("a") == "3"
    assert world.run("get", "-o", "json").json["pinned"] is None


def test_rollback_released_follows_the_sources_again(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a", "1"))
    world.put(world.application())
    world.run("sync")
    world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    world.run("sync")
    world.run("rollback", "0")
    assert world.run("rollback", "--release").code == 0
    assert world.run("plan").code == 1
    assert world.run("rollback", "--release").code == 2
    actions = [each["action"] for each in world.run("history", "--all", "-o", "json").json]
    assert actions == ["sync", "sync", "rollback"]


def test_prune_follows_automated_prune_and_the_flags_override_it(world: AppWorld) -> None:
    names = ("a", "b", "c")
    world.repository.commit_objects("web/a.yaml", *(config_map(name) for name in names))
    world.put(world.application())
    world.run("sync")
    world.repository.commit_objects("web/a.yaml", config_map("a"), config_map("b"))
    kept = world.run("sync", "-o", "json")
    assert kept.actions()["c"] == "extra"
    assert world.value("c") == "1"
    pruned = world.run("sync", "--prune", "-o", "json")
    assert pruned.code == 0
    assert world.value("c") is None
    assert world.value("a") == "1"


def test_mass_deletion_waits_for_its_token(world: AppWorld) -> None:
    world.repository.commit_objects(
        "web/a.yaml", *(config_map(f"a{number}") for number in range(9))
    )
    world.put(world.application(policy={"automated": {"prune": True}}))
    world.run("sync")
    world.repository.commit_objects("web/a.yaml", config_map("a0", "2"))
    stopped = world.run("sync", "-o", "json")
    assert world.value("a0") == "2"
    assert world.value("a8") == "1"
    (text,) = [e["message"] for e in stopped.json["conditions"] if e["type"] == "PruneStopped"]
    token = text.rsplit('"', 2)[1]
    assert world.run("sync", "--acknowledge", token).code == 0
    assert world.value("a8") is None


def test_repository_that_is_gone_changes_nothing(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy={"automated": {"prune": True}}))
    world.run("sync")
    world.repository.folder.rename(world.folder / "moved")
    for verb in ("plan", "sync"):
        found = world.run(verb)
        assert found.code == 2
        assert "Traceback" not in found.err
    assert world.value("a") == "1"


def test_folder_that_is_gone_from_the_repository_changes_nothing(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy={"automated": {"prune": True}}))
    world.run("sync")
    world.repository.commit_objects("web/a.yaml")
    assert world.run("sync", "--prune").code == 2
    assert world.value("a") == "1"


def test_diff_between_revisions_names_each_object(world: AppWorld) -> None:
    first = world.repository.commit_objects("web/a.yaml", config_map("a", "1"), config_map("b"))
    world.put(world.application())
    world.run("sync")
    world.repository.commit_objects("web/a.yaml", config_map("a", "2"), config_map("c"))
    found = world.run("diff", "-o", "json")
    assert found.code == 1
    assert {row["name"] for row in found.json["objects"]} == {"a", "b", "c"}
    assert world.run("diff", "--revision", first).code == 0


def test_delete_takes_what_the_application_made_and_nothing_else(world: AppWorld) -> None:
    kept = config_map("kept", **{"argocd.argoproj.io/sync-options": "Delete=false"})
    world.repository.commit_objects("web/a.yaml", config_map("a"), kept)
    world.put(world.application())
    world.run("sync")
    assert world.run("delete").code == 0
    assert world.value("a") is None
    assert world.value("kept") == "1"
    assert world.run("get").code == 2


def test_delete_in_a_directory_says_of_its_hooks_that_they_are_not_run(world: AppWorld) -> None:
    hook = {"argocd.argoproj.io/hook": "PostDelete"}
    world.repository.commit_objects("web/a.yaml", config_map("a"), config_map("bye", **hook))
    world.put(world.application())
    world.run("sync")
    ended = world.run("delete", "-o", "json")
    assert (ended.code, ended.json["gone"]) == (0, True)
    said = {name.partition("/")[2]: text for name, text in ended.json["objects"].items()}
    assert said == {"a": "deleted", "bye": "hooks are not run here"}


def test_delete_asks_before_it_takes_what_says_so(world: AppWorld) -> None:
    asks = config_map("asks", **{"argocd.argoproj.io/sync-options": "Delete=confirm"})
    world.repository.commit_objects("web/a.yaml", config_map("a"), asks)
    world.put(world.application())
    world.run("sync")
    asked = world.run("delete", "--timeout", "0")
    assert asked.code == 1
    assert "deletion-approved" in asked.out
    # As in Argo CD, nothing goes before all of it may.
    assert (world.value("a"), world.value("asks")) == ("1", "1")
    live = world.get("applications.argoproj.io", "web", namespace="argocd")
    assert live is not None
    approved = {"argocd.argoproj.io/deletion-approved": "2999-01-01T00:00:00Z"}
    metadata = live["metadata"]
    metadata["annotations"] = {**metadata.get("annotations", {}), **approved}
    world.put(live)
    assert world.run("delete").code == 0
    assert (world.value("a"), world.value("asks")) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "app", "said"),
    [
        (["plan"], "argocd/absent", "does not exist"),
        (["rollback"], "argocd/web", "no earlier successful sync"),
        (["terminate"], "argocd/web", "no operation is under way"),
        (["diff"], "argocd/web", "never deployed"),
        (["plan", "--revision", "absent"], "argocd/web", "absent"),
    ],
)
def test_verb_that_cannot_be_done_says_why(
    world: AppWorld, arguments: list[str], app: str, said: str
) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application())
    found = world.run(*arguments, app=app)
    assert found.code == 2
    assert said in found.err


def test_project_that_is_not_there_is_refused(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(project="absent"))
    found = world.run("sync")
    assert found.code == 2
    assert "no AppProject" in found.err
    assert world.value("a") is None


def test_object_that_is_foreign_is_refused_until_it_is_adopted(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a"), config_map("b"))
    world.put(world.application())
    path = world.path("shop", "configmaps", "a")
    path.parent.mkdir(parents=True)
    somebodys = config_map("a", "somebody's")
    somebodys["metadata"]["namespace"] = "shop"
    path.write_text(yaml.safe_dump(somebodys))
    refused = world.run("sync")
    assert refused.code == 1
    assert "not this application's" in refused.out
    assert world.value("a") == "somebody's"
    adopted = config_map("a", **{"secretsync.io/adopt": "true"})
    world.repository.commit_objects("web/a.yaml", adopted, config_map("b"))
    assert world.run("sync").code == 0
    assert (world.value("a"), world.value("b")) == ("1", "1")


def test_object_that_the_project_does_not_give_stops_the_whole_sync(world: AppWorld) -> None:
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "shop"}],
        },
    }
    path = world.path("argocd", "appprojects.argoproj.io", "shop")
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(project))
    stray = config_map("b")
    stray["metadata"]["namespace"] = "kube-system"
    world.repository.commit_objects("web/a.yaml", config_map("a"), stray)
    world.put(world.application(project="shop"))
    refused = world.run("sync")
    assert refused.code == 2
    assert "kube-system/b: the project does not allow this namespace" in refused.err
    assert world.value("a") is None
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    assert world.run("sync").code == 0
    assert world.value("a") == "1"


def test_mask_secret_values(world: AppWorld) -> None:
    """TestMaskSecretValues: keys are shown with fingerprints on both sides."""

    def secret(value: str) -> dict[str, Any]:
        metadata = {"name": "s"}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "stringData": {"password": value, "user": "canary-user"},
        }

    first = world.repository.commit_objects("web/a.yaml", secret(f"{CANARY}-1"))
    world.put(world.application())
    world.run("sync")
    world.repository.commit_objects("web/a.yaml", secret(f"{CANARY}-2"))
    for verb in (["plan"], ["diff"], ["diff", "--from", first], ["sync"], ["get"]):
        for form in ("text", "json"):
            found = world.run(*verb, "-o", form)
            assert "canary" not in found.out + found.err
    world.repository.commit_objects("web/a.yaml", secret(f"{CANARY}-3"))
    (row,) = world.run("diff", "-o", "json").json["objects"]
    (change,) = row["changes"]
    assert "password" in change["path"]
    assert change["before"] != change["after"]
    application = world.path("argocd", "applications.argoproj.io", "web").read_text()
    assert "canary" not in application
