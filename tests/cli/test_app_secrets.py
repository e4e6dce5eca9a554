"""Secrets behind an application of a directory: made, told of, gone with what made them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.test_app import CANARY, external_secret, store
from tests.support.app_world import AppWorld, config_map
from tests.support.gitops_example import sealed_smtp

OPTIONS = "argocd.argoproj.io/sync-options"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AppWorld]:
    """A repository, and a directory without anything."""
    found = AppWorld(tmp_path)
    yield found
    found.close()


def named(name: str, **annotations: str) -> dict[str, Any]:
    """Return an ExternalSecret of another name."""
    made = external_secret()
    made["metadata"] = {"name": name, "annotations": annotations}
    return made


def sealed() -> dict[str, Any]:
    """Return a SealedSecret that no key of the world opens."""
    found: dict[str, Any] = yaml.safe_load(sealed_smtp())
    del found["metadata"]["namespace"]
    return found


def secrets(world: AppWorld) -> set[str]:
    """Return the names of the Secrets that are there."""
    return {path.stem for path in (world.root / "shop" / "secrets").glob("[!.]*.yaml")}


def health(world: AppWorld) -> str:
    """Return the health of the application."""
    return str(world.run("get", "-o", "json").json["health"])


def test_external_secret_that_left_git_takes_its_secret_with_it(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", store(), named("a"), named("b"))
    world.put(world.application())
    assert world.run("sync").code == 0
    assert secrets(world) == {"a", "b"}
    world.repository.commit_objects("web/all.yaml", store(), named("a"))
    left = world.run("sync", "-o", "json")
    assert {row["name"]: row["action"] for row in left.json["secrets"]} == {
        "a": "unchanged",
        "b": "extra",
    }
    assert secrets(world) == {"a", "b"}
    shown = world.run("plan", "--prune", "-o", "json")
    assert shown.code == 1
    (gone,) = [row for row in shown.json["secrets"] if row["name"] == "b"]
    assert gone["action"] == "delete"
    (key,) = gone["keys"]
    assert (key["key"], key["change"], "after" in key) == ("password", "removed", False)
    pruned = world.run("sync", "--prune")
    assert pruned.code == 0
    assert "delete    Secret shop/b" in pruned.out
    assert CANARY not in pruned.out + shown.out
    assert secrets(world) == {"a"}


def test_secret_of_somebody_stays_when_the_external_secret_of_its_name_goes(
    world: AppWorld,
) -> None:
    world.repository.commit_objects("web/all.yaml", config_map("c"), store(), named("a"))
    world.put(world.application())
    path = world.path("shop", "secrets", "a")
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch(mode=0o600)
    metadata = {"name": "a", "namespace": "shop"}
    somebodys = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"x": "eA=="}}
    path.write_text(yaml.safe_dump(somebodys))
    assert world.run("sync").code == 1
    world.repository.commit_objects("web/all.yaml", config_map("c"), store())
    assert world.run("sync", "--prune").code == 0
    found = world.get("secrets", "a")
    assert found is not None
    assert found["data"] == {"x": "eA=="}


def test_deleted_application_takes_its_secrets_along_but_for_those_that_stay(
    world: AppWorld,
) -> None:
    kept = named("kept", **{OPTIONS: "Delete=false"})
    world.repository.commit_objects("web/all.yaml", store(), named("a"), kept)
    world.put(world.application())
    assert world.run("sync").code == 0
    gone = world.run("delete", "-o", "json")
    assert gone.code == 0, gone.err
    assert secrets(world) == {"kept"}
    assert gone.json["objects"]["Secret shop/a"] == "deleted"


def test_application_deleted_without_cascade_leaves_its_secrets(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", store(), named("a"))
    world.put(world.application())
    assert world.run("sync").code == 0
    assert world.run("delete", "--no-cascade").code == 0
    assert secrets(world) == {"a"}


def test_health_in_a_directory_is_that_of_the_secrets_behind(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", store(), named("a"))
    world.put(world.application())
    assert world.run("sync").code == 0
    assert health(world) == "Healthy"
    live = world.get("externalsecrets.external-secrets.io", "a")
    assert live is not None
    assert [each["status"] for each in live["status"]["conditions"]] == ["True"]
    broken = named("b")
    broken["spec"]["data"][0]["remoteRef"]["key"] = "absent"
    world.repository.commit_objects("web/all.yaml", store(), named("a"), broken)
    assert world.run("sync").code == 1
    assert health(world) == "Degraded"


def test_sealed_secret_that_does_not_open_degrades_its_application(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", config_map("c"), sealed())
    world.put(world.application())
    assert world.run("sync").code == 1
    assert world.value("c") == "1"
    assert secrets(world) == set()
    assert health(world) == "Degraded"
