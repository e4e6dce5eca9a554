"""Mass deletions stop whole, however they are spread, until they are acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secretsync.refresh.outcomes import Progress
from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import FakeClock, Rig, secret_manifest, store_manifest
from tests.refresh.vanishing import create, drop, many, reader
from tests.support.aws import AwsApi

MakeRig = Callable[..., Rig]


def _left(rig: Rig) -> int:
    return sum(rig.secret(each.target.name) is not None for each in rig.items)


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
    rig = synced(many(total, policy), one_shot=one_shot)
    drop(api, rig.items[:doomed])
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
    items = many(3)
    rig = synced(items, one_shot=True)
    drop(api, items)
    token = rig.run()[0].remedy.rpartition("secretsync.io/acknowledge=")[2]
    again = make_rig(items, tokens=[token])
    for each in items:
        api.create(each.meta.name, "good")
    again.run()
    drop(api, items[:2])
    third = rig.items[2].meta.name
    assert again.ends() == {"es-00": "applied", "es-01": "applied", third: "unchanged"}
    create(api, items[:2])
    again.run()
    drop(api, items)
    assert set(again.ends().values()) == {"applied"}
    assert _left(again) == 0


def test_a_token_covers_no_other_objects(api: AwsApi, make_rig: MakeRig, synced: Any) -> None:
    items = many(3)
    rig = synced(items, one_shot=True)
    drop(api, items)
    token = rig.run()[0].remedy.rpartition("secretsync.io/acknowledge=")[2]
    more = [*items, reader("es-99")]
    again = make_rig(more, tokens=[token])
    create(api, more)
    again.run()
    drop(api, more)
    assert set(again.ends().values()) == {"failed"}
    assert _left(again) == 4


def test_deletions_in_small_steps_are_counted_together(
    api: AwsApi, clock: FakeClock, synced: Any
) -> None:
    rig = synced(many(12))
    drop(api, rig.items[:5])
    rig.run()
    clock.advance(60)
    rig.run()
    assert _left(rig) == 7
    drop(api, rig.items[5:10])
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


def test_who_only_lacks_a_part_does_not_count(api: AwsApi, make_rig: MakeRig) -> None:
    """One Secret of two would go; the other only loses a key."""
    partial = external_secret(
        {
            "data": [item("a", "here"), item("b", "gone")],
            "target": {"deletionPolicy": "Merge"},
        },
        name="partial",
        uid="uid-partial",
    )
    items = [reader("gone"), partial]
    for name in ("here", "gone"):
        api.create(name, "good")
    rig = make_rig(items)
    rig.run()
    drop(api, items[:1])
    assert rig.ends() == {"gone": "applied", "partial": "applied"}
    assert (rig.secret("gone"), rig.secret("partial")) == (None, {"a": "good"})
