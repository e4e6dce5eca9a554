"""No generator runs without need: what it hands out nobody takes back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from providers.base import SecretBytes
from secretsync.cluster.base import KINDS
from secretsync.errors import ClusterUnavailable
from secretsync.refresh.claims import Claims
from secretsync.refresh.oneshot import PathSiblings
from secretsync.refresh.outcomes import Outcome
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.refresh.stores import StoreSource
from secretsync.refresh.wiring import Options, build_engine
from secretsync.resources.external_secret import ExternalSecret, GeneratorRef
from tests.core.secret_cases import item
from tests.refresh.kit import FakeClock, Rig, manifests
from tests.refresh.test_generations import Counting, made
from tests.support.aws import AwsApi

MakeRig = Callable[..., Rig]
SECRET = KINDS["Secret"]
ONCE = pytest.mark.parametrize(
    "spec",
    [{"refreshPolicy": "CreatedOnce"}, {"refreshInterval": "0"}],
    ids=["created-once", "interval-zero"],
)


@pytest.fixture
def runner() -> Counting:
    return Counting()


def only(rig: Rig) -> Outcome[Any]:
    (outcome,) = rig.run()
    return outcome


@contextlib.contextmanager
def beside(rig: Rig, given: ExternalSecret, **options: Any) -> Iterator[Callable[[], Outcome[Any]]]:
    """Look at the same cluster with another engine, as another process does."""
    stores = StoreSource(rig.cluster, manifests())
    engine = build_engine(
        rig.cluster,
        lookup=stores,
        credentials=ClusterCredentials(rig.cluster),
        siblings=PathSiblings([given], stores, ()),
        claims=Claims([given]),
        clock=rig.engine.clock,
        options=Options(**options),
    )
    try:
        yield lambda: engine.pipeline.run([given])[0]
    finally:
        engine.close()


def foreign_secret(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "web"},
        "data": data,
    }


@ONCE
def test_secret_made_once_stays_when_somebody_changed_it_and_the_status_says_so(
    make_rig: MakeRig, runner: Counting, spec: dict[str, Any]
) -> None:
    rig = make_rig([made(**spec)], generators=runner)
    rig.run()
    patch = {"data": {"password": "aGFja2Vk"}}
    rig.cluster.merge_patch(SECRET, "web", "db", patch, field_manager="kubectl")
    outcome = only(rig)
    assert str(outcome.progress) == "unchanged"
    assert "generated values are in no other place" in outcome.condition_message
    assert rig.secret() == {"password": "hacked"}
    assert runner.runs == 1


@ONCE
def test_secret_made_once_gets_the_marks_back_that_somebody_removed(
    make_rig: MakeRig, runner: Counting, spec: dict[str, Any]
) -> None:
    rig = make_rig([made(**spec)], generators=runner)
    rig.run()
    before = rig.cluster.get(SECRET, "web", "db")
    patch = {"metadata": {"labels": {"reconcile.external-secrets.io/managed": None, "mine": "x"}}}
    rig.cluster.merge_patch(SECRET, "web", "db", patch, field_manager="kubectl")
    assert str(only(rig).progress) == "applied"
    after = rig.cluster.get(SECRET, "web", "db")
    assert before is not None
    assert after is not None
    assert after["data"] == before["data"]
    assert after["metadata"]["labels"] == {**before["metadata"]["labels"], "mine": "x"}
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert str(only(rig).progress) == "unchanged"
    assert runner.runs == 1


@ONCE
@pytest.mark.parametrize("template", [None, {"data": {"url": "db://{{ .password }}"}}])
def test_what_the_service_expects_of_a_kept_secret_is_what_is_there(
    make_rig: MakeRig, runner: Counting, spec: dict[str, Any], template: Any
) -> None:
    """So that its deletion is noticed, whether or not this process made it."""
    spec = {**spec, "target": {"template": template}} if template else spec
    rig = make_rig([made(**spec)], generators=runner)
    rig.run()
    intended: list[dict[str, bytes]] = []
    other = make_rig(
        [made(**spec)],
        generators=runner,
        intend=lambda desired: intended.append({k: v.reveal() for k, v in desired.data.items()}),
    )
    secret = rig.cluster.get(SECRET, "web", "db")
    assert secret is not None
    for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        secret["metadata"].pop(name, None)
    other.cluster.create(SECRET, secret, field_manager="secretsync.io/db")
    only(other)
    assert intended == [{key: value.encode() for key, value in (rig.secret() or {}).items()}]
    assert runner.runs == 1


@ONCE
def test_secret_that_another_replica_made_meanwhile_is_left_to_it(
    make_rig: MakeRig, spec: dict[str, Any]
) -> None:
    rig = make_rig([made(**spec)], generators=Counting())

    class Slow(Counting):
        def run(self, ref: GeneratorRef, namespace: str) -> dict[str, SecretBytes]:
            assert rig.ends() == {"db": "applied"}
            return {"password": SecretBytes(b"too-late")}

    with beside(rig, made(**spec), generators=Slow()) as look:
        assert str(look().progress) == "unchanged"
    assert rig.secret() == {"password": "made-1"}


@pytest.mark.parametrize(
    ("target", "progress"),
    [
        ({}, "failed"),
        ({"creationPolicy": "None"}, "unchanged"),
        ({"creationPolicy": "Merge", "name": "absent"}, "unchanged"),
        ({"creationPolicy": "Merge", "template": {"type": "kubernetes.io/tls"}}, "failed"),
    ],
    ids=["foreign", "policy-none", "nothing-to-merge-into", "another-type"],
)
def test_generator_does_not_run_for_a_secret_that_may_not_be_written(
    make_rig: MakeRig, runner: Counting, target: dict[str, Any], progress: str
) -> None:
    rig = make_rig([made(target=target)], generators=runner)
    rig.cluster.create(SECRET, foreign_secret(password="eA=="), field_manager="kubectl")
    assert rig.ends() == {"db": progress}
    assert runner.runs == 0
    assert rig.secret() == {"password": "x"}


def test_generator_does_not_run_where_the_cluster_cannot_be_asked(
    make_rig: MakeRig, runner: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig([made()], generators=runner)

    def away(*_: object) -> None:
        raise ClusterUnavailable("the API server is away")

    with monkeypatch.context() as patched:
        patched.setattr(rig.cluster, "get", away)
        outcome = only(rig)
    assert outcome.failed
    assert outcome.transient
    assert runner.runs == 0
    assert rig.ends() == {"db": "applied"}


@pytest.mark.usefixtures("api")
def test_generator_does_not_run_where_a_store_has_no_answer(
    make_rig: MakeRig, runner: Counting
) -> None:
    rig = make_rig([made(data=[item("user", "absent")])], generators=runner)
    outcome = only(rig)
    assert outcome.failed
    assert outcome.field == "spec.data[0].remoteRef"
    assert runner.runs == 0


@pytest.mark.parametrize("spec", [{}, {"refreshPolicy": "CreatedOnce"}], ids=["often", "once"])
def test_plan_runs_no_generator_and_says_what_would_be_made(
    make_rig: MakeRig,
    runner: Counting,
    clock: FakeClock,
    spec: dict[str, Any],
) -> None:
    rig = make_rig([made(**spec)], generators=runner)
    with beside(rig, made(**spec), generators=runner, writes=False) as look:
        absent = look()
        rig.run()
        fresh = look()
        clock.advance(3600)
        old = look()
    assert absent.action is not None
    assert (str(absent.action.verb), absent.action.changes) == ("create", ())
    assert "would be generated" in absent.message
    assert str(fresh.progress) == "unchanged"
    due = not spec
    assert str(old.action.verb if old.action else "") == ("update" if due else "unchanged")
    assert ("would be generated" in old.message) == due
    assert runner.runs == 1
    assert rig.secret() == {"password": "made-1"}


def test_edited_generator_makes_new_values_once_where_they_are_refreshed(
    make_rig: MakeRig, runner: Counting
) -> None:
    rig = make_rig([made()], generators=runner)
    rig.run()
    rig.engine.generations.renew(rig.items[0].ref)
    assert rig.ends() == {"db": "applied"}
    assert rig.ends() == {"db": "unchanged"}
    assert runner.runs == 2


@ONCE
def test_edited_generator_leaves_what_was_made_once(
    make_rig: MakeRig, runner: Counting, spec: dict[str, Any]
) -> None:
    rig = make_rig([made(**spec)], generators=runner)
    rig.run()
    rig.engine.generations.renew(rig.items[0].ref)
    assert rig.ends() == {"db": "unchanged"}
    assert runner.runs == 1


def test_object_of_path_that_was_edited_gets_new_values(
    make_rig: MakeRig, runner: Counting
) -> None:
    rig = make_rig([replace(made(), live=False)], generators=runner)
    rig.run()
    target = {"template": {"data": {"url": "db://{{ .password }}"}}}
    changed = replace(made(target=target), live=False)
    rig.run([changed])
    rig.run([changed])
    assert rig.secret() == {"url": "db://made-2"}


@pytest.mark.parametrize("policy", ["Merge", "CreateOrMerge"])
def test_value_in_a_secret_of_others_stays_when_they_change_theirs(
    make_rig: MakeRig, runner: Counting, clock: FakeClock, policy: str
) -> None:
    rig = make_rig([made(target={"creationPolicy": policy})], generators=runner)
    theirs = foreign_secret(other="eA==")
    theirs["metadata"]["labels"] = {"reconcile.external-secrets.io/created-by": "another"}
    rig.cluster.create(SECRET, theirs, field_manager="kubectl")
    assert rig.ends() == {"db": "applied"}
    patch = {"data": {"other": "eQ=="}}
    rig.cluster.merge_patch(SECRET, "web", "db", patch, field_manager="kubectl")
    assert rig.ends() == {"db": "unchanged"}
    assert rig.secret() == {"other": "y", "password": "made-1"}
    clock.advance(3600)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"other": "y", "password": "made-2"}


def test_template_of_both_is_rendered_anew_only_when_the_store_has_something_new(
    api: AwsApi, make_rig: MakeRig, runner: Counting
) -> None:
    api.create("one", "old")
    target = {"template": {"data": {"url": "{{ .user }}:{{ .password }}"}}}
    rig = make_rig([made(data=[item("user", "one")], target=target)], generators=runner)
    rig.run()
    assert rig.ends() == {"db": "unchanged"}
    assert rig.secret() == {"url": "old:made-1"}
    api.put("one", "new")
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"url": "new:made-2"}


def test_immutable_secret_costs_no_run_when_its_time_has_come(
    make_rig: MakeRig, runner: Counting, clock: FakeClock
) -> None:
    rig = make_rig([made(target={"immutable": True})], generators=runner)
    rig.run()
    assert rig.ends() == {"db": "unchanged"}
    clock.advance(3600)
    outcome = only(rig)
    assert outcome.failed
    assert "the Secret is immutable" in outcome.message
    assert runner.runs == 1
