"""`run PATH…` with SealedSecrets: served from files, and those of the cluster left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.rig import Rig, eventually, steady
from tests.e2e.sealed_rig import SealedRig


@pytest.fixture
def world(rig: Rig) -> SealedRig:
    return SealedRig(rig)


def write(file: Path, obj: dict[str, Any]) -> None:
    """Replace a file whole: half of it would be another state that is served."""
    new = file.with_name(f".{file.name}")
    new.write_text(yaml.safe_dump(obj))
    new.replace(file)


def test_sealed_secrets_of_path_are_served_and_followed(world: SealedRig, tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    file = folder / "db.yaml"
    write(file, world.sealed("db"))
    world.put("in-cluster")
    service = world.start(str(folder))
    eventually(lambda: world.rig.holds("db"))
    assert "ownerReferences" not in world.secret("db")["metadata"]
    write(file, world.sealed("db", {"password": "v2"}))
    eventually(lambda: world.rig.holds("db", "v2"))
    file.unlink()
    eventually(lambda: "no longer in PATH; its secret stays" in service.log_text())
    steady(lambda: world.rig.holds("db", "v2"), for_s=1)
    assert world.site.get("Secret", "in-cluster") is None
    service.assert_alive()
