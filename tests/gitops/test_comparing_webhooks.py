"""Comparing behind admission webhooks, which change or refuse what is applied."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import open_kubernetes
from secretsync.gitops.model import SyncStatus
from tests.gitops.comparing_kit import Bench, application, config_map
from tests.support.kube import KubeServer
from tests.support.web import Reply, Request, WebServer, json_reply, web_server

Mutate = Callable[[dict[str, Any]], list[dict[str, Any]] | str]


@pytest.fixture
def bench(
    kube_server: KubeServer, kube_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setenv("KUBECONFIG", str(kube_server.kubeconfig))
    cluster = open_kubernetes()
    yield Bench(cluster, kube_namespace, application(namespace=kube_namespace))
    cluster.close()


class Webhook:
    """Answers admission reviews; `mutate` gives a JSON patch, or why it is refused."""

    def __init__(self) -> None:
        self.mutate: Mutate = lambda _: []

    def __call__(self, request: Request) -> Reply:
        review = json.loads(request.body)["request"]
        answer = self.mutate(review["object"])
        response: dict[str, Any] = {"uid": review["uid"], "allowed": not isinstance(answer, str)}
        if isinstance(answer, str):
            response["status"] = {"message": answer}
        elif answer:
            response["patchType"] = "JSONPatch"
            response["patch"] = base64.b64encode(json.dumps(answer).encode()).decode()
        kind = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        return json_reply(json.dumps({**kind, "response": response}))


@pytest.fixture
def webhook(bench: Bench) -> Iterator[Webhook]:
    """Let a webhook see every ConfigMap that is written in the namespace."""
    hook = Webhook()
    kind = bench.cluster.resolve("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")
    with web_server(hook) as server:
        config = configuration(bench.namespace, server)
        bench.cluster.create(kind, config, field_manager="test")
        try:
            wait_until_called(bench, server)
            yield hook
        finally:
            bench.cluster.delete(kind, "", config["metadata"]["name"])


def configuration(namespace: str, server: WebServer) -> dict[str, Any]:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["configmaps"],
    }
    client = {
        "url": f"{server.url}/mutate",
        "caBundle": base64.b64encode(server.ca_pem).decode(),
    }
    webhook = {
        "name": "mutate.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": client,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": f"mutate-{namespace}"},
        "webhooks": [webhook],
    }


def wait_until_called(bench: Bench, server: WebServer) -> None:
    """Write until the API server asks the webhook: it learns of it after a moment."""
    for number in range(1000):
        obj = config_map(f"probe-{number}", namespace=bench.namespace)
        bench.cluster.create(KINDS["ConfigMap"], obj, field_manager="test")
        if server.requests:
            return
    pytest.fail("the webhook is never asked")


def edit(bench: Bench) -> None:
    """Let somebody change a field, so that the cluster must be asked."""
    where = (KINDS["ConfigMap"], bench.namespace, "a")
    bench.cluster.merge_patch(*where, {"data": {"x": "9"}}, field_manager="somebody")


def test_what_a_webhook_adds_to_every_write_is_no_change(bench: Bench, webhook: Webhook) -> None:
    numbers = itertools.count()
    webhook.mutate = lambda _: [
        {"op": "add", "path": "/metadata/annotations/stamp", "value": str(next(numbers))}
    ]
    bench.apply(config_map("a", {"x": "1"}))
    edit(bench)
    (pair,) = bench.compare(config_map("a", {"x": "1"})).pairs
    assert [each.path for each in pair.changes] == ["data.x"]
    options = {"argocd.argoproj.io/compare-options": "IncludeMutationWebhook=true"}
    bench.app = application(namespace=bench.namespace, annotations=options)
    (pair,) = bench.compare(config_map("a", {"x": "1"})).pairs
    assert [each.path for each in pair.changes] == ["data.x", "metadata.annotations.stamp"]


def test_a_field_that_a_webhook_writes_otherwise_is_no_change(
    bench: Bench, webhook: Webhook
) -> None:
    webhook.mutate = lambda _: [{"op": "replace", "path": "/data/x", "value": "mirror/1"}]
    bench.apply(config_map("a", {"x": "1"}))
    assert bench.compare(config_map("a", {"x": "1"})).status is SyncStatus.SYNCED
    assert bench.asked == ["get", "dry-run"]


def test_a_target_that_a_webhook_refuses_is_out_of_sync_and_says_why(
    bench: Bench, webhook: Webhook
) -> None:
    bench.apply(config_map("a", {"x": "1"}))
    webhook.mutate = lambda _: "images come from our own registry"
    found = bench.compare(config_map("a", {"x": "2"}))
    assert found.status is SyncStatus.OUT_OF_SYNC
    assert [each.path for each in found.pairs[0].changes] == ["data.x"]
    assert 'admission webhook "mutate.example.com" denied' in found.pairs[0].message
    webhook.mutate = lambda _: []
    assert bench.compare(config_map("a", {"x": "2"})).pairs[0].message == ""


def test_a_webhook_that_does_not_answer_makes_it_unknown(bench: Bench, webhook: Webhook) -> None:
    bench.apply(config_map("a", {"x": "1"}))

    def broken(_: object) -> list[dict[str, Any]]:
        raise OSError("the connection is cut")

    webhook.mutate = broken
    assert bench.compare(config_map("a", {"x": "2"})).status is SyncStatus.UNKNOWN
