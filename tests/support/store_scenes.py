"""Stores whose servers count calls, for whoever asks what the whole service needs of them.

Each scene is a ClusterSecretStore named as itself, what it logs in with, and so many
upstream secrets of two properties. Neighbours: the law test of the counts, and the
benchmark that takes a thousand objects.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from tests.support.aws import REGION, AwsApi, shared_moto
from tests.support.aws_front import StrictFront
from tests.support.service import aws_environment

__all__ = ["NAMESPACE", "SCENES", "StoreScene", "external_secret"]

NAMESPACE = "bench"


@dataclass(frozen=True, slots=True)
class StoreScene:
    """One store.

    Args:
        objects: the store and the Secrets it names.
        keys: of the upstream secrets.
        env: leads the service to the server.
        counts: tells the calls since `forget`, by operation.
        forget: starts counting anew.
        value_reads: operations that read values.
        logins: operations that log in.
    """

    name: str
    objects: Sequence[Mapping[str, Any]]
    keys: Sequence[str]
    env: Mapping[str, str]
    counts: Callable[[], Counter[str]]
    forget: Callable[[], None]
    value_reads: frozenset[str]
    logins: frozenset[str] = field(default=frozenset())

    def reads(self) -> int:
        """Return how many calls read values."""
        return sum(count for name, count in self.counts().items() if name in self.value_reads)

    def login_count(self) -> int:
        """Return how many calls logged in."""
        return sum(count for name, count in self.counts().items() if name in self.logins)

    def calls(self) -> int:
        """Return how many calls there were, logins left out."""
        return self.counts().total() - self.login_count()


def external_secret(
    name: str, store: str, key: str, *, refresh_interval: str = "1h"
) -> dict[str, Any]:
    """Return an ExternalSecret of the two properties of a key."""
    data = [
        {"secretKey": each, "remoteRef": {"key": key, "property": each}}
        for each in ("username", "password")
    ]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "refreshInterval": refresh_interval,
            "secretStoreRef": {"name": store, "kind": "ClusterSecretStore"},
            "data": data,
        },
    }


@contextlib.contextmanager
def _parameter_store(upstream: int) -> Iterator[StoreScene]:
    with StrictFront(shared_moto().url) as front:
        api = AwsApi(front.url, service="ssm")
        keys = [f"/bench/{index:05d}" for index in range(upstream)]
        for index, key in enumerate(keys):
            api.put_parameter(key, _value(index))
        api.close()
        front.calls.clear()
        role = f"arn:aws:iam::{front.account}:role/reader"
        block = {"service": "ParameterStore", "region": REGION, "role": role}
        yield StoreScene(
            "parameter-store",
            [_store("parameter-store", {"aws": block})],
            keys,
            aws_environment(front.url),
            lambda: Counter(front.counts()),
            front.calls.clear,
            frozenset({"GetParameter", "GetParameters", "GetParametersByPath"}),
            frozenset({"AssumeRole"}),
        )


@contextlib.contextmanager
def _gcp(upstream: int) -> Iterator[StoreScene]:
    # Google's SDK is loaded where this scene is asked for, and nowhere else.
    from tests.support.gcp_account import PROJECT
    from tests.support.gcp_certificates import roots_file
    from tests.support.gcp_server import gcp_server
    from tests.support.gcp_tokens import key_file

    with gcp_server() as server:
        keys = [f"bench-{index:05d}" for index in range(upstream)]
        for index, key in enumerate(keys):
            server.account.put(key, _value(index))
        key_ref = {"name": "gcp", "key": "key.json", "namespace": NAMESPACE}
        auth = {"secretRef": {"secretAccessKeySecretRef": key_ref}}

        def counts() -> Counter[str]:
            logins = Counter({"login": server.tokens.count()})
            return Counter(operation for operation, _ in server.calls) + logins

        def forget() -> None:
            server.calls.clear()
            server.tokens.requests.clear()

        yield StoreScene(
            "gcp",
            [
                _store("gcp", {"gcpsm": {"projectID": PROJECT, "auth": auth}}),
                _secret("gcp", {"key.json": key_file()}),
            ],
            keys,
            {
                "GCP_SECRETMANAGER_ENDPOINT": server.url,
                "GCP_AUTH_ENDPOINT": server.tokens.url,
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": roots_file(),
            },
            counts,
            forget,
            frozenset({"AccessSecretVersion"}),
            frozenset({"login"}),
        )


@contextlib.contextmanager
def _openbao(upstream: int) -> Iterator[StoreScene]:
    from tests.support.openbao import shared_bao
    from tests.support.openbao_front import bao_front

    bao = shared_bao()
    mount, login = bao.engine(), bao.method("approle")
    keys = [f"bench/{index:05d}" for index in range(upstream)]
    for index, key in enumerate(keys):
        bao.ask("POST", f"{mount}/data/{key}", {"data": json.loads(_value(index))})
    policy = bao.policy({f"{mount}/*": ["read", "list", "scan"]})
    bao.ask("POST", f"auth/{login}/role/app", {"token_policies": [policy], "token_ttl": "1h"})
    role = bao.ask("GET", f"auth/{login}/role/app/role-id")["data"]["role_id"]
    made = bao.ask("POST", f"auth/{login}/role/app/secret-id", {})["data"]["secret_id"]
    with bao_front() as front:
        secret_ref = {"name": "approle", "key": "secret-id", "namespace": NAMESPACE}
        block = {
            "server": front.url,
            "path": mount,
            "version": "v2",
            "caBundle": base64.b64encode(front.ca_pem).decode(),
            "auth": {"appRole": {"path": login, "roleId": role, "secretRef": secret_ref}},
        }

        def operation(call: str) -> str:
            for word in ("data", "metadata", "login"):
                if f"/{word}" in call:
                    return word
            return call

        yield StoreScene(
            "openbao",
            [
                _store("openbao", {"openBao": block}),
                _secret("approle", {"secret-id": made.encode()}),
            ],
            keys,
            {},
            lambda: Counter(operation(call) for call in front.calls()),
            front.seen.clear,
            frozenset({"data"}),
            frozenset({"login"}),
        )


def _value(index: int) -> str:
    return json.dumps({"username": f"user-{index}", "password": f"p{index}" * 6})


def _store(name: str, provider: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": name},
        "spec": {"provider": provider},
    }


def _secret(name: str, values: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
    }


#: Name of a store → gives its scene over so many upstream secrets.
SCENES: Mapping[str, Callable[[int], AbstractContextManager[StoreScene]]] = {
    "parameter-store": _parameter_store,
    "gcp": _gcp,
    "openbao": _openbao,
}
