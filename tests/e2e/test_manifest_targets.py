"""`target.manifest`: objects that are not Secrets, behind their switch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.rig import Rig, eventually, steady

SWITCH = "--unsafe-allow-generic-targets"
CONFIG_MAP: dict[str, Any] = {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}
MANAGED = "externalsecrets.external-secrets.io/managed"


@pytest.fixture(autouse=True)
def _no_values_left(rig: Rig) -> Iterator[None]:
    """What these objects hold is open to all, which the sweep for values cannot know."""
    yield
    for service in rig.services:
        service.kill()
    for name in rig.site.names("ConfigMap"):
        if not name.startswith("kube-"):
            rig.site.delete("ConfigMap", name)


def _config(rig: Rig, name: str) -> dict[str, str]:
    found = rig.site.get("ConfigMap", name)
    return (found or {}).get("data") or {}


def _config_map(rig: Rig, name: str, **data: str) -> None:
    metadata = {"name": name, "namespace": rig.site.namespace}
    rig.site.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _scene(rig: Rig, name: str = "one", **target: Any) -> None:
    rig.store()
    rig.upstream(name)
    rig.external_secret(name, target={**CONFIG_MAP, **target})


def test_manifest_target_without_the_switch_is_refused_and_reads_nothing(rig: Rig) -> None:
    _scene(rig)
    rig.start()
    rig.wait_condition("one", "False", SWITCH)
    assert rig.condition("one")["reason"] == "ResourceSyncedError"
    assert rig.site.get("ConfigMap", "one") is None
    assert rig.reads() == 0


def test_manifest_target_is_made_followed_and_written_only_when_it_differs(rig: Rig) -> None:
    _scene(rig)
    service = rig.start(SWITCH)
    eventually(lambda: _config(rig, "one") == {"password": rig.value("v1")})
    rig.wait_condition("one", "True", "resource synced")
    assert rig.condition("one")["reason"] == "ResourceSynced"
    found = rig.site.get("ConfigMap", "one")
    assert found is not None
    assert found["metadata"]["labels"][MANAGED] == "true"
    assert found["metadata"]["ownerReferences"][0]["name"] == "one"
    steady(lambda: rig.site.get("ConfigMap", "one"), for_s=5)
    rig.upstream("one", "v2")
    eventually(lambda: _config(rig, "one") == {"password": rig.value("v2")})
    assert rig.site.get("Secret", "one") is None
    service.assert_alive()


def test_manifest_target_that_drifts_is_made_again(rig: Rig) -> None:
    rig.store()
    rig.upstream("one")
    rig.external_secret("one", target=CONFIG_MAP, refreshInterval="1h")
    rig.start(SWITCH)
    rig.wait_condition("one", "True")
    rig.site.patch("ConfigMap", "one", {"data": {"password": "edited"}})
    eventually(lambda: _config(rig, "one") == {"password": rig.value("v1")})
    rig.site.delete("ConfigMap", "one")
    eventually(lambda: _config(rig, "one") == {"password": rig.value("v1")})


def test_manifest_target_of_somebody_else_stays_unless_adopted(rig: Rig) -> None:
    _config_map(rig, "one", theirs="x")
    _scene(rig)
    rig.start(SWITCH)
    rig.wait_condition("one", "False", "was not made by this ExternalSecret")
    assert _config(rig, "one") == {"theirs": "x"}
    adopt = {"metadata": {"annotations": {"secretsync.io/adopt": "true"}}}
    rig.site.patch("ExternalSecret", "one", adopt)
    rig.wait_condition("one", "True")
    assert _config(rig, "one")["password"] == rig.value("v1")


def test_manifest_target_by_merge_joins_what_is_there_and_makes_nothing(rig: Rig) -> None:
    _scene(rig, creationPolicy="Merge")
    rig.start(SWITCH)
    rig.wait_condition("one", "True", "CreationPolicy=Merge")
    assert rig.condition("one")["reason"] == "ResourceMissing"
    assert rig.site.get("ConfigMap", "one") is None
    _config_map(rig, "one", theirs="x")
    eventually(lambda: _config(rig, "one") == {"theirs": "x", "password": rig.value("v1")})


def test_manifest_target_beside_a_secret_of_the_same_name_is_no_rival(rig: Rig) -> None:
    _scene(rig)
    rig.external_secret("secret", ["one"], target={"name": "one"})
    rig.start(SWITCH)
    rig.wait_condition("one", "True")
    rig.wait_condition("secret", "True")
    assert rig.data("one") == {"password": rig.value("v1").encode()}
    assert _config(rig, "one") == {"password": rig.value("v1")}


def test_manifest_target_goes_with_its_external_secret(rig: Rig) -> None:
    _scene(rig)
    with rig.garbage_collected():
        rig.start(SWITCH)
        rig.wait_condition("one", "True")
        rig.site.delete("ExternalSecret", "one")
        eventually(lambda: rig.site.get("ConfigMap", "one") is None, within_s=120)


def test_manifest_target_keeps_its_last_good_value_while_the_store_fails(rig: Rig) -> None:
    _scene(rig)
    rig.start(SWITCH)
    rig.wait_condition("one", "True")
    rig.aws.put("one", '{"other": "x"}')
    rig.wait_condition("one", "False")
    assert _config(rig, "one") == {"password": rig.value("v1")}


@pytest.mark.parametrize("restarted", [False, True])
def test_manifest_target_of_an_earlier_name_goes_and_others_stay(rig: Rig, restarted: bool) -> None:
    _scene(rig)
    _config_map(rig, "theirs", kept="x")
    service = rig.start(SWITCH)
    rig.wait_condition("one", "True")
    if restarted:
        service.kill()
    rig.external_secret("one", target={**CONFIG_MAP, "name": "two"})
    if restarted:
        rig.start(SWITCH)
    eventually(lambda: _config(rig, "two") == {"password": rig.value("v1")})
    eventually(lambda: rig.site.get("ConfigMap", "one") is None)
    assert _config(rig, "theirs") == {"kept": "x"}


def test_target_that_becomes_another_kind_takes_the_place_of_the_earlier(rig: Rig) -> None:
    _scene(rig)
    rig.start(SWITCH)
    rig.wait_condition("one", "True")
    rig.external_secret("one", target={"name": "one"})
    rig.wait_holds("one")
    eventually(lambda: rig.site.get("ConfigMap", "one") is None)
    rig.external_secret("one", target=CONFIG_MAP)
    eventually(lambda: _config(rig, "one") == {"password": rig.value("v1")})
    eventually(lambda: rig.site.get("Secret", "one") is None)
