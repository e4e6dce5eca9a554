"""What left the sources: which of it goes, how, and when; on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from secretsync.gitops.model import OperationPhase, ResultCode
from tests.e2e.rig import eventually
from tests.gitops.comparing_kit import application, config_map
from tests.gitops.sync_kit import ARGO, MAPS, Scene, annotated, order
from tests.support.kube import KubeServer

pytestmark = pytest.mark.built


@pytest.fixture(autouse=True)
def collected(kube_server: KubeServer) -> Iterator[None]:
    """Somebody ends foreground deletions."""
    with kube_server.controller_manager(["garbage-collector-controller"]):
        yield


def had(scene: Scene, *objects: Any, options: tuple[str, ...] = (), **more: Any) -> Any:
    """Sync objects; return the application that has them in its inventory."""
    scene.sync(*objects)
    status = scene.bench.had(*objects)
    policy = {"syncOptions": list(options)}
    return application(namespace=scene.bench.namespace, status=status, syncPolicy=policy, **more)


def test_prune_skips_what_is_kept_and_deletes_the_rest(scene: Scene) -> None:
    objects = [
        annotated("goes"),
        annotated("stays", options="Prune=false"),
        annotated("asks", options="Prune=confirm"),
        annotated("web"),
    ]
    app = had(scene, *objects)
    unasked = scene.sync(annotated("web"), app=app)
    skipped = {each.code for each in unasked.results if each.key.name != "web"}
    assert skipped == {ResultCode.PRUNE_SKIPPED}
    found = scene.sync(annotated("web"), app=app, prune=True)
    codes = {each.key.name: each.code for each in found.results}
    assert codes == {
        "goes": ResultCode.PRUNED,
        "stays": ResultCode.PRUNE_SKIPPED,
        "asks": ResultCode.PRUNE_SKIPPED,
        "web": ResultCode.SYNCED,
    }
    assert [scene.has(name) for name in ("goes", "stays", "asks")] == [False, True, True]
    approved = {ARGO + "deletion-approved": "2999-01-01T00:00:00Z"}
    app = application(
        namespace=scene.bench.namespace, status=scene.bench.had(*objects), annotations=approved
    )
    scene.sync(annotated("web"), app=app, prune=True)
    assert [scene.has(name) for name in ("stays", "asks")] == [True, False]


@pytest.mark.parametrize(
    ("approved", "left", "goes"),
    [
        ("2026-03-01T12:00:01Z", "asks", True),
        ("2026-03-01T12:00:00Z", "asks", True),
        ("2026-03-01T11:59:59Z", "asks", False),
        ("2026-03-01T12:00:01Z", "another", False),
        ("soon", "asks", False),
    ],
)
def test_word_given_since_the_sync_that_left_an_object_for_it_prunes_that_object(
    scene: Scene, approved: str, left: str, *, goes: bool
) -> None:
    """Nobody needs to date a word into the future, and none counts for what left Git later."""
    objects = [annotated("asks", options="Prune=confirm"), annotated("web")]
    scene.sync(*objects)
    place = {"kind": "ConfigMap", "namespace": scene.bench.namespace, "version": "v1"}
    skipped = {**place, "name": left, "status": "PruneSkipped", "syncPhase": "Sync"}
    last = {
        "phase": "Succeeded",
        "startedAt": "2026-03-01T12:00:00Z",
        "syncResult": {"resources": [skipped]},
    }
    app = application(
        namespace=scene.bench.namespace,
        status={**scene.bench.had(*objects), "operationState": last},
        annotations={ARGO + "deletion-approved": approved},
    )
    scene.sync(annotated("web"), app=app, prune=True)
    assert scene.has("asks") is not goes


def test_what_a_chart_keeps_is_not_pruned(scene: Scene) -> None:
    keep = annotated("kept")
    keep["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    app = had(scene, keep, annotated("goes"), annotated("web"))
    scene.sync(annotated("web"), app=app, prune=True)
    assert [scene.has(name) for name in ("kept", "goes")] == [True, False]


@pytest.mark.parametrize("option", ["Prune=false", "Prune=confirm"])
def test_prune_option_of_the_application_is_for_all_but_those_that_say_otherwise(
    scene: Scene, option: str
) -> None:
    objects = [annotated("kept"), annotated("goes", options="Prune=true"), annotated("web")]
    app = had(scene, *objects, options=(option,))
    scene.sync(annotated("web"), app=app, prune=True)
    assert [scene.has(name) for name in ("kept", "goes")] == [True, False]


@pytest.mark.parametrize(
    ("option", "stays"),
    [
        ("", False),
        ("PrunePropagationPolicy=foreground", False),
        ("PrunePropagationPolicy=background", False),
        ("PrunePropagationPolicy=orphan", True),
        ("PrunePropagationPolicy=odd", False),
    ],
)
def test_prune_propagation_policy_says_what_becomes_of_what_it_owned(
    scene: Scene, option: str, *, stays: bool
) -> None:
    app = had(scene, annotated("owner"), annotated("web"), options=(option,) if option else ())
    owner = scene.get("ConfigMap", "owner")
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    owned = config_map("owned", namespace=scene.bench.namespace, ownerReferences=[reference])
    scene.bench.cluster.create(MAPS, owned, field_manager="somebody")
    found = scene.sync(annotated("web"), app=app, prune=True)
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert not scene.has("owner")
    if option in ("", "PrunePropagationPolicy=foreground", "PrunePropagationPolicy=odd"):
        assert not scene.has("owned"), "in the foreground what is owned goes first"
    elif not stays:
        eventually(lambda: not scene.has("owned"))
    else:
        eventually(lambda: "ownerReferences" not in scene.get("ConfigMap", "owned")["metadata"])


@pytest.mark.parametrize("level", ["application", "object", "neither"])
def test_prune_last_is_after_every_wave(scene: Scene, level: str) -> None:
    options = {"options": "PruneLast=true"} if level == "object" else {}
    old = annotated("old", wave="-1", **options)
    of_app = ("PruneLast=true",) if level == "application" else ()
    app = had(scene, old, annotated("web"), options=of_app)
    there: dict[str, bool] = {}
    scene.noted = lambda state: there.update({state.results[-1].key.name: scene.has("old")})
    found = scene.sync(annotated("web", "2"), annotated("late", wave="3"), app=app, prune=True)
    assert found.phase is OperationPhase.SUCCEEDED
    names = ["old", "web", "late"] if level == "neither" else ["web", "late", "old"]
    assert order(found) == names
    assert (there["web"], there["late"]) == (level != "neither", level != "neither")


def test_sync_prune_order_with_sync_waves_holds_those_below_one_that_does_not_go(
    scene: Scene,
) -> None:
    objects = [annotated(f"m{wave}", wave=str(wave)) for wave in range(3)]
    objects[1]["metadata"]["finalizers"] = ["example.com/slow"]
    app = had(scene, *objects, annotated("web"))
    seen: list[list[bool]] = []

    def let_go() -> None:
        seen.append([scene.has(f"m{wave}") for wave in range(3)])
        if seen.count([True, True, False]) == 3:
            scene.patch(MAPS, "m1", {"metadata": {"finalizers": None}})

    scene.meanwhile = let_go
    found = scene.sync(annotated("web"), app=app, prune=True)
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert seen.count([True, True, False]) >= 3
    assert all(low and middle for low, middle, high in seen if high)
    assert not scene.has("m0")


def test_finalizer_that_never_ends_fails_the_sync_and_holds_what_is_below(scene: Scene) -> None:
    objects = [annotated("low"), annotated("held", wave="1")]
    objects[1]["metadata"]["finalizers"] = ["example.com/never"]
    app = had(scene, *objects, annotated("web"))
    scene.give_up_after(0.5)
    found = scene.sync(annotated("web"), app=app, prune=True)
    assert found.phase is OperationPhase.FAILED
    assert "finalizer" in found.message
    assert scene.has("low")
    scene.patch(MAPS, "held", {"metadata": {"finalizers": None}})
    scene.give_up_after(120)
    again = scene.sync(annotated("web"), app=app, prune=True)
    assert again.phase is OperationPhase.SUCCEEDED
    assert not scene.has("low")
