"""The life of SealedSecrets in the running service, over either kind of cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from sealing import Scope
from tests.e2e.rig import Rig, eventually, steady
from tests.e2e.sealed_rig import DIGEST, SealedRig
from tests.sealing.kit import other_key

MANAGED = "sealedsecrets.bitnami.com/managed"
NAMESPACE_WIDE = "sealedsecrets.bitnami.com/namespace-wide"


@pytest.fixture
def world(rig: Rig) -> Iterator[SealedRig]:
    return SealedRig(rig)


def test_sealed_secret_becomes_its_secret(world: SealedRig) -> None:
    service = world.start()
    world.put("db", {"password": "v1", "empty": ""}, labels={"app": "web"})
    world.wait_unsealed("db")
    secret = world.secret("db")
    assert secret["metadata"]["labels"] == {"app": "web"}
    (owner,) = secret["metadata"]["ownerReferences"]
    live = world.site.get("SealedSecret", "db")
    assert live is not None
    assert (owner["kind"], owner["uid"]) == ("SealedSecret", live["metadata"]["uid"])
    assert owner["controller"] is True
    assert live["status"]["observedGeneration"] == live["metadata"]["generation"]
    condition = world.condition("db")
    assert condition["lastUpdateTime"] == condition["lastTransitionTime"]
    assert not condition.get("message")
    eventually(lambda: world.events("db", "Unsealed"))
    info = "sealed_secrets_controller_condition_info"
    eventually(lambda: service.total(info, name="db") == 1)


def test_edit_is_followed_and_unchanged_objects_cost_nothing(world: SealedRig) -> None:
    service = world.start()
    world.put("db")
    world.put("other")
    world.wait_unsealed("db")
    world.wait_unsealed("other")
    uses, other = world.key_uses(service), world.secret("other")
    world.put("db", {"password": "v2", "user": "v1"})
    world.wait_unsealed("db", "v2")
    assert world.rig.holds("db", "v1", "user")
    assert world.key_uses(service) == uses + 2
    assert world.secret("other") == other


def test_scope_annotation_alone_is_an_edit(world: SealedRig) -> None:
    """Sealed Secrets drops edits of metadata, so that such an object stays as it was."""
    world.start()
    made = world.sealed("db", scope=Scope.NAMESPACE_WIDE)
    without = copy.deepcopy(made)
    del without["metadata"]["annotations"]
    world.site.put(without)
    world.wait_status("db", "False", "no key could decrypt secret")
    world.site.patch("SealedSecret", "db", {"metadata": {"annotations": {NAMESPACE_WIDE: "true"}}})
    world.wait_unsealed("db")


def test_message_is_the_current_error(world: SealedRig) -> None:
    """Sealed Secrets leaves the first one standing."""
    world.start()
    made = world.put("db", key=other_key())
    world.wait_status("db", "False", "no key could decrypt secret")
    made["spec"]["encryptedData"]["password"] = "NOTVALIDBASE64"
    world.site.put(made)
    world.wait_status("db", "False", "illegal base64 data")
    world.put("db")
    world.wait_unsealed("db")
    assert not world.condition("db").get("message")


def test_deleted_secret_comes_back(world: SealedRig) -> None:
    service = world.start()
    world.put("db")
    world.wait_unsealed("db")
    world.site.delete("Secret", "db")
    world.wait_unsealed("db")
    eventually(lambda: "made again" in service.log_text())


def test_skip_recreate_leaves_deleted_secrets_alone(world: SealedRig) -> None:
    world.start("--skip-recreate")
    world.put("db")
    world.wait_unsealed("db")
    world.site.delete("Secret", "db")
    steady(lambda: world.site.get("Secret", "db"), for_s=2)
    world.put("db", {"password": "v2"})
    world.wait_unsealed("db", "v2")


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"data": {"password": "AAAA"}}, id="value"),
        pytest.param({"data": {"more": "AAAA"}}, id="another-key"),
        pytest.param({"metadata": {"labels": {"app": "else"}}}, id="label"),
        pytest.param({"metadata": {"ownerReferences": None}}, id="owner"),
        pytest.param(
            {"metadata": {"annotations": {DIGEST: "00.00"}}, "data": {"password": "AAAA"}},
            id="value-and-digest",
        ),
        pytest.param({"data": {"password": None}}, id="key-removed"),
    ],
)
def test_hand_edit_is_mended(world: SealedRig, patch: dict[str, object]) -> None:
    service = world.start()
    world.put("db", labels={"app": "web"})
    world.wait_unsealed("db")
    before = world.secret("db")
    world.site.patch("Secret", "db", patch)

    def mended() -> bool:
        now = world.secret("db")
        assert now.get("data") == before["data"]
        assert now["metadata"].get("labels") == before["metadata"]["labels"]
        assert now["metadata"].get("ownerReferences") == before["metadata"]["ownerReferences"]
        notes = now["metadata"].get("annotations") or {}
        assert notes.get(DIGEST) == before["metadata"]["annotations"][DIGEST]
        return True

    eventually(mended)
    eventually(lambda: service.total("secretsync_drift_total") == 1)


def test_deleted_sealed_secret_takes_its_secret_along(world: SealedRig) -> None:
    service = world.start()
    world.put("db")
    world.put("kept")
    world.wait_unsealed("db")
    world.wait_unsealed("kept")
    with world.rig.garbage_collected():
        world.site.delete("SealedSecret", "db")
        eventually(lambda: world.site.get("Secret", "db") is None, within_s=180)
        steady(lambda: world.site.get("Secret", "db") is None, for_s=1)
    assert world.rig.holds("kept")
    gone = 'condition_info{condition="Synced",name="db"'
    eventually(lambda: gone not in service.metrics_page())
    assert 'condition_info{condition="Synced",name="kept"' in service.metrics_page()


def test_foreign_secret_is_not_touched_until_it_may_be(world: SealedRig) -> None:
    world.start()
    world.put_secret("db")
    world.put("db")
    world.wait_status("db", "False", 'Resource "db" already exists and is not managed')
    assert world.rig.data("db").keys() == {"old"}
    eventually(lambda: world.events("db", "ErrUpdateFailed"))
    world.site.patch("Secret", "db", {"metadata": {"annotations": {MANAGED: "true"}}})
    world.wait_unsealed("db")
    assert world.rig.data("db").keys() == {"password"}


def test_wrong_objects_leave_the_good_ones_alone(world: SealedRig) -> None:
    service = world.start()
    world.put("good")
    bad = {
        "cut": ("AgA", "illegal base64"),
        "short": ("AAAA", "no key could decrypt secret"),
        "blank": ("AAAA AAAA", "illegal base64"),
    }
    for name, (text, _) in bad.items():
        made = world.sealed(name)
        made["spec"]["encryptedData"]["password"] = text
        world.site.put(made)
    world.put("stranger", key=other_key())
    for name, (_, message) in bad.items():
        world.wait_status(name, "False", message)
        assert world.site.get("Secret", name) is None
    world.wait_status("stranger", "False", "no key could decrypt secret")
    world.wait_unsealed("good")
    world.put("good", {"password": "v2"})
    world.wait_unsealed("good", "v2")
    service.assert_alive()


def test_bad_edit_keeps_the_good_secret(world: SealedRig) -> None:
    world.start()
    world.put("db")
    world.wait_unsealed("db")
    before = world.secret("db")
    world.put("db", key=other_key())
    world.wait_status("db", "False", "no key could decrypt secret")
    assert world.secret("db") == before


def test_restart_opens_nothing_and_writes_nothing(world: SealedRig) -> None:
    names = [f"app-{index:02}" for index in range(20)]
    service = world.start()
    for name in names:
        world.put(name, {"password": "v1", "user": "v2"}, labels={"app": name})
    for name in names:
        world.wait_unsealed(name)
    assert world.key_uses(service) == 2 * len(names)
    service.stop()
    before = {name: (world.secret(name), world.site.get("SealedSecret", name)) for name in names}
    again = world.start()
    total = "sealed_secrets_controller_unseal_requests_total"
    eventually(lambda: again.total(total) == len(names))
    steady(again.writes, for_s=1)
    assert again.writes() == 0
    assert world.key_uses(again) == 0
    after = {name: (world.secret(name), world.site.get("SealedSecret", name)) for name in names}
    assert after == before


def test_secret_edited_while_nobody_watched_is_mended_at_the_start(world: SealedRig) -> None:
    service = world.start()
    world.put("db")
    world.put("other")
    world.wait_unsealed("db")
    world.wait_unsealed("other")
    service.stop()
    world.site.patch("Secret", "db", {"data": {"password": "AAAA"}})
    world.site.delete("Secret", "other")
    again = world.start()
    world.wait_unsealed("db")
    world.wait_unsealed("other")
    assert world.key_uses(again) == 2


def test_killed_service_leaves_whole_secrets_and_goes_on(world: SealedRig) -> None:
    names = [f"app-{index:02}" for index in range(30)]
    for name in names:
        world.put(name)
    for _ in range(3):
        world.start(ready=False)
        eventually(lambda: world.site.names("Secret"), within_s=180)
        world.rig.services[-1].kill()
        for name in names:
            assert world.rig.data(name) in ({}, {"password": world.rig.value("v1").encode()})
    world.start()
    for name in names:
        world.wait_unsealed(name)
