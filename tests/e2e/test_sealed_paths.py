"""`run PATH…` with SealedSecrets: served from files, and those of the cluster left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.e2e.rig import Rig, eventually, steady
from tests.e2e.sealed_rig import SealedRig


@pytest.fixture
def world(rig: Rig) -> SealedRig:
    return SealedRig(rig)


def test_sealed_secrets_of_path_are_served_and_followed(world: SealedRig, tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    file = folder / "db.yaml"
    file.write_text(yaml.safe_dump(world.sealed("db")))
    world.put("in-cluster")
    service = world.start(str(folder))
    eventually(lambda: world.rig.holds("db"))
    assert "ownerReferences" not in world.secret("db")["metadata"]
    file.write_text(yaml.safe_dump(world.sealed("db", {"password": "v2"})))
    eventually(lambda: world.rig.holds("db", "v2"))
    file.unlink()
    eventually(lambda: "no longer in PATH; its secret stays" in service.log_text())
    steady(lambda: world.rig.holds("db", "v2"), for_s=1)
    assert world.site.get("Secret", "in-cluster") is None
    service.assert_alive()
