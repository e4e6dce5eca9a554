"""Objects of a wave are written side by side: how many at once, in which order, with what calls."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from secretsync.errors import ClusterUnavailable
from secretsync.gitops.model import OperationPhase, OperationState, ResultCode
from secretsync.gitops.sync.syncing import PARALLEL
from tests.gitops.comparing_kit import application, deployment
from tests.gitops.sync_kit import Killed, Scene, annotated, order
from tests.support.kube import KubeServer

pytestmark = pytest.mark.built

MANY = 40


class Crowd:
    """Counts how many applies are under way, and notes what is applied after what."""

    def __init__(self, scene: Scene, *, least: int = 0) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self._enough = threading.Event()
        self._least = least
        self.most = 0
        self.before: dict[str, set[str]] = {}
        self._done: set[str] = set()
        self.fail: Callable[[str], None] = lambda _: None
        self._real = scene.bench.cluster.apply

    def apply(self, kind: Any, obj: Any, **options: Any) -> Any:
        """Apply, when as many others as are expected are under way too."""
        if options.get("dry_run"):
            return self._real(kind, obj, **options)
        name = obj["metadata"]["name"]
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.before[name] = set(self._done)
            if self._now >= self._least:
                self._enough.set()
        if self._least:
            assert self._enough.wait(100), "nobody came along"
        try:
            self.fail(name)
            return self._real(kind, obj, **options)
        finally:
            with self._lock:
                self._now -= 1
                self._done.add(name)


@pytest.fixture
def crowd(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    found = Crowd(scene, least=PARALLEL)
    monkeypatch.setattr(scene.bench.cluster, "apply", found.apply)
    return found


def test_objects_of_one_rank_go_side_by_side_and_no_more_than_so_many(
    scene: Scene, crowd: Crowd
) -> None:
    found = scene.sync(*(annotated(f"m{number:02d}") for number in range(MANY)))
    assert found.phase is OperationPhase.SUCCEEDED
    assert crowd.most == PARALLEL
    assert sorted(order(found)) == [f"m{number:02d}" for number in range(MANY)]


def test_kinds_keep_their_order_and_waves_too(scene: Scene, monkeypatch: Any) -> None:
    crowd = Crowd(scene)
    monkeypatch.setattr(scene.bench.cluster, "apply", crowd.apply)
    maps = [annotated(f"m{number}") for number in range(10)]
    late = [annotated(f"late{number}", wave="1") for number in range(3)]
    webs = [deployment(f"web{number}", replicas=0) for number in range(3)]

    def observed() -> None:
        for number in range(3):
            scene.patch_status("apps/v1", "Deployment", f"web{number}", {"observedGeneration": 1})

    scene.meanwhile = observed
    found = scene.sync(*late, *webs, *maps)
    assert found.phase is OperationPhase.SUCCEEDED, found
    names = {each["metadata"]["name"] for each in maps}
    for web in webs:
        assert names <= crowd.before[web["metadata"]["name"]]
    everything = names | {web["metadata"]["name"] for web in webs}
    for each in late:
        assert everything <= crowd.before[each["metadata"]["name"]]


def test_sync_asks_for_one_write_an_object_and_none_where_nothing_differs(scene: Scene) -> None:
    objects = [annotated(f"m{number:02d}") for number in range(MANY)]
    with scene.writes() as written:
        scene.sync(*objects)
    assert written == ["apply ConfigMap"] * MANY
    compared = scene.bench.compare(*objects)
    scene.states.clear()
    with scene.calls() as calls:
        found = scene.run(compared)
    assert (found.phase, calls) == (OperationPhase.SUCCEEDED, [])
    assert len(scene.states) == 1, "what is as it should be is noted at once"
    objects[7] = annotated("m07", "2")
    with scene.writes() as written:
        scene.sync(*objects)
    assert written == ["apply ConfigMap"]


def test_object_that_is_refused_keeps_none_of_its_wave_from_being_applied(scene: Scene) -> None:
    objects = [annotated(f"m{number:02d}") for number in range(10)]
    objects[4]["metadata"]["labels"] = {"a": "not a label!"}
    found = scene.sync(*objects, annotated("next", wave="1"))
    assert found.phase is OperationPhase.FAILED
    codes = {each.key.name: each.code for each in found.results}
    assert codes.pop("m04") is ResultCode.SYNC_FAILED
    assert set(codes.values()) == {ResultCode.SYNCED}
    assert not scene.has("next")


def test_kill_among_many_repeats_no_more_than_was_under_way(scene: Scene) -> None:
    """What was noted is not touched again; the rest is found as it is."""
    objects = [annotated(f"m{number:02d}") for number in range(MANY)]
    reached: list[OperationState] = []

    def killed(state: OperationState) -> None:
        reached.append(state)
        if len(state.results) >= MANY // 2:
            raise Killed

    scene.noted = killed
    with pytest.raises(Killed):
        scene.sync(*objects)
    scene.noted = lambda _: None
    noted = {each.key.name for each in reached[-1].results}
    there = {each["metadata"]["name"] for each in objects if scene.has(each["metadata"]["name"])}
    assert noted <= there
    with scene.writes() as written:
        found = scene.sync(*objects, state=reached[-1])
    assert found.phase is OperationPhase.SUCCEEDED
    assert len(written) == MANY - len(there), "what had been applied is not written again"
    assert sorted(order(found)) == [each["metadata"]["name"] for each in objects]


def test_cluster_that_goes_away_among_many_is_asked_no_further(
    scene: Scene, monkeypatch: Any
) -> None:
    crowd = Crowd(scene)
    monkeypatch.setattr(scene.bench.cluster, "apply", crowd.apply)

    def fail(name: str) -> None:
        if name >= "m10":
            raise ClusterUnavailable("the API server does not answer")

    crowd.fail = fail
    scene.sync(annotated("old"))
    status = scene.bench.had(annotated("old"))
    app = application(namespace=scene.bench.namespace, status=status)
    objects = [annotated(f"m{number:02d}") for number in range(MANY)]
    found = scene.sync(*objects, deployment("web"), app=app, prune=True)
    assert found.phase is OperationPhase.FAILED
    assert "does not answer" in found.message
    assert len(crowd.before) <= 1 + 10 + 2 * PARALLEL
    assert "web" not in crowd.before


# A connection that breaks before its TLS handshake is left open by Python's own ssl module.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_api_server_that_is_down_in_the_middle_of_a_wave_ends_it_and_it_converges(
    scene: Scene, kube_server: KubeServer
) -> None:
    scene.sync(annotated("old"), annotated("kept"))
    status = scene.bench.had(annotated("old"), annotated("kept"))
    app = application(
        namespace=scene.bench.namespace,
        status=status,
        syncPolicy={"syncOptions": ["PruneLast=true", "PrunePropagationPolicy=background"]},
    )
    objects = [annotated("kept"), *(annotated(f"m{number:03d}") for number in range(200))]
    down: list[int] = []

    def stops(state: OperationState) -> None:
        if not down and len(state.results) >= 20:
            down.append(len(state.results))
            kube_server.stop_apiserver(kill=True)

    scene.noted = stops
    try:
        found = scene.sync(*objects, app=app, prune=True)
    finally:
        kube_server.start_apiserver()
    assert found.phase is OperationPhase.FAILED
    applied = sum(each.code is ResultCode.SYNCED for each in found.results)
    assert down[0] <= applied < len(objects)
    assert scene.has("old"), "nothing is pruned where the waves before it have failed"
    scene.noted = lambda _: None
    found = scene.sync(*objects, app=app, prune=True)
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert not scene.has("old")
    assert all(scene.has(each["metadata"]["name"]) for each in objects)
    gc.collect()  # Here, and not in a test that minds.
