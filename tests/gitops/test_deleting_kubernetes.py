"""An application that is deleted, on a real API server: what goes, when, and what stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.errors import ConfigError
from secretsync.gitops.deletion.deleting import begin_deletion, delete_application, is_held
from secretsync.gitops.deletion.deletion_hooks import DeletionHooks, hold_for_hooks
from secretsync.gitops.status.app_store import AppStore
from secretsync.gitops.sync.hook_running import HOOK_FINALIZER
from secretsync.resources.application import Application
from tests.e2e.rig import eventually
from tests.gitops.comparing_kit import config_map, in_namespace
from tests.gitops.sync_kit import ARGO, MAPS, Scene, annotated, job
from tests.support.kube import KubeServer
from tests.support.kubelet import WORKLOAD_CONTROLLERS, kubelet

pytestmark = pytest.mark.built

APPS = KINDS["Application"]
CRDS = Path(__file__).parents[2] / "deploy" / "applications" / "crds.yaml"
CASCADE = "resources-finalizer.argocd.argoproj.io"
PRE, POST = "pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io"
APPROVED = ARGO + "deletion-approved"


class Leaving:
    """An Application in the cluster, what it made, and its deletion step by step."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.cluster = scene.bench.cluster
        self.store = AppStore(self.cluster)
        self.told: dict[str, str] = {}
        self.sources: list[Any] = []

    def make(self, *objects: Any, finalizers: tuple[str, ...] = (CASCADE,)) -> None:
        """Sync objects, as the application of the test's namespace."""
        namespace = self.scene.bench.namespace
        self.scene.bench.app = in_namespace(self.scene.app(), namespace)
        found = self.scene.sync(*objects)
        assert not found.message.startswith("one or more"), found
        kept = [each for each in objects if ARGO + "hook" not in annotations_of(each)]
        raw = {**self.scene.bench.app.raw}
        raw["metadata"] = {"name": "web", "namespace": namespace, "finalizers": list(finalizers)}
        raw.pop("status", None)
        self.cluster.create(APPS, raw, field_manager="somebody")
        app = self.app()
        assert app is not None
        hooks = [
            {
                "group": each.key.group,
                "version": each.version,
                "kind": each.key.kind,
                "namespace": each.key.namespace,
                "name": each.key.name,
                "status": "Synced",
                "hookType": each.hook_type,
                "hookPhase": str(each.hook_phase),
                "syncPhase": str(each.sync_phase),
                "message": "",
            }
            for each in found.results
            if each.hook_type
        ]
        resources = [
            {**each, "status": "Synced"} for each in self.scene.bench.had(*kept)["resources"]
        ]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        state = {
            "operation": {},
            "phase": "Succeeded",
            "startedAt": now,
            "syncResult": {"revision": "0123456789", "resources": hooks},
        }
        self.store.write_status(app, {"resources": resources, "operationState": state})
        self.sources = list(objects)

    def app(self) -> Application | None:
        """Return the Application as it is now."""
        return self.store.get(self.scene.bench.namespace, "web")

    def ask(self, *, cascade: bool = True) -> None:
        """Ask for the deletion."""
        app = self.app()
        assert app is not None
        assert begin_deletion(self.cluster, app, cascade=cascade)

    def go_on(self) -> bool:
        """Do the next part; return whether it is through."""
        app = self.app()
        if app is None:
            return True
        assert is_held(app)
        return delete_application(
            self.cluster,
            self.store,
            app,
            cascade=CASCADE in str(app.meta.finalizers),
            told=lambda key, what: self.told.update({key.name: what}),
            hooks=DeletionHooks(self.cluster, lambda _: self.sources),
        )

    def there(self, *names: str) -> list[str]:
        """Return which ConfigMaps are there and not on their way out."""
        return [
            name
            for name in names
            if (found := self.scene.get("ConfigMap", name))
            and not found["metadata"].get("deletionTimestamp")
        ]


def annotations_of(obj: Any) -> dict[str, str]:
    """Return the annotations of an object of the sources."""
    found: dict[str, str] = obj["metadata"].get("annotations") or {}
    return found


@pytest.fixture
def leaving(
    scene: Scene, kube_server: KubeServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Leaving]:
    # Applications of the service's own namespace need no project that lets them in.
    monkeypatch.setenv("POD_NAMESPACE", scene.bench.namespace)
    kube_server.admin.install_crds(CRDS)
    with kube_server.controller_manager(WORKLOAD_CONTROLLERS), kubelet(kube_server):
        yield Leaving(scene)


def test_waves_go_backwards_and_each_waits_for_the_one_before(leaving: Leaving) -> None:
    names = [f"m{wave}" for wave in range(3)]
    objects = [annotated(name, wave=name[1:]) for name in names]
    objects[1]["metadata"]["finalizers"] = ["example.com/slow"]
    leaving.make(*objects)
    leaving.ask()
    eventually(lambda: (leaving.go_on(), leaving.there(*names))[1] == ["m0"])
    for _ in range(3):
        assert not leaving.go_on()
    assert leaving.there("m0") == ["m0"], "a finalizer that does not end holds what is below"
    assert leaving.app() is not None
    leaving.scene.patch(MAPS, "m1", {"metadata": {"finalizers": None}})
    eventually(leaving.go_on)
    assert (leaving.there(*names), leaving.app()) == ([], None)


def test_what_says_so_or_is_not_its_own_stays(leaving: Leaving) -> None:
    keep = annotated("kept")
    keep["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    leaving.make(annotated("goes"), annotated("stays", options="Delete=false"), keep,
                 annotated("another"))  # fmt: skip
    tracking = f"other:/ConfigMap:{leaving.scene.bench.namespace}/another"
    patch = {"metadata": {"annotations": {ARGO + "tracking-id": tracking}}}
    leaving.scene.patch(MAPS, "another", patch)
    leaving.ask()
    eventually(leaving.go_on)
    assert leaving.there("goes", "stays", "kept", "another") == ["stays", "kept", "another"]
    assert leaving.app() is None


def test_delete_false_of_the_application_is_for_all_but_those_that_say_otherwise(
    leaving: Leaving,
) -> None:
    leaving.make(annotated("stays"), annotated("goes", options="Delete=true"))
    leaving.scene.patch(APPS, "web", {"spec": {"syncPolicy": {"syncOptions": ["Delete=false"]}}})
    leaving.ask()
    eventually(leaving.go_on)
    assert leaving.there("stays", "goes") == ["stays"]


def test_nothing_goes_before_what_asks_for_it_is_approved(leaving: Leaving) -> None:
    leaving.make(annotated("asks", options="Delete=confirm"), annotated("web", wave="5"))
    early = {"metadata": {"annotations": {APPROVED: "2020-01-01T00:00:00Z"}}}
    leaving.scene.patch(APPS, "web", early)
    leaving.ask()
    for _ in range(3):
        assert not leaving.go_on()
    assert leaving.there("asks", "web") == ["asks", "web"], "the word is older than the question"
    assert APPROVED in leaving.told["asks"]
    leaving.scene.patch(
        APPS, "web", {"metadata": {"annotations": {APPROVED: "2999-01-01T00:00:00Z"}}}
    )
    eventually(leaving.go_on)
    assert (leaving.there("asks", "web"), leaving.app()) == ([], None)


@pytest.mark.parametrize("finalizer", [CASCADE, f"{CASCADE}/background"])
def test_finalizer_says_whether_what_is_owned_goes_first(leaving: Leaving, finalizer: str) -> None:
    leaving.make(annotated("owner"), finalizers=(finalizer,))
    owner = leaving.scene.get("ConfigMap", "owner")
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    owned = config_map(
        "owned",
        namespace=leaving.scene.bench.namespace,
        ownerReferences=[reference],
        finalizers=["example.com/slow"],
    )
    leaving.cluster.create(MAPS, owned, field_manager="somebody")
    leaving.ask()
    if finalizer == CASCADE:
        for _ in range(3):
            assert not leaving.go_on(), "in the foreground the owner waits for what it owns"
        assert leaving.scene.has("owner")
        eventually(lambda: not leaving.there("owned"))
    else:
        eventually(leaving.go_on)
        assert leaving.scene.has("owned")
    leaving.scene.patch(MAPS, "owned", {"metadata": {"finalizers": None}})
    eventually(leaving.go_on)
    eventually(lambda: not leaving.scene.has("owned"))


def test_application_without_a_cascade_leaves_everything(leaving: Leaving) -> None:
    leaving.make(annotated("web"))
    leaving.ask(cascade=False)
    assert leaving.app() is None
    assert leaving.there("web") == ["web"]


def test_hooks_of_syncs_go_with_it(leaving: Leaving) -> None:
    leaving.make(annotated("before", hook="PreSync"), annotated("web"))
    assert leaving.there("before", "web") == ["before", "web"]
    leaving.ask()
    eventually(leaving.go_on)
    assert leaving.there("before", "web") == []


def test_hooks_of_a_deletion_run_before_and_after_and_go_as_their_policies_say(
    leaving: Leaving,
) -> None:
    """PreDelete and PostDelete Jobs, run by the real Job controller."""
    before = job("farewell", hook="PreDelete")
    after = job("swept", hook="PostDelete", policy="HookSucceeded")
    stays = annotated("record", hook="PostDelete", policy="BeforeHookCreation")
    leaving.make(annotated("web"))
    leaving.sources += [before, after, stays]
    app = leaving.app()
    assert app is not None
    hold_for_hooks(leaving.cluster, app, leaving.sources)
    app = leaving.app()
    assert app is not None
    assert set(app.meta.finalizers) == {CASCADE, PRE, f"{PRE}/cleanup", POST, f"{POST}/cleanup"}
    hold_for_hooks(leaving.cluster, app, leaving.sources)
    again = leaving.app()
    assert again is not None
    assert again.meta.resource_version == app.meta.resource_version, "0 writes"
    leaving.ask()
    assert not leaving.go_on()
    assert leaving.scene.get("Job", "farewell", "batch/v1") is not None
    assert leaving.there("web") == ["web"], "what the application made is there meanwhile"
    seen: list[bool] = []

    def through() -> bool:
        ended = leaving.go_on()
        if leaving.scene.get("Job", "swept", "batch/v1"):
            seen.append(bool(leaving.there("web")))
        return ended

    eventually(through, within_s=180)
    assert set(seen) == {False}, "hooks after it see nothing of it"
    assert leaving.app() is None
    for name in ("farewell", "swept"):
        eventually(lambda name=name: leaving.scene.get("Job", name, "batch/v1") is None)
    assert leaving.there("record") == ["record"]


def test_hook_of_a_deletion_that_fails_holds_it_and_is_tried_again(leaving: Leaving) -> None:
    before = job("farewell", hook="PreDelete")
    spec = before["spec"]["template"]["spec"]
    before["spec"]["backoffLimit"] = 0
    spec["containers"][0]["args"] = ["fail"]
    leaving.make(annotated("web"), finalizers=(CASCADE, PRE, f"{PRE}/cleanup"))
    leaving.sources += [before]
    leaving.ask()

    def fails() -> bool:
        try:
            leaving.go_on()
        except ConfigError as exc:
            assert "the hook failed" in exc.message  # noqa: PT017 - it runs more than once
            return True
        return False

    eventually(fails, within_s=120)
    assert leaving.there("web") == ["web"]
    assert leaving.app() is not None
    spec["containers"][0]["args"] = []

    def mended() -> bool:
        try:
            return leaving.go_on()
        except ConfigError:
            return False

    eventually(mended, within_s=120)
    assert (leaving.there("web"), leaving.app()) == ([], None)


def test_hook_that_a_kill_left_held_goes_with_the_application(leaving: Leaving) -> None:
    leaving.make(annotated("before", hook="PreSync"), annotated("web"))
    leaving.scene.patch(MAPS, "before", {"metadata": {"finalizers": [HOOK_FINALIZER]}})
    leaving.ask()
    eventually(leaving.go_on)
    assert not leaving.scene.has("before")
