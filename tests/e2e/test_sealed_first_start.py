"""What is known to be absent is created without a look, and what is not there is never assumed."""

from __future__ import annotations

import pytest

from tests.e2e.kube_front import ApiCall, ApiReply, KubeFront
from tests.e2e.rig import Rig, eventually, settled
from tests.e2e.sealed_rig import SealedRig
from tests.support.kube import KubeServer

NAMES = [f"app-{index}" for index in range(8)]


@pytest.fixture
def world(kube_rig: Rig) -> SealedRig:
    return SealedRig(kube_rig)


def front_of(world: SealedRig) -> KubeFront:
    front = world.rig.kube.front
    assert front is not None
    return front


def looks(world: SealedRig, *names: str) -> list[ApiCall]:
    """The reads of single Secrets that arrived."""
    return [
        call
        for call in list(front_of(world).calls)
        if (call.method, call.resource) == ("GET", "secrets") and call.name in names
    ]


def test_first_start_looks_at_no_secret_that_the_list_lacks(world: SealedRig) -> None:
    for name in NAMES:
        world.put(name)
    world.put("taken")
    world.put_secret("taken")
    world.start()
    for name in NAMES:
        world.wait_unsealed(name)
    world.wait_status("taken", "False", "not managed by")
    assert looks(world, *NAMES) == []
    assert looks(world, "taken")
    assert world.secret("taken")["data"].keys() == {"old"}


def test_secret_made_between_the_list_and_the_create_is_never_overwritten(
    world: SealedRig,
) -> None:
    def make(_call: ApiCall) -> ApiReply | None:
        world.put_secret("db")
        return None

    front_of(world).inject(
        make,
        match=lambda call: (call.method, call.resource, call.name) == ("POST", "secrets", "db"),
        times=1,
    )
    world.put("db")
    world.start()
    world.wait_status("db", "False", "not managed by")
    assert len(front_of(world).writes("secrets", "db")) == 1
    assert world.secret("db")["data"].keys() == {"old"}


def test_secret_that_was_absent_once_is_mended_and_made_again(world: SealedRig) -> None:
    world.put("db")
    service = world.start()
    world.wait_unsealed("db")
    world.site.patch("Secret", "db", {"data": {"password": "AAAA"}})
    eventually(lambda: world.rig.holds("db"))
    before = world.secret("db")["metadata"]["uid"]
    world.site.delete("Secret", "db")
    eventually(lambda: world.rig.holds("db"))
    assert world.secret("db")["metadata"]["uid"] != before
    # Statuses and events are written after what they tell of.
    settled(service.writes, for_s=1)


def test_list_after_a_gap_brings_back_what_went_and_spares_what_came(
    world: SealedRig, crd_server: KubeServer
) -> None:
    world.put("db")
    world.start()
    world.wait_unsealed("db")
    front = front_of(world)
    front.inject(
        lambda _call: ApiReply(drop=True),
        match=lambda call: call.watch and call.resource == "secrets",
    )
    front.cut()
    world.site.delete("Secret", "db")
    world.put_secret("late")
    crd_server.compact()
    front.heal()
    world.put("late")
    eventually(lambda: world.rig.holds("db"), within_s=120)
    world.wait_status("late", "False", "not managed by")
    assert world.secret("late")["data"].keys() == {"old"}
