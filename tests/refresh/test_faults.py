"""Faults of the values themselves, by their numbers in the fault table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from secretsync.resources.guards import MAX_SHRINK_ANNOTATION, REQUIRE_KEYS_ANNOTATION
from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import FakeClock, Rig, store_manifest
from tests.support.aws import AwsApi
from tests.support.aws_faults import answering, aws_error, rewriting, truncated
from tests.support.aws_front import StrictFront

MakeRig = Callable[..., Rig]
EXTRACT = {"data": None, "dataFrom": [{"extract": {"key": "db"}}]}
FIND = {"data": None, "dataFrom": [{"find": {"name": {"regexp": "^db"}}}]}
PROPERTY = {"data": [item("user", "db", property="user"), item("pass", "db", property="pass")]}
GOOD = {"user": "u", "pass": "p"}
CANARY = "c4n4ry-hunter2"
OTHER_REGION = "us-west-2"


@pytest.mark.parametrize("spec", [EXTRACT, PROPERTY, FIND], ids=["extract", "property", "find"])
def test_fault_8_value_that_is_cut_or_loses_what_is_asked_of_it_leaves_the_secret(
    api: AwsApi, make_rig: MakeRig, spec: dict[str, Any]
) -> None:
    api.create("db", '{"user":"u","pass":"p"}')
    rig = make_rig([external_secret(spec)])
    rig.run()
    before = rig.secret()
    api.put("db", '{"user":"u","pa')
    rig.run()
    # As a whole it is taken as it is: nothing was asked of its shape.
    assert rig.secret() == ({"db": '{"user":"u","pa'} if spec is FIND else before)


def test_fault_8_property_that_goes_is_an_error_and_its_value_stays(
    api: AwsApi, make_rig: MakeRig
) -> None:
    api.create("db", '{"user":"u","pass":"p"}')
    rig = make_rig([external_secret(PROPERTY)])
    rig.run()
    api.put("db", '{"user":"new"}')
    (outcome,) = rig.run()
    assert outcome.failed
    assert outcome.field == "spec.data[1].remoteRef"
    assert rig.secret() == GOOD


def test_fault_8_key_that_leaves_an_extracted_object_leaves_the_secret_too(
    api: AwsApi, make_rig: MakeRig
) -> None:
    """The object itself says so, in one piece: that is no doubt. As in ESO."""
    api.create("db", '{"user":"u","pass":"p"}')
    rig = make_rig([external_secret(EXTRACT)])
    rig.run()
    api.put("db", '{"user":"new"}')
    (outcome,) = rig.run()
    assert outcome.action is not None
    assert [(change.key, str(change.verb)) for change in outcome.action.changes] == [
        ("pass", "removed"),
        ("user", "changed"),
    ]
    assert rig.secret() == {"user": "new"}


@pytest.mark.parametrize(
    "guard",
    [
        pytest.param({REQUIRE_KEYS_ANNOTATION: "user,pass"}, id="require-keys"),
        pytest.param({MAX_SHRINK_ANNOTATION: "25"}, id="max-shrink-percent"),
    ],
)
@pytest.mark.parametrize(
    ("good", "bad", "healed"),
    [
        ('{"user":"u","pass":"p"}', '{"user":"new"}', '{"user":"w","pass":"p2"}'),
        (f'{{"user":"u","pass":"{CANARY}"}}', '{"user":"u"}', '{"user":"w","pass":"longer-yet-x"}'),
    ],
)
def test_fault_8_guard_keeps_the_secret_names_what_went_and_lets_the_next_good_one_through(
    api: AwsApi, make_rig: MakeRig, guard: dict[str, str], good: str, bad: str, healed: str
) -> None:
    api.create("db", good)
    api.create("other", "1")
    guarded = external_secret(EXTRACT, annotations=guard)
    sibling = external_secret({"data": [item("value", "other")]}, name="sibling")
    rig = make_rig([guarded, sibling], one_shot=False)
    rig.run()
    before = rig.secret()
    api.put("db", bad)
    api.put("other", "2")
    outcome, _ = rig.run()
    assert outcome.failed
    assert "pass" in outcome.message
    assert next(iter(guard)) in outcome.remedy
    assert CANARY not in outcome.condition_message
    assert rig.secret() == before
    assert rig.secret("sibling") == {"value": "2"}
    api.put("db", healed)
    assert rig.ends() == {"db": "applied", "sibling": "unchanged"}


@pytest.mark.parametrize("value", ["{}", "null", '""', "[]", "", " "])
def test_fault_8_object_that_is_emptied_leaves_the_secret(
    api: AwsApi, make_rig: MakeRig, front: StrictFront, value: str
) -> None:
    api.create("db", '{"user":"u","pass":"p"}')
    rig = make_rig([external_secret(EXTRACT)])
    rig.run()

    def emptied(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "SecretString": value, "VersionId": "0" * 32}

    front.inject(rewriting(emptied), operation="GetSecretValue")
    rig.run()
    assert rig.secret() == GOOD


@pytest.mark.parametrize("spec", [EXTRACT, PROPERTY, FIND], ids=["extract", "property", "find"])
def test_fault_9_answer_that_is_cut_off_keeps_the_last_good_values(
    api: AwsApi, make_rig: MakeRig, front: StrictFront, spec: dict[str, Any]
) -> None:
    api.create("db", '{"user":"u","pass":"p"}')
    rig = make_rig([external_secret({**spec, "target": {"deletionPolicy": "Retain"}})])
    rig.run()
    before = rig.secret()
    for operation in ("GetSecretValue", "BatchGetSecretValue"):
        front.inject(truncated(), operation=operation)
    (outcome,) = rig.run()
    assert outcome.failed
    assert rig.secret() == before
    front.heal()
    assert rig.ends() == {"db": "unchanged"}


def _with_sibling(
    api: AwsApi, make_rig: MakeRig, spec: dict[str, Any], **options: Any
) -> tuple[Rig, dict[str, str]]:
    """Two synced ExternalSecrets of one store, a newer version of both, and what is there."""
    api.create("db", json.dumps({"user": "u", "pass": CANARY}))
    api.create("other", CANARY)
    sibling = external_secret({"data": [item("value", "other")]}, name="sibling")
    rig = make_rig([external_secret(spec), sibling], **options)
    assert set(rig.ends().values()) == {"applied"}
    before = rig.secret()
    assert before is not None
    api.put("db", json.dumps({"user": "u2", "pass": f"{CANARY}-2"}))
    api.put("other", f"{CANARY}-2")
    return rig, before


def _undecryptable(body: dict[str, Any]) -> None:
    """Let one of a batch fail as AWS has it: with a text of its own."""
    body["SecretValues"] = [each for each in body["SecretValues"] if each["Name"] != "db"]
    text = f"KMS key {CANARY} is disabled"
    body["Errors"] = [{"SecretId": "db", "ErrorCode": "DecryptionFailure", "Message": text}]


@pytest.mark.parametrize("policy", ["Retain", "Merge", "Delete"])
@pytest.mark.parametrize("spec", [EXTRACT, PROPERTY], ids=["extract", "property"])
def test_fault_31_key_that_cannot_be_used_keeps_the_secret_and_says_what_to_do(
    api: AwsApi, make_rig: MakeRig, front: StrictFront, spec: dict[str, Any], policy: str
) -> None:
    rig, before = _with_sibling(api, make_rig, {**spec, "target": {"deletionPolicy": policy}})
    front.inject(rewriting(_undecryptable), operation="BatchGetSecretValue")
    outcome, other = rig.run()
    assert outcome.failed
    assert outcome.message == (
        "could not get secret data from provider: "
        'AWS cannot use the KMS key for BatchGetSecretValue of "db" (DecryptionFailure)'
    )
    assert "enable the KMS key" in outcome.condition_message
    assert "kms:Decrypt" in outcome.condition_message
    assert CANARY not in outcome.condition_message
    assert rig.secret() == before
    assert str(other.progress) == "applied"
    assert rig.secret("sibling") == {"value": f"{CANARY}-2"}
    # Nothing but the key changes: the version upstream is the same one.
    front.heal()
    assert rig.ends() == {"db": "applied", "sibling": "unchanged"}
    assert rig.secret() == {"user": "u2", "pass": f"{CANARY}-2"}


@pytest.mark.parametrize("spec", [EXTRACT, PROPERTY], ids=["extract", "property"])
def test_fault_32_secret_marked_for_deletion_keeps_the_secret_and_tells_how_to_restore_it(
    api: AwsApi, make_rig: MakeRig, spec: dict[str, Any]
) -> None:
    rig, before = _with_sibling(api, make_rig, spec)
    api.call("DeleteSecret", SecretId="db", RecoveryWindowInDays=7)
    outcome, other = rig.run()
    assert outcome.failed
    assert outcome.message == (
        'could not get secret data from provider: secret "db" is scheduled for deletion'
    )
    assert "aws secretsmanager restore-secret --secret-id db" in outcome.condition_message
    assert CANARY not in outcome.condition_message
    assert rig.secret() == before
    assert str(other.progress) == "applied"
    assert rig.secret("sibling") == {"value": f"{CANARY}-2"}
    api.call("RestoreSecret", SecretId="db")
    assert rig.ends() == {"db": "applied", "sibling": "unchanged"}
    assert rig.secret() == {"user": "u2", "pass": f"{CANARY}-2"}


def test_fault_32_deletion_policy_takes_a_marked_secret_for_gone_at_the_second_look_only(
    api: AwsApi, make_rig: MakeRig, clock: FakeClock
) -> None:
    spec = {**EXTRACT, "target": {"deletionPolicy": "Delete"}}
    rig, before = _with_sibling(api, make_rig, spec, one_shot=False)
    api.call("DeleteSecret", SecretId="db", RecoveryWindowInDays=7)
    outcome, _ = rig.run()
    assert not outcome.failed
    assert "not confirmed yet" in outcome.condition_message
    assert rig.secret() == before
    clock.advance(61)
    rig.run()
    assert rig.secret() is None
    assert rig.secret("sibling") == {"value": f"{CANARY}-2"}


@pytest.fixture
def replica(front: StrictFront) -> Iterator[AwsApi]:
    """The same account in another region."""
    made = AwsApi(front.url, region=OTHER_REGION)
    yield made
    made.close()


def test_fault_33_replica_that_differs_is_mixed_with_the_primary_in_no_secret(
    api: AwsApi, replica: AwsApi, make_rig: MakeRig, front: StrictFront
) -> None:
    """Each store answers for its own region; what one object reads of a key is one version."""
    api.create("db", '{"user":"u2","pass":"p2"}')
    replica.create("db", '{"user":"u1","pass":"p1"}')
    there = {"secretStoreRef": {"name": "replica"}}
    rig = make_rig(
        [external_secret(PROPERTY), external_secret({**PROPERTY, **there}, name="db-there")],
        store_manifest(),
        store_manifest("replica", region=OTHER_REGION),
    )
    for _ in range(2):
        front.calls.clear()
        rig.run()
        assert rig.secret("db") == {"user": "u2", "pass": "p2"}
        assert rig.secret("db-there") == {"user": "u1", "pass": "p1"}
        # One read a region, however many properties: they cannot be of two versions.
        assert front.count("GetSecretValue") == 2
    replica.put("db", '{"user":"u2","pass":"p2"}')
    rig.run()
    assert rig.secret("db-there") == rig.secret("db")


def test_fault_33_region_that_fails_is_not_answered_for_by_another(
    api: AwsApi, replica: AwsApi, make_rig: MakeRig, front: StrictFront
) -> None:
    api.create("db", '{"user":"u2","pass":"p2"}')
    replica.create("db", '{"user":"u1","pass":"p1"}')
    both = [
        {**item("user", "db", property="user"), "sourceRef": {"storeRef": {"name": "aws"}}},
        {**item("pass", "db", property="pass"), "sourceRef": {"storeRef": {"name": "replica"}}},
    ]
    rig = make_rig(
        [external_secret({"data": both})],
        store_manifest(),
        store_manifest("replica", region=OTHER_REGION),
    )
    rig.run()
    assert rig.secret() == {"user": "u2", "pass": "p1"}
    api.put("db", '{"user":"u3","pass":"p3"}')
    replica.put("db", '{"user":"u3","pass":"p3"}')
    down = answering(aws_error("InternalServiceError", "down", status=500))
    front.inject(down, operation="GetSecretValue", region=OTHER_REGION)
    (outcome,) = rig.run()
    assert outcome.failed
    # Half of the new version is no version: the object stays as it was, whole.
    assert rig.secret() == {"user": "u2", "pass": "p1"}
    front.heal()
    rig.run()
    assert rig.secret() == {"user": "u3", "pass": "p3"}
