"""Fault 10: an older version after a newer one is a stale read until it is seen twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from secretsync.core.safety import older_versions
from secretsync.resources.external_secret import ExternalSecret
from tests.core.secret_cases import external_secret, item
from tests.refresh.kit import FakeClock, Rig
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


def test_run_that_looks_once_takes_what_it_is_given(server: GcpServer, make_rig: MakeRig) -> None:
    server.account.put("db", "old")
    server.account.put("db", "new")
    rig = make_rig([reader()], *store())
    rig.run()
    _go_back(server)
    rig.run()
    assert rig.secret() == {"password": "old"}
