"""Generated values: made when it is time, and never because something was forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from providers.base import ProviderError, SecretBytes, Unavailable
from secretsync.cluster.base import KINDS
from secretsync.errors import ClusterUnavailable, ConfigError
from secretsync.refresh.catalog import StoreUnmanaged
from secretsync.resources.external_secret import ExternalSecret, GeneratorRef
from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import FakeClock, Rig
from tests.support.aws import AwsApi

MakeRig = Callable[..., Rig]
CANARY = "c4n4ry-hunter2"


class Counting:
    """Makes another value at each run.

    Attributes:
        runs: how often it was run.
        error: what it raises instead.
        unmanaged: another controller serves the generator.
    """

    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = None
        self.unmanaged = False

    def require(self, refs: Iterable[GeneratorRef], namespace: str) -> None:
        if self.unmanaged:
            raise StoreUnmanaged("Password web/new is served by controller class other")

    def run(self, ref: GeneratorRef, namespace: str) -> Mapping[str, SecretBytes]:
        assert (ref.kind, namespace) == ("Password", "web")
        if self.error is not None:
            raise self.error
        self.runs += 1
        return {"password": SecretBytes(f"made-{self.runs}".encode())}


@pytest.fixture
def runner() -> Counting:
    return Counting()


def made(*entries: dict[str, Any], **spec: Any) -> ExternalSecret:
    """Return an ExternalSecret of one generator, or of these entries."""
    given = {"data": None, "dataFrom": list(entries or (entry(),)), "refreshInterval": "1h", **spec}
    return external_secret(given)


def entry(**more: Any) -> dict[str, Any]:
    return {"sourceRef": {"generatorRef": {"kind": "Password", "name": "new"}}, **more}


def edited(given: ExternalSecret) -> ExternalSecret:
    return replace(given, meta=replace(given.meta, generation=given.meta.generation + 1))


def test_values_become_keys_by_their_own_rewrites(make_rig: MakeRig, runner: Counting) -> None:
    renamed = entry(rewrite=[{"regexp": {"source": "(.*)", "target": "second-$1"}}])
    rig = make_rig([made(entry(), renamed)], generators=runner)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"password": "made-1", "second-password": "made-2"}


def test_values_stay_until_the_interval_is_over(
    make_rig: MakeRig, runner: Counting, clock: FakeClock
) -> None:
    rig = make_rig([made()], generators=runner)
    rig.run()
    clock.advance(3599)
    assert rig.ends() == {"db": "unchanged"}
    assert rig.secret() == {"password": "made-1"}
    clock.advance(1)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"password": "made-2"}


@pytest.mark.parametrize(
    "spec",
    [{"refreshInterval": "0"}, {"refreshPolicy": "CreatedOnce"}, {"refreshPolicy": "OnChange"}],
    ids=["interval-zero", "created-once", "on-change"],
)
def test_values_that_are_made_once_stay_for_ever(
    make_rig: MakeRig, runner: Counting, clock: FakeClock, spec: dict[str, Any]
) -> None:
    rig = make_rig([made(**spec)], generators=runner)
    rig.run()
    clock.advance(1e8)
    assert rig.ends() == {"db": "unchanged"}
    assert runner.runs == 1


@pytest.mark.parametrize(
    "spec",
    [{}, {"refreshInterval": "0"}, {"refreshPolicy": "CreatedOnce"}],
    ids=["periodic", "interval-zero", "created-once"],
)
def test_process_that_starts_anew_without_any_status_makes_nothing(
    make_rig: MakeRig, runner: Counting, clock: FakeClock, spec: dict[str, Any]
) -> None:
    """The engine is new, and the ExternalSecret's status is empty: both were lost."""
    rig = make_rig([made(**spec)], generators=runner)
    rig.run()
    secret = rig.cluster.get(KINDS["Secret"], "web", "db")
    assert secret is not None
    for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        secret["metadata"].pop(name, None)
    clock.advance(60)
    other = make_rig([made(**spec)], generators=runner)
    other.cluster.create(KINDS["Secret"], secret, field_manager="secretsync.io/db")
    assert other.ends() == {"db": "unchanged"}
    assert other.secret() == {"password": "made-1"}


@pytest.mark.parametrize(
    ("spec", "again"),
    [({}, True), ({"refreshPolicy": "OnChange"}, True), ({"refreshPolicy": "CreatedOnce"}, False)],
    ids=["periodic", "on-change", "created-once"],
)
def test_edit_makes_new_values_where_the_policy_says_so(
    make_rig: MakeRig, runner: Counting, spec: dict[str, Any], again: bool
) -> None:
    first = made(**spec)
    rig = make_rig([first], generators=runner)
    rig.run()
    rig.run([edited(first)])
    rig.run([edited(first)])
    assert runner.runs == 1 + again, "the second look is at the same edit"


@pytest.mark.parametrize("spec", [{}, {"refreshPolicy": "CreatedOnce"}], ids=["often", "once"])
def test_secret_that_is_gone_gets_new_values(
    make_rig: MakeRig, runner: Counting, spec: dict[str, Any]
) -> None:
    rig = make_rig([made(**spec)], generators=runner)
    rig.run()
    rig.cluster.delete(KINDS["Secret"], "web", "db")
    rig.run()
    assert rig.secret() == {"password": "made-2"}


def test_secret_that_was_changed_gets_new_values(make_rig: MakeRig, runner: Counting) -> None:
    rig = make_rig([made()], generators=runner)
    rig.run()
    patch = {"data": {"password": "aGFja2Vk"}}
    rig.cluster.merge_patch(KINDS["Secret"], "web", "db", patch, field_manager="kubectl")
    rig.run()
    assert rig.secret() == {"password": "made-2"}


def test_key_of_a_store_that_moves_leaves_what_was_generated(
    api: AwsApi, make_rig: MakeRig, runner: Counting
) -> None:
    api.create("one", "old")
    rig = make_rig([made(data=[item("user", "one")])], generators=runner)
    rig.run()
    api.put("one", "new")
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"user": "new", "password": "made-1"}
    assert rig.ends() == {"db": "unchanged"}


def test_templated_value_stays_too(make_rig: MakeRig, runner: Counting, clock: FakeClock) -> None:
    target = {"template": {"data": {"url": "db://{{ .password }}"}}}
    rig = make_rig([made(target=target)], generators=runner)
    rig.run()
    assert rig.ends() == {"db": "unchanged"}
    assert rig.secret() == {"url": "db://made-1"}
    clock.advance(3600)
    rig.run()
    assert rig.secret() == {"url": "db://made-2"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unavailable("the service is down"), "the service is down"),
        (ConfigError("Password web/new does not exist"), "Password web/new does not exist"),
        (ValueError(CANARY), r"internal error (ValueError)"),
    ],
    ids=["service", "no-generator", "bug"],
)
def test_generator_that_fails_leaves_the_secret_as_it_is(
    make_rig: MakeRig,
    runner: Counting,
    clock: FakeClock,
    error: ProviderError,
    message: str,
) -> None:
    rig = make_rig([made()], generators=runner)
    rig.run()
    clock.advance(3600)
    runner.error = error
    (outcome,) = rig.run()
    assert outcome.failed
    assert outcome.field == "spec.dataFrom[0].sourceRef.generatorRef"
    assert message in outcome.message
    assert CANARY not in outcome.condition_message
    assert rig.secret() == {"password": "made-1"}
    runner.error = None
    rig.run()
    assert rig.secret() == {"password": "made-2"}


def test_value_that_could_not_be_written_is_made_again(
    make_rig: MakeRig, runner: Counting, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig([made()], generators=runner)
    rig.run()
    clock.advance(3600)

    def refused(*_: object, **__: object) -> None:
        raise ClusterUnavailable("the API server is away")

    with monkeypatch.context() as away:
        away.setattr(rig.cluster, "apply", refused)
        assert rig.ends() == {"db": "failed"}
    assert rig.secret() == {"password": "made-1"}
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"password": "made-3"}


def test_generator_that_is_not_served_is_an_error(make_rig: MakeRig) -> None:
    rig = make_rig([made()])
    (outcome,) = rig.run()
    assert outcome.failed
    assert "generator Password new is not served here" in outcome.message


def test_generator_of_another_controller_leaves_its_user_alone(
    make_rig: MakeRig, runner: Counting
) -> None:
    rig = make_rig([made()], generators=runner)
    runner.unmanaged = True
    assert rig.ends() == {"db": "skipped"}
    assert runner.runs == 0


def test_foreign_secret_is_not_taken_for_what_was_generated(
    make_rig: MakeRig, runner: Counting
) -> None:
    rig = make_rig([made()], generators=runner)
    foreign = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "web"},
        "data": {"password": "eA=="},
    }
    rig.cluster.create(KINDS["Secret"], foreign, field_manager="kubectl")
    (outcome,) = rig.run()
    assert outcome.failed
    assert rig.secret() == {"password": "x"}
