"""Laws of the `webhook` store and generator that the contract suite does not hold."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace

import pytest

from providers.base import (
    AccessDenied,
    AuthFailed,
    CaProvider,
    Credentials,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    PushItem,
    PushRef,
    RateLimited,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.registry import load
from providers.webhook.config import (
    WebhookConfig,
    WebhookGeneratorConfig,
    WebhookResult,
    WebhookSecret,
    WebhookSecretSelector,
)
from providers.webhook.generator import generate
from secretsync.refresh.rendering import rendering
from tests.support.showing import shown
from tests.support.web import FAULTS, Reply, fault, json_reply, web_server

CANARY = "canary-9f1c-must-not-show"
LOOPBACK = {"webhook_networks": "127.0.0.0/8"}
AUTH = WebhookSecret("auth", WebhookSecretSelector("keys"))
CA = CaProvider("Secret", "ca", "ca.crt")


@pytest.fixture
def server():
    with web_server(lambda request: json_reply("{}")) as made:
        yield made


@pytest.fixture
def asked(server):
    server.handler = lambda request: json_reply('{"value": "v"}')
    return server.requests


def opened(server, path="/", context=None, **block):
    config = WebhookConfig(f"{server.url}{path}", **{"ca_provider": CA, **block})
    return load("webhook").open_provider(config, credentials(server, context), observe=ignore)


def credentials(server, context=None):
    token = {"token": SecretBytes(f"{CANARY}/+&".encode()), "raw": SecretBytes(b"\xff")}
    return Credentials(
        whole_secrets={AUTH.secret_ref: token},
        authorities={CA: server.ca_pem},
        context=LOOPBACK if context is None else context,
        rendering=rendering,
    )


def ignore(operation: str, outcome: str) -> None:
    pass


def answer(store, key="k", **more) -> SecretValue | ProviderError:
    ref = SecretRef(key, **more)
    found = store.fetch([ref])
    assert found.keys() == {ref}
    return found[ref]


def test_templates_make_url_headers_and_body(server, asked):
    store = opened(
        server,
        "/get?id={{ .remoteRef.key }}&v={{ .remoteRef.version }}&p={{ .remoteRef.property }}",
        method="post",
        headers=(("X-Key", "{{ .remoteRef.key }}"), ("Authorization", "Bearer {{ .auth.token }}")),
        body='{"key": {{ .remoteRef.key | toJson }}}',
        secrets=(AUTH,),
    )
    got = answer(store, "a/b c&d", version="1", property="x.y")
    assert got.value.reveal() == b'{"value": "v"}'
    [request] = asked
    assert request.method == "POST"
    assert request.path == "/get?id=a%2Fb+c%26d&v=1&p=x.y"
    assert request.headers["x-key"] == "a/b c&d"
    assert request.headers["authorization"] == f"Bearer {CANARY}/+&"
    assert json.loads(request.body) == {"key": "a/b c&d"}
    store.close()


def test_secrets_of_the_block_are_inserted_as_they_are(server, asked):
    store = opened(
        server,
        "/?t={{ .auth.token }}&u={{ .auth.token | urlquery }}",
        headers=(("X", "{{ .auth.token }}"),),
        secrets=(AUTH,),
    )
    assert isinstance(answer(store), SecretValue)
    assert asked[0].path == f"/?t={CANARY}/+&&u={CANARY}%2F%2B%26"
    assert asked[0].headers["x"] == f"{CANARY}/+&"
    store.close()


def test_secret_of_the_block_gives_all_its_keys(server, asked):
    narrow = WebhookSecret("auth", WebhookSecretSelector("keys", key="raw"))
    held = {narrow.secret_ref: {"raw": SecretBytes(b"r"), "token": SecretBytes(b"t")}}
    given = replace(credentials(server), whole_secrets=held)
    config = WebhookConfig(
        f"{server.url}/?t={{{{ .auth.token }}}}&r={{{{ .auth.raw }}}}",
        ca_provider=CA,
        secrets=(narrow,),
    )
    store = load("webhook").open_provider(config, given, observe=ignore)
    assert isinstance(answer(store), SecretValue)
    assert asked[0].path == "/?t=t&r=r"
    store.close()


def test_namespace_is_of_whoever_uses_the_store(server, asked):
    module = load("webhook")
    template = "/{{ .remoteRef.namespace }}"
    store = opened(server, template, context={**LOOPBACK, "namespace": "team-a"})
    assert isinstance(answer(store), SecretValue)
    assert asked[0].path == "/team-a"
    assert module.identity_names_namespace(WebhookConfig(template))
    assert module.identity_names_namespace(WebhookConfig("/", headers=(("X", template),)))
    assert not module.identity_names_namespace(WebhookConfig("/{{ .remoteRef.key }}"))
    store.close()


@pytest.mark.parametrize(
    ("path", "body", "value"),
    [
        pytest.param("", "plain text\n", b"plain text\n", id="all"),
        pytest.param("", "", b"", id="empty"),
        pytest.param("$.a", '{"a": "b"}', b"b", id="text"),
        pytest.param("$.{{ .remoteRef.property }}", '{"p": "b"}', b"b", id="templated"),
        pytest.param("$.a", '{"a": true}', b"true", id="bool"),
        pytest.param("$.a", '{"a": null}', b"", id="null"),
        pytest.param("$.a", '{"a": 9007199254740993}', b"9007199254740993", id="integer"),
        pytest.param("$.a", '{"a": 1.5}', b"1.5", id="number"),
        pytest.param("$.a", '{"a": 1e21}', b"1000000000000000000000", id="exponent"),
        pytest.param("$.a", '{"a": [["x"], "y"]}', b"x", id="first-of-a-list"),
        pytest.param("$..a", '[{"a": 7}, {"a": 8}]', b"7", id="first-found"),
        pytest.param("$.a", '{"a": {"z": 1, "b": "<"}}', b'{"b":"\\u003c","z":1}', id="object"),
    ],
)
def test_value_of_an_answer(server, asked, path, body, value):
    server.handler = lambda request: json_reply(body)
    store = opened(server, result=WebhookResult(path))
    assert answer(store, property="p").value.reveal() == value
    store.close()


@pytest.mark.parametrize(
    ("path", "reply", "kind"),
    [
        ("$.a", json_reply('{"b": 1}'), MalformedSecret),
        ("$..a", json_reply('{"b": 1}'), MalformedSecret),
        ("$.a", json_reply(f'{{"a": "{CANARY}'), MalformedSecret),
        ("$.a[", json_reply("{}"), MalformedSecret),
        ("{{ .nothing.here }}", json_reply("{}"), InvalidRef),
        ("", fault("html"), MalformedSecret),
        ("", json_reply("", 404), SecretNotFound),
        ("", json_reply("", 304), Unavailable),
        ("", json_reply(CANARY, 401), AuthFailed),
        ("", json_reply(CANARY, 403), AccessDenied),
        ("", json_reply(CANARY, 500), Unavailable),
        ("", json_reply(CANARY, 302, Location="https://other.example/"), Unavailable),
        ("", Reply(429, {"Retry-After": "5"}), RateLimited),
        (
            "",
            lambda connection, closing: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhal"),
            Unavailable,
        ),
    ],
)
def test_answer_that_is_no_value_says_what_to_do(server, asked, path, reply, kind):
    server.handler = lambda request: reply
    store = opened(server, result=WebhookResult(path))
    got = answer(store)
    assert type(got) is kind
    assert CANARY not in shown(got) + got.remedy
    store.close()


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_gives_a_value_or_an_absence_or_holds_anybody_up(server, asked, name):
    server.handler = lambda request: fault(name)
    store = opened(server, timeout="500ms", result=WebhookResult("$.a"))
    began = time.monotonic()
    assert isinstance(answer(store), Unavailable | MalformedSecret)
    assert time.monotonic() - began < 20
    store.close()


@pytest.mark.parametrize(
    "key",
    ["../admin", "..", "a/../../b", "%2e%2e/admin", "a//b", "a\r\nX: y", "a" * 4096, "\ud800"],
)
@pytest.mark.parametrize("path", ["/secrets/{{ .remoteRef.key }}", "/?k={{ .remoteRef.key }}"])
def test_key_reaches_no_other_path(server, asked, key, path):
    store = opened(server, path)
    got = answer(store, key)
    assert isinstance(got, SecretValue | InvalidRef)
    for request in asked:
        assert request.path.startswith(("/secrets/", "/?k="))
        assert request.path.count("/") == path.count("/")
        assert ".." not in request.path.split("?")[0].replace("%2F", "/").split("/")
        assert "x" not in request.headers
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest",
        "http://100.100.100.200/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:169.254.169.254]/",
        "http://{{ .remoteRef.key }}/",
    ],
)
def test_metadata_service_is_never_asked(server, url):
    allowed = {"webhook_networks": "0.0.0.0/0,::/0"}
    made = Credentials(context=allowed, rendering=rendering)
    store = load("webhook").open_provider(WebhookConfig(url, timeout="2s"), made, observe=ignore)
    got = answer(store, "169.254.169.254")
    assert isinstance(got, InvalidRef)
    assert "may not reach" in got.message
    store.close()


def test_private_server_is_asked_only_where_the_process_allows_its_network(server, asked):
    for networks, allowed in (("", False), ("10.0.0.0/8", False), ("127.0.0.1", True)):
        store = opened(server, context={"webhook_networks": networks})
        assert isinstance(answer(store), SecretValue) is allowed
        store.close()
    assert len(asked) == 1


def test_networks_that_cannot_be_read_allow_nothing(server):
    with pytest.raises(InvalidRef, match="cannot be read"):
        opened(server, context={"webhook_networks": "everything"})


def test_etag_tells_an_unchanged_value_without_sending_it(server, asked):
    server.handler = lambda request: (
        Reply(304)
        if request.headers.get("if-none-match") == '"1"'
        else json_reply("value", ETag='"1"')
    )
    store = opened(server)
    ref = SecretRef("k")
    known = {ref: store.fetch([ref])[ref].version}
    assert store.changes(None, known).unchanged == {ref}
    server.handler = lambda request: json_reply("other", ETag='"2"')
    assert set(store.changes(None, known).changed) == {ref}
    server.handler = lambda request: json_reply("", 404)
    assert store.changes(None, known).unknown == {ref}
    store.close()


def test_request_that_may_change_something_is_not_sent_to_look_for_changes(server, asked):
    server.handler = lambda request: json_reply("value", ETag='"1"')
    store = opened(server, method="POST")
    ref = SecretRef("k")
    known = {ref: store.fetch([ref])[ref].version}
    assert store.changes(None, known).unknown == {ref}
    assert len(asked) == 1
    store.close()


def test_authority_of_the_block_is_trusted_and_no_other(server, asked):
    given = base64.b64encode(server.ca_pem).decode()
    for block, works in ((given, True), ("", False)):
        store = opened(server, ca_provider=None, ca_bundle=block)
        assert isinstance(answer(store), SecretValue) is works
        store.close()
    for wrong in ("not base64!", base64.b64encode(b"no certificate").decode()):
        with pytest.raises(InvalidRef):
            opened(server, ca_provider=None, ca_bundle=wrong)


def test_push_sends_the_value_once(server, asked):
    store = opened(
        server,
        "/push?id={{ .remoteRef.remoteKey }}&k={{ .remoteRef.secretKey }}",
        body='{"v": {{ index .remoteRef .remoteRef.remoteKey | toJson }}}',
    )
    item = PushItem(PushRef("a b"), SecretBytes(CANARY.encode()), secret_key="key")
    assert [store.push(item), store.push(item)] == [True, False]
    [request] = list(asked)
    assert (request.method, request.path) == ("POST", "/push?id=a+b&k=key")
    assert json.loads(request.body) == {"v": CANARY}
    assert opened(server, "/push").push(item)
    assert asked[-1].body == CANARY.encode()
    for refused in (store.exists, store.delete):
        with pytest.raises(InvalidRef):
            refused(PushRef("a b"))
    store.close()


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_push_that_is_refused_is_an_error_without_the_value(server, asked, status):
    server.handler = lambda request: json_reply(CANARY, status)
    store = opened(server, body="{{ index .remoteRef .remoteRef.remoteKey }}")
    with pytest.raises(ProviderError) as caught:
        store.push(PushItem(PushRef("k"), SecretBytes(CANARY.encode())))
    assert CANARY not in shown(caught.value)
    store.close()


@pytest.mark.parametrize("template", ["{{ fail .auth.token }}", "{{ .auth.token", "{{ .auth.no }}"])
@pytest.mark.parametrize("field", ["url", "body", "headers"])
def test_template_that_fails_is_named_and_shows_no_value(server, asked, template, field):
    made = {"headers": (("X", template),)} if field == "headers" else {"body": template}
    path = f"/{template}" if field == "url" else "/"
    store = opened(server, path, secrets=(AUTH,), **({} if field == "url" else made))
    got = answer(store)
    assert isinstance(got, InvalidRef)
    assert field in got.message
    assert CANARY not in shown(got)
    assert not asked
    store.close()


def test_metadata_and_find_are_refused(server):
    store = opened(server)
    assert isinstance(answer(store, metadata=True), InvalidRef)
    store.close()


def generated(server, **block):
    config = WebhookGeneratorConfig(server.url, ca_provider=CA, **block)
    return generate(config, credentials(server), observe=ignore, entropy=bytes, now=None)


def test_generator_makes_a_key_of_each_member(server, asked):
    server.handler = lambda request: json_reply(
        '{"r": {"a": "b", "n": 1, "o": {"x": []}, "z": null}}'
    )
    assert generated(server, result=WebhookResult("$.r")) == {
        "a": b"b",
        "n": b"1",
        "o": b'{"x":[]}',
        "z": b"",
    }


@pytest.mark.parametrize("body", ["", "[]", "{}", '"text"', "<html>", CANARY])
def test_generator_refuses_what_is_no_object_with_members(server, asked, body):
    server.handler = lambda request: json_reply(body)
    with pytest.raises(MalformedSecret) as caught:
        generated(server)
    assert CANARY not in shown(caught.value)


def test_generator_reports_a_failed_request(server, asked):
    server.handler = lambda request: json_reply("", 500)
    with pytest.raises(Unavailable):
        generated(server)


def test_key_is_shown_short_and_without_what_a_terminal_obeys(server):
    server.handler = lambda request: json_reply("", 404)
    store = opened(server)
    got = answer(store, "one\n\x1b[31m" + "k" * 4096)
    assert isinstance(got, SecretNotFound)
    assert got.message.isprintable()
    assert "one??[31mkkk" in got.message
    assert len(got.message) < 200
    store.close()


def test_templates_of_one_request_share_what_they_may_cost(server, asked):
    costly = '{{ repeat 5000000 "x" | len }}'
    store = opened(server, headers=tuple((f"x{number}", costly) for number in range(6)))
    assert "too much memory" in str(answer(store))
    assert asked == []
    store = opened(server, headers=(("x", costly),))
    for _ in range(6):
        answer(store)
    assert len(asked) == 6
