"""PushSecrets of generators in the running service: when new values are made and pushed."""

from __future__ import annotations

import contextlib
from typing import Any

from tests.controller.live import MovableClock, serving
from tests.controller.test_generators import password
from tests.controller.test_pushes import condition, held, is_pushed, push_secret
from tests.e2e.rig import Rig, eventually, steady

SOURCE = {"generatorRef": {"kind": "Password", "name": "new"}}


def pushing(rig: Rig, name: str = "out", **spec: Any) -> None:
    push_secret(rig, name, selector=SOURCE, **{"refreshInterval": "1h", **spec})


def length(rig: Rig, name: str = "out") -> int:
    return len(held(rig, f"pushed-{name}"))


def await_followed(rig: Rig) -> None:
    """Edit the generator until the service notices: it begins to watch a kind on first use."""
    for wanted in range(41, 61):
        password(rig, length=wanted)
        with contextlib.suppress(AssertionError):
            eventually(lambda wanted=wanted: length(rig) == wanted, within_s=3)
            return
    raise AssertionError("no edit is noticed")


def test_edit_of_a_generator_pushes_what_it_makes_now(rig: Rig, clock: MovableClock) -> None:
    password(rig)
    pushing(rig)
    eventually(lambda: is_pushed(rig))
    assert length(rig) == 20
    await_followed(rig)
    password(rig, length=30)
    eventually(lambda: length(rig) == 30)
    first = held(rig)
    steady(lambda: held(rig), for_s=1)
    assert held(rig) == first


def test_generated_push_stays_over_a_restart_and_follows_its_interval(rig: Rig) -> None:
    password(rig)
    pushing(rig)
    with serving(rig.site.root):
        eventually(lambda: is_pushed(rig))
    first = held(rig)
    with serving(rig.site.root) as (_, clock):
        steady(lambda: held(rig), for_s=2)
        assert held(rig) == first
        clock.ahead_s += 3601
        pushing(rig, "other")  # It wakes the queue, which waits by the machine's clock.
        eventually(lambda: held(rig) != first)


def test_generated_push_that_is_made_once_stays_when_its_generator_is_edited(
    rig: Rig, clock: MovableClock
) -> None:
    password(rig)
    pushing(rig)
    pushing(rig, "once", refreshInterval="0")
    eventually(lambda: is_pushed(rig) and is_pushed(rig, "once"))
    first = held(rig, "pushed-once")
    await_followed(rig)
    steady(lambda: held(rig, "pushed-once"), for_s=1)
    assert held(rig, "pushed-once") == first


def test_push_waits_for_its_generator(rig: Rig, clock: MovableClock) -> None:
    pushing(rig)
    eventually(lambda: "Password" in condition(rig).get("message", ""))
    password(rig)
    eventually(lambda: is_pushed(rig))
    assert length(rig) == 20


def test_edit_of_a_generator_that_cannot_be_pushed_stays_due(rig: Rig, clock: MovableClock) -> None:
    password(rig)
    pushing(rig)
    eventually(lambda: is_pushed(rig))
    await_followed(rig)
    rig.front.denied_operations.add("PutSecretValue")
    password(rig, length=30)
    eventually(lambda: condition(rig).get("reason") == "Errored")
    rig.front.denied_operations.clear()
    clock.ahead_s += 600
    pushing(rig, "other")  # It wakes the queue, which waits by the machine's clock.
    eventually(lambda: is_pushed(rig))
    assert length(rig) == 30
