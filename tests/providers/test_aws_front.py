"""The strict front itself: it must refuse and delay as AWS documents, or it proves nothing."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.aws import AwsApi, shared_moto
from tests.support.aws_faults import dropped, server_error, slow, throttled
from tests.support.aws_http import HttpServer, Reply, Upstream


@pytest.fixture
def ask(front):
    """Send one operation; return status and fields."""
    api, upstream = AwsApi(front.url), Upstream(front.url)

    def send(operation: str, **params):
        headers = {**api._headers, "X-Amz-Target": f"secretsmanager.{operation}"}
        reply = upstream.send("/", headers, json.dumps(params).encode())
        return reply.status, json.loads(reply.body)

    yield send
    api.close()
    upstream.close()


def test_more_than_twenty_ids_are_refused(ask):
    status, fields = ask("BatchGetSecretValue", SecretIdList=[f"k{n}" for n in range(21)])
    assert (status, fields["__type"]) == (400, "ValidationException")


@pytest.mark.parametrize("size", [0, 101], ids=["none", "too-many"])
def test_list_page_out_of_limits_is_refused(ask, size):
    status, fields = ask("ListSecrets", MaxResults=size)
    assert (status, fields["__type"]) == (400, "ValidationException")


def test_unknown_token_is_refused(ask):
    assert ask("ListSecrets", NextToken="5")[1]["__type"] == "InvalidNextTokenException"


def test_list_is_sorted_and_paged(ask, front, api):
    now = time.time()
    for offset, name in enumerate(["b", "c", "a"]):
        front.clock = lambda offset=offset: now + offset
        api.create(name, "x")
    order = {"SortBy": "last-changed-date", "MaxResults": 2}
    _, first = ask("ListSecrets", SortOrder="desc", **order)
    _, second = ask("ListSecrets", SortOrder="desc", NextToken=first["NextToken"], **order)
    names = [entry["Name"] for page in (first, second) for entry in page["SecretList"]]
    assert names == ["a", "c", "b"]
    assert "NextToken" not in second
    assert [e["Name"] for e in ask("ListSecrets", SortBy="name")[1]["SecretList"]] == [
        "a",
        "b",
        "c",
    ]


def test_list_lag_hides_the_last_changes_only(ask, front, api):
    now = time.time()
    front.clock = lambda: now
    api.create("old", "x")
    front.list_lag_s = 300
    front.clock = lambda: now + 400
    api.create("new", "x")
    version = api.put("old", "y")
    (entry,) = ask("ListSecrets")[1]["SecretList"]
    assert version not in entry["SecretVersionsToStages"]
    front.clock = lambda: now + 701
    entries = {entry["Name"]: entry for entry in ask("ListSecrets")[1]["SecretList"]}
    assert entries["old"]["SecretVersionsToStages"][version] == ["AWSCURRENT"]
    assert entries.keys() == {"old", "new"}


def test_planned_deletions_are_listed_only_on_demand(ask, api):
    api.create("a", "x")
    api.call("DeleteSecret", SecretId="a", RecoveryWindowInDays=7)
    assert ask("ListSecrets")[1]["SecretList"] == []
    (entry,) = ask("ListSecrets", IncludePlannedDeletion=True)[1]["SecretList"]
    assert entry["DeletedDate"]
    assert ask("GetSecretValue", SecretId="a")[1]["__type"] == "InvalidRequestException"


def test_denied_name_is_an_entry_in_a_batch_and_an_error_alone(ask, front, api):
    for name in ("a", "b"):
        api.create(name, "x")
    front.denied.add("a")
    _, fields = ask("BatchGetSecretValue", SecretIdList=["a", "b", "c"])
    assert [value["Name"] for value in fields["SecretValues"]] == ["b"]
    assert {error["SecretId"]: error["ErrorCode"] for error in fields["Errors"]} == {
        "a": "AccessDeniedException",
        "c": "ResourceNotFoundException",
    }
    for name in ("a", api.arn("a")):
        assert ask("GetSecretValue", SecretId=name)[1]["__type"] == "AccessDeniedException"


def test_error_has_the_shape_of_aws_json(front):
    upstream = Upstream(front.url)
    headers = {"X-Amz-Target": "secretsmanager.GetSecretValue"}
    front.inject(throttled("9"))
    reply = upstream.send("/", headers, b"{}")
    upstream.close()
    assert reply.status == 400
    assert json.loads(reply.body) == {"__type": "ThrottlingException", "message": "Rate exceeded"}
    shown = {name.lower(): value for name, value in reply.headers.items()}
    assert shown["x-amzn-errortype"] == "ThrottlingException"
    assert shown["retry-after"] == "9"
    assert shown["content-type"] == "application/x-amz-json-1.1"


def test_faults_apply_as_often_as_told(ask, front, api):
    api.create("a", "x")
    front.inject(server_error(503), operation="GetSecretValue", times=2)
    assert [ask("GetSecretValue", SecretId="a")[0] for _ in range(3)] == [503, 503, 200]
    assert front.count("GetSecretValue") == 3


def test_dropped_and_slow_replies(ask, front, api):
    api.create("a", "x")
    front.inject(dropped(), times=1)
    with pytest.raises(ConnectionError):
        ask("GetSecretValue", SecretId="a")
    front.inject(slow(0.05), times=1)
    started = time.monotonic()
    assert ask("GetSecretValue", SecretId="a")[0] == 200
    assert time.monotonic() - started >= 0.05


def test_reply_that_comes_after_the_close_leaves_no_connection_behind():
    """A front ends while moto still works on what a dead client asked for."""
    asked, answer = threading.Event(), threading.Event()

    def late(_):
        asked.set()
        assert answer.wait(60)
        return Reply()

    behind = HttpServer(late)
    upstream = Upstream(behind.url)
    with ThreadPoolExecutor() as pool:
        sent = pool.submit(upstream.send, "/", {}, b"")
        assert asked.wait(60)
        upstream.close()
        answer.set()
        assert sent.result(60).status == 200
    assert upstream._idle == []
    behind.close()


def test_moto_runs_as_a_child_that_lives():
    server = shared_moto()
    assert server is shared_moto()
    os.kill(server.pid, 0)
