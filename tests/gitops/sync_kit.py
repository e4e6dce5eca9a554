"""What the tests of syncing share: an application, its syncer, and objects with annotations.

Nothing runs pods here: what a kubelet would write, the test writes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Kind
from secretsync.errors import NotFound
from secretsync.gitops.diff.adoption import without_foreign
from secretsync.gitops.model import Comparison, OperationPhase, OperationState
from secretsync.gitops.objects.health import health_of
from secretsync.gitops.sync.syncing import Syncer
from tests.gitops.comparing_kit import Bench, application, config_map

__all__ = ["ARGO", "MAPS", "READY", "Killed", "Noting", "Scene", "annotated", "job", "order"]

ARGO = "argocd.argoproj.io/"
MAPS = KINDS["ConfigMap"]
READY = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}


class Killed(BaseException):
    """Stands for the end of the process."""


class Noting:
    """A cluster that notes each write, verb and kind, and each read."""

    def __init__(self, inner: Cluster, written: list[str], read: list[str]) -> None:
        self._inner = inner
        self._written = written
        self._read = read

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name in ("get", "list"):
            self._read.append(name)
        if name not in ("create", "apply", "replace", "merge_patch", "delete"):
            return value

        def noted(kind: Kind, *args: Any, **options: Any) -> Any:
            if not options.get("dry_run"):
                self._written.append(f"{name} {kind.kind}")
            return value(kind, *args, **options)

        return noted


class Scene:
    """An application, its syncer, and what the cluster's controllers would do."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.stop = threading.Event()
        self.states: list[OperationState] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.noted: Callable[[OperationState], None] = lambda _: None
        self.written: list[str] = []
        self.read: list[str] = []
        self.cluster: Any = Noting(bench.cluster, self.written, self.read)
        self.give_up_after(120)

    def give_up_after(self, seconds: float) -> None:
        """Let a wave take no longer than that."""
        self.syncer = Syncer(
            self.cluster,
            health_of,
            runs_hooks=True,
            wait=self._wait,
            wave_within=timedelta(seconds=seconds),
            jq=self.bench.jq,
        )

    def _progress(self, state: OperationState) -> None:
        self.states.append(state)
        self.noted(state)

    @contextlib.contextmanager
    def writes(self) -> Iterator[list[str]]:
        """Note what is written to the cluster: verb and kind."""
        begin = len(self.written)
        found: list[str] = []
        yield found
        found += self.written[begin:]

    @contextlib.contextmanager
    def calls(self) -> Iterator[list[str]]:
        """Note every read and write of a sync."""
        written, read = len(self.written), len(self.read)
        found: list[str] = []
        yield found
        found += self.written[written:] + self.read[read:]

    def _wait(self, seconds: float) -> bool:
        self.meanwhile()
        return not self.stop.wait(min(seconds, 0.05))

    def state(self, **sync: Any) -> OperationState:
        return OperationState(
            {"sync": sync}, OperationPhase.RUNNING, datetime.now(UTC), revisions=("0123456789",)
        )

    def sync(
        self, *objects: Any, state: OperationState | None = None, app: Any = None, **sync: Any
    ) -> OperationState:
        self.bench.app = app or self.bench.app
        return self.run(self.bench.compare(*objects), state=state, **sync)

    def run(
        self, comparison: Comparison, *, state: OperationState | None = None, **sync: Any
    ) -> OperationState:
        """Sync what was compared."""
        return self.syncer.run(
            self.bench.app,
            without_foreign(comparison),
            state or self.state(**sync),
            progress=self._progress,
            now=lambda: datetime.now(UTC),
        )

    def app(self, *options: str, **more: Any) -> Any:
        policy = {"syncOptions": list(options)}
        return application(namespace=self.bench.namespace, syncPolicy=policy, **more)

    def has(self, name: str) -> bool:
        """Return whether a ConfigMap is there."""
        return self.get("ConfigMap", name) is not None

    def get(self, kind: str, name: str, api_version: str = "v1") -> Any:
        found = self.bench.cluster.resolve(api_version, kind)
        return self.bench.cluster.get(found, self.bench.namespace, name)

    def patch(self, kind: Kind, name: str, patch: Any) -> None:
        """Merge-patch an object, as a person would; one that is gone is left."""
        with contextlib.suppress(NotFound):
            self.bench.cluster.merge_patch(
                kind, self.bench.namespace, name, patch, field_manager="somebody"
            )

    def patch_status(self, api_version: str, kind: str, name: str, status: Any) -> None:
        if self.get(kind, name, api_version) is not None:
            found = self.bench.cluster.resolve(api_version, kind)
            self.bench.cluster.patch_status(
                found, self.bench.namespace, name, status, field_manager="kubelet"
            )


def annotated(name: str, data: str = "1", **annotations: str) -> Any:
    names = {
        "hook": "hook",
        "policy": "hook-delete-policy",
        "wave": "sync-wave",
        "options": "sync-options",
    }
    made = {ARGO + names[key]: value for key, value in annotations.items()}
    return config_map(name, {"a": data}, annotations=made)


def job(name: str, **annotations: str) -> Any:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "x"}]}}
    made = annotated(name, **annotations)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": made["metadata"],
        "spec": {"template": template},
    }


def order(state: OperationState) -> list[str]:
    return [each.key.name for each in state.results]
