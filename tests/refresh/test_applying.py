"""Decisions carried out on a directory cluster, and made anew when somebody was quicker."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.core.plan import Verb
from secretsync.core.secrets import ADOPT_ANNOTATION, DesiredSecret
from secretsync.errors import Conflict, NotFound
from secretsync.refresh.applying import MAX_RACES, Applier
from tests.core.secret_cases import desired
from tests.refresh.kit import START

SECRET = KINDS["Secret"]
ADOPT = {ADOPT_ANNOTATION: "true"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    made = DirectoryCluster(tmp_path, default_namespace="web", now=lambda: START)
    yield made
    made.close()


def _by_hand(cluster: DirectoryCluster, **values: str) -> None:
    obj = {"metadata": {"name": "db", "namespace": "web"}, "stringData": values}
    cluster.create(SECRET, {"apiVersion": "v1", "kind": "Secret", **obj}, field_manager="human")


def _edit(cluster: DirectoryCluster, **values: str) -> None:
    patch = {"stringData": values}
    cluster.merge_patch(SECRET, "web", "db", patch, field_manager="human")


def _values(cluster: DirectoryCluster) -> dict[str, str] | None:
    obj = cluster.get(SECRET, "web", "db")
    if obj is None:
        return None
    return {key: base64.b64decode(value).decode() for key, value in obj["data"].items()}


class Racing:
    """The cluster, where somebody acts right before our write."""

    def __init__(self, cluster: DirectoryCluster, *acts: Callable[[], object]) -> None:
        self._cluster = cluster
        self._acts = list(acts)
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._cluster, name)
        if name not in ("create", "apply", "merge_patch", "delete"):
            return method

        def raced(*args: Any, **options: Any) -> Any:
            self.tries += 1
            if self._acts:
                self._acts.pop(0)()
            return method(*args, **options)

        return raced


def test_create_update_unchanged(cluster: DirectoryCluster) -> None:
    applier = Applier(cluster)
    verbs = [
        applier.reconcile(wanted).verb
        for wanted in (desired(), desired(), desired({"password": "new"}), desired({"user": "u"}))
    ]
    assert verbs == [Verb.CREATE, Verb.UNCHANGED, Verb.UPDATE, Verb.UPDATE]
    assert _values(cluster) == {"user": "u"}


def test_planning_writes_nothing_and_announces_nothing(cluster: DirectoryCluster) -> None:
    announced: list[DesiredSecret] = []
    applier = Applier(cluster, writes=False, intend=announced.append)
    assert applier.reconcile(desired()).verb is Verb.CREATE
    assert _values(cluster) is None
    assert announced == []


def test_what_will_be_written_is_announced_before(cluster: DirectoryCluster) -> None:
    seen: list[dict[str, str] | None] = []
    applier = Applier(cluster, intend=lambda _: seen.append(_values(cluster)))
    applier.reconcile(desired())
    assert seen == [None]
    assert (
        Applier(cluster, intend=lambda _: seen.append({})).reconcile(desired({"password": ""})).verb
        is Verb.BLOCKED
    )
    assert seen == [None]


def test_a_secret_said_to_be_absent_is_never_overwritten(cluster: DirectoryCluster) -> None:
    _by_hand(cluster, theirs="x")
    applier = Applier(cluster, known_absent=lambda namespace, name: True)
    assert applier.reconcile(desired()).verb is Verb.BLOCKED
    assert _values(cluster) == {"theirs": "x"}


def test_merging_looks_for_itself_whether_the_secret_is_there(cluster: DirectoryCluster) -> None:
    """A watch of managed Secrets knows nothing of one that nobody merged into yet."""
    _by_hand(cluster, theirs="x")
    applier = Applier(cluster, known_absent=lambda namespace, name: True)
    assert applier.reconcile(desired(target={"creationPolicy": "Merge"})).verb is Verb.UPDATE
    assert _values(cluster) == {"theirs": "x", "password": "hunter2"}


def test_a_foreign_create_in_between_is_seen(cluster: DirectoryCluster) -> None:
    racing = Racing(cluster, lambda: _by_hand(cluster, theirs="x"))
    assert Applier(racing).reconcile(desired()).verb is Verb.BLOCKED
    assert _values(cluster) == {"theirs": "x"}


@pytest.mark.parametrize(
    ("wanted", "edit"),
    [
        pytest.param(desired({"password": "new"}), {"password": "edited"}, id="apply"),
        pytest.param(desired({"user": "u"}), {"more": "m"}, id="patch"),
    ],
)
def test_an_edit_in_between_is_decided_anew(
    cluster: DirectoryCluster, wanted: DesiredSecret, edit: dict[str, str]
) -> None:
    Applier(cluster).reconcile(desired())
    racing = Racing(cluster, lambda: _edit(cluster, **edit))
    assert Applier(racing).reconcile(wanted).verb is Verb.UPDATE
    assert racing.tries == 2
    assert _values(cluster) == {key: v.reveal().decode() for key, v in wanted.data.items()}


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(desired({"password": "new"}), id="apply"),
        pytest.param(desired({"user": "u"}), id="patch"),
    ],
)
def test_a_delete_in_between_is_decided_anew(
    cluster: DirectoryCluster, wanted: DesiredSecret
) -> None:
    Applier(cluster).reconcile(desired())
    racing = Racing(cluster, lambda: cluster.delete(SECRET, "web", "db"))
    assert Applier(racing).reconcile(wanted).verb is Verb.CREATE
    assert _values(cluster) == {key: v.reveal().decode() for key, v in wanted.data.items()}


def test_who_is_always_too_late_gives_up_and_says_so(cluster: DirectoryCluster) -> None:
    Applier(cluster).reconcile(desired())
    acts = [lambda turn=turn: _edit(cluster, password=f"{turn}") for turn in range(MAX_RACES)]
    racing = Racing(cluster, *acts)
    with pytest.raises(Conflict):
        Applier(racing).reconcile(desired({"password": "new"}))
    assert racing.tries == MAX_RACES


def test_a_missing_namespace_is_no_race(cluster: DirectoryCluster) -> None:
    def missing() -> None:
        raise NotFound('namespaces "web" not found')

    racing = Racing(cluster, missing)
    with pytest.raises(NotFound):
        Applier(racing).reconcile(desired())
    assert racing.tries == 1


def test_a_delete_is_of_exactly_what_was_seen(cluster: DirectoryCluster) -> None:
    applier = Applier(cluster)
    action = applier.reconcile(desired())
    seen = applier.live("web", "db")
    assert seen is not None
    _edit(cluster, password="edited")
    with pytest.raises(Conflict):
        applier.delete(action, seen)
    now = applier.live("web", "db")
    assert now is not None
    assert Applier(cluster, writes=False).delete(action, now).verb is Verb.DELETE
    assert _values(cluster) == {"password": "edited"}
    assert applier.delete(action, now).verb is Verb.DELETE
    assert _values(cluster) is None


def test_an_adopted_secret_has_one_controller(cluster: DirectoryCluster) -> None:
    elder = desired(target={"name": "db"}, name="elder", uid="elder-uid")
    applier = Applier(cluster)
    applier.reconcile(elder)
    assert applier.reconcile(desired(annotations=ADOPT)).verb is Verb.UPDATE
    live = cluster.get(SECRET, "web", "db")
    assert live is not None
    assert [each["name"] for each in live["metadata"]["ownerReferences"]] == ["db"]
    assert applier.reconcile(desired(annotations=ADOPT)).verb is Verb.UNCHANGED
