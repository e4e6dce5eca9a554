"""Hooks, waves and options: tables of annotations, and the order that comes of them."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.cluster.base import Propagation
from secretsync.gitops.model import ObjectKey, Pair, SyncPhase, SyncStatus
from secretsync.gitops.objects.hooks import (
    deletes_before,
    deletes_when,
    deletion_phases,
    hook_name,
    hook_phases,
    wave_of,
)
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.sync.ordering import steps, tasks_of

ARGO = "argocd.argoproj.io/"
PRE, SYNC, POST, FAIL = SyncPhase


def obj(kind: str = "ConfigMap", name: str = "a", **annotations: str) -> dict[str, Any]:
    known = {"hook": "hook", "policy": "hook-delete-policy", "wave": "sync-wave"}
    made = {
        ARGO + known.get(key, key) if key in known or key == "sync_options" else key: value
        for key, value in annotations.items()
    }
    made = {key.replace("sync_options", "sync-options"): value for key, value in made.items()}
    helm = {key.replace("helm_", "helm.sh/").replace("_", "-"): made.pop(key) for key in list(made)
            if key.startswith("helm_")}  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "annotations": {**made, **helm}},
    }


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, None),
        ({"hook": "PreSync"}, (PRE,)),
        ({"hook": "PostSync, PreSync"}, (PRE, POST)),
        ({"hook": "SyncFail"}, (FAIL,)),
        ({"hook": "Skip"}, ()),
        ({"hook": "PreDelete"}, ()),
        ({"helm_hook": "pre-install,pre-upgrade"}, (PRE,)),
        ({"helm_hook": "post-upgrade"}, (POST,)),
        ({"helm_hook": "test"}, ()),
        ({"helm_hook": "crd-install"}, None),
        ({"hook": "Sync", "helm_hook": "pre-install"}, (SYNC,)),
    ],
)
def test_hook_annotations_name_the_phases(annotations: dict[str, str], expected: Any) -> None:
    assert hook_phases(obj(**annotations)) == expected


@pytest.mark.parametrize(
    ("annotations", "before", "succeeded", "failed"),
    [
        ({}, True, False, False),
        ({"policy": "HookSucceeded"}, False, True, False),
        ({"policy": "HookFailed,BeforeHookCreation"}, True, False, True),
        ({"helm_hook_delete_policy": "hook-succeeded,hook-failed"}, False, True, True),
        ({"helm_hook_delete_policy": "before-hook-creation"}, True, False, False),
    ],
)
def test_hook_delete_policies_say_when_a_hook_goes(
    annotations: dict[str, str], before: bool, succeeded: bool, failed: bool
) -> None:
    hook = obj(hook="PreSync", **annotations)
    assert deletes_before(hook) is before
    assert deletes_when(hook, succeeded=True) is succeeded
    assert deletes_when(hook, succeeded=False) is failed


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, ()),
        ({"hook": "PreSync"}, ()),
        ({"hook": "PreDelete"}, ("PreDelete",)),
        ({"hook": "PostDelete, PreSync, PreDelete"}, ("PreDelete", "PostDelete")),
        ({"helm_hook": "pre-delete,post-install"}, ("PreDelete",)),
        ({"helm_hook": "post-delete"}, ("PostDelete",)),
        ({"hook": "Sync", "helm_hook": "post-delete"}, ()),
    ],
)
def test_hook_annotations_name_the_phases_of_a_deletion(
    annotations: dict[str, str], expected: Any
) -> None:
    assert deletion_phases(obj(**annotations)) == expected


@pytest.mark.parametrize(
    ("annotations", "wave"),
    [
        ({}, 0),
        ({"wave": "-5"}, -5),
        ({"wave": "x", "helm_hook_weight": "3"}, 3),
        ({"wave": "1", "helm_hook_weight": "3"}, 1),
        ({"wave": "1.5"}, 0),
    ],
)
def test_wave_is_argo_cds_else_helms_else_zero(annotations: dict[str, str], wave: int) -> None:
    assert wave_of(obj(**annotations)) == wave


def test_hook_with_a_generated_name_is_named_by_revision_phase_and_time() -> None:
    hook = {"metadata": {"generateName": "Migrate-"}}
    assert hook_name(hook, "0123456789ab", PRE, 1700000000) == "migrate-0123456-presync-1700000000"


def pair(target: dict[str, Any] | None, live: dict[str, Any] | None = None) -> Pair:
    found = target or live
    assert found is not None
    hook = target is not None and hook_phases(target) is not None
    return Pair(ObjectKey.of(found), target, live, SyncStatus.OUT_OF_SYNC, hook=hook)


def order(*pairs: Pair, options: tuple[str, ...] = (), hooks: bool = True) -> list[str]:
    tasks = tasks_of(pairs, SyncOptions.of(options), hooks=hooks)
    return [f"{'-' if task.prunes else ''}{task.pair.key.name}" for task in tasks]


def test_tasks_run_by_phase_then_wave_then_kind_then_name() -> None:
    found = order(
        pair(obj("Deployment", "web")),
        pair(obj("Service", "web-service")),
        pair(obj("ConfigMap", "b")),
        pair(obj("ConfigMap", "a")),
        pair(obj("ConfigMap", "early", wave="-1")),
        pair(obj("ConfigMap", "after", hook="PostSync")),
        pair(obj("ConfigMap", "before", hook="PreSync")),
        pair(obj("Anything", "custom")),
        pair(obj("ConfigMap", "failed", hook="SyncFail")),
    )
    assert found == [
        *("before", "early", "a", "b", "web-service", "web", "custom"),
        *("after", "failed"),
    ]


def test_namespace_and_crd_go_before_what_needs_them_whatever_their_waves_say() -> None:
    namespace = obj("Namespace", "shop", wave="5")
    crd = obj("CustomResourceDefinition", "things.example.com", wave="7")
    crd["spec"] = {"group": "example.com", "names": {"kind": "Thing"}}
    thing = {**obj("Thing", "x", wave="1"), "apiVersion": "example.com/v1"}
    found = order(pair(namespace), pair(crd), pair(thing), pair(obj("ConfigMap", "a", wave="2")))
    assert found == ["shop", "things.example.com", "x", "a"]


def test_sync_prune_order_with_sync_waves_is_the_opposite_of_the_waves() -> None:
    found = order(
        *(pair(None, obj("ConfigMap", f"w{wave}", wave=str(wave))) for wave in (-1, 0, 3)),
        pair(obj("ConfigMap", "kept", wave="1")),
    )
    assert found == ["-w3", "-w0", "kept", "-w-1"]


def test_prune_last_is_after_everything_else() -> None:
    pairs = [pair(None, obj("ConfigMap", "old", wave="-3")), pair(obj("ConfigMap", "a", wave="9"))]
    assert order(*pairs, options=("PruneLast=true",)) == ["a", "-old"]
    own = obj("ConfigMap", "old", wave="-3", sync_options="PruneLast=true")
    assert order(pair(None, own), pairs[1]) == ["a", "-old"]


def test_hooks_are_left_out_of_a_selective_sync_and_of_a_rollback() -> None:
    pairs = [pair(obj("ConfigMap", "a")), pair(obj("ConfigMap", "h", hook="PreSync"))]
    assert order(*pairs, hooks=False) == ["a"]


def test_steps_hold_what_shares_phase_and_wave() -> None:
    tasks = tasks_of(
        [
            pair(obj("ConfigMap", name, wave=wave))
            for name, wave in (("a", "0"), ("b", "0"), ("c", "1"))
        ],
        SyncOptions.of(),
        hooks=True,
    )
    assert [(wave, len(group)) for _, wave, group in steps(tasks)] == [(0, 2), (1, 1)]


@pytest.mark.parametrize(
    ("of_app", "of_object", "asked", "expected"),
    [
        (("Prune=false",), "", "Prune=false", True),
        ((), "Prune=false", "Prune=false", True),
        (("Replace=true",), "Replace=false", "Replace=true", False),
        (("ServerSideApply=true",), "Validate=false , Replace=true", "Replace=true", True),
        (("replace=true",), "", "Replace=true", False),
    ],
)
def test_option_of_an_object_goes_before_that_of_the_application(
    of_app: tuple[str, ...], of_object: str, asked: str, expected: bool
) -> None:
    assert SyncOptions.of(of_app).has(asked, obj(sync_options=of_object)) is expected


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("PrunePropagationPolicy=background", Propagation.BACKGROUND),
        ("PrunePropagationPolicy=orphan", Propagation.ORPHAN),
        ("PrunePropagationPolicy=foreground", Propagation.FOREGROUND),
        ("PrunePropagationPolicy=anything", Propagation.FOREGROUND),
        ("Other=orphan", Propagation.FOREGROUND),
    ],
)
def test_propagation_of_pruning_is_foreground_unless_told(
    option: str, expected: Propagation
) -> None:
    assert SyncOptions.of((option,)).propagation is expected
