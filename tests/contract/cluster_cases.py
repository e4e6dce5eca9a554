"""What the contract suite of clusters works with: clusters, namespaces, objects, watches."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from secretsync.cluster.base import KINDS, Cluster, Kind, Object, WatchEvent, WatchEventType
from secretsync.cluster.directory import DirectoryCluster

__all__ = [
    "BUDGET",
    "CLUSTERS",
    "CONFIG_MAP",
    "CRD",
    "SECRET",
    "WAIT_S",
    "Arena",
    "Recorder",
    "budget",
    "definition",
    "open_arena",
    "secret",
]

SECRET = KINDS["Secret"]
CONFIG_MAP = KINDS["ConfigMap"]
#: A built-in kind with a spec that may change, a status and no controller in tests.
BUDGET = Kind("PodDisruptionBudget", "poddisruptionbudgets", "policy", "v1")
CRD = Kind(
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "apiextensions.k8s.io",
    "v1",
    namespaced=False,
)

#: Both implementations of the port, for `@pytest.fixture(params=CLUSTERS)`.
CLUSTERS = [
    pytest.param("directory", id="directory"),
    pytest.param("kubernetes", id="kubernetes", marks=pytest.mark.built),
]

WAIT_S = 60.0


@dataclass(frozen=True)
class Arena:
    """A cluster and two namespaces that nobody else uses."""

    cluster: Cluster
    namespace: str
    other_namespace: str

    def secret(self, name: str, **fields: Any) -> Object:
        """Create a Secret as manager `creator`."""
        obj = secret(name, fields.pop("namespace", self.namespace), **fields)
        return self.cluster.create(SECRET, obj, field_manager="creator")

    def live(self, name: str) -> Object:
        """Return a Secret that must be there."""
        found = self.cluster.get(SECRET, self.namespace, name)
        assert found is not None
        return found

    def apply(self, obj: Object, manager: str = "applier", *, force: bool = True) -> Object:
        """Apply a Secret."""
        return self.cluster.apply(SECRET, obj, field_manager=manager, force=force)

    def patch(self, name: str, patch: Object, manager: str = "patcher") -> Object:
        """Merge-patch a Secret."""
        return self.cluster.merge_patch(SECRET, self.namespace, name, patch, field_manager=manager)

    def delete(self, name: str) -> None:
        """Delete a Secret."""
        self.cluster.delete(SECRET, self.namespace, name)


@contextlib.contextmanager
def open_arena(
    which: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arena]:
    """Open one of CLUSTERS, with namespaces that exist where they must."""
    cluster: Cluster
    if which == "directory":
        cluster = DirectoryCluster(tmp_path / "cluster", now=lambda: datetime.now(UTC))
    else:
        from secretsync.cluster.kubernetes import open_kubernetes

        server = request.getfixturevalue("kube_server")
        monkeypatch.setenv("KUBECONFIG", os.fspath(server.kubeconfig))
        cluster = open_kubernetes()
    suffix = uuid.uuid4().hex[:10]
    arena = Arena(cluster, f"contract-a-{suffix}", f"contract-b-{suffix}")
    try:
        for name in (arena.namespace, arena.other_namespace):
            obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            cluster.create(KINDS["Namespace"], obj, field_manager="contract")
        yield arena
    finally:
        cluster.close()


def secret(name: str, namespace: str, **fields: Any) -> Object:
    """Return a Secret.

    Args:
        name: its name.
        namespace: its namespace.
        fields: `data` in plain text, `labels` and other metadata, `type`, `immutable`.
    """
    obj: Object = {"apiVersion": "v1", "kind": "Secret"}
    obj["metadata"] = {"name": name, "namespace": namespace}
    for key, value in fields.items():
        if key == "data":
            obj["data"] = {
                name: base64.b64encode(text.encode()).decode() for name, text in value.items()
            }
        elif key in ("type", "immutable"):
            obj[key] = value
        else:
            obj["metadata"][key] = value
    return obj


def budget(name: str, namespace: str, allowed: int) -> Object:
    """Return a PodDisruptionBudget that selects no pod."""
    return {
        "apiVersion": BUDGET.api_version,
        "kind": BUDGET.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"maxUnavailable": allowed, "selector": {"matchLabels": {"app": "none"}}},
    }


def definition(group: str, *, kind: str, plural: str, scope: str) -> Object:
    """Return a CustomResourceDefinition that takes any fields."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": scope,
            "versions": [version],
        },
    }


class Recorder:
    """Runs a watch on a thread and keeps its events, but bookmarks: they come at any time."""

    def __init__(self, arena: Arena, **options: Any) -> None:
        self.events: list[WatchEvent] = []
        self._failure: list[BaseException] = []
        self._stop = threading.Event()
        options.setdefault("namespace", arena.namespace)
        self._thread = threading.Thread(target=self._run, args=(arena.cluster, options))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the watch does not stop"

    def wait(self, *expected: str) -> list[str]:
        """Wait for as many events as expected, and return them as `TYPE name`."""
        self._until(lambda: len(self.said()) >= len(expected))
        return self.said()

    def said(self) -> list[str]:
        """Return the events so far; SYNCED has no name."""
        return [
            f"{event.type} {event.object['metadata'].get('name', '')}".strip()
            for event in list(self.events)
        ]

    def _until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and not done() and not self._failure:
            time.sleep(0.02)
        if self._failure:
            raise self._failure[0]

    def _run(self, cluster: Cluster, options: dict[str, Any]) -> None:
        try:
            for event in cluster.watch(SECRET, stop=self._stop, **options):
                if event.type is not WatchEventType.BOOKMARK:
                    self.events.append(event)
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits
            self._failure.append(exc)
