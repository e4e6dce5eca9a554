"""A batch from stores to Secrets: no fault of one object reaches another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.core import materialize as materializing
from secretsync.refresh import pipeline as pipelining
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.external_secret import ExternalSecret
from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import Rig, store_manifest
from tests.support.aws import AwsApi
from tests.support.aws_faults import server_error
from tests.support.aws_front import StrictFront

MakeRig = Callable[..., Rig]
CANARY = "c4n4ry-hunter2"


def _es(name: str, *keys: str, store: str = "aws", **spec: Any) -> ExternalSecret:
    data = [item(f"key{number}", key) for number, key in enumerate(keys or (name,))]
    given = {"secretStoreRef": {"name": store}, "data": data, **spec}
    return external_secret(given, name=name, uid=f"uid-{name}")


def _twenty(api: AwsApi) -> list[ExternalSecret]:
    items = [_es(f"es-{number:02}") for number in range(20)]
    for each in items:
        api.create(each.meta.name, CANARY)
    return items


def _assert_one_failed(
    rig: Rig, outcomes: list[Outcome[ExternalSecret]], failed: str
) -> Outcome[ExternalSecret]:
    assert [each.item.meta.name for each in outcomes] == [each.meta.name for each in rig.items]
    (bad,) = [each for each in outcomes if each.failed]
    assert bad.item.meta.name == failed
    for each in rig.items:
        expected = None if each.meta.name == failed else {"key0": CANARY}
        assert rig.secret(each.meta.name) == expected
    return bad


def test_one_denied_of_twenty_fails_alone(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    rig = make_rig(_twenty(api))
    front.denied = {"es-07"}
    bad = _assert_one_failed(rig, rig.run(), "es-07")
    assert bad.reason == "SecretSyncedError"
    assert bad.message.startswith("could not get secret data from provider: ")
    assert bad.field == "spec.data[0].remoteRef"
    assert not bad.transient
    assert bad.remedy


def test_a_failure_keeps_the_data_that_is_there(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    rig = make_rig(_twenty(api))
    rig.run()
    front.denied = {each.meta.name for each in rig.items}
    assert set(rig.ends().values()) == {"failed"}
    front.denied = set()
    front.inject(server_error())
    outcomes = rig.run()
    assert all(each.failed and each.transient for each in outcomes)
    front.heal()
    assert all(rig.secret(each.meta.name) == {"key0": CANARY} for each in rig.items)
    assert set(rig.ends().values()) == {"unchanged"}


def test_a_second_run_writes_nothing(api: AwsApi, make_rig: MakeRig) -> None:
    rig = make_rig(_twenty(api))
    rig.run()
    before = rig.cluster.list(KINDS["Secret"])
    assert set(rig.ends().values()) == {"unchanged"}
    after = rig.cluster.list(KINDS["Secret"])
    assert after.items == before.items


def test_many_objects_that_want_the_same_read_it_once(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    api.create("shared", CANARY)
    rig = make_rig([_es(f"es-{number:02}", "shared") for number in range(20)])
    front.calls.clear()
    assert set(rig.ends().values()) == {"applied"}
    assert front.counts() == {"GetSecretValue": 1}


def test_a_slow_store_does_not_delay_another(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    """The slow store's answer is held back until the other store's Secret is there."""
    for name in ("slow-1", "slow-2", "quick"):
        api.create(name, "value")
    released = threading.Event()

    def held(true_reply: Callable[[], Any]) -> Any:
        assert released.wait(100), "the quick store waited for the slow one"
        return true_reply()

    front.inject(held, operation="BatchGetSecretValue")
    items = [_es("slow", "slow-1", "slow-2", store="a"), _es("quick", store="b")]
    rig = make_rig(items, store_manifest("a"), store_manifest("b"))
    order: list[str] = []

    def done(outcome: Outcome[ExternalSecret]) -> None:
        order.append(outcome.item.meta.name)
        if outcome.item.meta.name == "quick":
            assert rig.secret("quick") == {"key0": "value"}
            released.set()

    rig.engine.pipeline.run(items, done=done)
    assert order == ["quick", "slow"]


def test_a_broken_store_does_not_fail_another(
    front: StrictFront, api: AwsApi, make_rig: MakeRig
) -> None:
    for name in ("bad-1", "bad-2", "good"):
        api.create(name, "value")
    front.inject(server_error(), operation="BatchGetSecretValue")
    items = [_es("bad", "bad-1", "bad-2", store="a"), _es("good", store="b")]
    rig = make_rig(items, store_manifest("a"), store_manifest("b"))
    assert rig.ends() == {"bad": "failed", "good": "applied"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"store": "absent"}, "SecretStore web/absent does not exist", id="absent"),
        pytest.param({"store": "other"}, "", id="unmanaged"),
    ],
)
def test_an_unusable_store_concerns_its_users_only(
    api: AwsApi, make_rig: MakeRig, spec: dict[str, str], message: str
) -> None:
    api.create("good", CANARY)
    other = store_manifest("other", spec={"controller": "somebody-else"})
    rig = make_rig([_es("bad", **spec), _es("good")], store_manifest(), other)
    bad, good = rig.run()
    assert good.progress is Progress.APPLIED
    if message:
        assert bad.failed
        assert message in bad.message
    else:
        assert bad.progress is Progress.SKIPPED
    assert rig.secret("bad") is None


def test_a_bug_that_one_object_meets_stops_no_other_and_leaks_nothing(
    api: AwsApi,
    make_rig: MakeRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def buggy(external_secret: ExternalSecret, values: Any, **rest: Any) -> Any:
        if external_secret.meta.name == "es-03":
            raise RuntimeError(f"what a bug: {CANARY}")
        return materializing.materialize(external_secret, values, **rest)

    monkeypatch.setattr(pipelining, "materialize", buggy)
    rig = make_rig(_twenty(api))
    with caplog.at_level(logging.INFO):
        bad = _assert_one_failed(rig, rig.run(), "es-03")
    assert bad.message == "could not update secret: internal error (RuntimeError)"
    assert bad.transient
    assert CANARY not in f"{bad!r}{bad.remedy}{caplog.text}"


@pytest.mark.parametrize("part", ["_catalog", "_fetcher", "_sessions"])
def test_a_bug_in_reading_fails_the_batch_object_by_object(
    api: AwsApi, make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    class Buggy:
        def __getattr__(self, name: str) -> Any:
            raise KeyError(CANARY)

    rig = make_rig(_twenty(api))
    monkeypatch.setattr(rig.engine.reader, part, Buggy())
    outcomes = rig.run()
    assert {outcome.progress for outcome in outcomes} == {Progress.FAILED}
    assert all("internal error (KeyError)" in outcome.message for outcome in outcomes)
    assert CANARY not in repr(outcomes)


def test_a_listener_that_fails_misses_no_outcome_and_is_heard(
    api: AwsApi, make_rig: MakeRig
) -> None:
    rig = make_rig(_twenty(api))
    heard: list[str] = []

    def done(outcome: Outcome[ExternalSecret]) -> None:
        heard.append(outcome.item.meta.name)
        if outcome.item.meta.name == "es-03":
            raise RuntimeError("listener")

    with pytest.raises(RuntimeError, match="listener"):
        rig.engine.pipeline.run(rig.items, done=done)
    assert sorted(heard) == [each.meta.name for each in rig.items]
    assert all(rig.secret(each.meta.name) for each in rig.items)


def test_of_two_claims_the_older_writes_and_the_other_says_who(
    api: AwsApi, make_rig: MakeRig
) -> None:
    api.create("one", "1")
    api.create("two", "2")
    target = {"target": {"name": "shared"}}
    items = [_es("two", **target), _es("one", **target)]
    rig = make_rig(items)
    for ends in ({"one": "applied", "two": "failed"}, {"one": "unchanged", "two": "failed"}):
        assert rig.ends() == ends
        assert rig.secret("shared") == {"key0": "1"}
    (loser,) = [outcome for outcome in rig.run() if outcome.failed]
    expected = "target is owned by another ExternalSecret: ExternalSecret web/one"
    assert loser.message == expected


def test_none_writes_nothing(api: AwsApi, make_rig: MakeRig) -> None:
    api.create("db", "1")
    rig = make_rig([_es("db", target={"creationPolicy": "None"})])
    (outcome,) = rig.run()
    assert (outcome.progress, outcome.reason) == (Progress.UNCHANGED, "SecretSynced")
    assert outcome.versions.keys() == {"SecretStore/aws:db"}
    assert rig.secret("db") is None


def test_an_empty_batch_has_no_outcomes(make_rig: MakeRig) -> None:
    assert make_rig([]).run() == []
