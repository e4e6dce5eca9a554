"""What a maker of objects in many namespaces made, when its file went while no service ran."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.controller.orphans import Orphans
from secretsync.controller.push_makers import MAKERS
from secretsync.core.safety import CONFIRMATION_GAP_S
from secretsync.refresh.claims import Claims
from tests.controller.live import serving
from tests.controller.test_pushes import maker, namespace, provisioned
from tests.e2e.rig import Rig, eventually
from tests.e2e.sites import DirectorySite
from tests.refresh.kit import FakeClock

CHILDREN = {"ClusterExternalSecret": "ExternalSecret", "ClusterPushSecret": "PushSecret"}
PLACES = ("shop", "web")


@dataclass
class World:
    """A directory, as a service left it, and the next service's look at it."""

    root: Path
    kind: str
    cluster: DirectoryCluster
    clock: FakeClock = field(default_factory=FakeClock)

    def put(self, name: str, *, by: str = "secretsync") -> None:
        """Create a maker, and what it made."""
        obj = {"metadata": {"name": name}, "spec": {}}
        made = self.cluster.create(KINDS[self.kind], obj, field_manager="a-person")
        owner = {
            "apiVersion": KINDS[self.kind].api_version,
            "kind": self.kind,
            "name": name,
            "uid": made["metadata"]["uid"],
            "controller": True,
        }
        for place in PLACES:
            metadata = {"name": name, "namespace": place, "ownerReferences": [owner]}
            child = {"metadata": metadata, "spec": {}}
            self.cluster.create(KINDS[CHILDREN[self.kind]], child, field_manager=by)

    def file(self, name: str) -> Path:
        return self.root / "_cluster" / KINDS[self.kind].folder / f"{name}.yaml"

    def looked(self) -> bool:
        """Look twice, far enough apart; returns what the second look said."""
        orphans = Orphans(self.cluster, Claims(), self.clock, kinds=MAKERS, namespace="")
        orphans.look()
        self.clock.advance(CONFIRMATION_GAP_S)
        return orphans.look()

    def names(self) -> list[str]:
        found = self.cluster.list(KINDS[CHILDREN[self.kind]]).items
        return sorted(
            f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in found
        )


def all_of(*names: str) -> list[str]:
    return sorted(f"{place}/{name}" for place in PLACES for name in names)


@pytest.fixture(params=MAKERS)
def world(request, tmp_path):
    cluster = DirectoryCluster(tmp_path, now=lambda: datetime.now(UTC))
    made = World(tmp_path, request.param, cluster)
    made.put("kept")
    yield made
    cluster.close()


def test_children_go_when_their_maker_is_missed_twice(world):
    world.put("gone")
    world.file("gone").unlink()
    orphans = Orphans(world.cluster, Claims(), world.clock, kinds=MAKERS, namespace="")
    assert not orphans.look()
    assert world.names() == all_of("gone", "kept")
    world.clock.advance(CONFIRMATION_GAP_S)
    assert orphans.look()
    assert world.names() == all_of("kept")


@pytest.mark.parametrize("text", ["spec: [", ""], ids=["broken", "empty"])
def test_maker_that_cannot_be_read_is_not_an_absent_one(world, text):
    world.put("broken")
    world.file("broken").write_text(text)
    assert world.looked()
    assert world.names() == all_of("broken", "kept")


def test_child_that_was_copied_here_stays(world):
    world.put("copied", by="kubectl")
    world.file("copied").unlink()
    assert world.looked()
    assert world.names() == all_of("copied", "kept")


def test_missing_folder_of_makers_deletes_nothing_and_names_them(world, caplog):
    world.put("other")
    folder = world.file("kept").parent
    folder.rename(folder.with_name("elsewhere"))
    with caplog.at_level(logging.WARNING, "secretsync"):
        assert world.looked()
    assert world.names() == all_of("kept", "other")
    (said,) = [record for record in caplog.records if "mass deletion" in record.message]
    assert said.objects == [f"{world.kind} kept", f"{world.kind} other"]


def test_missing_folder_of_the_only_maker_deletes_none_of_its_children(world, caplog):
    folder = world.file("kept").parent.parent
    assert folder.name == "_cluster"
    folder.rename(folder.with_name("elsewhere"))
    with caplog.at_level(logging.WARNING, "secretsync"):
        assert world.looked()
    assert world.names() == all_of("kept")
    (said,) = [record for record in caplog.records if "mass deletion" in record.message]
    assert said.objects == [f"{world.kind} kept"]


def test_only_child_of_the_only_maker_goes(world):
    child = KINDS[CHILDREN[world.kind]]
    world.cluster.delete(child, PLACES[0], "kept")
    world.file("kept").unlink()
    assert world.looked()
    assert world.names() == []


def test_children_and_their_secrets_go_after_the_start_of_a_service(rig: Rig) -> None:
    assert isinstance(rig.site, DirectorySite)
    rig.upstream("k")
    namespace(rig, "a", team="web")
    maker(rig, {"team": "web"})
    with serving(rig.site.root):
        eventually(lambda: provisioned(rig) == ["a"])
        eventually(lambda: rig.site.get("Secret", "everywhere", "a"))
    rig.site.delete("ClusterExternalSecret", "everywhere")
    with serving(rig.site.root) as (_, clock):
        assert rig.site.get("ExternalSecret", "everywhere", "a"), "one look proves nothing"

        def gone() -> bool:
            clock.ahead_s += CONFIRMATION_GAP_S
            return rig.site.get("Secret", "everywhere", "a") is None

        eventually(gone)
        assert rig.site.get("ExternalSecret", "everywhere", "a") is None
