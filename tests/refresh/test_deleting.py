"""Absence upstream: only an explicit policy, certainty and two looks delete anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from providers.base import SecretNotFound
from secretsync.cluster.base import KINDS
from secretsync.core.materialize import Materialized, Missing
from secretsync.refresh.deleting import Deleter, Verdict
from secretsync.refresh.outcomes import Outcome, Progress
from tests.core.secret_cases import external_secret, item, secret_bytes
from tests.refresh.kit import FakeClock, Rig
from tests.refresh.vanishing import create, drop, reader
from tests.support.aws import AwsApi
from tests.support.aws_faults import server_error

MakeRig = Callable[..., Rig]
SECRET = KINDS["Secret"]


def test_two_looks_a_minute_apart_delete(api: AwsApi, clock: FakeClock, synced: Any) -> None:
    rig = synced([reader("db")])
    drop(api, rig.items)
    (first,) = rig.run()
    assert (first.progress, first.reason) == (Progress.WAITING, "SecretSynced")
    assert "db does not exist upstream is not confirmed yet" in first.message
    assert first.retry_after_s == 60
    clock.advance(59)
    assert rig.ends() == {"db": "waiting"}
    assert rig.secret() == {"value": "good"}
    clock.advance(1)
    (last,) = rig.run()
    assert (last.progress, last.reason) == (Progress.APPLIED, "SecretDeleted")
    assert rig.secret() is None
    assert rig.ends() == {"db": "unchanged"}


def test_time_that_passes_within_one_look_confirms_nothing(
    api: AwsApi, clock: FakeClock, make_rig: MakeRig
) -> None:
    """A batch may be read long before it is judged: that is still one look."""
    rig = make_rig([reader("db")], one_shot=False)
    api.create("db", "good")
    rig.run()
    deleter, gone = rig.engine.deleter, Missing("spec.data[0].remoteRef", "db", definite=True)
    nothing = Materialized({}, {}, (gone,))
    deleter.observe(rig.items[0], nothing)
    clock.advance(3600)
    outcome = deleter.judge(rig.items[0], nothing)
    assert isinstance(outcome, Outcome)
    assert outcome.progress is Progress.WAITING


def test_being_back_starts_over(api: AwsApi, clock: FakeClock, synced: Any) -> None:
    rig = synced([reader("db")])
    drop(api, rig.items)
    rig.run()
    clock.advance(30)
    create(api, rig.items)
    assert rig.ends() == {"db": "unchanged"}
    drop(api, rig.items)
    clock.advance(31)
    assert rig.ends() == {"db": "waiting"}
    assert rig.secret() == {"value": "good"}


def test_an_error_between_two_looks_deletes_nothing(
    front: Any, api: AwsApi, clock: FakeClock, synced: Any
) -> None:
    rig = synced([reader("db")])
    front.inject(server_error())
    for _ in range(3):
        clock.advance(100)
        assert rig.ends() == {"db": "failed"}
    assert rig.secret() == {"value": "good"}


def test_one_shot_needs_one_look(api: AwsApi, synced: Any) -> None:
    rig = synced([reader("db")], one_shot=True)
    drop(api, rig.items)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() is None


def test_planning_deletes_nothing(api: AwsApi, clock: FakeClock, synced: Any) -> None:
    rig = synced([reader("db")], one_shot=True)
    drop(api, rig.items)
    rig.engine.applier._writes = False
    (outcome,) = rig.run()
    assert str(outcome.action.verb) == "delete"
    assert rig.secret() == {"value": "good"}


def test_under_retain_an_absence_is_an_error(api: AwsApi, clock: FakeClock, synced: Any) -> None:
    rig = synced([reader("db", "Retain")], one_shot=True)
    drop(api, rig.items)
    assert rig.ends() == {"db": "failed"}
    assert rig.secret() == {"value": "good"}


def test_a_foreign_secret_is_never_deleted(
    api: AwsApi, clock: FakeClock, make_rig: MakeRig
) -> None:
    rig = make_rig([reader("db")])
    obj = {"metadata": {"name": "db", "namespace": "web"}, "stringData": {"theirs": "x"}}
    rig.cluster.create(SECRET, {"apiVersion": "v1", "kind": "Secret", **obj}, field_manager="x")
    (outcome,) = rig.run()
    assert outcome.failed
    assert "was not made by this ExternalSecret" in outcome.message
    assert rig.secret() == {"theirs": "x"}


def test_merge_empties_what_is_ours_after_two_looks(
    api: AwsApi, clock: FakeClock, synced: Any
) -> None:
    rig = synced([reader("db", "Merge")])
    drop(api, rig.items)
    assert rig.ends() == {"db": "waiting"}
    clock.advance(60)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {}
    assert rig.ends() == {"db": "unchanged"}


def test_a_missing_part_is_kept_until_confirmed_and_the_rest_follows(
    api: AwsApi, clock: FakeClock, make_rig: MakeRig
) -> None:
    spec = {"data": [item("a", "one"), item("b", "two")], "target": {"deletionPolicy": "Merge"}}
    rig = make_rig([external_secret(spec)], one_shot=False)
    for name in ("one", "two"):
        api.create(name, "1")
    rig.run()
    api.call("DeleteSecret", SecretId="two", ForceDeleteWithoutRecovery=True)
    api.put("one", "2")
    (held,) = rig.run()
    assert (held.progress, held.retry_after_s) == (Progress.APPLIED, 60)
    assert rig.secret() == {"a": "2", "b": "1"}
    clock.advance(60)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"a": "2"}


def test_that_one_key_was_missing_does_not_confirm_another(clock: FakeClock) -> None:
    one, two = (
        Missing(f"spec.data[{number}].remoteRef", name, definite=True)
        for number, name in enumerate(("one", "two"))
    )
    parent = reader("db", "Merge")
    deleter = Deleter(None, None, clock, one_shot=False)  # type: ignore[arg-type] # not asked here
    left = secret_bytes({"c": "1"})
    for missing in (one, two):
        made = Materialized(left, {}, (missing,))
        deleter.observe(parent, made)
        verdict = deleter.judge(parent, made)
        assert verdict == Verdict(hold=True, retry_after_s=60.0)
        clock.advance(60)
    deleter.observe(parent, made)
    assert deleter.judge(parent, made) == Verdict()


def test_what_is_not_certain_waits_for_ever(clock: FakeClock) -> None:
    assert SecretNotFound("no").definite is False
    missing = Missing("spec.data[0].remoteRef", "one", definite=False)
    deleter = Deleter(None, None, clock, one_shot=True)  # type: ignore[arg-type] # not asked here
    made = Materialized({}, {}, (missing,))
    for _ in range(3):
        clock.advance(1000)
        deleter.observe(reader("db"), made)
        outcome = deleter.judge(reader("db"), made)
        assert isinstance(outcome, Outcome)
        assert outcome.progress is Progress.WAITING
        assert "is not certain" in outcome.message
        assert outcome.retry_after_s is None
