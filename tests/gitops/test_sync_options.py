"""Each sync option on a real API server: on the application, and on one object.

Pruning and its options are in test_sync_pruning.py, those of a deletion in
test_deleting_kubernetes.py, CreateNamespace in test_sync_namespace.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from secretsync.gitops.model import FIELD_MANAGER, OperationPhase, SyncStatus
from secretsync.gitops.objects.normalizing import LAST_APPLIED
from tests.gitops.comparing_kit import application, config_map, deployment
from tests.gitops.sync_kit import ARGO, MAPS, Scene, annotated, order

pytestmark = pytest.mark.built

LEVELS = pytest.mark.parametrize("level", ["application", "object"])


def with_option(scene: Scene, option: str, obj: Any, level: str) -> tuple[Any, Any]:
    """Return the application and the object, one of which has the option."""
    if level == "application":
        return scene.app(option), obj
    annotations = {**(obj["metadata"].get("annotations") or {}), ARGO + "sync-options": option}
    return scene.app(), {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def test_sync_with_apply_out_of_sync_only_leaves_the_rest_alone_and_runs_hooks(
    scene: Scene,
) -> None:
    scene.sync(annotated("one"), annotated("two"))
    app = scene.app("ApplyOutOfSyncOnly=true")
    hook = annotated("before", hook="PreSync")
    found = scene.sync(annotated("one"), annotated("two", "2"), hook, app=app)
    assert order(found) == ["before", "two"]


@LEVELS
def test_validate_false_leaves_out_what_the_kind_does_not_declare(scene: Scene, level: str) -> None:
    web = deployment("web", typo=1)
    web["spec"]["template"]["spec"]["containers"][0]["imagePullSecretz"] = ["x"]
    refused = scene.sync(web)
    assert refused.phase is OperationPhase.FAILED
    assert "not declared in schema" in refused.message
    app, lenient = with_option(scene, "Validate=false", web, level)
    assert scene.sync(lenient, app=app).phase is OperationPhase.SUCCEEDED
    live = scene.get("Deployment", "web", "apps/v1")
    assert "typo" not in live["spec"]
    assert scene.bench.compare(lenient).status is SyncStatus.SYNCED
    lenient["spec"]["replicas"] = 5
    assert scene.sync(lenient, app=app).phase is OperationPhase.SUCCEEDED
    assert scene.get("Deployment", "web", "apps/v1")["spec"]["replicas"] == 5


@LEVELS
def test_skip_dry_run_on_missing_resource_lets_the_rest_be_applied(
    scene: Scene, level: str
) -> None:
    """Without it nothing is applied, as a dry run of all before the first would say."""
    odd = {"apiVersion": "nowhere.example.com/v1", "kind": "Odd", "metadata": {"name": "x"}}
    found = scene.sync(annotated("web"), odd)
    assert found.phase is OperationPhase.FAILED
    assert not scene.has("web")
    app, tolerated = with_option(scene, "SkipDryRunOnMissingResource=true", odd, level)
    found = scene.sync(annotated("web"), tolerated, app=app)
    assert found.phase is OperationPhase.FAILED
    assert scene.has("web")


@LEVELS
def test_replace_leaves_nothing_of_others(scene: Scene, level: str) -> None:
    scene.sync(annotated("web"))
    theirs(scene, "web")
    scene.sync(annotated("web", "2"))
    assert scene.get("ConfigMap", "web")["data"] == {"a": "2", "theirs": "x"}
    app, replaced = with_option(scene, "Replace=true", annotated("web", "3"), level)
    found = scene.sync(replaced, app=app)
    assert scene.get("ConfigMap", "web")["data"] == {"a": "3"}
    assert "replaced" in found.results[0].message


def test_replace_false_of_an_object_beats_the_application(scene: Scene) -> None:
    scene.sync(annotated("web"))
    theirs(scene, "web")
    scene.sync(annotated("web", "2", options="Replace=false"), app=scene.app("Replace=true"))
    assert scene.get("ConfigMap", "web")["data"] == {"a": "2", "theirs": "x"}


@pytest.mark.parametrize("finalizers", [[], ["example.com/slow"]])
@pytest.mark.parametrize("option", ["Force=true", "Force=true,Replace=true", "by the operation"])
def test_force_makes_what_cannot_be_changed_anew(
    scene: Scene, option: str, finalizers: list[str]
) -> None:
    frozen = {**config_map("frozen", {"a": "1"}, finalizers=finalizers), "immutable": True}
    scene.sync(frozen)
    before = scene.get("ConfigMap", "frozen")["metadata"]["uid"]
    changed = {**frozen, "data": {"a": "2"}}
    assert scene.sync(changed).phase is OperationPhase.FAILED
    assert scene.get("ConfigMap", "frozen")["data"] == {"a": "1"}
    sync: dict[str, Any] = {}
    if option == "by the operation":
        sync = {"syncStrategy": {"hook": {"force": True}}}
    else:
        annotations = {ARGO + "sync-options": option}
        changed = {**changed, "metadata": {**frozen["metadata"], "annotations": annotations}}

    def let_go() -> None:
        live = scene.get("ConfigMap", "frozen")
        if live and live["metadata"].get("deletionTimestamp"):
            scene.patch(MAPS, "frozen", {"metadata": {"finalizers": None}})

    scene.meanwhile = let_go
    found = scene.sync(changed, **sync)
    assert found.phase is OperationPhase.SUCCEEDED, found
    now = scene.get("ConfigMap", "frozen")
    assert (now["data"], now["metadata"]["uid"] == before) == ({"a": "2"}, False)


@pytest.mark.parametrize(
    ("of_app", "of_object"),
    [
        ((), ""),
        (("ServerSideApply=true",), ""),
        (("ServerSideApply=true",), "ServerSideApply=false"),
    ],
)
def test_every_apply_is_a_server_side_one(
    scene: Scene, of_app: tuple[str, ...], of_object: str
) -> None:
    options = {"options": of_object} if of_object else {}
    scene.sync(annotated("web", **options), app=scene.app(*of_app))
    metadata = scene.get("ConfigMap", "web")["metadata"]
    owners = [(each["manager"], each["operation"]) for each in metadata["managedFields"]]
    assert owners == [(FIELD_MANAGER, "Apply")]
    assert LAST_APPLIED not in metadata["annotations"]


@pytest.mark.parametrize(
    ("option", "annotations", "manager", "goes"),
    [
        ("", {}, "kubectl-client-side-apply", True),
        ("ClientSideApplyMigration=false", {}, "kubectl-client-side-apply", False),
        ("", {}, "company-tool", False),
        (
            "",
            {ARGO + "client-side-apply-migration-manager": "company-tool"},
            "company-tool",
            True,
        ),
    ],
)
def test_client_side_apply_migration_takes_what_kubectl_left(
    scene: Scene, option: str, annotations: dict[str, str], manager: str, *, goes: bool
) -> None:
    """A field that kubectl applied and the sources no longer have goes, where it is migrated."""
    had = annotated("web")
    had["data"]["old"] = "x"
    target = scene.bench.compare(had).pairs[0].target
    assert target is not None
    metadata = target["metadata"]
    kept = {**metadata["annotations"], LAST_APPLIED: json.dumps(target)}
    made = {**target, "metadata": {**metadata, "annotations": kept}}
    scene.bench.cluster.create(MAPS, made, field_manager=manager)
    app = scene.app(*([option] if option else []), annotations=annotations)
    found = scene.sync(annotated("web", "2"), app=app)
    assert found.phase is OperationPhase.SUCCEEDED
    live = scene.get("ConfigMap", "web")
    assert ("old" not in live["data"]) is goes
    owners = {each["manager"] for each in live["metadata"]["managedFields"]}
    assert (owners == {FIELD_MANAGER}) is goes
    assert scene.bench.compare(annotated("web", "2")).status is SyncStatus.SYNCED


@pytest.mark.parametrize("option", ["FailOnSharedResource=true", "Replace=true", "Force=true", ""])
def test_resource_of_another_application_is_not_taken_by_any_option(
    scene: Scene, option: str
) -> None:
    other = application("other", namespace=scene.bench.namespace)
    scene.sync(annotated("web"), app=other)
    for level in ("application", "object"):
        app, web = with_option(scene, option or "Validate=true", annotated("web", "2"), level)
        found = scene.sync(web, annotated("beside"), app=app)
        assert found.phase is OperationPhase.FAILED
        assert "application" in found.message
        assert scene.get("ConfigMap", "web")["data"] == {"a": "1"}
        assert not scene.has("beside")


def test_hook_does_not_take_the_place_of_what_is_not_the_applications(scene: Scene) -> None:
    """A hook is deleted before it runs again: what somebody else has of its name is not."""
    theirs_ = {**config_map("before", {"a": "theirs"})}
    theirs_["metadata"]["namespace"] = scene.bench.namespace
    scene.bench.cluster.create(MAPS, theirs_, field_manager="somebody")
    found = scene.sync(annotated("before", hook="PreSync"), annotated("web"))
    assert found.phase is OperationPhase.FAILED
    assert "not this application's" in found.message
    assert scene.get("ConfigMap", "before")["data"] == {"a": "theirs"}
    assert not scene.has("web")


@pytest.mark.parametrize("respects", [True, False])
@pytest.mark.parametrize(
    "rule",
    [
        {"jsonPointers": ["/spec/replicas"]},
        {"jqPathExpressions": [".spec.replicas"]},
        {"managedFieldsManagers": ["autoscaler"]},
    ],
)
def test_respect_ignore_differences_keeps_what_is_ignored(
    scene: Scene, rule: dict[str, Any], *, respects: bool
) -> None:
    scene.sync(deployment("web", replicas=1))
    kind = scene.bench.cluster.resolve("apps/v1", "Deployment")
    namespace = scene.bench.namespace
    scene.bench.cluster.merge_patch(
        kind, namespace, "web", {"spec": {"replicas": 7}}, field_manager="autoscaler"
    )
    options = ["RespectIgnoreDifferences=true"] if respects else []
    app = scene.app(*options, ignoreDifferences=[{"group": "apps", "kind": "Deployment", **rule}])
    changed = deployment("web", replicas=1, image="example.com/web:2")
    assert scene.sync(changed, app=app).phase is OperationPhase.SUCCEEDED
    spec = scene.get("Deployment", "web", "apps/v1")["spec"]
    assert spec["replicas"] == (7 if respects else 1)
    assert spec["template"]["spec"]["containers"][0]["image"] == "example.com/web:2"


def theirs(scene: Scene, name: str) -> None:
    """Let somebody else add a key."""
    patch = {"data": {"theirs": "x"}}
    scene.bench.cluster.merge_patch(
        MAPS, scene.bench.namespace, name, patch, field_manager="somebody"
    )
