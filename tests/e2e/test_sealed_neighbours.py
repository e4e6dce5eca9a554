"""SealedSecrets beside what else there is: other owners, other controllers, no CRD."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.rig import Rig, eventually, settled, steady
from tests.e2e.sealed_rig import SealedRig
from tests.e2e.sites import KubeSite
from tests.support.aws import AwsApi
from tests.support.aws_front import StrictFront
from tests.support.kube import KubeServer

CRDS = Path(__file__).parents[2] / "deploy" / "crds"


@pytest.fixture
def world(rig: Rig) -> SealedRig:
    return SealedRig(rig)


def test_older_owner_keeps_the_secret_whatever_its_kind(world: SealedRig) -> None:
    """And when it goes away, the other one gets its turn."""
    rig = world.rig
    rig.store()
    rig.upstream("shared", "from-store")
    world.start()
    world.put("shared", {"sealed": "v1"})
    world.wait_unsealed("shared", key="sealed")
    rig.external_secret("other", ["shared"], target={"name": "shared", "creationPolicy": "Orphan"})
    rig.wait_condition("other", "False", "owned by another SealedSecret")
    assert rig.data("shared").keys() == {"sealed"}
    world.site.delete("SealedSecret", "shared")
    if isinstance(world.site, KubeSite):
        world.site.delete("Secret", "shared")
    rig.wait_holds("shared", "from-store")


def test_other_secrets_are_neither_read_nor_counted(world: SealedRig) -> None:
    service = world.start()
    world.put("db")
    world.wait_unsealed("db")
    total = "sealed_secrets_controller_unseal_requests_total"
    # A Secret that was just written comes back by the watch.
    before = settled(lambda: service.total(total), for_s=1)
    for number in range(5):
        world.put_secret(f"foreign-{number}")
        world.site.delete("Secret", f"foreign-{number}")
    assert steady(lambda: service.total(total), for_s=1) == before


def test_label_selector_chooses_what_is_served(world: SealedRig) -> None:
    world.start("--label-selector", "team=shop")
    for name, team in (("ours", "shop"), ("theirs", "bank")):
        made = world.sealed(name)
        made["metadata"]["labels"] = {"team": team}
        world.site.put(made)
    world.wait_unsealed("ours")
    steady(lambda: world.site.get("Secret", "theirs") is None, for_s=1)
    assert world.condition("theirs") == {}


def test_status_stays_away_where_it_is_not_wanted(world: SealedRig) -> None:
    world.start("--update-status=false")
    world.put("db")
    eventually(lambda: world.rig.holds("db"))
    steady(lambda: world.condition("db") == {}, for_s=1)


def test_two_who_undo_each_other_do_not_do_it_for_ever(world: SealedRig) -> None:
    """A few edits are mended at once, the next ones at the pace of retries."""
    service = world.start()
    world.put("db")
    world.wait_unsealed("db")
    note = {"metadata": {"annotations": {"example.org/mine": "x"}}}

    def noted() -> bool:
        annotations = world.secret("db")["metadata"].get("annotations") or {}
        return "example.org/mine" in annotations

    for _ in range(3):
        world.site.patch("Secret", "db", note)
        eventually(lambda: not noted())
    eventually(lambda: service.total("secretsync_drift_total") == 3)
    world.site.patch("Secret", "db", note)
    eventually(lambda: not noted(), within_s=120)
    assert world.rig.holds("db")


@pytest.mark.built
def test_cluster_without_the_crd_serves_the_rest_and_notices_it_later(
    front: StrictFront, tmp_path: Path
) -> None:
    folder = tmp_path / "kube"
    folder.mkdir()
    server = KubeServer(folder)
    server.start()
    try:
        for file in sorted(CRDS.glob("*.yaml")):
            if file.stem != "sealedsecrets":
                server.admin.install_crds(file)
        api = AwsApi(front.url)
        site = KubeSite(server, server.admin.create_namespace("shop"), None)
        rig = Rig(site, front, api, tmp_path)
        world = SealedRig(rig)
        rig.store()
        rig.upstream("one")
        rig.external_secret("one")
        service = world.start("--no-applications")
        rig.wait_synced("one")
        assert service.log_text().count("not served; the service goes on without it") == 1
        server.admin.install_crds(CRDS / "sealedsecrets.yaml")
        world.put("db")
        world.wait_unsealed("db")
        rig.close()
        api.close()
    finally:
        server.stop()
