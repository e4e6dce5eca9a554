"""The whole way of a push at each store but AWS: counted at the service's own door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.refresh.push_outcomes import PushOutcome
from secretsync.resources.push_secret import PushSecret
from tests.refresh.push_kit import PushRig, push_secret, synced
from tests.refresh.push_scenes import SCENES, PushScene

CANARY = "canary-77e2-must-not-show"
#: What needs a program that `make test` builds.
_BUILT = {"kubernetes"}
_READABLE = [name for name in SCENES if name != "webhook"]


def _cases(names: list[str]) -> list[Any]:
    marks = {name: [pytest.mark.built] if name in _BUILT else [] for name in names}
    return [pytest.param(name, marks=marks[name]) for name in names]


each_store = pytest.mark.parametrize("scene", _cases(list(SCENES)), indirect=True)
each_readable_store = pytest.mark.parametrize("scene", _cases(_READABLE), indirect=True)


@pytest.fixture
def scene(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushScene]:
    with SCENES[request.param]() as made:
        for name, text in made.env.items():
            monkeypatch.setenv(name, text)
        yield made


@pytest.fixture
def make(tmp_path: Path, scene: PushScene, clock: Any) -> Iterator[Callable[..., PushRig]]:
    """Make a rig over the store, with a Secret that can be pushed."""
    rigs: list[PushRig] = []

    def made(**options: Any) -> PushRig:
        rig = PushRig(tmp_path / f"c{len(rigs)}", *scene.objects, clock=clock, **options)
        rig.put(password=CANARY, other="o")
        rigs.append(rig)
        return rig

    yield made
    for rig in rigs:
        rig.close()


def item(**spec: Any) -> PushSecret:
    return push_secret(
        {"one#password": "password", "two#other": "other"},
        secretStoreRefs=[{"name": "own"}],
        **spec,
    )


def verbs(outcome: PushOutcome) -> dict[str, str]:
    assert not outcome.failed, outcome.condition_message
    return {each.place: str(each.verb) for each in outcome.actions}


PUSHED = {"one/password": "push", "two/other": "push"}
UNCHANGED = dict.fromkeys(PUSHED, "unchanged")


@each_store
def test_equal_values_cost_no_write_and_between_refreshes_no_call(
    make: Callable[..., PushRig], scene: PushScene
) -> None:
    rig = make()
    outcome = rig.pushes.run(item())
    assert verbs(outcome) == PUSHED
    assert scene.writes() >= 2
    scene.forget()
    assert verbs(rig.pushes.run(synced(outcome))) == UNCHANGED
    assert scene.writes() == 0
    scene.forget()
    assert str(rig.pushes.run(synced(outcome), due=False).progress) == "unchanged"
    assert scene.calls() == 0


@each_readable_store
def test_what_is_held_is_what_was_pushed_and_follows_it(
    make: Callable[..., PushRig], scene: PushScene
) -> None:
    rig = make()
    first = rig.pushes.run(item())
    assert json.loads(rig.held("one", "own") or "")["password"] == CANARY
    rig.put(password="rotated", other="o")
    scene.forget()
    second = rig.pushes.run(synced(first), due=False)
    assert verbs(second) == {"one/password": "push", "two/other": "unchanged"}
    assert scene.writes() == 1
    assert json.loads(rig.held("one", "own") or "")["password"] == "rotated"


@each_readable_store
def test_plan_writes_nothing_and_tells_new_from_equal(
    make: Callable[..., PushRig], scene: PushScene
) -> None:
    planning = make(writes=False)
    assert verbs(planning.pushes.run(item())) == PUSHED
    assert scene.writes() == 0
    make().pushes.run(item())
    scene.forget()
    assert verbs(planning.pushes.run(item())) == UNCHANGED
    assert scene.writes() == 0


@each_readable_store
def test_what_was_pushed_goes_with_the_policy_and_only_once(
    make: Callable[..., PushRig], scene: PushScene
) -> None:
    rig = make()
    done = synced(rig.pushes.run(item(deletionPolicy="Delete")))
    first = rig.pushes.withdraw(done)
    assert verbs(first) == dict.fromkeys(PUSHED, "delete")
    assert [rig.held(key, "own") for key in ("one", "two")] == [None, None]
    assert not first.synced
    again = rig.pushes.withdraw(done)
    assert not again.failed, again.condition_message


@each_readable_store
def test_what_somebody_else_holds_stays_and_no_value_shows(
    make: Callable[..., PushRig], scene: PushScene
) -> None:
    rig = make()
    scene.foreign("one")
    before = rig.held("one", "own")
    assert before is not None
    outcome = rig.pushes.run(item())
    assert outcome.failed
    assert {each.place: str(each.verb) for each in outcome.actions} == {
        "one/password": "failed",
        "two/other": "push",
    }
    assert rig.held("one", "own") == before
    assert CANARY not in repr(outcome) + outcome.condition_message
