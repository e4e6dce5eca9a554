"""Events about what is absent upstream: named when it is missed, and when its Secret goes."""

from __future__ import annotations

from tests.controller.live import MovableClock
from tests.e2e.rig import Rig, eventually

GAP_S = 60


def told(rig: Rig) -> dict[str, str]:
    """Return the message of each reason."""
    return {event["reason"]: event["message"] for event in rig.site.events()}


def gone(rig: Rig, name: str) -> None:
    rig.aws.call("DeleteSecret", SecretId=name, ForceDeleteWithoutRecovery=True)
    rig.keys.discard(name)


def test_secret_that_goes_with_its_key_is_an_event(rig: Rig, clock: MovableClock) -> None:
    for name in ("one", "two"):
        rig.upstream(name)
        rig.external_secret(name, target={"deletionPolicy": "Delete"})
    for name in ("one", "two"):
        rig.wait_synced(name)
    gone(rig, "one")
    rig.wait_condition("one", "True", "is not confirmed yet")
    eventually(lambda: "(key=one" in told(rig).get("MissingProviderSecret", ""))
    clock.ahead_s += GAP_S
    eventually(lambda: rig.site.get("Secret", "one") is None)
    eventually(lambda: "Deleted" in told(rig))
    assert told(rig)["Deleted"] == "secret deleted"
    reasons = [event["reason"] for event in rig.site.events() if event["name"] == "one"]
    assert reasons == ["MissingProviderSecret", "Deleted"]


def test_key_that_is_missed_is_an_event(rig: Rig, clock: MovableClock) -> None:
    for name in ("one", "two"):
        rig.upstream(name)
    rig.external_secret("both", ["one", "two"], target={"deletionPolicy": "Merge"})
    rig.wait_condition("both", "True", "secret synced")
    gone(rig, "one")
    eventually(lambda: "MissingProviderSecret" in told(rig))
    assert "(key=one" in told(rig)["MissingProviderSecret"]
