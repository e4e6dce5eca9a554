"""A watch that goes on: what it remembers, what vanishes in a gap, kinds that are not served."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

from secretsync.cluster.base import KINDS, WatchEvent, WatchEventType
from secretsync.controller import reflector as module
from secretsync.controller.reflector import Reflector
from secretsync.errors import ClusterError, Forbidden, Gone, NotFound
from secretsync.refresh.clock import Clock
from tests.e2e.rig import eventually, steady

Script = Callable[[], Iterator[WatchEvent]]


class Scripted:
    """A cluster whose watches say what a test wrote, one script a watch."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.asked: list[dict[str, Any]] = []

    def watch(self, _kind: object, _namespace: str, **asked: Any) -> Iterator[WatchEvent]:
        """Play the next script; the last one goes on until the end."""
        self.asked.append(asked)
        if self._scripts:
            yield from self._scripts.pop(0)()
        else:
            asked["stop"].wait()


def secret(type_: WatchEventType, name: str, version: str) -> WatchEvent:
    metadata = {"namespace": "web", "name": name, "resourceVersion": version}
    return WatchEvent(type_, {"metadata": metadata}, version)


def state(*names: str) -> Script:
    def play() -> Iterator[WatchEvent]:
        for name in names:
            yield secret(WatchEventType.ADDED, name, f"{name}-1")
        yield WatchEvent(WatchEventType.SYNCED, {"metadata": {}}, "9")

    return play


def failing(error: ClusterError) -> Script:
    def play() -> Iterator[WatchEvent]:
        raise error
        yield  # pragma: no cover - makes it a generator

    return play


class Told:
    """What a reflector hands on."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.lists: list[set[tuple[str, str]]] = []

    def handle(self, event: WatchEvent) -> None:
        self.events.append(f"{event.type} {event.object['metadata']['name']}")

    def listed(self, keys: Collection[tuple[str, str]]) -> None:
        self.lists.append(set(keys))


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    stop = threading.Event()
    yield stop
    stop.set()


def started(cluster: Scripted, told: Told, stop: threading.Event, **options: Any) -> Reflector:
    clock = Clock(stop)
    reflector = Reflector(cluster, KINDS["Secret"], told.handle, clock, stop, **options)  # type: ignore[arg-type] - only watch is used
    reflector.start()
    return reflector


def test_what_a_new_list_lacks_is_told_as_deleted(stop: threading.Event) -> None:
    told = Told()
    cluster = Scripted(state("a", "b"), failing(Gone("too old")), state("a"))
    started(cluster, told, stop)
    eventually(lambda: "DELETED b" in told.events)
    assert told.events == ["ADDED a", "ADDED b", "DELETED b"]


def test_keys_without_interest_are_handed_on_and_not_remembered(stop: threading.Event) -> None:
    told = Told()
    cluster = Scripted(state("a", "b"), failing(Gone("too old")), state("c"))
    reflector = started(
        cluster,
        told,
        stop,
        interest=lambda key: key[1] == "a",
        listed=told.listed,
        metadata_only=True,
    )
    eventually(lambda: len(told.lists) == 2)
    assert told.events == ["ADDED a", "ADDED b", "ADDED c", "DELETED a"]
    assert told.lists == [{("web", "a")}, set()]
    assert reflector._seen == {}
    assert all(asked["metadata_only"] for asked in cluster.asked)


@pytest.mark.parametrize(
    ("error", "optional"),
    [
        pytest.param(NotFound("no such kind"), False, id="not-served"),
        pytest.param(NotFound("no such kind"), True, id="not-served-optional"),
        pytest.param(Forbidden("no"), True, id="forbidden-optional"),
    ],
)
def test_kind_that_is_not_there_holds_up_nobody_and_is_asked_for_again(
    stop: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: ClusterError,
    *,
    optional: bool,
) -> None:
    monkeypatch.setattr(module, "UNSERVED_RETRY_S", 0.01)
    caplog.set_level(logging.INFO)
    told = Told()
    cluster = Scripted(*[failing(error)] * 5, state("a"))
    reflector = started(cluster, told, stop, optional=optional)
    assert reflector.wait_synced()
    eventually(lambda: told.events == ["ADDED a"])
    eventually(lambda: not reflector.unserved)
    assert caplog.text.count("the service goes on without it") == 1
    assert caplog.text.count("served now") == 1


def test_kind_that_may_not_be_watched_holds_up_the_start_unless_optional(
    stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_BASE_S", 0.01)
    told = Told()
    reflector = started(Scripted(*[failing(Forbidden("no"))] * 3, state("a")), told, stop)
    eventually(lambda: reflector.synced)
    assert not reflector.unserved
    assert told.events == ["ADDED a"]


def test_each_initial_state_is_announced_before_it_is_asked_for(stop: threading.Event) -> None:
    told = Told()

    def broken() -> Iterator[WatchEvent]:
        yield secret(WatchEventType.ADDED, "a", "a-1")

    cluster = Scripted(broken, state("a"), failing(Gone("too old")), state("b"))
    started(
        cluster,
        told,
        stop,
        listing=lambda: told.events.append(f"listing {len(cluster.asked)}"),
        listed=lambda _: told.events.append("listed"),
    )
    eventually(lambda: told.events.count("listed") == 2)
    assert told.events == [
        "listing 0",
        "ADDED a",
        "listing 1",
        "listed",
        # The watch that resumes asks for no state; the one after it does.
        "listing 3",
        "ADDED b",
        "DELETED a",
        "listed",
    ]


def test_reflector_after_another_waits_for_its_initial_state(stop: threading.Event) -> None:
    told, free = Told(), threading.Event()

    def late() -> Iterator[WatchEvent]:
        free.wait()
        yield from state("first")()

    first = started(Scripted(late), told, stop)
    second_cluster = Scripted(state("second"))
    second = started(second_cluster, told, stop, after=first)
    steady(lambda: second_cluster.asked == [], for_s=0.3)
    assert not second.synced
    free.set()
    eventually(lambda: second.synced)
    assert told.events == ["ADDED first", "ADDED second"]


def test_reflector_after_one_that_is_not_served_goes_on(
    stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNSERVED_RETRY_S", 0.01)
    told = Told()
    first = started(Scripted(*[failing(NotFound("no such kind"))] * 50), told, stop)
    second = started(Scripted(state("second")), told, stop, after=first)
    eventually(lambda: second.synced)


def test_reflector_that_never_began_ends_with_the_process(stop: threading.Event) -> None:
    told = Told()
    first = started(Scripted(), told, stop)
    second = started(Scripted(state("second")), told, stop, after=first)
    stop.set()
    second.join(60)
    assert not second.alive
    assert told.events == []
