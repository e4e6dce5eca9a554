"""Every status of an API server maps to one class that says what to do."""

from __future__ import annotations

import json

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes_errors import (
    MESSAGE_CHARS,
    Answer,
    error_of,
    is_absent,
    parse_status,
)
from secretsync.errors import (
    AlreadyExists,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Rejected,
)

CANARY = "canary-51c9aa"
RBAC = 'secrets is forbidden: User "ann" cannot create resource "secrets" in API group ""'


def refusal(code, reason="", message="", *, kind="ExternalSecret", headers=None, **details):
    body = {
        "kind": "Status",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details or None,
    }
    status = parse_status(json.dumps(body).encode())
    attempt = f"create {kind} default/db in kube:test"
    return error_of(Answer(attempt, KINDS[kind], code, status, headers or {}, is_write=True))


@pytest.mark.parametrize(
    ("code", "reason", "message", "expected"),
    [
        pytest.param(302, "", "", ClusterUnavailable, id="redirect"),
        pytest.param(400, "BadRequest", "bad", Rejected, id="bad-request"),
        pytest.param(401, "Unauthorized", "Unauthorized", Forbidden, id="unauthorized"),
        pytest.param(403, "Forbidden", RBAC, Forbidden, id="rbac"),
        pytest.param(
            403,
            "Forbidden",
            'roles "r" is forbidden: user "ann" (groups=["x"]) is attempting to grant RBAC',
            Forbidden,
            id="rbac-escalation",
        ),
        pytest.param(403, "", "", Forbidden, id="403-of-a-proxy"),
        pytest.param(403, "Forbidden", "exceeded quota: q", Rejected, id="quota"),
        pytest.param(
            403, "Forbidden", "because it is being terminated", Rejected, id="terminating"
        ),
        pytest.param(
            403, "Forbidden", 'admission webhook "w" denied the request: no', Rejected, id="hook"
        ),
        pytest.param(404, "NotFound", "not found", NotFound, id="not-found"),
        pytest.param(405, "MethodNotAllowed", "no", Rejected, id="method"),
        pytest.param(408, "Timeout", "slow", ClusterUnavailable, id="timeout"),
        pytest.param(409, "AlreadyExists", "there", AlreadyExists, id="already-exists"),
        pytest.param(409, "Conflict", "changed", Conflict, id="conflict"),
        pytest.param(410, "Expired", "too old", Gone, id="expired"),
        pytest.param(413, "RequestEntityTooLarge", "big", Rejected, id="too-large"),
        pytest.param(422, "Invalid", "bad", Rejected, id="invalid"),
        pytest.param(429, "TooManyRequests", "later", ClusterUnavailable, id="throttled"),
        pytest.param(500, "InternalError", "oops", ClusterUnavailable, id="internal"),
        pytest.param(500, "", "failed to create typed patch object (a)", Rejected, id="apply-type"),
        pytest.param(502, "", "", ClusterUnavailable, id="bad-gateway"),
        pytest.param(503, "ServiceUnavailable", "", ClusterUnavailable, id="unavailable"),
        pytest.param(504, "Timeout", "", ClusterUnavailable, id="gateway-timeout"),
    ],
)
def test_error_of_status_is_one_leaf(code, reason, message, expected):
    error = refusal(code, reason, message)
    assert type(error) is expected
    assert error.message.startswith("cannot create ExternalSecret default/db in kube:test: ")


def test_error_of_replaced_object_is_a_conflict():
    causes = [{"field": "metadata.uid", "reason": "FieldValueInvalid", "message": "immutable"}]
    assert type(refusal(422, "Invalid", "x", causes=causes)) is Conflict


@pytest.mark.parametrize(
    ("headers", "details", "expected"),
    [
        pytest.param({"Retry-After": "7"}, {"retryAfterSeconds": 3}, 7.0, id="header"),
        pytest.param({}, {"retryAfterSeconds": 3}, 3.0, id="details"),
        pytest.param({"Retry-After": "Mon, 01 Jan 2029 00:00:00 GMT"}, {}, None, id="date"),
        pytest.param({}, {}, None, id="none"),
    ],
)
def test_error_of_throttling_keeps_retry_after(headers, details, expected):
    assert refusal(429, headers=headers, **details).retry_after_s == expected


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        pytest.param(400, "BadRequest", f"bigger context ...|{CANARY}|...", id="decoding"),
        pytest.param(403, "Forbidden", f'admission webhook "w" denied the request: {CANARY}'),
        pytest.param(422, "Invalid", f'data[a]: Invalid value: "{CANARY}": no'),
        pytest.param(500, "InternalError", f"failed calling webhook: {CANARY}", id="internal"),
        pytest.param(500, "", f'failed to create typed patch object: .data.a: got "{CANARY}"'),
        pytest.param(
            403, "Forbidden", f"policy 'p' denied request: {CANARY} not found", id="policy"
        ),
        pytest.param(409, "Conflict", f'already exists: Invalid value "{CANARY}"', id="mixed"),
    ],
)
@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_error_of_refused_values_quotes_none(kind, code, reason, message):
    causes = [{"field": "data[a]", "reason": "FieldValueInvalid", "message": message}]
    error = refusal(code, reason, message, kind=kind, causes=causes)
    assert CANARY not in f"{error!r} {error.message} {error.remedy}"


def test_error_of_refused_spec_quotes_the_server_and_is_cut():
    assert 'Invalid value: "5x"' in refusal(422, "Invalid", 'Invalid value: "5x"').message
    assert len(refusal(422, "Invalid", "x" * 5000).message) < MESSAGE_CHARS + 60


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        pytest.param(404, {"reason": "NotFound", "details": {"name": "db"}}, True, id="absent"),
        pytest.param(404, {"reason": "NotFound", "details": {"name": "x"}}, False, id="other"),
        pytest.param(404, {"reason": "NotFound", "details": {}}, False, id="no-such-kind"),
        pytest.param(410, {"reason": "NotFound", "details": {"name": "db"}}, False, id="gone"),
    ],
)
def test_is_absent_wants_the_servers_own_word(code, body, expected):
    status = parse_status(json.dumps({"kind": "Status", **body}).encode())
    assert is_absent(code, status, "db") is expected


@pytest.mark.parametrize("body", [b"", b"404 page not found\n", b"[]", b'{"kind": 7}', b"{}"])
def test_parse_status_of_anything_else_is_empty(body):
    assert parse_status(body).reason == ""
