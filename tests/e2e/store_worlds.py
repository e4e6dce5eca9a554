"""Stores of every kind for end-to-end tests, each before a server that can be spoiled.

Each world holds values, serves one store `trouble` in the rig's namespace, and answers
wrongly on demand. Neighbours: `rig` is the rest of the test's world; `world` is what they
have in common, `cloud_worlds` has those of AWS and Google; `web` has the table of wrong
answers.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from tests.e2e.cloud_worlds import google, parameter_store, secrets_manager
from tests.e2e.rig import Rig
from tests.e2e.world import STORE, World
from tests.support.openbao import shared_bao
from tests.support.openbao_front import bao_front
from tests.support.web import Answer, Request, WebServer, fault, json_reply, web_server

__all__ = ["STORE", "WORLDS", "World"]

#: What any HTTP server may do wrong; `slow-body` is a slow drip, `huge` 100 MB.
_HTTP = (
    *("html", "empty", "server-error", "redirect", "huge", "endless"),
    *("slow-body", "slow-head", "half-body", "no-http", "nothing"),
)


class _Spoiled(World):
    """A world over HTTP in which single keys go wrong."""

    faults: ClassVar = _HTTP

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.wrong: set[str] = set()

    def spoil(self, name: str) -> None:
        self.wrong.add(name)

    def heal(self) -> None:
        self.wrong.clear()

    def answer(self, request: Request) -> Answer | None:
        name = request.path.partition("?")[0].rpartition("/")[2]
        return fault(name) if name in self.wrong else None


class _Webhook(_Spoiled):
    environment: Mapping[str, str] = {"SECRETSYNC_WEBHOOK_NETWORKS": "127.0.0.0/8"}

    def __init__(self, rig: Rig, server: WebServer) -> None:
        super().__init__(rig)
        self._values: dict[str, str] = {}
        server.handler = lambda request: self.answer(request) or self._truth(request)
        self.credentials(token=rig.value("webhook"))
        block = {
            "url": server.url + "/v1/{{ .remoteRef.key }}",
            "headers": {"Authorization": "{{ .auth.token }}"},
            "timeout": "2s",
            "caBundle": base64.b64encode(server.ca_pem).decode(),
            "secrets": [{"name": "auth", "secretRef": {"name": f"{STORE}-keys"}}],
            "result": {"jsonPath": "$.password"},
        }
        self.serve("webhook", block)

    def hold(self, key: str, text: str) -> None:
        self._values[key] = self.rig.value(text)

    def _truth(self, request: Request) -> Answer:
        assert request.headers["authorization"] == self.rig.value("webhook")
        value = self._values.get(request.path.rpartition("/")[2])
        return json_reply(json.dumps({"password": value}), 404 if value is None else 200)


class _Kubernetes(_Spoiled):
    def __init__(self, rig: Rig, server: WebServer) -> None:
        super().__init__(rig)
        self._objects: dict[str, dict[str, Any]] = {}
        self._versions = itertools.count(100)
        server.handler = lambda request: self.answer(request) or self._truth(request)
        self.credentials(token=rig.value("kubernetes"))
        ca = base64.b64encode(server.ca_pem).decode()
        token = {"bearerToken": {"name": f"{STORE}-keys", "key": "token"}}
        block = {
            "server": {"url": server.url, "caBundle": ca},
            "auth": {"token": token},
            "remoteNamespace": "far",
        }
        self.serve("kubernetes", block)

    def hold(self, key: str, text: str) -> None:
        version = str(next(self._versions))
        metadata = {"name": key, "namespace": "far", "uid": key, "resourceVersion": version}
        data = {"password": base64.b64encode(self.rig.value(text).encode()).decode()}
        self._objects[key] = {"kind": "Secret", "metadata": metadata, "data": data}

    def _truth(self, request: Request) -> Answer:
        if request.method == "POST":
            return json_reply(json.dumps({"status": {"allowed": True}}), 201)
        name = request.path.partition("?")[0].rpartition("/")[2]
        if name == "secrets":
            metadata = [{"metadata": each["metadata"]} for each in self._objects.values()]
            page = {"kind": "PartialObjectMetadataList", "metadata": {}, "items": metadata}
            return json_reply(json.dumps({"apiVersion": "meta.k8s.io/v1", **page}))
        if name not in self._objects:
            return json_reply('{"kind":"Status","reason":"NotFound","code":404}', 404)
        return json_reply(json.dumps(self._objects[name]))


class _Vault(_Spoiled):
    def __init__(self, rig: Rig, front: Any) -> None:
        super().__init__(rig)
        self._bao, self._mount = shared_bao(), shared_bao().engine()
        front.spoil = self.answer
        rules = {f"{self._mount}/*": ["read", "list", "scan"]}
        self.credentials(token=self._bao.token(self._bao.policy(rules)))
        block = {
            "server": front.url,
            "path": self._mount,
            "caBundle": base64.b64encode(front.ca_pem).decode(),
            "auth": {"tokenSecretRef": {"name": f"{STORE}-keys", "key": "token"}},
        }
        self.serve("vault", block)

    def hold(self, key: str, text: str) -> None:
        data = {"data": {"password": self.rig.value(text)}}
        self._bao.ask("POST", f"{self._mount}/data/{key}", data)


@contextlib.contextmanager
def _vault(rig: Rig) -> Iterator[World]:
    with bao_front() as front:
        yield _Vault(rig, front)


def _over_http(world: Callable[[Rig, WebServer], World]) -> Any:
    @contextlib.contextmanager
    def made(rig: Rig) -> Iterator[World]:
        with web_server(lambda request: fault("server-error")) as server:
            yield world(rig, server)

    return made


WORLDS: Mapping[str, Callable[[Rig], contextlib.AbstractContextManager[World]]] = {
    "webhook": _over_http(_Webhook),
    "kubernetes": _over_http(_Kubernetes),
    "vault": _vault,
    "secrets-manager": secrets_manager,
    "parameter-store": parameter_store,
    "gcp": google,
}
