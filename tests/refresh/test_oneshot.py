"""One run over PATH: what it made before and no longer wants, and when that may go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.core.plan import KeyVerb, Verb
from secretsync.errors import Forbidden
from secretsync.refresh.oneshot import OneShot, Result
from secretsync.refresh.outcomes import Progress
from tests.core.secret_cases import API_VERSION
from tests.refresh.kit import START, FakeClock, manifests, store_manifest
from tests.support.aws import AwsApi

SECRET = KINDS["Secret"]
Run = Callable[..., Result]


def _es(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "web"},
        "spec": {
            "secretStoreRef": {"name": "aws"},
            "data": [{"secretKey": "value", "remoteRef": {"key": "shared"}}],
            **spec,
        },
    }


def _nothing_sealed(*_batch: Any) -> Any:
    raise AssertionError("a run without SealedSecrets asked to unseal")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    made = DirectoryCluster(tmp_path, default_namespace="web", now=lambda: START)
    yield made
    made.close()


@pytest.fixture
def run(api: AwsApi, cluster: DirectoryCluster, clock: FakeClock) -> Run:
    """Run over ExternalSecrets of these names, and one store."""
    api.create("shared", "good")

    def run_over(*names: str | dict[str, Any], prune: bool = False, **options: Any) -> Result:
        items = [_es(name) if isinstance(name, str) else name for name in names]
        given = manifests(store_manifest(), *items)
        settings = {"writes": True, "inventory": "paths", **options}
        return OneShot(cluster, given, clock, unseal=_nothing_sealed, **settings).run(prune=prune)

    return run_over


def _names(cluster: DirectoryCluster) -> set[str]:
    return {obj["metadata"]["name"] for obj in cluster.list(SECRET).items}


def test_what_is_no_longer_wanted_is_reported_and_stays(
    cluster: DirectoryCluster, run: Run
) -> None:
    run("a", "b", "c")
    result = run("a")
    assert [extra.action.target.name for extra in result.extras] == ["b", "c"]
    assert {extra.action.verb for extra in result.extras} == {Verb.DELETE}
    changes = result.extras[0].action.changes
    assert [(change.key, change.verb) for change in changes] == [("value", KeyVerb.REMOVED)]
    assert _names(cluster) == {"a", "b", "c"}


def test_prune_deletes_it(cluster: DirectoryCluster, run: Run) -> None:
    run("a", "b", "c")
    assert {extra.error for extra in run("a", prune=True).extras} == {""}
    assert _names(cluster) == {"a"}
    assert run("a", prune=True).extras == []


def test_prune_in_a_plan_deletes_nothing(cluster: DirectoryCluster, run: Run) -> None:
    run("a", "b")
    assert len(run("a", prune=True, writes=False).extras) == 1
    assert _names(cluster) == {"a", "b"}


def test_prune_leaves_what_others_made(cluster: DirectoryCluster, run: Run) -> None:
    run("theirs", inventory="other-paths")
    run("none", inventory="")
    run("a", prune=True)
    assert _names(cluster) == {"theirs", "none", "a"}


def test_prune_with_an_input_that_has_errors_deletes_nothing(
    cluster: DirectoryCluster, run: Run
) -> None:
    run("a", "b")
    (extra,) = run("a", prune=True, incomplete=True).extras
    assert extra.error == "not pruned: the input has errors"
    assert _names(cluster) == {"a", "b"}


def test_prune_of_everything_stops_until_acknowledged(cluster: DirectoryCluster, run: Run) -> None:
    """What takes their place in the same run does not make them fewer."""
    run("a", "b")
    extras = run("c", prune=True).extras
    message = "mass deletion stopped: 2 of the 2 Secrets made from these PATHs"
    assert all(extra.error.startswith(message) for extra in extras)
    assert _names(cluster) == {"a", "b", "c"}
    token = extras[0].remedy.rpartition(" ")[2]
    cluster.delete(SECRET, "web", "c")
    assert all(extra.error for extra in run("c", prune=True, acknowledged=("other",)).extras)
    cluster.delete(SECRET, "web", "c")
    assert not any(extra.error for extra in run("c", prune=True, acknowledged=(token,)).extras)
    assert _names(cluster) == {"c"}


def test_an_object_that_failed_keeps_its_secret(
    cluster: DirectoryCluster, run: Run, front: Any
) -> None:
    run("a", "b")
    front.denied = {"shared"}
    result = run("a", "b", prune=True)
    assert {outcome.progress for outcome in result.outcomes} == {Progress.FAILED}
    assert result.extras == []
    assert _names(cluster) == {"a", "b"}


@pytest.mark.parametrize(
    "spec",
    [{"refreshPolicy": "CreatedOnce"}, {"refreshInterval": "0"}],
    ids=["created-once", "interval-0"],
)
def test_what_is_made_once_is_not_made_again(
    api: AwsApi, cluster: DirectoryCluster, run: Run, front: Any, spec: dict[str, str]
) -> None:
    assert run(_es("a", **spec)).outcomes[0].progress is Progress.APPLIED
    api.put("shared", "rotated")
    front.calls.clear()
    assert run(_es("a", **spec)).outcomes[0].progress is Progress.UNCHANGED
    assert front.count() == 0
    cluster.delete(SECRET, "web", "a")
    assert run(_es("a", **spec)).outcomes[0].progress is Progress.APPLIED


class _Unlistable(DirectoryCluster):
    """A cluster whose user may write Secrets and not list them."""

    def list(self, kind, namespace="", *, label_selector=""):
        raise Forbidden("secrets is forbidden")


def test_inventory_that_cannot_be_listed_costs_no_outcome(
    api: AwsApi, tmp_path: Path, clock: FakeClock
) -> None:
    api.create("shared", "good")
    cluster = _Unlistable(tmp_path, default_namespace="web", now=lambda: START)
    given = manifests(store_manifest(), _es("a"))
    one_shot = OneShot(
        cluster, given, clock, writes=True, unseal=_nothing_sealed, inventory="paths"
    )
    result = one_shot.run(prune=True)
    cluster.close()
    assert [outcome.progress for outcome in result.outcomes] == [Progress.APPLIED]
    assert [problem.message for problem in result.problems] == [
        "what earlier runs made cannot be listed: secrets is forbidden"
    ]
