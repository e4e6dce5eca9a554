"""One Application as an Argo CD user writes it, lived from its first sync to its deletion.

It has ten sync options, hooks of every kind and waves. The service is a process of its own;
the API server and the controllers are Kubernetes' own, the node is played. What became of
each object is recorded as the API server tells it; `test_application_rows.py` looks at that.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from secretsync.cluster.base import KINDS, Kind
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from secretsync.errors import ClusterError, Gone
from tests.e2e.rig import eventually
from tests.support.git_repository import GitRepository
from tests.support.kube import KubeServer
from tests.support.service import RunningService

__all__ = ["ARGO", "GROUP", "NAMESPACE", "Seen", "Story", "lived"]

ARGO = "argocd.argoproj.io/"
NAMESPACE = "rows"
WATCHED = (("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("batch/v1", "Job"))
GROUP = "rows.example.com"
OPTIONS = (
    "CreateNamespace=true",
    "PrunePropagationPolicy=foreground",
    "PruneLast=true",
    "ApplyOutOfSyncOnly=true",
    "Validate=false",
    "SkipDryRunOnMissingResource=true",
    "ServerSideApply=true",
    "RespectIgnoreDifferences=true",
    "FailOnSharedResource=true",
    "ClientSideApplyMigration=false",
)


@dataclass(frozen=True)
class Seen:
    """What the API server told: ADDED, MODIFIED or DELETED; later ones have higher versions."""

    version: int
    type: str
    kind: str
    name: str
    leaving: bool


@dataclass
class Story:
    """What was found; each chapter has the status, and what the API server told in it.

    Args:
        namespace: metadata of the namespace, after everything.
    """

    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)
    crd_stays: bool = False

    def at(self, chapter: str, kind: str, name: str, type_: str = "ADDED") -> int:
        """Return when something first happened to an object in a chapter."""
        found = [
            each.version
            for each in self.seen[chapter]
            if (each.kind, each.name, each.type) == (kind, name, type_)
        ]
        assert found, f"{chapter}: no {type_} of {kind} {name}"
        return min(found)

    def happened(self, chapter: str, kind: str, name: str, type_: str) -> bool:
        """Return whether something happened to an object in a chapter."""
        return any(
            (each.kind, each.name, each.type) == (kind, name, type_) for each in self.seen[chapter]
        )

    def last(self, chapter: str, kind: str, name: str) -> int:
        """Return when something last happened to an object in a chapter."""
        return max(e.version for e in self.seen[chapter] if (e.kind, e.name) == (kind, name))

    def image(self, chapter: str) -> str:
        """Return the image of the Deployment at the end of a chapter."""
        spec = self.objects[chapter]["Deployment/web"]["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"])

    def history(self, chapter: str) -> int:
        """Return how many entries the history had."""
        return len(self.statuses[chapter]["history"])

    def message(self, chapter: str) -> str:
        """Return what the operation of a chapter said."""
        return str(self.statuses[chapter]["operationState"]["message"])

    def results(self, chapter: str) -> dict[str, dict[str, Any]]:
        """Return the results of the operation that a chapter ended with, by name."""
        state = self.statuses[chapter]["operationState"]
        return {each["name"]: each for each in state["syncResult"]["resources"]}

    def phase(self, chapter: str) -> str:
        """Return how the operation of a chapter ended."""
        return str(self.statuses[chapter]["operationState"]["phase"])


class Life:
    """Runs the story on one API server."""

    def __init__(self, folder: Path, server: KubeServer, repository: GitRepository) -> None:
        self.cluster: KubernetesCluster = open_kubernetes()
        self.repository = repository
        self.story = Story()
        self._seen: list[Seen] = []
        self._stop = threading.Event()
        self._watchers = [
            threading.Thread(target=self._watch, args=each, daemon=True) for each in WATCHED
        ]
        for each in self._watchers:
            each.start()
        env = {"KUBECONFIG": str(server.kubeconfig), "XDG_CACHE_HOME": str(folder)}
        self.service = RunningService(
            ["--to", "kube", "--poll-interval", "1"], env=env, log=folder / "service.log"
        )
        self.service.wait_ready()

    def close(self) -> None:
        """End the service and the watches."""
        self._stop.set()
        self.service.kill()
        self.cluster.close()
        for each in self._watchers:
            each.join(timeout=30)

    def _watch(self, api_version: str, name: str) -> None:
        kind = self.cluster.resolve(api_version, name)
        version = ""
        while not self._stop.is_set():
            try:
                for each in self.cluster.watch(
                    kind, NAMESPACE, resource_version=version, stop=self._stop
                ):
                    version = each.resource_version or version
                    metadata = each.object.get("metadata") or {}
                    if "name" in metadata:
                        number = int(metadata["resourceVersion"])
                        leaving = bool(metadata.get("deletionTimestamp"))
                        self._seen.append(
                            Seen(number, str(each.type), kind.kind, metadata["name"], leaving)
                        )
            except Gone:
                version = ""
            except ClusterError:
                # It goes on where it broke off: a new beginning tells of what is there once more.
                self._stop.wait(0.1)

    def status(self) -> dict[str, Any]:
        """Return the status of the Application."""
        found = self.cluster.get(KINDS["Application"], "argocd", "rows") or {}
        status: dict[str, Any] = found.get("status") or {}
        return status

    def ended(self, revision: str, phase: str) -> dict[str, Any] | None:
        """Return the status once an operation on a revision has ended so."""
        status = self.status()
        state = status.get("operationState") or {}
        synced = (state.get("syncResult") or {}).get("revision") == revision
        ended = synced and state.get("phase") == phase and state.get("finishedAt")
        assert ended, f"{phase} is awaited, it is {state.get('phase')}: {state.get('message')}"
        return status

    def chapter(self, name: str, *objects: dict[str, Any], phase: str = "Succeeded") -> None:
        """Commit objects, and record what comes of it."""
        before = len(self._seen)
        text = yaml.safe_dump_all(objects)
        revision = self.repository.commit({"app/all.yaml": text}, name)

        # Another try may begin right after a failure: what counts is what was seen.
        status = eventually(lambda: self.ended(revision, phase), within_s=120)
        assert status is not None
        self.story.statuses[name] = status
        self.record(name, before)

    def record(self, name: str, before: int) -> None:
        """Record what was told since, and what is there now."""
        for api_version, kind_name in WATCHED:
            kind = self.cluster.resolve(api_version, kind_name)
            items = self.cluster.list(kind, NAMESPACE).items
            found = {each["metadata"]["name"]: each for each in items}
            self.story.objects.setdefault(name, {}).update(
                {f"{kind_name}/{key}": each for key, each in found.items()}
            )
        # A watch tells of a marker after all that went before, but no watch waits for another:
        # each has a marker of its own kind.
        wanted = set()
        for api_version, kind_name in WATCHED:
            obj = marker(api_version, kind_name, f"told-{name}")
            kind = self.cluster.resolve(api_version, kind_name)
            self.cluster.create(kind, obj, field_manager="test")
            wanted.add((kind_name, f"told-{name}"))
        eventually(lambda: wanted <= {(each.kind, each.name) for each in self._seen[before:]})
        self.story.seen[name] = self._seen[before:]

    def patch(self, kind: Kind, name: str, patch: dict[str, Any], manager: str) -> None:
        """Change an object, as somebody else would."""
        self.cluster.merge_patch(kind, NAMESPACE, name, patch, field_manager=manager)


def application(url: str) -> dict[str, Any]:
    """Return the Application."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "rows",
            "namespace": "argocd",
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "path": "app", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": NAMESPACE},
            "ignoreDifferences": [
                {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
            ],
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                # Long enough that no other try begins while a failure is looked at.
                "retry": {"limit": 5, "backoff": {"duration": "1m"}},
                "managedNamespaceMetadata": {"labels": {"team": "rows"}},
                "syncOptions": list(OPTIONS),
            },
        },
    }


def marker(api_version: str, kind: str, name: str) -> dict[str, Any]:
    """Return an object of a watched kind that makes no pod."""
    labels = {"app": name}
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "example.com/a:1"}]}
    specs: dict[str, dict[str, Any]] = {
        "Deployment": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {**pod, "restartPolicy": "Always"},
            },
        },
        "Job": {"suspend": True, "template": {"spec": pod}},
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    spec = {"spec": specs[kind]} if kind in specs else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **spec}


def config_map(name: str, value: str = "1", **annotations: str) -> dict[str, Any]:
    """Return a ConfigMap; annotations without Argo CD's prefix."""
    made = {ARGO + key.replace("_", "-"): text for key, text in annotations.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "annotations": made},
        "data": {"a": value},
    }


def job(name: str, *, fails: bool = False, **annotations: str) -> dict[str, Any]:
    """Return a Job that the node ends at once."""
    container = {"name": "a", "image": "example.com/a:1", "args": ["fail"] if fails else []}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": config_map(name, **annotations)["metadata"],
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }


def objects(
    image: str = "1", *, old: bool = True, value: str = "1", fails: bool = False
) -> list[dict[str, Any]]:
    """Return what the repository has."""
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 1,
            "oddity": "what no Deployment has",
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": f"example.com/web:{image}"}]},
            },
        },
    }
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
    widget = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": "one"}}
    gone = [config_map("old"), config_map("old-kept", sync_options="Prune=false")]
    return [
        config_map("late", sync_wave="2"),
        widget,
        config_map("settings", sync_wave="-1"),
        web,
        crd,
        config_map("replaced", value, sync_options="Replace=true"),
        config_map("stays", sync_options="Delete=false"),
        *(gone if old else ()),
        # A Job that failed cannot be changed: it goes before the next one.
        job(
            "migrate",
            fails=fails,
            hook="PreSync",
            hook_delete_policy="BeforeHookCreation,HookSucceeded",
        ),
        job("during", hook="Sync", sync_wave="1"),
        job("after", hook="PostSync", hook_delete_policy="BeforeHookCreation"),
        config_map("mend", hook="SyncFail"),
        config_map("never", hook="Skip"),
        job("farewell", hook="PostDelete"),
    ]


@contextlib.contextmanager
def lived(folder: Path, server: KubeServer, repository: GitRepository, url: str) -> Iterator[Story]:
    """Live the story; give what was recorded.

    Args:
        server: with its controllers and its node.
        repository: empty; `url` serves it.
    """
    life = Life(folder, server, repository)
    try:
        _live(life, url)
        yield life.story
    finally:
        life.close()


def _live(life: Life, url: str) -> None:
    repository, cluster = life.repository, life.cluster
    repository.commit({"README.md": "rows\n"})
    cluster.create(KINDS["Application"], application(url), field_manager="somebody")
    life.chapter("first", *objects())
    deployments = cluster.resolve("apps/v1", "Deployment")
    life.patch(deployments, "web", {"spec": {"replicas": 4}}, "autoscaler")
    life.patch(KINDS["ConfigMap"], "replaced", {"data": {"theirs": "x"}}, "somebody")
    life.chapter("second", *objects("2", old=False, value="2"))
    life.chapter("failed", *objects("3", old=False, value="2", fails=True), phase="Failed")
    life.chapter("mended", *objects("4", old=False, value="2"))
    tracking = f"other:/ConfigMap:{NAMESPACE}/shared"
    shared = config_map("shared", "theirs", tracking_id=tracking)
    shared["metadata"]["namespace"] = NAMESPACE
    cluster.create(KINDS["ConfigMap"], shared, field_manager="somebody")
    both = [*objects("5", old=False, value="2"), config_map("shared", "ours")]
    life.chapter("shared", *both, phase="Failed")
    life.chapter("alone", *objects("6", old=False, value="2"))
    before = len(life._seen)
    cluster.delete(KINDS["Application"], "argocd", "rows")
    eventually(lambda: cluster.get(KINDS["Application"], "argocd", "rows") is None, within_s=120)
    life.record("deleted", before)
    namespace = cluster.get(KINDS["Namespace"], "", NAMESPACE) or {}
    life.story.namespace = namespace["metadata"]
    crds = cluster.resolve("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    life.story.crd_stays = cluster.get(crds, "", f"widgets.{GROUP}") is not None
