"""Files of PushSecrets that are removed: what they pushed goes by their policy, never on doubt."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.safety import CONFIRMATION_GAP_S
from tests.controller.live import MovableClock, serving
from tests.controller.test_pushes import is_pushed, push_secret, secret
from tests.e2e.rig import STORE, Rig, eventually, steady
from tests.e2e.sites import DirectorySite

_numbers = itertools.count()


def entries(*keys: str) -> list[dict[str, Any]]:
    return [{"match": {"secretKey": "password", "remoteRef": {"remoteKey": key}}} for key in keys]


def deleting(rig: Rig, name: str = "out", *keys: str) -> None:
    push_secret(rig, name, deletionPolicy="Delete", data=entries(*keys or (f"pushed-{name}",)))


def pushed(rig: Rig, *names: str) -> None:
    """Wait until they are pushed, and what they pushed is kept."""
    for name in names:
        eventually(lambda name=name: is_pushed(rig, name) and kept(rig, name))


def root(rig: Rig) -> Path:
    assert isinstance(rig.site, DirectorySite)
    return rig.site.root


def kept(rig: Rig, name: str = "out") -> list[str]:
    """Return the places that are kept of a PushSecret."""
    file = root(rig) / ".secretsync" / "pushed" / rig.site.namespace / f"{name}.json"
    try:
        text = file.read_text()
    except FileNotFoundError:
        return []
    return list(json.loads(text)["synced"][f"ClusterSecretStore/{STORE}"])


def deleted(rig: Rig) -> int:
    return rig.front.count("DeleteSecret")


def gone_keys(rig: Rig) -> set[str]:
    """Return the names of what was deleted, which calls name by ARN."""
    arns = [call.params["SecretId"] for call in rig.front.of("DeleteSecret")]
    return {arn.rpartition(":")[2][:-7] for arn in arns}


def wake(rig: Rig) -> None:
    """Have the queue look at its clock, which a test moved: it waits by the machine's."""
    name = f"wake-{next(_numbers)}"
    push_secret(rig, name)
    eventually(lambda: is_pushed(rig, name))


def later(rig: Rig, clock: MovableClock, seconds: float = CONFIRMATION_GAP_S + 1) -> None:
    clock.ahead_s += seconds
    wake(rig)


def eventually_later(rig: Rig, clock: MovableClock, look: Callable[[], bool]) -> None:
    """Wait for what a second look brings, which may have been the first on a busy machine."""

    def after_one_more_gap() -> bool:
        later(rig, clock)
        return look()

    eventually(after_one_more_gap, within_s=120)


def remove(rig: Rig, clock: MovableClock, *names: str) -> None:
    """Remove files, and wait until the service has looked once."""
    for name in names:
        rig.site.delete("PushSecret", name)
    # A change of a directory is noticed within a fraction of a second; the two looks at a
    # marker that comes after it are behind the look at what went.
    wake(rig)
    wake(rig)


def test_removed_file_takes_along_what_was_pushed_at_the_second_look(
    rig: Rig, clock: MovableClock
) -> None:
    secret(rig, password="one")
    deleting(rig, "out", "a", "b")
    deleting(rig, "stays")
    pushed(rig, "out", "stays")
    remove(rig, clock, "out")
    later(rig, clock, CONFIRMATION_GAP_S / 2)
    assert (deleted(rig), kept(rig)) == (0, ["a", "b"])
    eventually_later(rig, clock, lambda: deleted(rig) == 2)
    eventually(lambda: kept(rig) == [])
    assert gone_keys(rig) == {"a", "b"}
    assert kept(rig, "stays") == ["pushed-stays"]


def test_file_that_was_removed_while_no_service_ran_is_treated_alike(rig: Rig) -> None:
    secret(rig, password="one")
    deleting(rig)
    with serving(root(rig)):
        pushed(rig, "out")
    rig.site.delete("PushSecret", "out")
    with serving(root(rig)) as (_, clock):
        wake(rig)
        eventually_later(rig, clock, lambda: deleted(rig) == 1)
        eventually(lambda: kept(rig) == [])


def test_removed_file_without_the_policy_leaves_what_was_pushed(
    rig: Rig, clock: MovableClock
) -> None:
    secret(rig, password="one")
    push_secret(rig)
    eventually(lambda: is_pushed(rig))
    remove(rig, clock, "out")
    later(rig, clock)
    later(rig, clock)
    steady(lambda: deleted(rig), for_s=1)
    assert deleted(rig) == 0


def test_policy_that_is_taken_back_forgets_what_was_kept(rig: Rig, clock: MovableClock) -> None:
    secret(rig, password="one")
    deleting(rig)
    pushed(rig, "out")
    push_secret(rig, data=entries("pushed-out"))
    eventually(lambda: kept(rig) == [])
    remove(rig, clock, "out")
    later(rig, clock)
    later(rig, clock)
    assert deleted(rig) == 0


def test_file_that_comes_back_deletes_nothing_and_keeps_what_it_pushed(
    rig: Rig, clock: MovableClock
) -> None:
    secret(rig, password="one")
    deleting(rig, "out", "a", "b")
    pushed(rig, "out")
    remove(rig, clock, "out")
    deleting(rig, "out", "a", "b")
    eventually(lambda: is_pushed(rig))
    later(rig, clock)
    later(rig, clock)
    assert (deleted(rig), kept(rig)) == (0, ["a", "b"])


def test_file_that_is_written_anew_without_its_status_takes_back_by_the_policy(rig: Rig) -> None:
    secret(rig, password="one")
    deleting(rig, "out", "a", "b")
    with serving(root(rig)):
        pushed(rig, "out")
    deleting(rig, "out", "a")
    with serving(root(rig)):
        eventually(lambda: deleted(rig) == 1)
        eventually(lambda: kept(rig) == ["a"])
    assert gone_keys(rig) == {"b"}


@pytest.mark.parametrize("text", ["{unclosed: [", "kind: Other\n"], ids=["broken", "another-kind"])
def test_file_that_breaks_deletes_nothing(rig: Rig, clock: MovableClock, text: str) -> None:
    secret(rig, password="one")
    deleting(rig)
    pushed(rig, "out")
    file = root(rig) / rig.site.namespace / "pushsecrets.external-secrets.io" / "out.yaml"
    file.write_text(text)
    wake(rig)
    later(rig, clock)
    later(rig, clock)
    steady(lambda: deleted(rig), for_s=1)
    assert (deleted(rig), kept(rig)) == (0, ["pushed-out"])


def test_many_files_that_go_at_once_wait_for_an_acknowledgement(
    rig: Rig, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    secret(rig, password="one")
    deleting(rig, "first")
    deleting(rig, "second")
    pushed(rig, "first", "second")
    remove(rig, clock, "first", "second")
    eventually_later(rig, clock, lambda: "secretsync.io/acknowledge=" in caplog.text)
    later(rig, clock)
    assert (deleted(rig), kept(rig, "first"), kept(rig, "second")) == (
        0,
        ["pushed-first"],
        ["pushed-second"],
    )
    token = caplog.text.split("secretsync.io/acknowledge=")[1][:12]
    annotations = {"annotations": {"secretsync.io/acknowledge": token}}
    rig.site.put(
        {
            **(rig.site.get("ClusterSecretStore", STORE) or {}),
            "metadata": {"name": STORE, **annotations},
        }
    )

    eventually_later(rig, clock, lambda: deleted(rig) == 2)
    eventually(lambda: kept(rig, "first") + kept(rig, "second") == [])


def test_place_that_another_pushes_to_stays(rig: Rig, clock: MovableClock) -> None:
    secret(rig, password="one")
    deleting(rig, "out", "shared")
    pushed(rig, "out")
    push_secret(rig, "younger", data=entries("shared"))
    wake(rig)
    remove(rig, clock, "out")
    eventually_later(rig, clock, lambda: kept(rig) == [])
    assert deleted(rig) == 0


def test_store_that_refuses_is_asked_again(rig: Rig, clock: MovableClock) -> None:
    secret(rig, password="one")
    deleting(rig)
    pushed(rig, "out")
    rig.front.denied_operations.add("DeleteSecret")
    remove(rig, clock, "out")
    eventually_later(rig, clock, lambda: deleted(rig) > 0)
    assert kept(rig) == ["pushed-out"]
    rig.front.denied_operations.clear()

    eventually_later(rig, clock, lambda: kept(rig) == [])


def test_what_was_taken_over_at_the_store_is_left_alone(rig: Rig, clock: MovableClock) -> None:
    secret(rig, password="one")
    deleting(rig)
    pushed(rig, "out")
    rig.aws.call("UntagResource", SecretId="pushed-out", TagKeys=["managed-by"])
    remove(rig, clock, "out")
    eventually_later(rig, clock, lambda: kept(rig) == [])
    assert deleted(rig) == 0
