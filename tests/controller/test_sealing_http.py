"""What kubeseal is answered, what strangers may cost, and what nobody learns."""

from __future__ import annotations

import copy
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from sealing import KeyRing, Scope, load_key_ring, parse_certificate, unseal_manifest
from secretsync.controller import bounded_http
from secretsync.controller.bounded_http import MAX_BODY_BYTES, MAX_CONNECTIONS
from tests.controller.sealing_front import SECRET, Front, sealed, serving_front
from tests.sealing.kit import NOW, YEAR, key_object, other_key, vector_key

CERT, VERIFY, ROTATE = "/v1/cert.pem", "/v1/verify", "/v1/rotate"
CLUSTER_WIDE = "sealedsecrets.bitnami.com/cluster-wide"
NAMESPACE_WIDE = "sealedsecrets.bitnami.com/namespace-wide"
#: Asks about a value by failing or not; a template that ran would answer.
GUESS = '{{ if eq .password "hunter2" }}{{ fail "yes" }}{{ end }}'


@pytest.fixture
def front() -> Iterator[Front]:
    with serving_front() as front:
        yield front


def newer_key(name: str = "newer") -> dict[str, Any]:
    """A key Secret whose certificate begins later than the vectors' one."""
    return key_object(name, other_key(), start=NOW - YEAR / 2)


def test_certificate_is_the_newest_ones_pem(front: Front) -> None:
    reply = front.ask(CERT)
    assert (reply.status, reply.type) == (200, "application/x-pem-file")
    assert parse_certificate(reply.body).fingerprint == vector_key().fingerprint
    front.ring = load_key_ring([key_object("first"), newer_key()])
    assert parse_certificate(front.ask(CERT).body).fingerprint == other_key().fingerprint


def test_without_a_key_there_is_no_certificate(front: Front) -> None:
    front.ring = KeyRing()
    reply = front.ask(CERT)
    assert (reply.status, reply.body) == (500, b"cannot get certificate\n")


def test_health_is_plain_and_readiness_follows_the_service(front: Front) -> None:
    assert (front.ask("/healthz").status, front.ask("/healthz").body) == (200, b"ok\n")
    assert (front.ask("/readyz").status, front.ask("/readyz").body) == (200, b"ok\n")
    front.ready = False
    assert (front.ask("/readyz").status, front.ask("/readyz").body) == (503, b"not ready\n")


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/", "/v1/cert.pem/", "/v1/Verify", "/../x"])
def test_other_paths_are_not_found(front: Front, path: str) -> None:
    """The metrics name every SealedSecret, and everybody reaches this port."""
    reply = front.ask(path)
    assert (reply.status, reply.body) == (404, b"404 page not found\n")


@pytest.mark.parametrize("as_yaml", [False, True], ids=["json", "yaml"])
@pytest.mark.parametrize("scope", list(Scope))
def test_what_opens_verifies(front: Front, scope: Scope, *, as_yaml: bool) -> None:
    made = sealed(scope=scope)
    body = yaml.safe_dump(made).encode() if as_yaml else json.dumps(made).encode()
    reply = front.ask(VERIFY, body)
    assert (reply.status, reply.body) == (200, b"")


def _with_value(text: object) -> dict[str, Any]:
    made = sealed()
    made["spec"]["encryptedData"]["password"] = text
    return made


def _changed(**metadata: Any) -> dict[str, Any]:
    made = sealed()
    made["metadata"].update(metadata)
    return made


_GOOD = sealed()["spec"]["encryptedData"]["password"]

DOES_NOT_OPEN = [
    pytest.param(_changed(name="other"), id="name"),
    pytest.param(_changed(namespace="other"), id="namespace"),
    pytest.param(_changed(annotations={CLUSTER_WIDE: "true"}), id="scope"),
    pytest.param(_with_value(_GOOD[:-8]), id="cut"),
    pytest.param(_with_value(_GOOD[:40] + "AAAA" + _GOOD[44:]), id="altered-key"),
    pytest.param(_with_value(_GOOD[:-12] + "AAAAAAAAAAA="), id="altered-tag"),
    pytest.param(_with_value(""), id="empty"),
    pytest.param(_with_value("AA=="), id="short"),
    pytest.param(_with_value("not base64!"), id="no-base64"),
    pytest.param(_with_value(7), id="number"),
    pytest.param(_with_value(None), id="null"),
    pytest.param({**sealed(), "metadata": None}, id="no-metadata"),
]


@pytest.mark.parametrize("body", DOES_NOT_OPEN)
def test_whatever_fails_to_open_gets_one_answer(front: Front, body: dict[str, Any]) -> None:
    verify, rotate = front.ask(VERIFY, body), front.ask(ROTATE, body)
    assert (verify.status, verify.body) == (409, b"")
    assert (rotate.status, rotate.body) == (500, b"")


NO_SEALED_SECRET = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="brace"),
    pytest.param(b"[", id="bracket"),
    pytest.param(b"\x00\xff", id="binary"),
    pytest.param(b"null", id="null"),
    pytest.param(b'"text"', id="text"),
    pytest.param(b"[]", id="list"),
    pytest.param(b"{}", id="no-kind"),
    pytest.param(b"a: [*x]", id="bad-yaml"),
    pytest.param(b'{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}', id="secret"),
    pytest.param(b'{"kind":"SealedSecret","apiVersion":"bitnami.com/v2"}', id="version"),
    pytest.param(json.dumps([sealed()]).encode(), id="in-a-list"),
    pytest.param(b"---\n".join([json.dumps(sealed()).encode() + b"\n"] * 2), id="two"),
    pytest.param(b"a: &a [1]\n" + b"b: [" + b"*a," * 200_000 + b"]", id="alias-bomb"),
    pytest.param(b'{"a":' * 50_000, id="deep"),
]


@pytest.mark.parametrize("path", [VERIFY, ROTATE])
@pytest.mark.parametrize("body", NO_SEALED_SECRET)
def test_what_is_no_sealed_secret_is_an_error_and_ends_nothing(
    front: Front, path: str, body: bytes
) -> None:
    reply = front.ask(path, body)
    assert (reply.status, reply.body) == (500, b"")
    assert front.ask("/healthz").status == 200


def test_rotated_value_is_another_and_opens_under_the_newest_key(front: Front) -> None:
    front.ring = load_key_ring([key_object("first"), newer_key()])
    made = sealed(type="kubernetes.io/basic-auth", data={"url": "{{ .password }}"})
    reply = front.ask(ROTATE, made)
    assert (reply.status, reply.type) == (200, "application/json")
    again = json.loads(reply.body)
    assert again["spec"]["encryptedData"] != made["spec"]["encryptedData"]
    assert {**again, "spec": None} == {**made, "spec": None}
    assert again["spec"]["template"] == made["spec"]["template"]
    del again["spec"]["template"]["data"]
    opened = unseal_manifest(again, [other_key()])
    assert opened["data"].keys() == {"password"}


def test_rotation_leaves_the_scope_as_it_is(front: Front) -> None:
    for scope in Scope:
        again = json.loads(front.ask(ROTATE, sealed(scope=scope)).body)
        assert front.ask(VERIFY, again).status == 200
        moved = copy.deepcopy(again)
        moved["metadata"]["name"] = "moved"
        assert front.ask(VERIFY, moved).status == (409 if scope is Scope.STRICT else 200)


@pytest.mark.parametrize("annotation", [CLUSTER_WIDE, NAMESPACE_WIDE])
def test_scope_slipped_into_the_template_widens_nothing(front: Front, annotation: str) -> None:
    """GHSA-465p-v42x-3fmj: the new seal took the scope that the template asked for."""
    made = sealed(metadata={"annotations": {annotation: "true"}})
    assert front.ask(VERIFY, made).status == 200
    reply = front.ask(ROTATE, made)
    assert (reply.status, reply.body) == (500, b"")


@pytest.mark.parametrize("path", [VERIFY, ROTATE])
@pytest.mark.parametrize(
    "text",
    [
        '{{ fail "x" }}',
        GUESS,
        "{{ .password",
        "{{ nope }}",
        '{{ env "HOME" }}',
        '{{ getHostByName "h" }}',
    ],
)
def test_templates_do_not_run(front: Front, path: str, text: str) -> None:
    """One that ran would answer a question about a victim's value with each request."""
    made = sealed({"password": "hunter2"}, data={"probe": text})
    reply = front.ask(path, made)
    assert reply.status == 200
    if path == ROTATE:
        assert json.loads(reply.body)["spec"]["template"]["data"] == {"probe": text}


def test_answer_never_holds_a_value_or_a_key(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bodies = [
        sealed(),
        sealed(data={"t": "{{ fail .password }}"}),
        *(p.values[0] for p in DOES_NOT_OPEN),
    ]
    seen = b"".join(
        reply.body + repr(reply.headers).encode()
        for body in bodies
        for reply in (front.ask(VERIFY, body), front.ask(ROTATE, body), front.ask(CERT))
    )
    for text in (seen.decode(), caplog.text):
        assert SECRET not in text
        assert "PRIVATE KEY" not in text


def test_every_failure_does_the_same_work(front: Front) -> None:
    """As many private-key operations, whichever step fails and whatever the label."""
    keys = [vector_key().observed(front.use), other_key().observed(front.use)]
    ring = load_key_ring([key_object("first"), newer_key()])
    by_fingerprint = {key.fingerprint: key for key in keys}
    front.ring = KeyRing(
        tuple(
            type(each)(
                each.name,
                by_fingerprint[each.private_key.fingerprint],
                each.certificate,
                each.ordering_at,
            )
            for each in ring.keys
        )
    )
    undecryptable = [
        param.values[0]
        for param in DOES_NOT_OPEN
        if param.id not in ("no-base64", "number", "null", "no-metadata")
    ]
    for body in undecryptable:
        before = front.key_uses
        assert front.ask(VERIFY, body).status == 409
        assert front.key_uses - before == len(keys)


def test_limit_is_by_peer_and_path_and_not_by_what_a_peer_says(front: Front) -> None:
    statuses = [
        front.ask(VERIFY, sealed(), waits=False, headers={"X-Forwarded-For": f"10.0.0.{n}"}).status
        for n in range(5)
    ]
    assert statuses == [200, 200, 200, 429, 429]
    reply = front.ask(VERIFY, sealed(), waits=False)
    assert (reply.status, reply.body) == (429, b"limit exceeded\n")
    assert reply.headers["Retry-After"] == "1"
    assert reply.headers["X-Ratelimit-Limit"] == "3"
    assert reply.headers["X-Ratelimit-Remaining"] == "0"
    assert front.ask(ROTATE, sealed(), waits=False).status == 200
    assert front.ask(CERT, waits=False).status == 200
    front.clock.at_s += 1
    assert front.ask(VERIFY, sealed(), waits=False).status == 200


def test_refused_request_uses_no_key_and_reads_no_body(front: Front) -> None:
    for _ in range(3):
        front.ask(VERIFY, b"{", waits=False)
    large = b" " * (MAX_BODY_BYTES // 2)
    assert front.ask(VERIFY, large, waits=False).status == 429
    assert front.requests[-1] == (VERIFY, "POST", 429)


def test_requests_are_counted_by_path_method_and_code(front: Front) -> None:
    front.ask(CERT)
    front.ask(VERIFY, sealed())
    front.ask(VERIFY, b"{")
    front.ask("/nowhere")
    front.ask("/healthz")
    assert front.requests == [(CERT, "GET", 200), (VERIFY, "POST", 200), (VERIFY, "POST", 500)]


def test_head_and_put_are_answered_like_get_and_post(front: Front) -> None:
    head = front.ask(CERT, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 100
    assert front.ask(VERIFY, sealed(), method="PUT").status == 200


def test_body_that_is_too_large_is_refused(front: Front) -> None:
    reply = front.ask(VERIFY, b" " * (MAX_BODY_BYTES + 1))
    assert (reply.status, reply.body) == (413, b"request body is too large\n")
    head = f"POST {VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**17}\r\n\r\n"
    assert front.raw(head.encode()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param("Content-Length: -1", b"", 400, id="negative"),
        pytest.param("Content-Length: 1x", b"", 400, id="no-number"),
        pytest.param("Content-Length: \u0663", b"", 400, id="other-digits"),
        pytest.param("Content-Length: 5\r\nContent-Length: 6", b"{", 400, id="two-lengths"),
        pytest.param("Content-Length: 5", b"{", 400, id="ends-early"),
        pytest.param("Transfer-Encoding: gzip", b"", 400, id="coding"),
        pytest.param("Transfer-Encoding: chunked\r\nContent-Length: 3", b"", 400, id="both"),
        pytest.param("Transfer-Encoding: chunked", b"zz\r\n", 400, id="bad-chunk"),
        pytest.param("Transfer-Encoding: chunked", b"5\r\n{", 400, id="cut-chunk"),
        pytest.param("Transfer-Encoding: chunked", b"1\r\n{x\r\n0\r\n\r\n", 400, id="long-chunk"),
        pytest.param("Transfer-Encoding: chunked", b"ffffffff\r\n", 413, id="huge-chunk"),
    ],
)
def test_body_that_is_not_what_its_headers_say_is_refused(
    front: Front, headers: str, body: bytes, status: int
) -> None:
    head = f"POST {VERIFY} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode()
    assert front.raw(head + body).startswith(f"HTTP/1.1 {status} ".encode())
    assert front.ask("/healthz").status == 200


def test_chunked_body_is_read(front: Front) -> None:
    body = json.dumps(sealed()).encode()
    parts = [body[:10], body[10:500], body[500:]]
    chunks = b"".join(b"%x;note=1\r\n%b\r\n" % (len(part), part) for part in parts)
    head = f"POST {VERIFY} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert front.raw(head + chunks + b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n\r\n", id="blank-lines"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="tls"),
        pytest.param(b"GET\r\n\r\n", id="short-line"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="version"),
        pytest.param(b"BREW /v1/cert.pem HTTP/1.1\r\n\r\n", id="method"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", id="long-line"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 40_000 + b"\r\n", id="many-headers"
        ),
    ],
)
def test_what_is_no_request_ends_its_connection_alone(front: Front, sent: bytes) -> None:
    answer = front.raw(sent)
    assert not answer.startswith(b"HTTP/1.1 200")
    assert front.ask("/healthz").status == 200


def test_slow_peer_is_cut_off(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the whole time it takes, and not by the pause between two bytes."""
    monkeypatch.setattr(bounded_http, "HEADERS_WITHIN_S", 0.6)
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as peer:
        ended = threading.Event()

        def trickle() -> None:
            while not ended.wait(0.1):
                try:
                    peer.sendall(b"a")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            while peer.recv(100):
                pass
        except ConnectionResetError:
            pass
        finally:
            ended.set()
            thread.join()
    assert front.ask("/healthz").status == 200


def test_slow_body_is_answered_and_cut_off(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "BODY_WITHIN_S", 0.3)
    head = f"POST {VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode()
    assert front.raw(head, half_close=False).startswith(b"HTTP/1.1 408 ")


def test_too_many_connections_are_turned_away_and_come_back(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None of those that are held is to end by itself.
    monkeypatch.setattr(bounded_http, "HEADERS_WITHIN_S", 240.0)
    held = [
        socket.create_connection(("127.0.0.1", front.port), timeout=60)
        for _ in range(MAX_CONNECTIONS)
    ]
    try:
        deadline = time.monotonic() + 60
        while not front.raw(b"GET /healthz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 503"):
            assert time.monotonic() < deadline
    finally:
        for each in held:
            each.close()
    deadline = time.monotonic() + 60
    while not front.raw(b"GET /healthz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
