"""Batches by store: one that hangs holds up itself, new objects pass refreshes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from secretsync.controller.dispatch import Dispatcher, Stores
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.meta import ObjectRef
from tests.e2e.rig import eventually, steady


def _item(name: str) -> ObjectRef:
    return ObjectRef("ExternalSecret", "shop", name)


class _Scene:
    """A dispatcher whose batches of the store `slow` wait for `release`."""

    def __init__(self) -> None:
        self.queue = LaneQueue(Clock())
        self.release = threading.Event()
        self.running: list[list[str]] = []
        self.done: list[str] = []
        self.dispatcher = Dispatcher(self.queue, self._process, self._stores_of)

    def _stores_of(self, key: ObjectRef) -> Stores:
        store = key.name.partition("-")[0]
        return frozenset() if store == "none" else frozenset({ObjectRef("SecretStore", "", store)})

    def _process(self, keys: list[ObjectRef]) -> None:
        names = [key.name for key in keys]
        self.running.append(names)
        if names[0].startswith("slow"):
            assert self.release.wait(240)
        if names[0].startswith("bad"):
            raise RuntimeError("a bug")
        self.done += names

    def add(self, name: str, lane: Lane = Lane.NEW) -> None:
        self.queue.add(_item(name), lane)


@pytest.fixture
def scene() -> Iterator[_Scene]:
    scene = _Scene()
    scene.dispatcher.start()
    yield scene
    scene.release.set()
    scene.queue.close()
    scene.dispatcher.close()


def test_store_that_hangs_holds_up_no_other(scene: _Scene) -> None:
    for index in range(4):
        scene.add(f"slow-{index}")
        eventually(lambda: not any(scene.queue.depths().values()))
    scene.add("quick-0")
    eventually(lambda: scene.done == ["quick-0"])


def test_store_has_two_batches_at_once_and_the_rest_is_one_batch_later(scene: _Scene) -> None:
    for index in range(6):
        scene.add(f"slow-{index}")
        eventually(lambda: not any(scene.queue.depths().values()))
    # Their threads begin in any order, and the others wait for them.
    both = [["slow-0"], ["slow-1"]]
    eventually(lambda: sorted(scene.running) == both and scene.queue.working == 2)
    steady(lambda: len(scene.running), for_s=0.3)
    # Long enough for all that wait to queue up again, however slowly that goes.
    scene.queue._linger_s = 2.0
    scene.release.set()
    eventually(lambda: sorted(scene.done) == [f"slow-{index}" for index in range(6)])
    assert len(scene.running) == 3
    assert sorted(scene.running[2]) == [f"slow-{index}" for index in range(2, 6)]


def test_refresh_leaves_room_for_a_new_object_of_the_same_store(scene: _Scene) -> None:
    for index in range(2):
        scene.add(f"slow-{index}", Lane.DUE)
        eventually(lambda: not any(scene.queue.depths().values()))
    eventually(lambda: scene.running == [["slow-0"]] and scene.queue.working == 1)
    scene.add("slow-new", Lane.NEW)
    eventually(lambda: scene.running == [["slow-0"], ["slow-new"]])


def test_what_reads_from_no_store_never_waits(scene: _Scene) -> None:
    for index in range(3):
        scene.add(f"slow-{index}")
        eventually(lambda: not any(scene.queue.depths().values()))
    for index in range(5):
        scene.add(f"none-{index}")
    eventually(lambda: len(scene.done) == 5)


def test_batch_that_fails_is_planned_again_and_ends_nothing(
    scene: _Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.add("bad-0")
    eventually(lambda: "batch failed" in caplog.text)
    scene.add("quick-0")
    eventually(lambda: scene.done == ["quick-0"])
    eventually(lambda: scene.queue.working == 0)
