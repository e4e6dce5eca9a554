"""Stores that are pushed to, with the real part behind each, and who counts its writes."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.kube_second import KubeFront, second_server
from tests.support.kube_waits import granted
from tests.support.web import Request, json_reply, web_server

__all__ = ["SCENES", "PushScene"]

MAY = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]


@dataclass(frozen=True, slots=True)
class PushScene:
    """One store.

    Args:
        objects: SecretStore `own` of namespace `web`, and the Secrets it names.
        calls: tells what was asked since `forget`.
        writes: tells which of it changed something.
        forget: starts counting anew.
        env: leads the process to the server.
        foreign: puts something of somebody else at a key.
    """

    objects: tuple[dict[str, Any], ...]
    calls: Callable[[], int]
    writes: Callable[[], int]
    forget: Callable[[], None]
    env: Mapping[str, str] = field(default_factory=dict)
    foreign: Callable[[str], None] = lambda key: None


@contextlib.contextmanager
def _gcp() -> Iterator[PushScene]:
    # Google's SDK is loaded where this scene is asked for, and nowhere else.
    from tests.support.gcp_account import PROJECT
    from tests.support.gcp_certificates import roots_file
    from tests.support.gcp_server import gcp_server
    from tests.support.gcp_tokens import key_file

    with gcp_server() as server:

        def foreign(key: str) -> None:
            server.account.put(key, "theirs")

        key_ref = {"name": "gcp", "key": "key.json"}
        auth = {"secretRef": {"secretAccessKeySecretRef": key_ref}}
        changing = ("Create", "Add", "Update", "Delete")
        yield PushScene(
            (
                _store({"gcpsm": {"projectID": PROJECT, "auth": auth}}),
                _secret("gcp", {"key.json": key_file()}),
            ),
            server.count,
            lambda: sum(name.startswith(changing) for name, _ in server.calls),
            server.calls.clear,
            {
                "GCP_SECRETMANAGER_ENDPOINT": server.url,
                "GCP_AUTH_ENDPOINT": server.tokens.url,
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": roots_file(),
            },
            foreign,
        )


@contextlib.contextmanager
def _openbao(version: int) -> Iterator[PushScene]:
    from tests.support.openbao import shared_bao
    from tests.support.openbao_front import bao_front

    bao = shared_bao()
    mount = bao.engine(version)
    token = bao.token(bao.policy({f"{mount}/*": ["create", "read", "update", "delete", "list"]}))

    def foreign(key: str) -> None:
        held = {"value": "theirs"}
        path = f"{mount}/data/{key}" if version == 2 else f"{mount}/{key}"
        bao.ask("POST", path, {"data": held} if version == 2 else held)

    with bao_front() as front:
        block = {
            "server": front.url,
            "path": mount,
            "version": f"v{version}",
            "caBundle": base64.b64encode(front.ca_pem).decode(),
            "auth": {"tokenSecretRef": {"name": "vault", "key": "token"}},
        }
        yield PushScene(
            (_store({"vault": block}), _secret("vault", {"token": token.encode()})),
            lambda: len(front.seen),
            lambda: sum(
                each.method in ("POST", "PUT", "PATCH", "DELETE") and mount in each.path
                for each in front.seen
            ),
            front.seen.clear,
            foreign=foreign,
        )


@contextlib.contextmanager
def _kubernetes() -> Iterator[PushScene]:
    server = second_server()
    admin = server.admin
    namespace = admin.create_namespace()
    account = {"metadata": {"name": "pusher"}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    subject = {"kind": "ServiceAccount", "name": "pusher", "namespace": namespace}
    granted(admin, subject, MAY, namespace)
    token = admin.create_token(namespace, "pusher")

    def foreign(key: str) -> None:
        secret = {"metadata": {"name": key}, "stringData": {"value": "theirs"}}
        admin.request("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)

    with contextlib.closing(KubeFront(server)) as front:
        requests = front.requests
        block = {
            "server": {"url": front.url, "caBundle": base64.b64encode(front.ca_pem).decode()},
            "auth": {"token": {"bearerToken": {"name": "remote", "key": "token"}}},
            "remoteNamespace": namespace,
        }
        yield PushScene(
            (_store({"kubernetes": block}), _secret("remote", {"token": token.encode()})),
            lambda: len(requests),
            lambda: sum(each.method != "GET" and "/secrets" in each.path for each in requests),
            requests.clear,
            foreign=foreign,
        )


@contextlib.contextmanager
def _webhook() -> Iterator[PushScene]:
    def answer(request: Request) -> Any:
        return json_reply("{}")

    with web_server(answer) as server:
        block = {
            "url": f"{server.url}/push?id={{{{ .remoteRef.remoteKey }}}}",
            "method": "POST",
            "body": '{"v": {{ index .remoteRef .remoteRef.remoteKey | toJson }}}',
            "result": {"jsonPath": "$.value"},
            "caBundle": base64.b64encode(server.ca_pem).decode(),
        }
        yield PushScene(
            (_store({"webhook": block}),),
            lambda: len(server.requests),
            lambda: len(server.requests),
            server.requests.clear,
            {"SECRETSYNC_WEBHOOK_NETWORKS": "127.0.0.1"},
        )


def _store(provider: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "own", "namespace": "web"},
        "spec": {"provider": provider},
    }


def _secret(name: str, values: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "web"},
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
    }


#: Name → opens its scene.
SCENES: Mapping[str, Callable[[], contextlib.AbstractContextManager[PushScene]]] = {
    "gcp": _gcp,
    "openbao-v1": lambda: _openbao(1),
    "openbao-v2": lambda: _openbao(2),
    "kubernetes": _kubernetes,
    "webhook": _webhook,
}
