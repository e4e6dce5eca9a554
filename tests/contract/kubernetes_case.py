"""Kubernetes under the contract suite: a real API server behind a front that goes wrong."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from providers.base import CaProvider, Credentials, SecretBytes, SecretKeySelector
from providers.kubernetes.config import (
    KubernetesAuth,
    KubernetesConfig,
    KubernetesServer,
    KubernetesToken,
)
from providers.registry import load
from tests.contract.provider_cases import Ability
from tests.contract.respelled import Respelled, respelled
from tests.support.kube import KubeServer
from tests.support.kube_second import KubeFront, second_server, status_reply
from tests.support.kube_waits import granted
from tests.support.web import fault

__all__ = ["opened_kubernetes_case"]

ACCOUNT = "pusher"
MAY = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]


class KubernetesCase:
    abilities = ~Ability.DATES
    batch_size = 1
    batch_calls = 1

    def __init__(self, server: KubeServer, front: KubeFront) -> None:
        self._admin = server.admin
        self._front = front
        self._namespace = self._admin.create_namespace()
        self._admin.request(
            "POST",
            f"/api/v1/namespaces/{self._namespace}/serviceaccounts",
            {"metadata": {"name": ACCOUNT}},
        )
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self._namespace}
        granted(self._admin, subject, MAY, self._namespace)
        self._token = self._admin.create_token(self._namespace, ACCOUNT)
        self.observed: list[tuple[str, str]] = []

    def open(self) -> Any:
        token, ca = SecretKeySelector("remote", "token"), CaProvider("Secret", "remote", "ca.crt")
        config = KubernetesConfig(
            KubernetesServer(self._front.url, ca_provider=ca),
            KubernetesAuth(token=KubernetesToken(token)),
            remote_namespace=self._namespace,
        )
        credentials = Credentials(
            {token: SecretBytes(self._token.encode())}, authorities={ca: self._front.ca_pem}
        )
        module = load("kubernetes")
        return Respelled(module.open_provider(config, credentials, observe=self._observe))

    def _observe(self, operation: str, outcome: str) -> None:
        self.observed.append((operation, outcome))

    def put(self, key: str, value: str) -> None:
        data = {"value": base64.b64encode(value.encode()).decode()}
        self._apply(key, {"data": data})

    def payload(self, value: str) -> bytes:
        return json.dumps({"value": value}).encode()

    def found_name(self, key: str) -> str:
        return respelled(key)

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        self._apply(key, {"metadata": {"labels": dict(tags)}})

    def delete(self, key: str) -> None:
        self._admin.request("DELETE", self._path(key))

    def deny(self, key: str) -> None:
        self._front.denied.add(respelled(key))

    def throttle(self, retry_after_s: int) -> None:
        reply = status_reply(429, "TooManyRequests", **{"Retry-After": str(retry_after_s)})
        self._front.fault = lambda _: reply

    def fail(self) -> None:
        self._front.fault = lambda _: status_reply(500, "InternalError")

    def garble(self) -> None:
        self._front.fault = lambda _: fault("html")

    def cut_off(self) -> None:
        def cut(true_reply: Any) -> Any:
            reply = true_reply()
            return replace(reply, sent_bytes=len(reply.body) // 2)

        self._front.fault = cut

    def heal(self) -> None:
        self._front.fault = None

    def delay_lists(self, seconds: int) -> None:
        """The list of an API server misses nothing."""

    def pass_time(self, seconds: int) -> None:
        """No time plays a part."""

    def calls(self) -> int:
        return self._front.calls()

    def _path(self, key: str) -> str:
        return f"/api/v1/namespaces/{self._namespace}/secrets/{respelled(key)}"

    def _apply(self, key: str, fields: Mapping[str, Any]) -> None:
        meta = {"name": respelled(key), **fields.get("metadata", {})}
        manifest = {"apiVersion": "v1", "kind": "Secret", **fields, "metadata": meta}
        self._admin.request(
            "PATCH",
            f"{self._path(key)}?fieldManager={'tags' if 'metadata' in fields else 'test'}",
            manifest,
            content_type="application/apply-patch+yaml",
        )


@contextlib.contextmanager
def opened_kubernetes_case() -> Iterator[KubernetesCase]:
    """A namespace of its own, at the second API server."""
    server = second_server()
    with contextlib.closing(KubeFront(server)) as front:
        yield KubernetesCase(server, front)
