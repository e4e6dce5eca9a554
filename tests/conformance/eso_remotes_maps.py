"""Services whose secrets are maps (OpenBao, Kubernetes), a webhook, and stores without a service.

What is no JSON object is kept in a map under the name `value`, as people do.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.conformance.eso_remotes import Remote, secret_of
from tests.support.kube import KubeServer
from tests.support.kube_second import second_server
from tests.support.kube_waits import granted
from tests.support.openbao import Bao, shared_bao
from tests.support.web import Answer, Reply, Request, WebServer, json_reply, web_server

__all__ = [
    "directory_remote",
    "fake_remote",
    "kubernetes_remote",
    "openbao_remote",
    "webhook_remote",
]

_ACCOUNT = "reader"
_MAY = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _map_of(value: str) -> dict[str, Any]:
    """Return a value as a map; numbers stay the text that they are."""
    return json.loads(value, parse_float=_Number) if value[:1] == "{" else {"value": value}


class _Number(float):
    """A number that is written as it was read."""

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str


class _OpenBao:
    def __init__(self, bao: Bao) -> None:
        self._bao = bao
        self._mount = bao.engine()
        policy = bao.policy({f"{self._mount}/*": ["read", "list", "scan"]})
        self._token = bao.token(policy)

    def provider(self) -> dict[str, Any]:
        block = {
            "server": self._bao.url,
            "path": self._mount,
            "version": "v2",
            "caBundle": _base64(self._bao.authority.pem),
            "auth": {"tokenSecretRef": {"name": "bao", "key": "token"}},
        }
        return {"openBao": block}

    def secrets(self) -> list[dict[str, Any]]:
        return [secret_of("bao", token=self._token)]

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        made = self._bao.ask("POST", f"{self._mount}/data/{key}", {"data": _map_of(value)})
        if tags:
            about = {"custom_metadata": dict(tags)}
            self._bao.ask("POST", f"{self._mount}/metadata/{key}", about)
        return str(made["data"]["version"])

    def delete(self, key: str) -> None:
        self._bao.ask("DELETE", f"{self._mount}/metadata/{key}")


class _Kubernetes:
    """A namespace of another cluster; its Secrets hold texts, what is no text as JSON."""

    def __init__(self, server: KubeServer) -> None:
        self._server = server
        self._admin = server.admin
        self._namespace = self._admin.create_namespace()
        accounts = f"/api/v1/namespaces/{self._namespace}/serviceaccounts"
        self._admin.request("POST", accounts, {"metadata": {"name": _ACCOUNT}})
        subject = {"kind": "ServiceAccount", "name": _ACCOUNT, "namespace": self._namespace}
        granted(self._admin, subject, _MAY, self._namespace)
        self._token = self._admin.create_token(self._namespace, _ACCOUNT)

    def provider(self) -> dict[str, Any]:
        server = {"url": self._server.url, "caBundle": _base64(self._server.ca.read_bytes())}
        token = {"bearerToken": {"name": "remote", "key": "token"}}
        block = {
            "server": server,
            "auth": {"token": token},
            "remoteNamespace": self._namespace,
        }
        return {"kubernetes": block}

    def secrets(self) -> list[dict[str, Any]]:
        return [secret_of("remote", token=self._token)]

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        data = {name: _base64(_text(item).encode()) for name, item in _map_of(value).items()}
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": key, "labels": dict(tags)},
            "data": data,
        }
        where = f"{self._path(key)}?fieldManager=test"
        apply = "application/apply-patch+yaml"
        self._admin.request("PATCH", where, manifest, content_type=apply)
        return ""

    def delete(self, key: str) -> None:
        self._admin.request("DELETE", self._path(key))

    def _path(self, key: str) -> str:
        return f"/api/v1/namespaces/{self._namespace}/secrets/{key}"


def _text(item: Any) -> str:
    if isinstance(item, _Number):
        return item.text
    if item is None:
        return ""
    return item if isinstance(item, str) else json.dumps(item)


class _Webhook:
    """Answers with the value; the property becomes a path that is looked up in it."""

    def __init__(self, server: WebServer) -> None:
        self._server = server
        self._values: dict[str, list[str]] = {}
        server.handler = self._answer

    def provider(self) -> dict[str, Any]:
        path = "{{ if .remoteRef.property }}$.{{ .remoteRef.property }}{{ end }}"
        query = "key={{ .remoteRef.key }}&version={{ .remoteRef.version }}"
        block = {
            "url": f"{self._server.url}/get?{query}",
            "result": {"jsonPath": path},
            "caBundle": _base64(self._server.ca_pem),
        }
        return {"webhook": block}

    def secrets(self) -> list[dict[str, Any]]:
        return []

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        self._values.setdefault(key, []).append(value)
        return str(len(self._values[key]))

    def delete(self, key: str) -> None:
        del self._values[key]

    def _answer(self, request: Request) -> Answer:
        asked = parse_qs(urlsplit(request.path).query)
        versions = self._values.get(asked["key"][0])
        if versions is None:
            return json_reply('{"error": "not found"}', 404)
        version = int(asked.get("version", ["0"])[0])
        return Reply(200, {"Content-Type": "text/plain"}, versions[version - 1].encode())


class _Directory:
    def __init__(self, root: Path) -> None:
        self._root = root

    def provider(self) -> dict[str, Any]:
        return {"directory": {"path": str(self._root)}}

    def secrets(self) -> list[dict[str, Any]]:
        return []

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        (self._root / key).write_text(value)
        return ""

    def delete(self, key: str) -> None:
        (self._root / key).unlink()


class _Fake:
    """Its values stand in the store's own manifest, which is read when the rig is made."""

    def __init__(self) -> None:
        self._data: list[dict[str, str]] = []

    def provider(self) -> dict[str, Any]:
        return {"fake": {"data": self._data}}

    def secrets(self) -> list[dict[str, Any]]:
        return []

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        version = str(sum(entry["key"] == key for entry in self._data) + 1)
        self._data.append({"key": key, "value": value, "version": version})
        return version

    def delete(self, key: str) -> None:
        self._data[:] = [entry for entry in self._data if entry["key"] != key]


@contextlib.contextmanager
def openbao_remote(_: Path) -> Iterator[Remote]:
    """A KV engine of version 2."""
    yield _OpenBao(shared_bao())


@contextlib.contextmanager
def kubernetes_remote(_: Path) -> Iterator[Remote]:
    """A namespace of a second API server."""
    yield _Kubernetes(second_server())


@contextlib.contextmanager
def webhook_remote(_: Path) -> Iterator[Remote]:
    """A loopback HTTPS server."""
    with web_server(lambda request: json_reply("{}")) as server:
        yield _Webhook(server)


@contextlib.contextmanager
def directory_remote(root: Path) -> Iterator[Remote]:
    """A folder of files."""
    folder = root / "secrets"
    folder.mkdir()
    yield _Directory(folder)


@contextlib.contextmanager
def fake_remote(_: Path) -> Iterator[Remote]:
    """The store's own manifest."""
    yield _Fake()
