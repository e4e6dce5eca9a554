"""What an operation asks for: what is not done is refused, and no try prunes on doubt."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.directory import DirectoryCluster
from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.assembly import build_engine
from secretsync.gitops.engine import Engine
from secretsync.gitops.look import Look
from secretsync.gitops.model import ObjectKey, OperationPhase, OperationState
from secretsync.gitops.status.operation_status import raw_sources, state_from, state_status
from secretsync.gitops.sync.asked_syncs import Selection, refusal, unserved
from tests.e2e.rig import eventually
from tests.support.app_world import AppWorld, config_map

NOW = datetime(2026, 3, 1, tzinfo=UTC)
#: More than may go without a word.
NAMES = tuple("abcdefgh")
PRUNES = {"initiatedBy": {"username": "ada"}, "sync": {"prune": True}}


class Place:
    """One application of a directory, synced, and an engine that works on it."""

    def __init__(self, world: AppWorld, engine: Engine) -> None:
        self.world = world
        self.engine = engine
        self.all = world.repository.commit_objects("web/a.yaml", *map(config_map, NAMES))
        world.put(world.application())
        assert self.sync({"sync": {}}).phase is OperationPhase.SUCCEEDED
        assert self.left() == list(NAMES)
        engine.note(self.look())

    def look(self, *tokens: str) -> Look:
        app = self.engine.store.get("argocd", "web")
        assert app is not None
        self.engine.refresh(app, hard=False)
        return self.engine.look(app, tokens=tokens)

    def sync(self, operation: Any, *tokens: str, **options: Any) -> OperationState:
        return self.engine.sync(self.look(*tokens), operation, action="sync", **options)

    def left(self) -> list[str]:
        """Return which of the ConfigMaps are there."""
        return [name for name in NAMES if self.world.value(name)]

    def empty(self) -> None:
        """Have all but one leave the repository."""
        self.world.repository.commit_objects("web/a.yaml", config_map("a"))

    def begun(self, *, path: str = "web") -> OperationState:
        """Return an operation that prunes and was killed in, as the status has it."""
        look = self.look()
        source = {**raw_sources(look.app)["source"], "path": path}
        state = OperationState(
            PRUNES, OperationPhase.RUNNING, NOW, revisions=look.rendered.revisions
        )
        status = state_status(state, {"source": source})
        self.engine.store.write_status(look.app, {"operationState": status})
        read = state_from(status)
        assert read is not None
        return read


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Eight ConfigMaps, synced."""
    world = AppWorld(tmp_path)
    cluster = DirectoryCluster(world.root, default_namespace="argocd", now=lambda: NOW)
    built = build_engine(
        cluster,
        Fingerprinter(b"k" * 32),
        cache_dir=tmp_path / "cache",
        local=True,
        now=lambda: NOW,
    )
    with contextlib.closing(built), contextlib.closing(world):
        yield Place(world, built.engine)


def test_another_try_prunes_a_mass_only_at_somebodys_word(place: Place) -> None:
    """What the first try was allowed to prune says nothing about a later revision."""
    place.empty()
    found = place.sync(PRUNES, failures=1)
    assert (found.phase, found.operation["sync"]) == (OperationPhase.SUCCEEDED, {"prune": False})
    assert place.left() == list(NAMES)
    place.sync(PRUNES, place.look().prune.token, failures=1)
    assert place.left() == ["a"]


def test_operation_killed_in_prunes_on_at_its_sources_and_asks_anew_at_others(
    place: Place,
) -> None:
    place.empty()
    other = place.sync(PRUNES, begun=place.begun(path="elsewhere"))
    assert (other.phase, place.left()) == (OperationPhase.SUCCEEDED, list(NAMES))
    place.world.path("shop", "configmaps", "b").unlink()  # As far as it came.
    same = place.sync(PRUNES, begun=place.begun())
    assert (same.phase, place.left()) == (OperationPhase.SUCCEEDED, ["a"])


@pytest.mark.parametrize(
    ("flags", "left"), [(["--no-prune"], list(NAMES)), ([], list(NAMES)), (["--prune"], ["a"])]
)
def test_command_goes_on_with_what_was_killed_and_prunes_as_its_own_flag_says(
    place: Place, flags: list[str], left: list[str]
) -> None:
    place.empty()
    place.begun()
    place.engine.cluster.close()  # A directory has one writer.
    assert place.world.run("sync", *flags).code == 0
    assert place.left() == left


@pytest.mark.parametrize(
    ("sync", "told", "remedy"),
    [
        ({"dryRun": True, "prune": True}, "operation.sync.dryRun", "app plan"),
        ({"manifests": ["kind: A"], "prune": True}, "operation.sync.manifests", "commit"),
        ({"source": {"path": "old"}, "prune": True}, "operation.sync.source ", "app rollback"),
        ({"sources": [{"path": "old"}]}, "operation.sync.sources ", "app rollback"),
    ],
)
def test_what_no_sync_does_ends_as_an_error_before_anything_runs(
    place: Place, sync: dict[str, Any], told: str, remedy: str
) -> None:
    place.world.repository.commit_objects("web/a.yaml", *map(config_map, (*NAMES[:3], "new")))
    found = place.sync({"sync": sync})
    assert found.phase is OperationPhase.ERROR
    assert told in found.message
    assert remedy in found.message
    assert (place.left(), place.world.value("new")) == (list(NAMES), None)
    status = place.world.status()
    assert (status["operationState"]["phase"], len(status["history"])) == ("Error", 1)
    again = place.sync({"sync": sync}, begun=state_from({**status["operationState"]}))
    assert again.phase is OperationPhase.ERROR, "what was begun elsewhere is not done either"


@pytest.mark.parametrize("more", [{}, {"chart": "", "helm": None, "directory": {}}])
def test_source_of_the_spec_itself_is_synced(place: Place, more: dict[str, Any]) -> None:
    app = place.look().app
    own = raw_sources(app)["source"]
    for sync in ({"source": {**own, **more}}, {"sources": [{**own, **more}]}, {}):
        assert unserved({"sync": sync}, app) is None
    assert unserved({"sync": {"sources": [own, own]}}, app) is not None


A = {"kind": "ConfigMap", "name": "a"}


@pytest.mark.parametrize(
    ("entries", "selected"),
    [
        ([], ["x/a", "y/a", "x/b"]),
        ([A], ["x/a", "y/a"]),
        ([{**A, "namespace": ""}], ["x/a", "y/a"]),
        ([{**A, "namespace": "y", "group": ""}], ["y/a"]),
        ([{**A, "namespace": "z"}], []),
        ([{**A, "group": "apps"}], []),
        ([{**A, "exclude": True}], ["x/b"]),
        ([A, {**A, "namespace": "x", "exclude": True}], ["y/a"]),
    ],
)
def test_selection_without_namespace_is_of_any_and_what_is_excluded_stays_out(
    entries: list[dict[str, Any]], selected: list[str]
) -> None:
    selection = Selection.of({"resources": entries})
    keys = [ObjectKey("", "ConfigMap", *text.split("/")) for text in ("x/a", "y/a", "x/b")]
    found = [f"{key.namespace}/{key.name}" for key in keys if selection.has(key)]
    assert (found, selection.partial) == (selected, bool(entries))


def test_selection_without_namespace_is_synced_and_one_of_nothing_refused(place: Place) -> None:
    place.world.repository.commit_objects("web/a.yaml", *(config_map(n, "2") for n in NAMES))
    operation = {"sync": {"resources": [A]}}
    look = place.look()
    assert refusal(operation, look.app, look.comparison) is None
    assert place.sync(operation).phase is OperationPhase.SUCCEEDED
    assert [place.world.value(name) for name in NAMES] == ["2", *"1" * 7]
    nothing = {"sync": {"resources": [{**A, "name": "gone"}]}}
    refused = refusal(nothing, look.app, look.comparison)
    assert refused is not None
    assert "operation.sync.resources selects nothing" in refused.sentence
    without = replace(look.comparison, pairs=())
    assert refusal({"sync": {}}, look.app, without) is None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[AppWorld]:
    """Eight ConfigMaps of an application without automation, for a service to serve."""
    world = AppWorld(tmp_path)
    world.repository.commit_objects("web/a.yaml", *map(config_map, NAMES))
    world.put(world.application())
    assert world.run("sync").code == 0
    yield world
    world.close()


def ask(world: AppWorld, sync: dict[str, Any], **more: Any) -> None:
    """Patch the field `operation`, as kubectl does."""
    app = world.get("applications.argoproj.io", "web", namespace="argocd")
    world.put(
        {**(app or {}), "operation": {"initiatedBy": {"username": "ada"}, "sync": sync, **more}}
    )


@pytest.mark.parametrize(
    ("sync", "told"),
    [
        ({"dryRun": True}, "operation.sync.dryRun is not served"),
        ({"resources": [{**A, "name": "gone"}]}, "operation.sync.resources selects nothing"),
    ],
)
def test_service_takes_what_it_refuses_and_its_status_names_the_field(
    served: AppWorld, sync: dict[str, Any], told: str
) -> None:
    served.repository.commit_objects("web/a.yaml", *(config_map(n, "2") for n in NAMES))
    ask(served, sync)
    served.serve()

    def state() -> dict[str, Any]:
        found: dict[str, Any] = served.status()["operationState"]
        return found

    eventually(lambda: state()["phase"] == "Error", within_s=60)
    assert told in state()["message"]
    assert {served.value(name) for name in NAMES} == {"1"}

    def is_taken() -> bool:
        return "operation" not in (
            served.get("applications.argoproj.io", "web", namespace="argocd") or {"operation": {}}
        )

    # The status is written first: a kill in between loses no operation.
    eventually(is_taken)


def test_service_tries_again_at_an_emptied_folder_without_deleting(served: AppWorld) -> None:
    broken = config_map("Not_A_Name")
    served.repository.commit_objects("web/a.yaml", *map(config_map, NAMES), broken)
    backoff = {"duration": "1s", "maxDuration": "1s"}
    ask(served, {"prune": True}, retry={"limit": -1, "refresh": True, "backoff": backoff})
    served.serve()

    def state() -> dict[str, Any]:
        found: dict[str, Any] = served.status()["operationState"]
        return found

    eventually(lambda: state()["phase"] == "Failed", within_s=60)
    assert state()["operation"]["sync"]["prune"] is True
    served.repository.commit_objects("web/a.yaml", config_map("a"))
    eventually(lambda: state()["phase"] == "Succeeded", within_s=60)
    assert [name for name in NAMES if served.value(name)] == list(NAMES)
