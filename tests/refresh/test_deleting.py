"""Absence upstream: only an explicit policy, certainty and two looks delete anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from providers.base import SecretNotFound
from secretsync.cluster.base import KINDS
from secretsync.core.materialize import Materialized, Missing
from secretsync.refresh.deleting import Deleter, Verdict
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.external_secret import ExternalSecret
from tests.core.secret_cases import external_secret, item, secret_bytes
from tests.refresh.kit import FakeClock, Rig, secret_manifest, store_manifest
from tests.support.aws import AwsApi
from tests.support.aws_faults import server_error

MakeRig = Callable[..., Rig]
SECRET = KINDS["Secret"]


def _es(name: str, policy: str = "Delete", **target: Any) -> ExternalSecret:
    """Return an ExternalSecret that reads the secret of its own name."""
    spec = {"data": [item("value", name)], "target": {"deletionPolicy": policy, **target}}
    return external_secret(spec, name=name, uid=f"uid-{name}")


def _many(count: int, policy: str = "Delete") -> list[ExternalSecret]:
    return [_es(f"es-{number:02}", policy) for number in range(count)]


def _create(api: AwsApi, items: list[ExternalSecret]) -> None:
    for each in items:
        api.create(each.meta.name, "good")


def _drop(api: AwsApi, items: list[ExternalSecret]) -> None:
    for each in items:
        api.call("DeleteSecret", SecretId=each.meta.name, ForceDeleteWithoutRecovery=True)


def _left(rig: Rig) -> int:
    return sum(rig.secret(each.target.name) is not None for each in rig.items)


@pytest.fixture
def synced(api: AwsApi, make_rig: MakeRig) -> Callable[..., Rig]:
    """Make a rig whose ExternalSecrets are all written."""

    def make(items: list[ExternalSecret], **options: Any) -> Rig:
        _create(api, items)
        rig = make_rig(items, one_shot=options.pop("one_shot", False), **options)
        assert set(rig.ends().values()) == {"applied"}
        return rig

    return make


def test_two_looks_a_minute_apart_delete(api: AwsApi, clock: FakeClock, synced: Any) -> None:
    rig = synced([_es("db")])
    _drop(api, rig.items)
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
    rig = make_rig([_es("db")], one_shot=False)
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
    rig = synced([_es("db")])
    _drop(api, rig.items)
    rig.run()
    clock.advance(30)
    _create(api, rig.items)
    assert rig.ends() == {"db": "unchanged"}
    _drop(api, rig.items)
    clock.advance(31)
    assert rig.ends() == {"db": "waiting"}
    assert rig.secret() == {"value": "good"}


def test_an_error_between_two_looks_deletes_nothing(
    front: Any, api: AwsApi, clock: FakeClock, synced: Any
) -> None:
    rig = synced([_es("db")])
    front.inject(server_error())
    for _ in range(3):
        clock.advance(100)
        assert rig.ends() == {"db": "failed"}
    assert rig.secret() == {"value": "good"}


def test_one_shot_needs_one_look(api: AwsApi, synced: Any) -> None:
    rig = synced([_es("db")], one_shot=True)
    _drop(api, rig.items)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() is None


def test_planning_deletes_nothing(api: AwsApi, clock: FakeClock, synced: Any) -> None:
    rig = synced([_es("db")], one_shot=True)
    _drop(api, rig.items)
    rig.engine.applier._writes = False
    (outcome,) = rig.run()
    assert str(outcome.action.verb) == "delete"
    assert rig.secret() == {"value": "good"}


def test_under_retain_an_absence_is_an_error(api: AwsApi, clock: FakeClock, synced: Any) -> None:
    rig = synced([_es("db", "Retain")], one_shot=True)
    _drop(api, rig.items)
    assert rig.ends() == {"db": "failed"}
    assert rig.secret() == {"value": "good"}


def test_a_foreign_secret_is_never_deleted(api: AwsApi, clock: FakeClock, make_rig: MakeRig) -> None:
    rig = make_rig([_es("db")])
    obj = {"metadata": {"name": "db", "namespace": "web"}, "stringData": {"theirs": "x"}}
    rig.cluster.create(SECRET, {"apiVersion": "v1", "kind": "Secret", **obj}, field_manager="x")
    (outcome,) = rig.run()
    assert outcome.failed
    assert "was not made by this ExternalSecret" in outcome.message
    assert rig.secret() == {"theirs": "x"}


def test_merge_empties_what_is_ours_after_two_looks(
    api: AwsApi, clock: FakeClock, synced: Any
) -> None:
    rig = synced([_es("db", "Merge")])
    _drop(api, rig.items)
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
    parent = _es("db", "Merge")
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
        deleter.observe(_es("db"), made)
        outcome = deleter.judge(_es("db"), made)
        assert isinstance(outcome, Outcome)
        assert outcome.progress is Progress.WAITING
        assert "is not certain" in outcome.message
        assert outcome.retry_after_s is None


@pytest.mark.parametrize("one_shot", [True, False], ids=["one-shot", "service"])
@pytest.mark.parametrize("policy", ["Delete", "Merge"])
@pytest.mark.parametrize(
    ("doomed", "total", "stopped"),
    [
        pytest.param(1, 2, False, id="1-of-2"),
        pytest.param(2, 2, True, id="2-of-2"),
        pytest.param(5, 8, False, id="5-of-8"),
        pytest.param(6, 8, True, id="6-of-8"),
    ],
)
def test_mass_deletions_stop_whole(
    api: AwsApi,
    clock: FakeClock,
    synced: Any,
    doomed: int,
    total: int,
    stopped: bool,
    policy: str,
    one_shot: bool,
) -> None:
    rig = synced(_many(total, policy), one_shot=one_shot)
    _drop(api, rig.items[:doomed])
    if not one_shot:
        rig.run()
        clock.advance(60)
    outcomes = rig.run()
    kept = [rig.secret(each.target.name) for each in rig.items].count({"value": "good"})
    assert kept == (total if stopped else total - doomed)
    assert [outcome.failed for outcome in outcomes] == [stopped] * doomed + [False] * (
        total - doomed
    )
    if stopped:
        message = f"mass deletion stopped: {doomed} of the {total} Secrets"
        assert message in outcomes[0].message


def test_an_acknowledged_mass_deletion_goes_on(api: AwsApi, make_rig: MakeRig, synced: Any) -> None:
    items = _many(3)
    rig = synced(items, one_shot=True)
    _drop(api, items)
    token = rig.run()[0].remedy.rpartition("secretsync.io/acknowledge=")[2]
    again = make_rig(items, tokens=[token])
    for each in items:
        api.create(each.meta.name, "good")
    again.run()
    _drop(api, items[:2])
    third = rig.items[2].meta.name
    assert again.ends() == {"es-00": "applied", "es-01": "applied", third: "unchanged"}
    _create(api, items[:2])
    again.run()
    _drop(api, items)
    assert set(again.ends().values()) == {"applied"}
    assert _left(again) == 0


def test_a_token_covers_no_other_objects(api: AwsApi, make_rig: MakeRig, synced: Any) -> None:
    items = _many(3)
    rig = synced(items, one_shot=True)
    _drop(api, items)
    token = rig.run()[0].remedy.rpartition("secretsync.io/acknowledge=")[2]
    more = [*items, _es("es-99")]
    again = make_rig(more, tokens=[token])
    _create(api, more)
    again.run()
    _drop(api, more)
    assert set(again.ends().values()) == {"failed"}
    assert _left(again) == 4


def test_deletions_in_small_steps_are_counted_together(
    api: AwsApi, clock: FakeClock, synced: Any
) -> None:
    rig = synced(_many(12))
    _drop(api, rig.items[:5])
    rig.run()
    clock.advance(60)
    rig.run()
    assert _left(rig) == 7
    _drop(api, rig.items[5:10])
    rig.run()
    clock.advance(60)
    assert sorted(rig.ends().values()) == ["failed"] * 5 + ["unchanged"] * 7
    assert _left(rig) == 7


def test_a_mass_deletion_over_several_sessions_of_one_store_stops(
    api: AwsApi, make_rig: MakeRig
) -> None:
    """Each namespace of a referent store has a session of its own: the store is one."""
    refs = {
        "accessKeyIDSecretRef": {"name": "keys", "key": "id"},
        "secretAccessKeySecretRef": {"name": "keys", "key": "secret"},
    }
    kind = "ClusterSecretStore"
    items = [
        external_secret(
            {
                "secretStoreRef": {"name": "aws", "kind": kind},
                "target": {"deletionPolicy": "Delete"},
            },
            namespace=f"team-{number}",
            uid=f"uid-{number}",
        )
        for number in range(4)
    ]
    rig = make_rig(
        items,
        store_manifest(kind=kind, auth={"secretRef": refs}),
        *(secret_manifest("keys", f"team-{n}", id=f"AKIA{n}", secret="s") for n in range(4)),
    )
    api.create("db", "good")
    assert {outcome.progress for outcome in rig.run()} == {Progress.APPLIED}
    api.call("DeleteSecret", SecretId="db", ForceDeleteWithoutRecovery=True)
    outcomes = rig.run()
    assert all("mass deletion stopped: 4 of the 4" in outcome.message for outcome in outcomes)
    assert all(rig.secret("db", f"team-{number}") for number in range(4))
