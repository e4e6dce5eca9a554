"""Who may ask a remote API server, and what answers as one; no real server is needed."""

from __future__ import annotations

import base64
import time

import pytest
import yaml

from providers.base import (
    AuthFailed,
    Credentials,
    InvalidRef,
    MalformedSecret,
    SecretBytes,
    SecretKeySelector,
    SecretRef,
    Unavailable,
)
from providers.kubernetes.config import (
    KubernetesAuth,
    KubernetesCert,
    KubernetesConfig,
    KubernetesServer,
    KubernetesToken,
)
from providers.kubernetes.kubeconfig import read_kubeconfig
from providers.registry import load
from tests.support.kube_certs import CertificateAuthority
from tests.support.showing import shown
from tests.support.web import FAULTS, fault, json_reply, web_server

CANARY = "canary-9f1c-must-not-show"
TOKEN = SecretKeySelector("remote", "token")
CONFIG = SecretKeySelector("remote", "config")


def kubeconfig(cluster=None, user=None, **top):
    return yaml.safe_dump(
        {
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [
                {"name": "c", "cluster": {"server": "https://api.example", **(cluster or {})}}
            ],
            "users": [{"name": "u", "user": {"token": CANARY} if user is None else user}],
            **top,
        }
    ).encode()


def test_kubeconfig_gives_its_current_context():
    pem = base64.b64encode(b"PEM").decode()
    user = {"client-certificate-data": pem, "client-key-data": pem, "token": "t"}
    found = read_kubeconfig(kubeconfig({"certificate-authority-data": pem}, user))
    assert (found.server, found.ca_pem, found.certificate) == (
        "https://api.example",
        b"PEM",
        b"PEM",
    )
    assert (found.token.reveal(), found.key.reveal()) == (b"t", b"PEM")
    assert "PEM" not in repr(found.key)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(kubeconfig(user={"exec": {"command": "sh"}}), "runs a program", id="exec"),
        pytest.param(kubeconfig(user={"auth-provider": {"name": "x"}}), "plugin", id="plugin"),
        pytest.param(kubeconfig(user={"tokenFile": "/etc/shadow"}), "a file", id="token-file"),
        pytest.param(kubeconfig(user={"client-key": "/k"}), "a file", id="key-file"),
        pytest.param(kubeconfig(user={"client-certificate": "/c"}), "a file", id="cert-file"),
        pytest.param(
            kubeconfig(user={"username": "a", "password": CANARY}), "password", id="basic"
        ),
        pytest.param(kubeconfig(user={"as": "admin", "token": CANARY}), "impersonates", id="as"),
        pytest.param(kubeconfig({"certificate-authority": "/ca"}), "a file", id="ca-file"),
        pytest.param(kubeconfig({"insecure-skip-tls-verify": True}), "verification", id="insecure"),
        pytest.param(kubeconfig({"proxy-url": "http://p"}), "proxy", id="proxy"),
        pytest.param(kubeconfig({"server": ""}), "no server", id="no-server"),
        pytest.param(kubeconfig({"certificate-authority-data": "?"}), "base64", id="base64"),
        pytest.param(kubeconfig(**{"current-context": "other"}), "no context", id="context"),
        pytest.param(kubeconfig(clusters=[]), "no cluster", id="no-cluster"),
        pytest.param(kubeconfig(users="x"), "no user", id="users"),
        pytest.param(CANARY.encode(), "no kubeconfig", id="text"),
        pytest.param(b"{" + CANARY.encode(), "no kubeconfig", id="broken"),
        pytest.param(b"\xff\x00", "no kubeconfig", id="binary"),
        pytest.param(b"!!python/object/apply:os.system ['x']", "no kubeconfig", id="code"),
        pytest.param(b"[" * 100_000, "no kubeconfig", id="deep"),
        pytest.param(b"a: &a [*a]", "no kubeconfig", id="cycle"),
        pytest.param(b"a: " + b"x" * 1_000_000, "no kubeconfig", id="large"),
    ],
)
def test_kubeconfig_that_is_not_taken_is_refused_and_not_shown(content, message):
    with pytest.raises(AuthFailed, match=message) as caught:
        read_kubeconfig(content)
    assert CANARY not in shown(caught.value)


def opened(config, **secrets):
    given = {TOKEN: SecretBytes(b"token"), **secrets.pop("more", {})}
    credentials = Credentials(given, **secrets)
    return load("kubernetes").open_provider(config, credentials, observe=lambda *_: None)


BEARER = KubernetesAuth(token=KubernetesToken(TOKEN))


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        pytest.param(KubernetesConfig(), InvalidRef, id="no-auth"),
        pytest.param(KubernetesConfig(auth=KubernetesAuth()), InvalidRef, id="empty-auth"),
        pytest.param(
            KubernetesConfig(auth=KubernetesAuth(KubernetesCert(), KubernetesToken(TOKEN))),
            InvalidRef,
            id="two-auths",
        ),
        pytest.param(
            KubernetesConfig(auth=KubernetesAuth(token=KubernetesToken())), InvalidRef, id="no-ref"
        ),
        pytest.param(
            KubernetesConfig(KubernetesServer("http://api.example"), BEARER), InvalidRef, id="http"
        ),
        pytest.param(
            KubernetesConfig(KubernetesServer(ca_bundle="?"), BEARER), InvalidRef, id="ca-bundle"
        ),
        pytest.param(
            KubernetesConfig(KubernetesServer("https://a@api.example"), BEARER),
            InvalidRef,
            id="user",
        ),
    ],
)
def test_block_that_cannot_work_is_refused(config, kind):
    with pytest.raises(kind):
        opened(config)


def test_token_with_what_no_token_has_is_refused():
    for token in (b"", b"\n", "é".encode()):
        with pytest.raises(AuthFailed):
            opened(KubernetesConfig(auth=BEARER), more={TOKEN: SecretBytes(token)})


@pytest.fixture
def server():
    with web_server(lambda request: json_reply("{}")) as made:
        yield made


def store_at(server):
    bundle = base64.b64encode(server.ca_pem).decode()
    return opened(KubernetesConfig(KubernetesServer(server.url, bundle), BEARER))


SECRET = '{"kind":"Secret","metadata":{"name":"%s","resourceVersion":"%s"},"data":%s}'


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(json_reply("not found", 404), Unavailable, id="a-404-of-no-api-server"),
        pytest.param(
            json_reply('{"kind":"Status","reason":"NotFound"}', 404), Unavailable, id="path"
        ),
        pytest.param(json_reply("[]"), MalformedSecret, id="list"),
        pytest.param(json_reply("{}"), MalformedSecret, id="empty"),
        pytest.param(json_reply(SECRET % ("other", "1", "{}")), MalformedSecret, id="another"),
        pytest.param(json_reply(SECRET % ("db", "", "{}")), MalformedSecret, id="no-version"),
        pytest.param(
            json_reply(SECRET % ("db", "1", f'{{"a":"{CANARY}!"}}')), MalformedSecret, id="base64"
        ),
        pytest.param(json_reply(SECRET % ("db", "1", f'["{CANARY}"]')), MalformedSecret, id="data"),
        pytest.param(
            json_reply("", 302, Location="https://other.example/"), Unavailable, id="redirect"
        ),
    ],
)
def test_answer_that_is_no_secret_is_an_error_and_no_absence(server, reply, kind):
    server.handler = lambda request: reply
    store = store_at(server)
    ref = SecretRef("db")
    got = store.fetch([ref])[ref]
    assert type(got) is kind
    assert CANARY not in shown(got)
    store.close()


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_is_an_absence_or_an_empty_list(server, name):
    server.handler = lambda request: fault(name)
    store = store_at(server)
    store._api._client._deadline_s = 1.0
    ref, began = SecretRef("db"), time.monotonic()
    assert isinstance(store.fetch([ref])[ref], Unavailable | MalformedSecret)
    with pytest.raises(Unavailable):
        store.changes(None, {ref: "1"})
    assert time.monotonic() - began < 30
    store.close()


def test_server_of_another_authority_gets_no_token(server):
    bundle = base64.b64encode(CertificateAuthority().pem).decode()
    store = opened(KubernetesConfig(KubernetesServer(server.url, bundle), BEARER))
    ref = SecretRef("db")
    assert isinstance(store.fetch([ref])[ref], Unavailable)
    assert server.requests == []
    store.close()
