"""Secrets whose owner went while no service ran: deleted, but never on doubt."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.controller.orphans import Orphans
from secretsync.core.hashes import field_manager, sealed_field_manager
from secretsync.core.safety import CONFIRMATION_GAP_S
from secretsync.refresh.claims import Claims
from tests.controller.live import serving
from tests.e2e.rig import eventually, steady
from tests.refresh.kit import FakeClock

SECRET = KINDS["Secret"]
MANAGERS = {"ExternalSecret": field_manager, "SealedSecret": sealed_field_manager}


@dataclass
class World:
    """A directory, as a service left it, and the next service's look at it.

    Args:
        kind: of the owners.
    """

    root: Path
    kind: str
    cluster: DirectoryCluster
    clock: FakeClock = field(default_factory=FakeClock)
    claims: Claims = field(default_factory=Claims)

    def owner(self, name: str, namespace: str = "shop") -> str:
        """Create an owner; returns its uid."""
        spec: dict[str, Any] = {"encryptedData": {}} if self.kind == "SealedSecret" else {}
        obj = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
        made = self.cluster.create(KINDS[self.kind], obj, field_manager="a-person")
        return str(made["metadata"]["uid"])

    def secret(self, name: str, uid: str, namespace: str = "shop", **changes: Any) -> None:
        """Create the Secret that its owner of that uid and name made."""
        kind = KINDS[self.kind]
        owner = {
            "apiVersion": kind.api_version,
            "kind": self.kind,
            "name": name,
            "uid": uid,
            "controller": True,
            **changes.pop("owner", {}),
        }
        owners = [owner, *changes.pop("more_owners", [])]
        manager = changes.pop("manager", MANAGERS[self.kind](name))
        metadata = {"name": name, "namespace": namespace, "ownerReferences": owners, **changes}
        obj = {"metadata": metadata, "data": {"k": "dg=="}}
        self.cluster.create(SECRET, obj, field_manager=manager)

    def owned(self, name: str, namespace: str = "shop") -> None:
        """Create an owner and its Secret."""
        self.secret(name, self.owner(name, namespace), namespace)

    def remove_owner(self, name: str, namespace: str = "shop") -> None:
        """Remove an owner as a person does."""
        self.owner_file(name, namespace).unlink()

    def owner_file(self, name: str, namespace: str = "shop") -> Path:
        return self.root / namespace / KINDS[self.kind].folder / f"{name}.yaml"

    def orphaned(self, name: str, namespace: str = "shop") -> None:
        """Create a Secret whose owner is gone."""
        self.owned(name, namespace)
        self.remove_owner(name, namespace)

    def orphans(self) -> Orphans:
        return Orphans(
            self.cluster, self.claims, self.clock, kinds=("ExternalSecret", self.kind), namespace=""
        )

    def looked(self) -> bool:
        """Look twice, far enough apart; returns what the second look said."""
        orphans = self.orphans()
        orphans.look()
        self.clock.advance(CONFIRMATION_GAP_S)
        return orphans.look()

    def names(self, namespace: str = "shop") -> list[str]:
        items = self.cluster.list(SECRET, namespace).items
        return sorted(item["metadata"]["name"] for item in items)


@pytest.fixture(params=list(MANAGERS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Two Secrets with their owners, and nothing else yet."""
    cluster = DirectoryCluster(tmp_path, now=lambda: datetime.now(UTC))
    made = World(tmp_path, request.param, cluster)
    for name in ("kept-1", "kept-2"):
        made.owned(name)
    yield made
    cluster.close()


KEPT = ["kept-1", "kept-2"]


def test_secret_goes_when_its_owner_is_missed_twice(world):
    world.orphaned("gone")
    orphans = world.orphans()
    assert not orphans.look()
    world.clock.advance(CONFIRMATION_GAP_S - 1)
    assert not orphans.look()
    assert world.names() == ["gone", *KEPT]
    world.clock.advance(1)
    assert orphans.look()
    assert world.names() == KEPT


def test_nothing_is_looked_for_again_where_every_owner_is_there(world):
    assert world.orphans().look()
    assert world.names() == KEPT


def test_owner_that_comes_back_in_between_keeps_its_secret(world):
    world.owned("late")
    content = world.owner_file("late").read_bytes()
    world.remove_owner("late")
    orphans = world.orphans()
    orphans.look()
    world.owner_file("late").write_bytes(content)
    world.clock.advance(CONFIRMATION_GAP_S)
    assert orphans.look()
    assert world.names() == [*KEPT, "late"]


def test_broken_owner_is_not_an_absent_one(world):
    world.owned("broken")
    world.owner_file("broken").write_text("spec: [")
    assert world.looked()
    assert world.names() == ["broken", *KEPT]


def test_owner_made_anew_under_the_name_keeps_the_secret(world):
    """It takes the Secret over, or says why not."""
    world.orphaned("renewed")
    world.owner("renewed")
    assert world.looked()
    assert world.names() == [*KEPT, "renewed"]


class Claimant:
    """An object of another name that wants the Secret."""

    def __init__(self, world: World) -> None:
        self.meta = type("Meta", (), {"namespace": "shop"})
        self.ref = "another"
        self.target_name = self.target_key = "wanted"


def test_secret_that_somebody_claims_is_his_to_decide_on(world):
    world.orphaned("wanted")
    world.claims.put(Claimant(world))
    assert world.looked()
    assert world.names() == [*KEPT, "wanted"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"owner": {"controller": False}}, id="no controller"),
        pytest.param({"owner": {"kind": "Deployment", "apiVersion": "apps/v1"}}, id="other kind"),
        pytest.param({"owner": {"apiVersion": "example.com/v1"}}, id="other group"),
        pytest.param(
            {"more_owners": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}]},
            id="two owners",
        ),
        pytest.param({"manager": "kubectl"}, id="copied here from a cluster"),
    ],
)
def test_secret_that_is_not_surely_ours_stays(world, changes):
    world.secret("theirs", "0b7a3a3e-0000-4000-8000-000000000001", **changes)
    assert world.looked()
    assert world.names() == [*KEPT, "theirs"]


def test_missing_folder_of_owners_deletes_nothing_and_is_said(world, caplog):
    folder = world.owner_file("kept-1").parent
    folder.rename(folder.with_name("elsewhere"))
    with caplog.at_level(logging.WARNING, "secretsync"):
        assert world.looked()
    assert world.names() == KEPT
    (said,) = [record for record in caplog.records if "mass deletion" in record.message]
    named = ["Secret shop/kept-1", "Secret shop/kept-2"]
    assert (said.count, said.total, said.objects) == (2, 2, named)


def test_missing_folder_of_one_namespace_is_none_of_the_others(world):
    for name in ("a", "b"):
        world.owned(name, "web")
        world.remove_owner(name, "web")
    world.orphaned("gone")
    assert world.looked()
    assert world.names("web") == ["a", "b"]
    assert world.names() == KEPT


def test_many_at_once_stay_however_they_are_spread(world):
    for number in range(6):
        world.owned("kept", f"ns-{number}")
        world.owned("kept-too", f"ns-{number}")
        world.orphaned("gone", f"ns-{number}")
    assert world.looked()
    assert all("gone" in world.names(f"ns-{number}") for number in range(6))


def test_replaced_directory_is_no_empty_one(world):
    world.orphaned("gone")
    orphans = world.orphans()
    orphans.look()
    world.clock.advance(CONFIRMATION_GAP_S)
    lock = world.root / ".secretsync" / "lock"
    lock.rename(lock.with_name("moved"))
    assert not orphans.look()
    lock.with_name("moved").rename(lock)
    assert world.names() == ["gone", *KEPT]


def test_running_service_deletes_it_a_minute_after_its_start(tmp_path):
    with_one = World(
        tmp_path, "ExternalSecret", DirectoryCluster(tmp_path, now=lambda: datetime.now(UTC))
    )
    with_one.secret("gone", "0b7a3a3e-0000-4000-8000-000000000001")
    with_one.cluster.close()
    file = tmp_path / "shop" / "secrets" / "gone.yaml"
    with serving(tmp_path) as (_, clock):
        steady(file.exists, for_s=2)
        assert file.exists()
        clock.ahead_s += CONFIRMATION_GAP_S
        eventually(lambda: not file.exists())
