"""Faults 5 and 6: what is absent upstream, and when it may cost a Secret."""

from __future__ import annotations

import re

import pytest

from tests.controller.live import MovableClock
from tests.e2e.rig import Rig, eventually, settled, steady

GAP_S = 60
DELETE = {"target": {"deletionPolicy": "Delete"}}
MERGE = {"target": {"deletionPolicy": "Merge"}}


def _scene(rig: Rig, *names: str, **spec: object) -> None:
    for name in names:
        rig.upstream(name)
        rig.external_secret(name, **spec)
    for name in names:
        rig.wait_synced(name)


def _gone(rig: Rig, *names: str) -> None:
    for name in names:
        rig.aws.call("DeleteSecret", SecretId=name, ForceDeleteWithoutRecovery=True)
        rig.keys.discard(name)


def test_fault_5_absence_deletes_only_at_the_second_look(rig: Rig, clock: MovableClock) -> None:
    _scene(rig, "one", "two", "three", **DELETE)
    _gone(rig, "one")
    rig.wait_condition("one", "True", "secret retained", "is not confirmed yet")
    # The time that the test itself takes counts too, on a busy machine many seconds.
    clock.ahead_s += GAP_S - 40
    steady(lambda: rig.holds("one"), for_s=3)
    clock.ahead_s += 40
    eventually(lambda: rig.site.get("Secret", "one") is None)
    deleted = rig.wait_condition("one", "True", "secret deleted due to DeletionPolicy=Delete")
    assert deleted["reason"] == "SecretDeleted"
    assert rig.holds("two")
    # Looking on, it stays that way, and costs no write.
    settled(rig.versions, for_s=5)
    rig.upstream("one", "back")
    rig.wait_synced("one", "back")


def test_fault_5_absence_that_ends_in_between_starts_over(rig: Rig, clock: MovableClock) -> None:
    _scene(rig, "one", "two", **DELETE)
    _gone(rig, "one")
    rig.wait_condition("one", "True", "is not confirmed yet")
    rig.upstream("one", "v2")
    rig.wait_synced("one", "v2")
    clock.ahead_s += GAP_S
    _gone(rig, "one")
    rig.wait_condition("one", "True", "is not confirmed yet")
    steady(lambda: rig.holds("one", "v2"), for_s=3)


def test_fault_5_merge_removes_the_key_only_at_the_second_look(
    rig: Rig, clock: MovableClock
) -> None:
    rig.upstream("kept")
    rig.upstream("lost")
    rig.external_secret("one", ["kept", "lost"], **MERGE)
    eventually(lambda: rig.data("one").keys() == {"key-0", "key-1"})
    _gone(rig, "lost")
    rig.upstream("kept", "v2")
    eventually(lambda: rig.holds("one", "v2", "key-0"))
    steady(lambda: rig.data("one").keys() == {"key-0", "key-1"}, for_s=3)
    clock.ahead_s += GAP_S
    eventually(lambda: rig.data("one").keys() == {"key-0"})


def test_fault_5_retain_never_deletes(rig: Rig, clock: MovableClock) -> None:
    _scene(rig, "one", "two")
    _gone(rig, "one")
    rig.wait_condition("one", "False", "could not get secret data from provider")
    clock.ahead_s += 10 * GAP_S
    steady(lambda: rig.holds("one"), for_s=3)


def test_fault_5_denial_is_no_absence(rig: Rig, clock: MovableClock) -> None:
    """Fault 4 under the policy that could delete."""
    _scene(rig, "one", "two", "three", **DELETE)
    rig.front.denied |= {"one", "two", "three"}
    rig.front.denied_operations.add("ListSecrets")
    rig.wait_condition("one", "False", "AccessDenied")
    clock.ahead_s += 10 * GAP_S
    steady(lambda: all(rig.holds(name) for name in ("one", "two", "three")), for_s=4)


@pytest.mark.parametrize(
    ("total", "lost"),
    [pytest.param(2, 2, id="all"), pytest.param(20, 6, id="more-than-five-and-a-fifth")],
)
def test_fault_6_mass_disappearance_stops_until_acknowledged(
    rig: Rig, clock: MovableClock, total: int, lost: int
) -> None:
    names = [f"app-{index:02}" for index in range(total)]
    _scene(rig, *names, **DELETE)
    _gone(rig, *names[:lost])
    for name in names[:lost]:
        rig.wait_condition(name, "True", "is not confirmed yet")
    clock.ahead_s += GAP_S
    said = ("mass deletion stopped", f"{lost} of the {total} Secrets")
    stopped = [rig.wait_condition(name, "False", *said) for name in names[:lost]]
    steady(lambda: len(rig.site.names("Secret")) == total, for_s=3)
    tokens = {_token(condition["message"]) for condition in stopped}
    assert len(tokens) == 1
    annotation = {"secretsync.io/acknowledge": "0" * 12}
    rig.site.patch("ClusterSecretStore", "aws", {"metadata": {"annotations": annotation}})
    steady(lambda: len(rig.site.names("Secret")) == total, for_s=3)
    annotation = {"secretsync.io/acknowledge": tokens.pop()}
    rig.site.patch("ClusterSecretStore", "aws", {"metadata": {"annotations": annotation}})
    eventually(lambda: rig.site.names("Secret") == names[lost:])


def _token(message: str) -> str:
    found = re.search(r"secretsync\.io/acknowledge=([0-9a-f]{12})", message)
    assert found, message
    return found[1]


def test_fault_6_few_of_many_go_without_asking(rig: Rig, clock: MovableClock) -> None:
    names = [f"app-{index:02}" for index in range(10)]
    _scene(rig, *names, **DELETE)
    _gone(rig, *names[:2])
    for name in names[:2]:
        rig.wait_condition(name, "True", "is not confirmed yet")
    clock.ahead_s += GAP_S
    eventually(lambda: rig.site.names("Secret") == names[2:])
