"""Laws of the `kubernetes` store at real API servers: another namespace, another cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from providers.base import (
    AccessDenied,
    AuthFailed,
    CaProvider,
    Credentials,
    FindQuery,
    InvalidRef,
    NotManaged,
    ProviderError,
    PushItem,
    PushRef,
    SecretBytes,
    SecretKeySelector,
    SecretNotFound,
    SecretRef,
    SecretValue,
    ServiceAccountSelector,
    ServiceAccountToken,
    Unavailable,
)
from providers.kubernetes.config import (
    KubernetesAuth,
    KubernetesCert,
    KubernetesConfig,
    KubernetesServer,
    KubernetesToken,
)
from providers.registry import load
from tests.support.kube import KubeServer
from tests.support.kube_second import second_server
from tests.support.kube_waits import granted
from tests.support.showing import shown

pytestmark = pytest.mark.built

CA = CaProvider("ConfigMap", "kube-root-ca.crt", "ca.crt")
CERT, KEY = SecretKeySelector("remote", "tls.crt"), SecretKeySelector("remote", "tls.key")
TOKEN, CONFIG = SecretKeySelector("remote", "token"), SecretKeySelector("remote", "config")
ACCOUNT = ServiceAccountSelector("reader")
CANARY = "canary-9f1c-must-not-show"
READ = ({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]},)
WRITE = ({"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]},)


class Place:
    """A namespace of a server, and an identity that has `rules` in it."""

    def __init__(self, server: KubeServer, rules: Sequence[dict[str, Any]] = READ) -> None:
        self.server, self.admin = server, server.admin
        self.namespace = self.admin.create_namespace()
        self.secrets = f"/api/v1/namespaces/{self.namespace}/secrets"
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.admin.request("POST", accounts, {"metadata": {"name": "reader"}})
        subject = {"kind": "ServiceAccount", "name": "reader", "namespace": self.namespace}
        if rules:
            granted(self.admin, subject, rules, self.namespace)
        self.token = self.admin.create_token(self.namespace, "reader")

    def put(self, name: str, metadata: dict[str, Any] | None = None, **data: bytes) -> None:
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        body = {"metadata": {"name": name, **(metadata or {})}, "data": encoded}
        self.admin.request("POST", self.secrets, body)

    def get(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.admin.request("GET", f"{self.secrets}/{name}")
        return found

    def open(self, auth: KubernetesAuth | None = None, **more: Any) -> Any:
        auth = auth or KubernetesAuth(token=KubernetesToken(TOKEN))
        server = KubernetesServer(self.server.url, ca_provider=CA)
        return self.opened(KubernetesConfig(server, auth, None, self.namespace), **more)

    def opened(self, config: KubernetesConfig, **more: Any) -> Any:
        account = ServiceAccountToken(SecretBytes(self.token.encode()), {})
        credentials = Credentials(
            {TOKEN: SecretBytes(self.token.encode() + b"\n"), **more.pop("secrets", {})},
            {ACCOUNT: account},
            authorities={CA: self.server.ca.read_bytes()},
            context=more.pop("context", {}),
        )
        return load("kubernetes").open_provider(config, credentials, observe=lambda *_: None)


def answer(store: Any, name: str, *, metadata: bool = False) -> SecretValue | ProviderError:
    ref = SecretRef(name, metadata=metadata)
    found: SecretValue | ProviderError = store.fetch([ref])[ref]
    return found


def payload(store: Any, name: str) -> Any:
    return json.loads(answer(store, name).value.reveal())


@pytest.mark.parametrize("how", ["token", "service-account", "certificate", "kubeconfig"])
@pytest.mark.parametrize("which", ["another-namespace", "another-cluster"])
def test_every_login_reads_the_remote_namespace(kube_server, how, which):
    place = Place(kube_server if which == "another-namespace" else second_server())
    place.put("db", password=b"hunter2")
    auth: KubernetesAuth | None = KubernetesAuth(service_account=ACCOUNT)
    secrets = {}
    if how == "token":
        auth = None
    elif how == "certificate":
        user = f"user-{place.namespace}"
        granted(place.admin, {"kind": "User", "name": user}, READ, place.namespace)
        cert, key = place.server._authority.issue_client(user, [])
        secrets = {CERT: SecretBytes(cert), KEY: SecretBytes(key)}
        auth = KubernetesAuth(cert=KubernetesCert(CERT, KEY))
    if how == "kubeconfig":
        content = place.server.service_account_kubeconfig(place.namespace, "reader").read_bytes()
        inline = yaml.safe_load(content)
        for entry in inline["clusters"]:
            if path := entry["cluster"].pop("certificate-authority", ""):
                pem = base64.b64encode(Path(path).read_bytes()).decode()
                entry["cluster"]["certificate-authority-data"] = pem
        config = KubernetesConfig(auth_ref=CONFIG, remote_namespace=place.namespace)
        stored = SecretBytes(yaml.safe_dump(inline).encode())
        store = place.opened(config, secrets={CONFIG: stored})
    else:
        store = place.open(auth, secrets=secrets)
    assert payload(store, "db") == {"password": "hunter2"}
    store.check([])
    store.close()


def test_server_is_held_to_the_authority_that_the_store_names(kube_server):
    place = Place(second_server())
    config = KubernetesConfig(
        KubernetesServer(
            place.server.url, ca_bundle=base64.b64encode(kube_server.ca.read_bytes()).decode()
        ),
        KubernetesAuth(token=KubernetesToken(TOKEN)),
        remote_namespace=place.namespace,
    )
    store = place.opened(config)
    got = answer(store, "db")
    assert isinstance(got, Unavailable)
    assert "TLS" in got.message
    store.close()


def test_values_come_out_as_they_were_stored(kube_server):
    place = Place(kube_server)
    data = {"a.b": b'{"c": "<&>"}', "binary": bytes(range(256)), "empty": b"", "text": "é".encode()}
    place.put("db", **data)
    store = place.open()
    found = payload(store, "db")
    assert {key: text.encode(errors="surrogateescape") for key, text in found.items()} == data
    place.put("nothing")
    assert payload(store, "nothing") == {}
    store.close()


def test_metadata_is_labels_and_annotations_without_the_copy_of_the_values(kube_server):
    place = Place(kube_server)
    last = "kubectl.kubernetes.io/last-applied-configuration"
    place.put("db", {"labels": {"a": "b"}, "annotations": {"c/d": "<e>", last: CANARY}}, k=b"v")
    store = place.open()
    got = answer(store, "db", metadata=True)
    assert got.value.reveal() == b'{"annotations":{"c/d":"\\u003ce\\u003e"},"labels":{"a":"b"}}'
    store.close()


def test_absent_secret_and_namespace_are_definite_absences(kube_server):
    place = Place(kube_server)
    store = place.open()
    got = answer(store, "nowhere")
    assert isinstance(got, SecretNotFound)
    assert got.definite
    store.close()


def test_identity_that_may_read_one_secret_reads_it_and_is_valid(kube_server):
    rules = [{**READ[0], "verbs": ["get"], "resourceNames": ["mine"]}]
    place = Place(kube_server, rules)
    place.put("mine", a=b"b")
    place.put("other", a=b"b")
    store = place.open()
    store.check([])
    store.check([SecretRef("mine")])
    assert isinstance(answer(store, "other"), AccessDenied)
    with pytest.raises(AccessDenied):
        store.check([SecretRef("other")])
    with pytest.raises(AccessDenied):
        store.find(FindQuery())
    known = {SecretRef("mine"): "1"}
    found = store.changes(None, known)
    assert found.unknown == known.keys()
    # Not asked again with that watermark, which the next sweep drops.
    assert store.changes(found.watermark, known).unknown == known.keys()
    store.close()


def test_identity_without_permission_is_not_valid(kube_server):
    store = Place(kube_server, []).open()
    with pytest.raises(AccessDenied, match="may not get Secrets"):
        store.check([])
    store.close()


def test_token_that_is_not_known_fails_to_log_in(kube_server):
    place = Place(kube_server)
    place.token = "made.up.token"
    store = place.open()
    got = answer(store, "db")
    assert isinstance(got, AuthFailed)
    assert "made.up" not in shown(got)
    store.close()


@pytest.mark.parametrize(
    "key",
    [
        "../configmaps/x",
        "..",
        "a..b",
        "%2e%2e",
        "A",
        "a/b",
        "",
        "a b",
        "a\n",
        "x" * 4096,
        "a?watch=1",
    ],
)
def test_key_that_is_no_name_is_refused_and_asks_nothing(kube_server, key):
    asked: list[str] = []
    place = Place(kube_server)
    store = place.open()
    store._api._observe = lambda operation, outcome: asked.append(operation)
    assert isinstance(answer(store, key), InvalidRef)
    for act in (store.exists, store.delete):
        with pytest.raises(InvalidRef):
            act(PushRef(key))
    assert asked == []
    store.close()


def test_many_secrets_are_listed_by_pages(kube_server, monkeypatch):
    monkeypatch.setattr("providers.kubernetes.api.PAGE", 3)
    place = Place(kube_server)
    for number in range(7):
        place.put(f"s-{number}", {"labels": {"odd": str(number % 2)}}, a=b"b")
    store = place.open()
    assert len(store.find(FindQuery())) == 7
    assert len(store.find(FindQuery(tags=(("odd", "1"),)))) == 3
    store.close()


def item(name: str, value: bytes, prop: str = "", **spec: Any) -> PushItem:
    return PushItem(PushRef(name, prop), SecretBytes(value), {"spec": spec} if spec else {})


def test_push_marks_what_it_makes_and_sets_labels_and_annotations(kube_server):
    place = Place(kube_server, WRITE)
    store = place.open()
    pushed = item("db", b"v\xff", "k", labels={"team": "red"}, annotations={"a": "b"})
    assert [store.push(pushed), store.push(pushed)] == [True, False]
    live = place.get("db")
    assert live["metadata"]["labels"] == {"managed-by": "external-secrets", "team": "red"}
    assert live["metadata"]["annotations"] == {"a": "b"}
    assert base64.b64decode(live["data"]["k"]) == b"v\xff"
    store.close()


def test_push_of_a_whole_secret_replaces_its_data(kube_server):
    place = Place(kube_server, WRITE)
    store = place.open()
    store.push(item("db", b"old", "gone"))
    assert store.push(item("db", b'{"a": "b", "n": 1}'))
    assert {key: base64.b64decode(one) for key, one in place.get("db")["data"].items()} == {
        "a": b"b",
        "n": b"1",
    }
    with pytest.raises(InvalidRef, match="needs a key"):
        store.push(item("db", CANARY.encode()))
    store.close()


def test_push_over_a_foreign_secret_names_the_command_that_hands_it_over(kube_server):
    place = Place(kube_server, WRITE)
    place.put("db", k=b"theirs")
    store = place.open()
    for act in (lambda: store.push(item("db", b"v", "k")), lambda: store.delete(PushRef("db"))):
        with pytest.raises(NotManaged) as caught:
            act()
        assert caught.value.remedy == (
            f"kubectl label secret -n {place.namespace} db managed-by=external-secrets"
        )
    assert place.get("db")["data"] == {"k": base64.b64encode(b"theirs").decode()}
    store.close()


def test_write_over_a_change_of_somebody_else_is_refused_and_loses_nothing(kube_server):
    place = Place(kube_server, WRITE)
    store = place.open()
    store.push(item("db", b"v", "k"))
    stale = store._api.get(place.namespace, "db")
    labels = {"metadata": {"labels": {"theirs": "yes"}}}
    kind = "application/merge-patch+json"
    place.admin.request("PATCH", f"{place.secrets}/db", labels, content_type=kind)
    with pytest.raises(Unavailable, match="somebody else"):
        store._api.update(place.namespace, stale)
    with pytest.raises(Unavailable, match="somebody else"):
        store._api.delete(place.namespace, stale)
    assert place.get("db")["metadata"]["labels"]["theirs"] == "yes"
    store.close()


def test_deleting_the_last_key_deletes_the_secret(kube_server):
    place = Place(kube_server, WRITE)
    store = place.open()
    store.push(item("db", b"1", "a"))
    store.push(item("db", b"2", "b"))
    assert store.delete(PushRef("db", "a"))
    assert set(place.get("db")["data"]) == {"b"}
    assert store.delete(PushRef("db", "b"))
    assert not store.exists(PushRef("db"))
    store.close()


def test_push_to_another_namespace_needs_a_cluster_store(kube_server):
    place, other = Place(kube_server, WRITE), Place(kube_server)
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": place.namespace}
    granted(place.admin, subject, WRITE, other.namespace)
    pushed = item("db", b"v", "k", remoteNamespace=other.namespace)
    store = place.open()
    with pytest.raises(InvalidRef, match="ClusterSecretStore"):
        store.push(pushed)
    store.close()
    store = place.open(context={"store_kind": "ClusterSecretStore"})
    assert store.push(pushed)
    assert other.get("db")["data"]
    store.close()


@pytest.mark.parametrize(
    "spec", [{"targetMergePolicy": "Replace"}, {"labels": {"a": 1}}, {"unknown": "x"}]
)
def test_push_metadata_that_is_not_served_is_refused_by_name(kube_server, spec):
    store = Place(kube_server, WRITE).open()
    with pytest.raises(InvalidRef, match=next(iter(spec))):
        store.push(item("db", b"v", "k", **spec))
    store.close()
