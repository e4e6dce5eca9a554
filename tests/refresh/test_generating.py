"""Generators are found, given their credentials, and run; what they raise is told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.base import AuthFailed, InvalidRef, MalformedSecret, Unavailable
from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ClusterUnavailable, ConfigError, Forbidden
from secretsync.refresh.catalog import StoreUnmanaged
from secretsync.refresh.generating import GeneratorRunner
from secretsync.refresh.generator_objects import GivenGenerators
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.resources.external_secret import GeneratorRef
from tests.refresh.kit import START, FakeClock, manifests, secret_manifest

GENERATORS = "generators.external-secrets.io/v1alpha1"
Calls = list[tuple[str, str, str]]


def generator(kind: str, spec: dict[str, Any], *, namespace: str = "web") -> dict[str, Any]:
    metadata = {"name": "new", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": GENERATORS, "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    made = DirectoryCluster(tmp_path / "cluster", default_namespace="web", now=lambda: START)
    yield made
    made.close()


def runner(
    cluster: DirectoryCluster, clock: FakeClock, *given: dict[str, Any], calls: Calls | None = None
) -> GeneratorRunner:
    counted = calls if calls is not None else []
    return GeneratorRunner.of(
        cluster,
        GivenGenerators(manifests(*given)),
        ClusterCredentials(cluster),
        clock,
        controller_class="default",
        count=lambda *call: counted.append(call),
    )


def ref(kind: str = "Password") -> GeneratorRef:
    return GeneratorRef(kind=kind, name="new")


def test_one_of_path_comes_before_one_of_the_cluster(
    cluster: DirectoryCluster, clock: FakeClock
) -> None:
    cluster.create(KINDS["Password"], generator("Password", {"length": 10}), field_manager="x")
    made = runner(cluster, clock).run(ref(), "web")
    assert len(made["password"].reveal()) == 10
    both = runner(cluster, clock, generator("Password", {"length": 12}))
    assert len(both.run(ref(), "web")["password"].reveal()) == 12


def test_generator_is_looked_up_in_the_namespace_of_its_user_and_nowhere_else(
    cluster: DirectoryCluster, clock: FakeClock
) -> None:
    runs = runner(cluster, clock, generator("Password", {}, namespace="other"))
    with pytest.raises(ConfigError, match="Password web/new does not exist"):
        runs.run(ref(), "web")
    everywhere = generator(
        "ClusterGenerator", {"kind": "UUID", "generator": {"uuidSpec": {}}}, namespace=""
    )
    runs = runner(cluster, clock, everywhere)
    assert runs.run(ref("ClusterGenerator"), "web").keys() == {"uuid"}
    assert runs.run(ref("ClusterGenerator"), "shop").keys() == {"uuid"}


@pytest.mark.parametrize("kind", ["Secret", "Grafana", "Nothing"])
def test_kind_that_is_no_served_generator_is_not_even_read(
    cluster: DirectoryCluster, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.delattr(type(cluster), "get")
    with pytest.raises(ConfigError, match=f"generator {kind} is not supported yet"):
        runner(cluster, clock).run(ref(kind), "web")


def test_each_run_makes_another_value(cluster: DirectoryCluster, clock: FakeClock) -> None:
    runs = runner(cluster, clock, generator("Password", {}))
    assert len({runs.run(ref(), "web")["password"] for _ in range(20)}) == 20


def test_time_comes_from_the_clock_and_seeds_from_the_namespace(
    cluster: DirectoryCluster, clock: FakeClock
) -> None:
    spec = {"secret": {"name": "seed", "key": "k", "namespace": "other"}, "timePeriod": 30}
    runs = runner(cluster, clock, generator("MFA", spec))
    cluster.create(KINDS["Secret"], secret_manifest("seed", "other", k="MZXW6"), field_manager="x")
    with pytest.raises(AuthFailed, match="Secret web/seed does not exist"):
        runs.run(ref("MFA"), "web")
    mine = {**secret_manifest("seed"), "data": {"k": "TVpYVzY="}}
    del mine["stringData"]
    cluster.create(KINDS["Secret"], mine, field_manager="x")
    first = runs.run(ref("MFA"), "web")
    assert runs.run(ref("MFA"), "web") == first
    clock.advance(30)
    assert runs.run(ref("MFA"), "web")["token"] != first["token"]


def test_class_of_another_controller_is_told_from_an_error(
    cluster: DirectoryCluster, clock: FakeClock
) -> None:
    runs = runner(cluster, clock, generator("Fake", {"controller": "other", "data": {}}))
    with pytest.raises(StoreUnmanaged):
        runs.require([ref("Fake")], "web")
    own = runner(cluster, clock, generator("Fake", {"controller": "default", "data": {"a": "b"}}))
    own.require([ref("Fake")], "web")
    assert own.run(ref("Fake"), "web")["a"].reveal() == b"b"


def test_more_than_a_secret_holds_is_refused(cluster: DirectoryCluster, clock: FakeClock) -> None:
    runs = runner(cluster, clock, generator("Fake", {"data": {"a": "x" * (1024 * 1024)}}))
    with pytest.raises(MalformedSecret):
        runs.run(ref("Fake"), "web")


@pytest.mark.parametrize(
    ("error", "raised"),
    [(ClusterUnavailable("away"), Unavailable), (Forbidden("no"), AuthFailed)],
    ids=["away", "forbidden"],
)
def test_cluster_that_does_not_answer_is_no_missing_generator(
    cluster: DirectoryCluster,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    raised: type[Exception],
) -> None:
    def get(*_: object) -> None:
        raise error

    monkeypatch.setattr(cluster, "get", get)
    with pytest.raises(raised):
        runner(cluster, clock).run(ref(), "web")


def test_requests_are_counted_by_kind(cluster: DirectoryCluster, clock: FakeClock) -> None:
    calls: Calls = []
    spec = {"url": "https://127.0.0.1:1/", "result": {"jsonPath": "$"}}
    runs = runner(cluster, clock, generator("Webhook", spec), calls=calls)
    with pytest.raises(InvalidRef):
        runs.run(ref("Webhook"), "web")
    assert calls == [("Generator/Webhook", "Generate", "error")]


def test_path_that_is_read_anew_says_what_changed() -> None:
    given = GivenGenerators(manifests(generator("Password", {"length": 10})))
    same = manifests(generator("Password", {"length": 10}))
    assert given.replace(same) == frozenset()
    edited = given.replace(manifests(generator("Password", {"length": 12})))
    assert [str(each) for each in edited] == ["Password web/new"]
    gone = given.replace(manifests())
    assert [str(each) for each in gone] == ["Password web/new"]
