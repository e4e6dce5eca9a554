"""`find`, windows and optional keys in the running service, over days that a test moves."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from tests.controller.live import MovableClock, serving
from tests.e2e.rig import Rig, eventually, settled, steady

FIND = [{"find": {"name": {"regexp": "^app-"}}}]
READS = ("GetSecretValue", "BatchGetSecretValue")

_numbers = itertools.count()


def _finding(rig: Rig, *keys: str, name: str = "all", **spec: object) -> None:
    for key in keys:
        rig.upstream(key)
    rig.external_secret(name, data=None, dataFrom=FIND, **spec)


def _reads(rig: Rig) -> int:
    counts = rig.front.counts()
    return sum(counts.get(operation, 0) for operation in READS)


def test_secret_that_comes_is_found_and_one_that_goes_waits_for_a_second_look(
    rig: Rig, clock: MovableClock
) -> None:
    _finding(rig, "app-1")
    eventually(lambda: rig.data("all").keys() == {"app-1"})
    rig.upstream("app-2")
    eventually(lambda: rig.data("all").keys() == {"app-1", "app-2"})
    rig.aws.call("DeleteSecret", SecretId="app-1", ForceDeleteWithoutRecovery=True)
    steady(lambda: rig.data("all").keys() == {"app-1", "app-2"}, for_s=3)

    def gone_a_minute_later() -> bool:
        """The first look may have been late itself: then it takes another minute."""
        clock.ahead_s += 61
        other = f"other-{next(_numbers)}"
        _finding(rig, name=other)  # wakes the queue, which sleeps by the machine's clock
        eventually(lambda: rig.data(other))
        return rig.data("all").keys() == {"app-2"}

    eventually(gone_a_minute_later)


def test_unchanged_cycles_and_a_restart_list_and_read_nothing(rig: Rig) -> None:
    with serving(rig.site.root):
        _finding(rig, "app-1", "app-2", "app-3")
        eventually(lambda: len(rig.data("all")) == 3)
        rig.wait_condition("all", "True")
        settled(rig.versions, for_s=0.5)
        rig.front.calls.clear()
        eventually(lambda: rig.front.count("ListSecrets") >= 2)
        assert _reads(rig) == 0
    versions = rig.versions()
    rig.front.calls.clear()
    with serving(rig.site.root):
        eventually(lambda: rig.front.count("ListSecrets") >= 2)
        assert _reads(rig) == 0
        assert rig.versions() == versions


def test_rotation_of_what_was_found_while_stopped_is_found_at_the_start(rig: Rig) -> None:
    with serving(rig.site.root):
        _finding(rig, "app-1", "app-2")
        eventually(lambda: len(rig.data("all")) == 2)
    rig.upstream("app-2", "v2")
    with serving(rig.site.root):
        eventually(lambda: rig.value("v2").encode() in rig.data("all")["app-2"])


def test_denied_window_holds_back_a_rotation_and_not_an_edit(rig: Rig, clock: MovableClock) -> None:
    opened = datetime.now(UTC) - timedelta(minutes=10)
    windows = {
        "kind": "deny",
        "windows": [{"schedule": f"{opened.minute} {opened.hour} * * *", "duration": "1h"}],
    }
    rig.upstream("one")
    rig.external_secret("one", syncWindows=windows)
    rig.wait_holds("one")
    rig.upstream("one", "v2")
    steady(lambda: rig.holds("one"), for_s=3)
    rig.external_secret("one", syncWindows=windows, metadata={"labels": {"edited": "yes"}})
    rig.wait_holds("one", "v2")
    rig.upstream("one", "v3")
    steady(lambda: rig.holds("one", "v2"), for_s=3)
    clock.ahead_s += 3600
    _finding(rig, name="other")
    rig.wait_holds("one", "v3")


def test_optional_key_is_named_in_the_condition_until_it_is_there(
    rig: Rig, clock: MovableClock
) -> None:
    rig.upstream("one")
    items = [
        {"secretKey": "password", "remoteRef": {"key": "one", "property": "password"}},
        {
            "secretKey": "more",
            "remoteRef": {"key": "two", "property": "password", "emptyResultPolicy": "Ignore"},
        },
    ]
    rig.external_secret("one", data=items)
    rig.wait_condition("one", "True", "secret synced; 1 optional item does not exist", "two")
    assert rig.data("one").keys() == {"password"}
    rig.upstream("two")
    eventually(lambda: rig.data("one").keys() == {"password", "more"})
    eventually(lambda: rig.condition("one")["message"] == "secret synced")
