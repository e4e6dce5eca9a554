"""Fault 10: an older version after a newer one is a stale read until it is seen twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.safety import earlier_dates, older_versions
from secretsync.resources.external_secret import ExternalSecret
from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import FakeClock, Rig
from tests.support.aws import AwsApi
from tests.support.aws_faults import rewriting
from tests.support.aws_front import StrictFront
from tests.support.gcp import led_to
from tests.support.gcp_account import PROJECT
from tests.support.gcp_server import GcpServer, gcp_server
from tests.support.gcp_tokens import key_file

MakeRig = Callable[..., Rig]


@pytest.mark.parametrize(
    ("new", "written", "older"),
    [
        ({"a": "2"}, {"a": "3"}, ("a",)),
        ({"a": "9"}, {"a": "10"}, ("a",)),
        ({"a": "3"}, {"a": "3"}, ()),
        ({"a": "4"}, {"a": "3"}, ()),
        ({"a": "2"}, {}, ()),
        ({"a": "0a"}, {"a": "3"}, ()),
        ({"a": "2@2026-01-01T00:00:00+00:00"}, {"a": "3@2026-01-02T00:00:00+00:00"}, ("a",)),
        ({"a": "1@2026-01-03T00:00:00+00:00"}, {"a": "3@2026-01-02T00:00:00+00:00"}, ()),
        ({"a": "2#00ff"}, {"a": "3@2026-01-02T00:00:00+00:00"}, ("a",)),
        ({"a": "02"}, {"a": "3"}, ()),
        ({"a": "1234567890123456"}, {"a": "2234567890123456"}, ()),
    ],
)
def test_only_counters_go_back(
    new: dict[str, str], written: dict[str, str], older: tuple[str, ...]
) -> None:
    assert older_versions(new, written) == older


EARLY, LATE = "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00.500000+00:00"


@pytest.mark.parametrize(
    ("new", "written", "earlier"),
    [
        ({"a": EARLY}, {"a": LATE}, ("a",)),
        ({"a": LATE}, {"a": EARLY}, ()),
        ({"a": EARLY}, {"a": EARLY}, ()),
        ({"a": EARLY}, {"b": LATE}, ()),
        ({"a": EARLY}, {"a": "zzz: edited"}, ()),
        ({"a": EARLY}, {"a": ""}, ()),
    ],
)
def test_only_dates_of_the_same_thing_go_back(
    new: dict[str, str], written: dict[str, str], earlier: tuple[str, ...]
) -> None:
    assert earlier_dates(new, written) == earlier


@pytest.fixture
def server() -> Iterator[GcpServer]:
    with gcp_server() as served, led_to(served):
        yield served


def store() -> list[dict[str, object]]:
    reference = {"secretAccessKeySecretRef": {"name": "gcp", "key": "key.json"}}
    provider = {"gcpsm": {"projectID": PROJECT, "auth": {"secretRef": reference}}}
    place = {"namespace": "web"}
    return [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "aws", **place},
            "spec": {"provider": {**provider}},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "gcp", **place},
            "stringData": {"key.json": key_file().decode()},
        },
    ]


def reader() -> ExternalSecret:
    return external_secret({"data": [item("password", "db")]})


def _go_back(server: GcpServer) -> None:
    """Serve what was there before the last version, as a copy that lags does."""
    server.account.secret(f"projects/{PROJECT}/secrets/db").versions.pop()


def test_stale_read_leaves_the_newer_value_and_is_told(
    server: GcpServer, make_rig: MakeRig, clock: FakeClock
) -> None:
    server.account.put("db", "old")
    server.account.put("db", "new")
    rig = make_rig([reader()], *store(), one_shot=False)
    assert rig.ends() == {"db": "applied"}
    _go_back(server)
    (outcome,) = rig.run()
    assert outcome.failed
    assert outcome.message.startswith("an older version of SecretStore/aws:db was read")
    assert outcome.retry_after_s == pytest.approx(60)
    assert rig.secret() == {"password": "new"}
    server.account.put("db", "newest")
    server.account.put("db", "newest")
    clock.advance(30)
    rig.run()
    assert rig.secret() == {"password": "newest"}


def test_version_that_somebody_put_back_is_taken_at_the_second_look(
    server: GcpServer, make_rig: MakeRig, clock: FakeClock
) -> None:
    server.account.put("db", "old")
    server.account.put("db", "new")
    rig = make_rig([reader()], *store(), one_shot=False)
    rig.run()
    _go_back(server)
    rig.run()
    clock.advance(59)
    rig.run()
    assert rig.secret() == {"password": "new"}
    clock.advance(2)
    rig.run()
    assert rig.secret() == {"password": "old"}


def _with_sibling(server: GcpServer, make_rig: MakeRig) -> Rig:
    for name in ("db", "api"):
        server.account.put(name, "old")
        server.account.put(name, "new")
    both = external_secret({"data": [item("password", "db"), item("token", "api")]})
    rig = make_rig([both], *store(), one_shot=False)
    assert rig.ends() == {"db": "applied"}
    return rig


def test_version_that_somebody_put_back_is_taken_while_others_move_at_each_look(
    server: GcpServer, make_rig: MakeRig, clock: FakeClock
) -> None:
    rig = _with_sibling(server, make_rig)
    _go_back(server)
    for look in range(3):
        server.account.put("api", f"new-{look}")
        (outcome,) = rig.run()
        assert outcome.failed
        assert rig.secret() == {"password": "new", "token": "new"}
        assert outcome.retry_after_s == pytest.approx(60 - 20 * look)
        clock.advance(20)
    server.account.put("api", "newest")
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"password": "old", "token": "newest"}


def test_second_look_at_one_allows_no_older_version_of_another(
    server: GcpServer, make_rig: MakeRig, clock: FakeClock
) -> None:
    rig = _with_sibling(server, make_rig)
    _go_back(server)
    rig.run()
    clock.advance(61)
    versions = server.account.secret(f"projects/{PROJECT}/secrets/api").versions
    versions.pop()
    (outcome,) = rig.run()
    assert outcome.message.startswith("an older version of SecretStore/aws:api was read")
    assert outcome.retry_after_s == pytest.approx(60)
    assert rig.secret() == {"password": "new", "token": "new"}
    clock.advance(61)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"password": "old", "token": "old"}


def test_run_that_looks_once_takes_what_it_is_given(server: GcpServer, make_rig: MakeRig) -> None:
    server.account.put("db", "old")
    server.account.put("db", "new")
    rig = make_rig([reader()], *store())
    rig.run()
    _go_back(server)
    rig.run()
    assert rig.secret() == {"password": "old"}


def _dated(api: AwsApi, text: str, made_at: float) -> dict[str, Any]:
    """Put a version at AWS; returns what a copy that has this one as the newest answers."""
    api.put("db", text)
    return {**api.call("GetSecretValue", SecretId="db"), "CreatedDate": made_at}


@pytest.fixture
def lagging(
    api: AwsApi, front: StrictFront, make_rig: MakeRig
) -> tuple[Rig, Callable[[dict[str, Any]], None], dict[str, Any]]:
    """A Secret of AWS's newest version, and a way to be answered with another one."""
    api.create("db", "first")
    old, new = _dated(api, "hunter-1", 1_700_000_000.5), _dated(api, "hunter-2", 1_700_000_000.75)

    def serve(reply: dict[str, Any]) -> None:
        front.heal()
        front.inject(rewriting(lambda _: reply), operation="GetSecretValue")

    serve(new)
    rig = make_rig([reader()], one_shot=False)
    assert rig.ends() == {"db": "applied"}
    return rig, serve, old


def test_fault_10_older_version_of_aws_whose_ids_do_not_count_is_not_written(
    lagging: Any, clock: FakeClock, front: StrictFront
) -> None:
    rig, serve, old = lagging
    serve(old)
    (outcome,) = rig.run()
    assert outcome.failed
    assert outcome.message.startswith("an older version of SecretStore/aws:db was read")
    assert outcome.retry_after_s == pytest.approx(60)
    assert "hunter" not in outcome.condition_message
    assert rig.secret() == {"password": "hunter-2"}
    clock.advance(30)
    front.heal()
    assert rig.ends() == {"db": "unchanged"}


def test_fault_10_version_of_aws_that_was_made_current_again_is_taken_at_the_second_look(
    lagging: Any, clock: FakeClock
) -> None:
    rig, serve, old = lagging
    serve(old)
    rig.run()
    clock.advance(61)
    assert rig.ends() == {"db": "applied"}
    assert rig.secret() == {"password": "hunter-1"}
    assert rig.ends() == {"db": "unchanged"}


def test_fault_10_is_noticed_by_a_process_that_did_not_write_the_newer_version(
    lagging: Any, tmp_path: Path
) -> None:
    _, serve, old = lagging
    serve(old)
    shutil.copytree(tmp_path / "cluster-0", tmp_path / "as-left")
    restarted = Rig(tmp_path / "as-left", [reader()], clock=FakeClock(), one_shot=False)
    try:
        assert restarted.ends() == {"db": "failed"}
        assert restarted.secret() == {"password": "hunter-2"}
    finally:
        restarted.close()
