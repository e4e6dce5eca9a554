"""Laws of `providers.http` and `providers.addresses`."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time

import pytest

from providers.addresses import Reach
from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    RateLimited,
    SecretBytes,
    SecretNotFound,
    Unavailable,
)
from providers.http import HttpClient, status_error
from providers.http_answers import HttpAnswer
from providers.http_tls import ClientCertificate
from tests.support.kube_certs import CertificateAuthority
from tests.support.showing import shown
from tests.support.web import FAULTS, Reply, WebServer, fault, json_reply, web_server

LOOPBACK = Reach.parse("127.0.0.0/8")
CANARY = "canary-9f1c-must-not-show"


@pytest.fixture
def server():
    with web_server(lambda request: json_reply("{}")) as made:
        yield made


@pytest.fixture
def client(server):
    server.handler = lambda request: json_reply(f'{{"path": "{request.path}"}}')
    made = HttpClient(server.url, ca_pem=server.ca_pem, reach=LOOPBACK, deadline_s=30.0)
    yield made
    made.close()


@pytest.fixture
def hasty(server):
    """A client that soon gives up, for servers that do not come to an end."""
    made = HttpClient(server.url, ca_pem=server.ca_pem, reach=LOOPBACK, deadline_s=1.0)
    yield made
    made.close()


def test_request_gives_status_headers_and_body(server, client):
    server.handler = lambda request: json_reply('{"a": 1}', 201, ETag="x")
    answer = client.request("POST", "/a?b=c", headers={"X-Y": "z"}, body=b"sent")
    assert (answer.status, answer.headers["etag"], answer.json("it")) == (201, "x", {"a": 1})
    asked = server.requests[-1]
    assert (asked.method, asked.path, asked.body) == ("POST", "/a?b=c", b"sent")
    assert asked.headers["x-y"] == "z"


def test_connection_is_kept_between_requests(server, client):
    opened = threading.active_count()
    for _ in range(3):
        client.request("GET", "/")
    assert threading.active_count() <= opened + 1


WORST = {
    "server-error": None,
    "html": None,
    "empty": None,
    "huge": MalformedSecret,
    "endless": MalformedSecret,
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_ends_in_time_with_the_class_that_says_what_to_do(
    server, client, hasty, name, caplog
):
    caplog.set_level("DEBUG")
    # What comes to an end is given the time that a busy machine needs.
    client = client if name in WORST else hasty
    server.handler = lambda request: fault(name)
    began = time.monotonic()
    expected = WORST.get(name, Unavailable)
    if expected is None:
        client.request("GET", "/")
    else:
        with pytest.raises(expected) as raised:
            client.request("GET", f"/?token={CANARY}", headers={"Authorization": CANARY})
        assert CANARY not in shown(raised.value) + caplog.text
    # The deadline is 1 s; what is far beyond it is a server that holds its client.
    assert time.monotonic() - began < 20


def test_answer_without_a_length_says_that_it_may_be_cut(server, client):
    server.handler = lambda request: (
        lambda connection, closing: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nsome")
    )
    answer = client.request("GET", "/")
    assert (answer.body, answer.framed) == (b"some", False)
    server.handler = lambda request: json_reply("")
    assert client.request("GET", "/").framed


def test_answer_that_is_no_json_says_so_without_its_text():
    for body, found in ((f"<p>{CANARY}", "HTML"), (f"{{{CANARY}", "something else")):
        with pytest.raises(MalformedSecret, match=found) as raised:
            HttpAnswer(200, {}, body.encode()).json("the answer")
        assert CANARY not in shown(raised.value)


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (400, {}, InvalidRef),
        (401, {}, AuthFailed),
        (403, {}, AccessDenied),
        (404, {}, SecretNotFound),
        (408, {}, Unavailable),
        (429, {"retry-after": "7"}, RateLimited),
        (500, {}, Unavailable),
        (503, {"retry-after": "7"}, RateLimited),
        (307, {}, Unavailable),
    ],
)
def test_status_says_what_to_do(status, headers, kind):
    error = status_error(HttpAnswer(status, headers, CANARY.encode()), "it")
    assert type(error) is kind
    assert CANARY not in shown(error)
    if kind is RateLimited:
        assert error.retry_after_s == 7.0


def test_absence_by_status_is_not_definite():
    assert not status_error(HttpAnswer(404, {}, b""), "it").definite


def test_redirect_inside_the_origin_is_followed(server, client):
    server.handler = lambda request: (
        Reply(302, {"Location": "/there"}) if request.path == "/here" else json_reply("{}")
    )
    assert client.request("GET", "/here").ok
    assert [request.path for request in server.requests] == ["/here", "/there"]


@pytest.mark.parametrize("location", ["https://other.example/", "http://127.0.0.1:{port}/", "//x"])
def test_redirect_to_another_origin_is_refused_and_gets_no_request(server, client, location):
    target = location.format(port=server.port)
    server.handler = lambda request: Reply(302, {"Location": target})
    with pytest.raises(Unavailable, match="redirects to another host"):
        client.request("GET", "/", headers={"Authorization": CANARY})
    assert len(server.requests) == 1


def test_redirect_of_a_write_is_refused(server, client):
    server.handler = lambda request: Reply(307, {"Location": "/there"})
    with pytest.raises(Unavailable, match="redirects a POST"):
        client.request("POST", "/", body=b"x")


def test_redirects_without_end_end(server, client):
    server.handler = lambda request: Reply(302, {"Location": f"{request.path}x"})
    with pytest.raises(Unavailable, match="without end"):
        client.request("GET", "/")
    assert len(server.requests) < 10


def test_server_of_another_authority_is_refused(server):
    for ca_pem in (None, CertificateAuthority().pem):
        client = HttpClient(server.url, ca_pem=ca_pem, reach=LOOPBACK)
        with pytest.raises(Unavailable, match="TLS handshake"):
            client.request("GET", "/")
        client.close()


def test_server_of_another_name_is_refused(server, monkeypatch):
    found = socket.getaddrinfo("127.0.0.1", server.port, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    client = HttpClient(f"https://name.example:{server.port}", ca_pem=server.ca_pem, reach=LOOPBACK)
    with pytest.raises(Unavailable, match=r"TLS handshake.*name\.example"):
        client.request("GET", "/")
    client.close()


def test_client_certificate_is_shown_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    authority, clients = CertificateAuthority(), CertificateAuthority()
    server = WebServer(lambda request: json_reply("{}"), authority=authority, clients=clients)
    certificate, key = clients.issue_client("ann", [])
    cert = ClientCertificate(certificate, SecretBytes(key))
    options = {"ca_pem": authority.pem, "reach": LOOPBACK}
    with_it, without = (
        HttpClient(server.url, client_cert=shown, **options) for shown in (cert, None)
    )
    assert with_it.request("GET", "/").ok
    with pytest.raises(Unavailable):
        without.request("GET", "/")
    assert list(tmp_path.iterdir()) == []
    for one in (with_it, without, server):
        one.close()


@pytest.mark.parametrize("field", ["ca_pem", "client_cert"])
def test_unusable_certificate_is_refused_without_its_text(field):
    pem = CANARY.encode()
    value = pem if field == "ca_pem" else ClientCertificate(pem, SecretBytes(pem))
    with pytest.raises(InvalidRef, match="PEM") as raised:
        HttpClient("https://name.example", **{field: value})
    assert CANARY not in shown(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://name.example/",
        "file:///etc/passwd",
        "name.example/",
        "https://",
        "https://ann:pw@name.example/",
        "https://name.example/a b",
        "https://name.example/a\r\nHost: other",
        "https://name.example\\@other.example/",
        "https://name.example/a/../b",
        "https://name.example/a/%2e%2E/b",
        "https://name.example/a/..%2Fb",
        "https://name.example/a%5c..%5cb",
        "https://name.example:x/",
        "https://name.example/" + "a" * 20_000,
    ],
)
def test_url_that_may_mean_something_else_is_refused(url):
    client = HttpClient(name="the store")
    with pytest.raises(InvalidRef) as raised:
        client.request("GET", url)
    assert url not in shown(raised.value)


@pytest.mark.parametrize(
    "header", [("X-A", "b\r\nX-B: c"), ("X A", "b"), ("", "b"), ("X", "\u2603")]
)
def test_header_that_would_be_two_is_refused(server, client, header):
    with pytest.raises(InvalidRef):
        client.request("GET", "/", headers=dict([header]))
    assert not server.requests


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_proxy_of_the_environment_is_not_used(server, client, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert client.request("GET", "/").ok


REFUSED = """127.0.0.1 127.1.2.3 10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 169.254.169.254
    169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 0.0.0.0 255.255.255.255 224.0.0.1
    ::1 :: fe80::1 fd00:ec2::254 fd12::1 ff02::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254
    64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1 2002:a9fe:a9fe::1 2002:7f00:1::"""
NEVER = """169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 0.0.0.0
    224.0.0.1 :: fe80::1 fd00:ec2::254 fd20:ce::254 ff02::1 ::ffff:169.254.169.254
    64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1"""


@pytest.mark.parametrize("text", REFUSED.split())
def test_address_that_is_not_public_is_refused(text):
    assert not Reach().allows(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", NEVER.split())
def test_address_of_a_metadata_service_is_refused_by_every_rule(text):
    assert not Reach.everywhere().allows(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_address_is_allowed(text):
    assert Reach().allows(ipaddress.ip_address(text))


def test_named_network_is_allowed_and_no_other():
    reach = Reach.parse("10.1.0.0/16, 127.0.0.1")
    allowed = [
        text
        for text in ("10.1.2.3", "10.2.0.1", "127.0.0.1", "127.0.0.2")
        if reach.allows(ipaddress.ip_address(text))
    ]
    assert allowed == ["10.1.2.3", "127.0.0.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]"])
def test_private_server_gets_no_connection_however_it_is_spelled(host):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = HttpClient(f"http://{host}:{port}")
        with pytest.raises(ProviderError, match=r"may not reach|does not resolve"):
            client.request("GET", "/")
        client.close()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_name_that_also_has_a_private_address_is_refused(monkeypatch):
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("8.8.8.8", "169.254.169.254")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    client = HttpClient("http://rebound.example")
    with pytest.raises(InvalidRef, match="may not reach") as raised:
        client.request("GET", "/")
    assert "169.254" not in shown(raised.value)


def test_connection_goes_to_the_address_that_was_judged(server, monkeypatch):
    real, asked = socket.getaddrinfo, []

    def rebinding(host, *args, **options):
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.99", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    client = HttpClient(
        f"https://localhost:{server.port}", ca_pem=server.ca_pem, reach=Reach.parse("127.0.0.1")
    )
    assert client.request("GET", "/").ok
    assert asked == ["localhost"]
    client.close()


def test_server_that_is_not_there_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = HttpClient(f"http://127.0.0.1:{port}", reach=LOOPBACK)
    with pytest.raises(Unavailable, match="cannot be reached"):
        client.request("GET", "/")
