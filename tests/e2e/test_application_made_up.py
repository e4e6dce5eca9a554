"""A chart that makes values up rolls out once, and not again at a render or a restart."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import eventually, steady
from tests.support.app_world import AppWorld

pytestmark = [pytest.mark.built, pytest.mark.timeout(600)]

HEALING = {"automated": {"prune": True, "selfHeal": True}}
FILES = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "web/values.yaml": "replicas: 1\n",
    "web/templates/secret.yaml": (
        "{{- $password := randAlphaNum 24 }}\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n"
        "stringData:\n  password: {{ $password }}\n  user: web\n"
        "---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\n"
        "spec:\n  replicas: {{ .Values.replicas }}\n"
        "  selector: {matchLabels: {app: db}}\n"
        "  template:\n    metadata:\n      labels: {app: db}\n"
        "      annotations: {checksum/secret: {{ $password | sha256sum }}}\n"
        "    spec: {containers: [{name: db, image: registry.example.com/db}]}\n"
    ),
}
NAMED = {
    "web/Chart.yaml": FILES["web/Chart.yaml"],
    "web/templates/job.yaml": (
        "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: run-{{ randAlphaNum 6 | lower }}}\ndata: {a: '1'}\n"
    ),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AppWorld]:
    """A repository, and a directory that a service may serve."""
    found = AppWorld(tmp_path)
    yield found
    found.close()


def password(world: AppWorld) -> str:
    """Return the password that is live."""
    found = world.get("secrets", "db")
    assert found is not None
    return base64.b64decode(found["data"]["password"]).decode()


def checksum(world: AppWorld) -> str:
    """Return what a change of would restart the pods."""
    found = world.get("deployments.apps", "db")
    assert found is not None
    return str(found["spec"]["template"]["metadata"]["annotations"]["checksum/secret"])


def test_password_that_a_chart_makes_up_stays_at_the_next_sync_and_the_next_commit(
    world: AppWorld,
) -> None:
    world.repository.commit(FILES)
    world.put(world.application())
    assert world.run("sync").code == 0
    first = (password(world), checksum(world))
    # Each command renders anew, and makes another password up.
    assert world.run("plan").code == 0
    assert world.run("sync").code == 0
    assert (password(world), checksum(world)) == first
    world.repository.commit({"web/values.yaml": "replicas: 2\n"})
    changed = world.run("sync", "-o", "json")
    assert changed.code == 0
    assert {row["name"]: row["action"] for row in changed.json["objects"]}["db"] in (
        "unchanged",
        "update",
    )
    found = world.get("deployments.apps", "db")
    assert found is not None
    assert found["spec"]["replicas"] == 2
    assert (password(world), checksum(world)) == first
    messages = [each["message"] for each in world.run("plan", "-o", "json").json["conditions"]]
    assert any("not deterministic" in text for text in messages)
    assert all(first[0] not in text for text in messages)


def test_password_that_a_chart_makes_up_stays_over_restarts_of_the_service(
    world: AppWorld,
) -> None:
    world.repository.commit(FILES)
    world.put(world.application(policy=HEALING))
    first_service = world.serve()
    eventually(lambda: (world.status().get("sync") or {}).get("status") == "Synced", within_s=120)
    first = (password(world), checksum(world))
    assert steady(lambda: (password(world), checksum(world)), for_s=2) == first
    first_service.kill()
    stamp = world.path("shop", "secrets", "db").stat().st_mtime_ns
    world.serve()
    steady(lambda: (password(world), checksum(world)), for_s=5)
    assert (password(world), checksum(world)) == first
    assert world.path("shop", "secrets", "db").stat().st_mtime_ns == stamp
    assert world.status()["sync"]["status"] == "Synced"
    # One that somebody deletes is made anew, once.
    world.path("shop", "secrets", "db").unlink()
    eventually(lambda: world.get("secrets", "db"), within_s=60)
    assert password(world) != first[0]


def test_object_that_a_chart_names_anew_is_made_once_a_revision(world: AppWorld) -> None:
    world.repository.commit(NAMED)
    world.put(world.application(policy=HEALING))

    def names() -> set[str]:
        return {path.stem for path in (world.root / "shop/configmaps").glob("[!.]*.yaml")}

    first_service = world.serve()
    eventually(lambda: len(names()) == 1, within_s=120)
    eventually(lambda: (world.status().get("operationState") or {}).get("phase") == "Succeeded")
    first = names()
    steady(names, for_s=2)
    first_service.kill()
    world.serve()
    assert steady(names, for_s=5) == first
    conditions = str(world.status().get("conditions"))
    assert "not deterministic" in conditions
