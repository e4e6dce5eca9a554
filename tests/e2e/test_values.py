"""Faults 3, 4 and 7 to 10: what single keys do to their own Secret, and to no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.rig import Rig, eventually, steady
from tests.support.aws_faults import Fault, not_json, rewriting, truncated

NAMES = [f"app-{index:02}" for index in range(20)]


def test_fault_3_denial_of_one_of_twenty_stops_only_that_one(rig: Rig) -> None:
    rig.front.denied.add(NAMES[7])
    rig.store()
    for name in NAMES:
        rig.upstream(name)
        rig.external_secret(name)
    rig.start()
    for name in set(NAMES) - {NAMES[7]}:
        rig.wait_synced(name)
    rig.wait_condition(NAMES[7], "False", "AWS denies", NAMES[7], "AccessDenied")
    assert rig.site.get("Secret", NAMES[7]) is None
    rig.front.denied.clear()
    rig.wait_synced(NAMES[7])


def test_fault_3_denial_of_a_synced_one_keeps_its_data(rig: Rig) -> None:
    rig.scene(*NAMES[:4])
    rig.front.denied.add(NAMES[0])
    for name in NAMES[:4]:
        rig.upstream(name, "v2")
    for name in NAMES[1:4]:
        rig.wait_synced(name, "v2")
    rig.wait_condition(NAMES[0], "False", "AccessDenied")
    assert rig.holds(NAMES[0], "v1")


def test_fault_4_denial_of_everything_keeps_everything(rig: Rig) -> None:
    rig.scene(*NAMES)
    before = rig.site.secrets()
    rig.front.denied |= set(NAMES)
    rig.front.denied_operations |= {"ListSecrets", "BatchGetSecretValue", "GetSecretValue"}
    for name in NAMES:
        rig.wait_condition(name, "False", "AccessDenied")
    steady(rig.site.secrets, for_s=2)
    assert rig.site.secrets() == before
    rig.front.denied.clear()
    rig.front.denied_operations.clear()
    rig.upstream(NAMES[0], "v2")
    for name in NAMES:
        rig.wait_condition(name, "True")
    # A tick before the rotation may have healed it with the old value.
    rig.wait_synced(NAMES[0], "v2")


def test_fault_4_revoked_key_is_another_reason_and_heals(rig: Rig) -> None:
    rig.scene("one")
    rig.front.rejected_keys.add("AKIATEST")
    rig.wait_condition("one", "False", "does not accept the credentials")
    assert rig.holds("one")
    rig.front.rejected_keys.clear()
    rig.upstream("one", "v2")
    rig.wait_synced("one", "v2")


@pytest.mark.parametrize("empty", ["", "  \n", "{}", "null"], ids=["none", "blank", "{}", "null"])
def test_fault_7_empty_value_does_not_replace_a_good_one(rig: Rig, empty: str) -> None:
    rig.scene("one", "sibling")
    content = json.dumps({"password": empty})
    rig.aws.put("one", content)
    rig.wait_condition("one", "False", "an empty value would replace a good one", "password")
    steady(lambda: rig.holds("one"), for_s=2)
    rig.upstream("sibling", "v2")
    rig.wait_synced("sibling", "v2")
    allow = {"metadata": {"annotations": {"secretsync.io/allow-empty": "true"}}}
    rig.site.patch("ExternalSecret", "one", allow)
    eventually(lambda: rig.data("one") == {"password": empty.encode()})


def test_fault_7_whole_secret_that_became_empty(rig: Rig) -> None:
    extract = [{"extract": {"key": "one"}}]
    rig.scene("one", data=None, dataFrom=extract)
    rig.aws.put("one", "{}")
    rig.wait_condition("one", "False", "the sources gave no keys")
    assert rig.holds("one")


def test_fault_8_value_that_shrank_waits_until_its_guard_lets_it(rig: Rig) -> None:
    guard = "secretsync.io/max-shrink-percent"
    rig.scene("one", "sibling", metadata={"annotations": {guard: "25"}})
    rig.aws.put("one", json.dumps({"password": "x"}))
    rig.wait_condition("one", "False", "the value of key password would shrink", guard)
    rig.upstream("sibling", "v2")
    rig.wait_synced("sibling", "v2")
    assert rig.holds("one")
    rig.site.patch("ExternalSecret", "one", {"metadata": {"annotations": {guard: "100"}}})
    eventually(lambda: rig.data("one") == {"password": b"x"})
    rig.wait_condition("one", "True")


def test_fault_10_copy_that_lags_behind_takes_nothing_back(dir_rig: Rig) -> None:
    rig = dir_rig
    rig.upstream("one", "v0")
    old = rig.aws.call("GetSecretValue", SecretId="one")
    old["CreatedDate"] -= 3600
    rig.upstream("one")
    rig.scene("sibling")
    rig.external_secret("one")
    rig.wait_synced("one")

    def lag(fields: dict[str, Any]) -> None:
        for entry in (*fields.get("SecretValues", ()), fields):
            if entry.get("Name") == "one":
                entry.update({name: old[name] for name in entry.keys() & old.keys()})

    for operation in ("BatchGetSecretValue", "GetSecretValue"):
        rig.front.inject(rewriting(lag), operation=operation)
    rig.upstream("one", "v2")
    rig.wait_condition("one", "False", "an older version of ClusterSecretStore/", "second look")
    rig.upstream("sibling", "v2")
    rig.wait_synced("sibling", "v2")
    assert rig.holds("one", "v1")
    rig.front.heal()
    rig.wait_synced("one", "v2")


def _other_secret(fields: dict[str, Any]) -> None:
    for entry in fields.get("SecretValues", []):
        entry["ARN"], entry["Name"] = entry["ARN"].replace("app", "bpp"), "bpp"


def _no_version(fields: dict[str, Any]) -> None:
    for entry in (*fields.get("SecretValues", ()), fields):
        entry.pop("VersionId", None)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(truncated(), id="truncated"),
        pytest.param(not_json(), id="portal"),
        pytest.param(not_json(b'{"SecretValues": [{"ARN": "\xff\xfe"}]}'), id="not-utf-8"),
        pytest.param(rewriting(_other_secret), id="another-secret"),
        pytest.param(rewriting(_no_version), id="no-version"),
    ],
)
def test_fault_9_spoiled_reply_changes_nothing(dir_rig: Rig, fault: Fault) -> None:
    rig = dir_rig
    rig.scene(*NAMES[:3])
    before = rig.site.secrets()
    for operation in ("BatchGetSecretValue", "GetSecretValue"):
        rig.front.inject(fault, operation=operation)
    for name in NAMES[:3]:
        rig.upstream(name, "v2")
    for name in NAMES[:3]:
        rig.wait_condition(name, "False", "could not get secret data from provider")
    assert rig.site.secrets() == before
    rig.front.heal()
    for name in NAMES[:3]:
        rig.wait_synced(name, "v2")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"password": "x', id="bad-json"),
        pytest.param(b"\xff\xfe\x00binary", id="not-utf-8"),
        pytest.param(b"[1, 2]", id="a-list"),
        pytest.param(b'{"other": "x"}', id="property-gone"),
    ],
)
def test_fault_9_spoiled_value_keeps_the_last_good_one(rig: Rig, content: bytes) -> None:
    rig.scene("one", "sibling")
    rig.aws.put("one", content)
    rig.wait_condition(
        "one", "False", "key password does not exist in secret one", "spec.data[0].remoteRef"
    )
    assert rig.holds("one")
    rig.upstream("sibling", "v2")
    rig.wait_synced("sibling", "v2")
    rig.upstream("one", "v3")
    rig.wait_synced("one", "v3")
