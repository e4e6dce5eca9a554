"""Faults of the values themselves, by their numbers in the fault table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import Rig, store_manifest
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
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(
            answering(aws_error("DecryptionFailure", f"KMS key {CANARY} is disabled")),
            "decrypt",
            id="fault-31-kms-key-disabled",
        ),
        pytest.param(truncated(), "", id="fault-9-cut-off"),
    ],
)
def test_fault_of_the_answer_keeps_the_last_good_values_and_says_which(
    api: AwsApi,
    make_rig: MakeRig,
    front: StrictFront,
    spec: dict[str, Any],
    fault: Any,
    words: str,
) -> None:
    api.create("db", '{"user":"u","pass":"p"}')
    rig = make_rig([external_secret({**spec, "target": {"deletionPolicy": "Retain"}})])
    rig.run()
    before = rig.secret()
    for operation in ("GetSecretValue", "BatchGetSecretValue"):
        front.inject(fault, operation=operation)
    (outcome,) = rig.run()
    assert outcome.failed
    assert words in outcome.condition_message.lower()
    assert CANARY not in outcome.condition_message
    assert rig.secret() == before
    front.heal()
    assert rig.ends() == {"db": "unchanged"}


def test_fault_32_secret_marked_for_deletion_keeps_its_values_and_says_so(
    api: AwsApi, make_rig: MakeRig
) -> None:
    api.create("db", '{"user":"u","pass":"p"}')
    rig = make_rig([external_secret(EXTRACT)])
    rig.run()
    api.call("DeleteSecret", SecretId="db", RecoveryWindowInDays=7)
    (outcome,) = rig.run()
    assert outcome.failed
    assert "deletion" in outcome.condition_message
    assert rig.secret() == GOOD
    api.call("RestoreSecret", SecretId="db")
    assert rig.ends() == {"db": "unchanged"}


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
