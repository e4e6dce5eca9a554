"""What changes on purpose: rotations, edits, renames, deletions."""

from __future__ import annotations

import time

import pytest

from tests.e2e.rig import Rig, eventually, steady

FINALIZER = "externalsecrets.external-secrets.io/externalsecret-cleanup"


def test_upstream_rotation_is_picked_up_and_writes_one_secret(rig: Rig) -> None:
    service = rig.scene("one", "two", "three")
    written = service.writes(kind="Secret")
    others = {name: rig.site.get("Secret", name) for name in ("one", "three")}
    rig.upstream("two", "v2")
    rig.wait_holds("two", "v2")
    eventually(lambda: service.writes(kind="Secret") == written + 1)
    assert {name: rig.site.get("Secret", name) for name in others} == others


def test_edited_external_secret_is_applied_and_old_keys_go(rig: Rig) -> None:
    rig.scene("one")
    rig.upstream("other", "o1")
    rig.external_secret("one", ["other", "one"])
    eventually(
        lambda: (
            rig.data("one")
            == {"key-0": rig.value("o1").encode(), "key-1": rig.value("v1").encode()}
        )
    )


def test_force_sync_annotation_reads_again(rig: Rig) -> None:
    rig.scene("one", refreshInterval="1h")
    rig.upstream("one", "v2")
    steady(lambda: rig.holds("one", "v1"), for_s=1)
    rig.site.patch("ExternalSecret", "one", {"metadata": {"annotations": {"force-sync": "1"}}})
    rig.wait_holds("one", "v2")


def test_renamed_target_deletes_the_old_secret(rig: Rig) -> None:
    rig.scene("one")
    rig.external_secret("one", target={"name": "renamed"})
    rig.wait_holds("renamed")
    eventually(lambda: rig.site.get("Secret", "one") is None)


def test_secret_under_an_earlier_target_name_goes_whenever_it_is_seen(rig: Rig) -> None:
    """A kill between the two writes, or a late watch, must not keep the old one for ever."""
    service = rig.scene("one")
    for name, running in (("seen-late", True), ("seen-at-the-start", False)):
        if not running:
            service.stop()
        left = rig.site.get("Secret", "one")
        assert left is not None
        kept = ("labels", "annotations", "ownerReferences")
        metadata = {key: left["metadata"][key] for key in kept if key in left["metadata"]}
        rig.site.put({**left, "metadata": {**metadata, "name": name}})
        if not running:
            rig.start()
        eventually(lambda name=name: rig.site.get("Secret", name) is None)
    assert rig.holds("one")


def test_renamed_target_of_orphan_keeps_the_old_secret(rig: Rig) -> None:
    orphan = {"creationPolicy": "Orphan"}
    rig.scene("one", target=orphan)
    rig.external_secret("one", target={**orphan, "name": "renamed"})
    rig.wait_holds("renamed")
    steady(lambda: rig.holds("one"), for_s=1)


def test_deleted_external_secret_takes_its_owned_secret_along(rig: Rig) -> None:
    rig.scene("one", "two")
    with rig.garbage_collected():
        rig.site.delete("ExternalSecret", "one")
        eventually(lambda: rig.site.get("Secret", "one") is None, within_s=180)
        assert rig.holds("two")


def test_deleted_external_secret_leaves_an_orphan(rig: Rig) -> None:
    rig.scene("one", target={"creationPolicy": "Orphan"})
    rig.site.delete("ExternalSecret", "one")
    steady(lambda: rig.holds("one"), for_s=2)


def test_created_once_is_never_read_again(rig: Rig) -> None:
    rig.scene("one", refreshPolicy="CreatedOnce")
    rig.upstream("one", "v2")
    rig.site.patch("ExternalSecret", "one", {"metadata": {"labels": {"edited": "yes"}}})
    steady(lambda: rig.holds("one", "v1"), for_s=3)


def test_on_change_reads_again_only_when_edited(rig: Rig) -> None:
    rig.scene("one", refreshPolicy="OnChange")
    rig.upstream("one", "v2")
    steady(lambda: rig.holds("one", "v1"), for_s=3)
    rig.site.patch("ExternalSecret", "one", {"metadata": {"labels": {"edited": "yes"}}})
    rig.wait_holds("one", "v2")


def test_invalid_external_secret_says_why_and_keeps_its_secret(rig: Rig) -> None:
    service = rig.scene("one")
    rig.external_secret("one", data=None, dataFrom=[{"find": {"name": {"regexp": "("}}}])
    rig.wait_condition("one", "False", "spec.dataFrom[0].find.name.regexp")
    steady(lambda: rig.holds("one"), for_s=1)
    rig.upstream("one", "v2")
    rig.external_secret("one", dataFrom=None)
    rig.wait_synced("one", "v2")
    service.assert_alive()


@pytest.mark.built
def test_finalizer_of_eso_is_removed_from_an_invalid_external_secret(kube_rig: Rig) -> None:
    """One that we cannot parse must not stay for ever once somebody deletes it."""
    kube_rig.store()
    kube_rig.external_secret(
        "one",
        metadata={"finalizers": [FINALIZER]},
        data=None,
        dataFrom=[{"find": {"name": {"regexp": "("}}}],
    )
    kube_rig.start()
    kube_rig.wait_condition("one", "False")
    kube_rig.site.delete("ExternalSecret", "one")
    eventually(lambda: kube_rig.site.get("ExternalSecret", "one") is None)


def test_store_that_comes_later_is_used_at_once(rig: Rig) -> None:
    rig.upstream("one")
    rig.external_secret("one")
    rig.start()
    rig.wait_condition("one", "False", "ClusterSecretStore aws does not exist")
    began_s = time.monotonic()
    rig.store()
    rig.wait_synced("one")
    assert time.monotonic() - began_s < 8


def test_store_that_is_fixed_later_is_used_at_once(rig: Rig) -> None:
    rig.upstream("one")
    rig.external_secret("one")
    rig.store(aws={"service": "CertificateManager"})
    rig.start()
    rig.wait_condition("one", "False", "spec.provider.aws.service")
    rig.wait_condition("aws", "False", "CertificateManager", kind="ClusterSecretStore")
    rig.store()
    rig.wait_synced("one")
    rig.wait_condition("aws", "True", kind="ClusterSecretStore")


def test_deleted_store_is_said_and_keeps_its_secrets(rig: Rig) -> None:
    rig.scene("one")
    rig.site.delete("ClusterSecretStore", "aws")
    rig.wait_condition("one", "False", "ClusterSecretStore aws does not exist")
    assert rig.holds("one")
    rig.upstream("one", "v2")
    rig.store()
    rig.wait_synced("one", "v2")


def test_store_condition_excludes_a_namespace(rig: Rig) -> None:
    rig.upstream("one")
    rig.external_secret("one")
    rig.store(conditions=[{"namespaces": ["elsewhere"]}])
    rig.start()
    rig.wait_condition("one", "False", "denied by spec.conditions")
    assert rig.reads() == 0
    rig.store(conditions=[{"namespaces": [rig.site.namespace]}])
    rig.wait_synced("one")


def test_store_of_another_controller_class_is_left_alone_silently(rig: Rig) -> None:
    rig.upstream("one")
    rig.upstream("two")
    rig.external_secret("one", secretStoreRef={"name": "theirs", "kind": "ClusterSecretStore"})
    rig.external_secret("two")
    rig.store("theirs", controller="other")
    rig.store()
    service = rig.start()
    rig.wait_synced("two")
    assert rig.site.get("Secret", "one") is None
    assert rig.condition("one") == {}
    assert rig.condition("theirs", "ClusterSecretStore") == {}
    assert "theirs" not in service.log_text()
    assert service.total("externalsecret_sync_calls_total", name="one") == 0


def test_edit_that_is_undone_at_once_leaves_nothing_behind(rig: Rig) -> None:
    """The status of the edit is still on its way when the undoing arrives."""
    rig.scene("one", refreshInterval="1h")
    for round_ in range(6):
        for note in (f"n{round_}", None):
            rig.site.patch("ExternalSecret", "one", {"metadata": {"labels": {"note": note}}})
            time.sleep(0.05 * round_)

    def noted() -> bool:
        return "note" in (rig.site.get("Secret", "one") or {})["metadata"]["labels"]

    # The last edits may not have been looked at yet.
    eventually(lambda: not steady(noted, for_s=1))


def test_deletion_that_overtakes_the_first_sync_leaves_no_secret(dir_rig: Rig) -> None:
    """In a directory nobody else would collect what a dead owner's Secret holds."""
    rig = dir_rig
    rig.store()
    rig.start()
    names = [f"app-{index}" for index in range(12)]
    for name in names:
        rig.upstream(name)
    for index, name in enumerate(names):
        rig.external_secret(name)
        time.sleep(0.2 + 0.02 * index)
        rig.site.delete("ExternalSecret", name)
    # What is still being written comes, and must go again.
    eventually(lambda: steady(lambda: rig.site.names("Secret"), for_s=2) == [])
