"""Pushes to both services: options, marks, and what is compared before it is written."""

from __future__ import annotations

import json

import pytest

from providers.aws.config import SecretsManagerOptions
from providers.base import (
    AccessDenied,
    InvalidRef,
    MalformedSecret,
    PushItem,
    PushRef,
    RateLimited,
    SecretBytes,
    Unavailable,
)
from tests.support.aws_faults import throttled
from tests.support.aws_http import Reply

MARK = {"Key": "managed-by", "Value": "external-secrets"}
WRITES = {
    "CreateSecret",
    "PutSecretValue",
    "TagResource",
    "DeleteSecret",
    "PutParameter",
    "AddTagsToResource",
    "DeleteParameter",
}
CANARY = b"canary-must-not-show"


def item(key: str, value: bytes = b"v1", prop: str = "", **metadata) -> PushItem:
    return PushItem(PushRef(key, prop), SecretBytes(value), metadata)


def spec(**fields) -> dict:
    """The envelope that ESO writes options in."""
    kind = {
        "apiVersion": "kubernetes.external-secrets.io/v1alpha1",
        "kind": "PushSecretMetadata",
    }
    return {**kind, "spec": fields}


def writes(front) -> list[str]:
    made = [call.operation for call in front.calls if call.operation in WRITES]
    front.calls.clear()
    return made


@pytest.fixture
def manager(open_aws):
    return open_aws(prefix="app/")


@pytest.fixture
def store(open_aws):
    return open_aws(service="ParameterStore", prefix="/app/")


def test_first_push_makes_a_marked_binary_secret(front, manager, api):
    assert manager.push(item("db"))
    assert writes(front) == ["CreateSecret"]
    held = api.call("GetSecretValue", SecretId="app/db")
    assert held["VersionId"] == "00000000-0000-0000-0000-000000000001"
    assert held["SecretBinary"] == "djE="
    described = api.call("DescribeSecret", SecretId="app/db")
    assert described["Tags"] == [MARK]
    assert described["Description"] == "secret 'managed-by:external-secrets'"


def test_equal_push_costs_two_reads_and_no_write(front, manager):
    manager.push(item("db"))
    front.calls.clear()
    assert not manager.push(item("db"))
    assert front.counts() == {"DescribeSecret": 1, "GetSecretValue": 1}


def test_other_value_gets_the_next_version_id(front, manager, api):
    manager.push(item("db"))
    manager.push(item("db", b"v2"))
    assert writes(front) == ["CreateSecret", "PutSecretValue"]
    held = api.call("GetSecretValue", SecretId="app/db")
    assert held["VersionId"].endswith("-000000000002")
    assert "SecretBinary" in held


@pytest.mark.parametrize(
    "metadata", [{"secretPushFormat": "string"}, spec(secretPushFormat="string")], ids=["old", "v1"]
)
def test_secret_is_pushed_as_string_where_the_metadata_says_so(front, manager, api, metadata):
    manager.push(item("db", **metadata))
    assert api.call("GetSecretValue", SecretId="app/db")["SecretString"] == "v1"
    front.calls.clear()
    assert not manager.push(item("db", **metadata))
    assert writes(front) == []


def test_options_go_into_what_is_made(front, manager, api):
    options = spec(description="of the shop", kmsKeyID="alias/shop", tags={"team": "shop"})
    manager.push(item("db", **options))
    described = api.call("DescribeSecret", SecretId="app/db")
    assert described["Description"] == "of the shop"
    assert described["KmsKeyId"] == "alias/shop"
    assert described["Tags"] == [{"Key": "team", "Value": "shop"}, MARK]


def test_tags_are_added_and_those_of_others_stay(front, manager, api):
    manager.push(item("db"))
    api.call("TagResource", SecretId="app/db", Tags=[{"Key": "cost", "Value": "42"}])
    writes(front)
    assert manager.push(item("db", **spec(tags={"team": "shop"})))
    assert writes(front) == ["TagResource"]
    assert not manager.push(item("db", **spec(tags={"team": "shop"})))
    tags = api.call("DescribeSecret", SecretId="app/db")["Tags"]
    assert {tag["Key"] for tag in tags} == {"managed-by", "cost", "team"}


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        pytest.param(spec(secretPushFormat="yaml"), "secretPushFormat", id="format"),
        pytest.param(spec(tags={"managed-by": "me"}), "managed-by", id="mark"),
        pytest.param(spec(tags={"a": 1}), "tags", id="tags"),
        pytest.param(spec(colour="red"), "colour", id="unknown"),
        pytest.param(spec(resourcePolicy={}), "resourcePolicy", id="policy"),
        pytest.param(spec(replicationLocations=[]), "replicationLocations", id="replicas"),
        pytest.param({"spec": []}, "spec", id="no-object"),
    ],
)
def test_metadata_that_is_not_served_is_refused_by_name(front, manager, metadata, named):
    with pytest.raises(InvalidRef, match=named):
        manager.push(item("db", **metadata))
    assert front.count() == 0


def test_push_to_a_secret_without_a_version_gives_it_one(front, manager, api):
    api.call("CreateSecret", Name="app/db", Tags=[MARK])
    assert manager.push(item("db", b"v1", "user"))
    held = api.call("GetSecretValue", SecretId="app/db")
    assert held["SecretBinary"] == "eyJ1c2VyIjoidjEifQ=="


def test_property_does_not_overwrite_what_is_no_json(front, manager):
    manager.push(item("db", b"precious"))
    writes(front)
    with pytest.raises(MalformedSecret):
        manager.push(item("db", b"v", "user"))
    assert writes(front) == []


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        pytest.param(None, {}, id="aws-decides"),
        pytest.param(
            SecretsManagerOptions(recovery_window_in_days=7),
            {"RecoveryWindowInDays": 7},
            id="window",
        ),
        pytest.param(
            SecretsManagerOptions(force_delete_without_recovery=True),
            {"ForceDeleteWithoutRecovery": True},
            id="at-once",
        ),
    ],
)
def test_secret_is_deleted_as_the_store_says(front, open_aws, options, sent):
    provider = open_aws(secrets_manager=options)
    provider.push(item("db"))
    assert provider.delete(PushRef("db"))
    (call,) = front.of("DeleteSecret")
    assert {name: value for name, value in call.params.items() if name != "SecretId"} == sent
    assert not provider.exists(PushRef("db"))
    assert not provider.delete(PushRef("db"))


def test_contradicting_deletion_options_are_refused(front, open_aws):
    both = SecretsManagerOptions(force_delete_without_recovery=True, recovery_window_in_days=7)
    provider = open_aws(secrets_manager=both)
    provider.push(item("db"))
    writes(front)
    with pytest.raises(InvalidRef, match="exclude each other"):
        provider.delete(PushRef("db"))
    assert writes(front) == []


def test_secret_scheduled_for_deletion_is_not_pushed_to(manager):
    manager.push(item("db"))
    manager.delete(PushRef("db"))
    with pytest.raises(InvalidRef, match="scheduled for deletion") as caught:
        manager.push(item("db"))
    assert "restore-secret" in caught.value.remedy


def test_deleting_the_last_property_deletes_what_was_pushed(front, manager, store):
    for provider in (manager, store):
        provider.push(item("db", b"v", "user"))
        assert provider.delete(PushRef("db", "user"))
        assert not provider.exists(PushRef("db"))
    assert {"DeleteSecret", "DeleteParameter"} <= set(writes(front))


def test_first_push_makes_a_marked_parameter_in_one_call(front, store, ssm):
    assert store.push(item("db"))
    assert writes(front) == ["PutParameter"]
    (held,) = ssm.call("GetParameters", Names=["/app/db"])["Parameters"]
    assert (held["Value"], held["Type"]) == ("v1", "String")
    tags = ssm.call("ListTagsForResource", ResourceType="Parameter", ResourceId="/app/db")
    assert tags["TagList"] == [MARK]


def test_equal_parameter_is_not_written(front, store):
    store.push(item("db"))
    front.calls.clear()
    assert not store.push(item("db"))
    assert front.counts() == {"GetParameter": 1, "ListTagsForResource": 1}


def test_parameter_keeps_its_type_unless_the_metadata_names_one(front, store, ssm):
    options = spec(secretType="SecureString", kmsKeyID="alias/shop", tier={"type": "Advanced"})
    store.push(item("db", **options))
    assert front.of("PutParameter")[0].params["KeyId"] == "alias/shop"
    assert front.of("PutParameter")[0].params["Tier"] == "Advanced"
    assert not store.push(item("db", **options))
    assert store.push(item("db", b"v2"))
    (held,) = ssm.call("GetParameters", Names=["/app/db"], WithDecryption=True)["Parameters"]
    assert (held["Value"], held["Type"], held["Version"]) == ("v2", "SecureString", 2)


def test_parameter_tags_are_added_and_those_of_others_stay(front, store, ssm):
    store.push(item("db"))
    mine = {"ResourceType": "Parameter", "ResourceId": "/app/db"}
    ssm.call("AddTagsToResource", Tags=[{"Key": "cost", "Value": "42"}], **mine)
    writes(front)
    assert store.push(item("db", **spec(tags={"team": "shop"})))
    assert writes(front) == ["AddTagsToResource"]
    assert not store.push(item("db", **spec(tags={"team": "shop"})))
    tags = ssm.call("ListTagsForResource", **mine)["TagList"]
    assert {tag["Key"] for tag in tags} == {"managed-by", "cost", "team"}


@pytest.mark.parametrize(
    "pushed",
    [
        pytest.param(item("db", b""), id="empty"),
        pytest.param(item("db", b"\xff"), id="binary"),
        pytest.param(item(""), id="no-key"),
        pytest.param(item("a b"), id="no-name"),
        pytest.param(item("../x/"), id="trailing-slash"),
        pytest.param(item("db:3"), id="version"),
        pytest.param(item("db", **spec(secretType="Secret")), id="type"),
        pytest.param(item("db", **spec(tier={"type": "Gold"})), id="tier"),
    ],
)
def test_what_parameter_store_cannot_hold_is_refused_without_a_write(front, store, pushed):
    with pytest.raises(InvalidRef):
        store.push(pushed)
    assert writes(front) == []


@pytest.mark.parametrize("service", ["SecretsManager", "ParameterStore"])
def test_throttled_and_denied_writes_say_so_and_show_no_value(front, open_aws, service):
    provider = open_aws(service=service)
    create = "CreateSecret" if service == "SecretsManager" else "PutParameter"
    front.inject(throttled("7"), operation=create, times=1)
    with pytest.raises(RateLimited) as caught:
        provider.push(item("/db", CANARY))
    assert caught.value.retry_after_s == 7
    front.denied_operations.add(create)
    with pytest.raises(AccessDenied, match=create) as denied:
        provider.push(item("/db", CANARY))
    for error in (caught.value, denied.value):
        assert error.__cause__ is error.__context__ is None
        assert CANARY.decode() not in repr(_locals(error))


@pytest.mark.parametrize("service", ["SecretsManager", "ParameterStore"])
def test_lost_answer_to_a_push_is_made_good_by_the_next(front, open_aws, service):
    provider = open_aws(service=service)
    front.inject(_lost, operation="CreateSecret", times=1)
    front.inject(_lost, operation="PutParameter", times=1)
    with pytest.raises(Unavailable):
        provider.push(item("/db"))
    assert not provider.push(item("/db"))


def _lost(true_reply):
    """Do what was asked and close the connection without an answer."""
    true_reply()
    return Reply(drop=True)


def _locals(error: BaseException) -> list:
    found, frame = [], error.__traceback__
    while frame is not None:
        if "/providers/aws/" in frame.tb_frame.f_code.co_filename:
            found.append(dict(frame.tb_frame.f_locals))
        frame = frame.tb_next
    return found


def test_push_speaks_json_of_the_reference(manager, api):
    manager.push(item("db", b"alice", "login.user", secretPushFormat="string"))
    manager.push(item("db", b"5432", r"db\.port", secretPushFormat="string"))
    held = api.call("GetSecretValue", SecretId="app/db")["SecretString"]
    assert json.loads(held) == {"login": {"user": "alice"}, "db.port": "5432"}
