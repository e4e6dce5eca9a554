"""The services of clouds that rows run at: moto behind a strict front, and a gRPC server.

Neighbours: `eso_remotes_maps` has those whose secrets are maps, and those on this machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.aws import REGION, AwsApi
from tests.support.aws_process import aws_of_this_process, owner_of
from tests.support.gcp import led_to
from tests.support.gcp_account import PROJECT
from tests.support.gcp_server import gcp_server
from tests.support.gcp_tokens import key_file

__all__ = [
    "NAMESPACE",
    "Remote",
    "gcp_remote",
    "parameter_store_remote",
    "secret_of",
    "secrets_manager_remote",
]

NAMESPACE = "web"


class Remote(Protocol):
    """A service with secrets, and the store that reads from it."""

    def provider(self) -> dict[str, Any]:
        """Return `spec.provider` of the store."""
        ...

    def secrets(self) -> list[dict[str, Any]]:
        """Return the Secrets that the store authenticates with."""
        ...

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        """Create a secret or give it a new version; returns how `remoteRef` names that."""
        ...

    def delete(self, key: str) -> None:
        """Remove a secret at once."""
        ...


def secret_of(name: str, **values: str) -> dict[str, Any]:
    """Return the manifest of a Secret."""
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


class _SecretsManager:
    def __init__(self, api: AwsApi) -> None:
        self._api = api
        self._made: set[str] = set()

    def provider(self) -> dict[str, Any]:
        return {"aws": {"service": "SecretsManager", "region": REGION}}

    def secrets(self) -> list[dict[str, Any]]:
        return []

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        made = (self._api.put if key in self._made else self._api.create)(key, value)
        self._made.add(key)
        if tags:
            pairs = [{"Key": name, "Value": text} for name, text in tags.items()]
            self._api.call("TagResource", SecretId=key, Tags=pairs)
        return f"uuid/{made}"

    def delete(self, key: str) -> None:
        self._api.call("DeleteSecret", SecretId=key, ForceDeleteWithoutRecovery=True)


class _ParameterStore:
    def __init__(self, api: AwsApi) -> None:
        self._api = api

    def provider(self) -> dict[str, Any]:
        return {"aws": {"service": "ParameterStore", "region": REGION}}

    def secrets(self) -> list[dict[str, Any]]:
        return []

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        pairs = [{"Key": name, "Value": text} for name, text in tags.items()]
        return str(self._api.put_parameter(key, value, **({"Tags": pairs} if tags else {})))

    def delete(self, key: str) -> None:
        self._api.call("DeleteParameter", Name=key)


class _Gcp:
    def __init__(self, account: Any) -> None:
        self._account = account

    def provider(self) -> dict[str, Any]:
        reference = {"secretAccessKeySecretRef": {"name": "gcp", "key": "key.json"}}
        return {"gcpsm": {"projectID": PROJECT, "auth": {"secretRef": reference}}}

    def secrets(self) -> list[dict[str, Any]]:
        return [secret_of("gcp", **{"key.json": key_file().decode()})]

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        self._account.put(key, value)
        stored = self._account.secret(self._name(key))
        stored.resource.labels = dict(tags)
        stored.touch()
        return str(len(stored.versions))

    def delete(self, key: str) -> None:
        self._account.delete(self._name(key))

    @staticmethod
    def _name(key: str) -> str:
        return f"projects/{PROJECT}/secrets/{key}"


@contextlib.contextmanager
def _aws(service: str, made: Callable[[AwsApi], Remote]) -> Iterator[Remote]:
    with (
        pytest.MonkeyPatch.context() as env,
        aws_of_this_process(env) as front,
        owner_of(front, service) as api,
    ):
        yield made(api)


@contextlib.contextmanager
def secrets_manager_remote(_: Path) -> Iterator[Remote]:
    """AWS Secrets Manager."""
    with _aws("secretsmanager", _SecretsManager) as remote:
        yield remote


@contextlib.contextmanager
def parameter_store_remote(_: Path) -> Iterator[Remote]:
    """AWS Parameter Store."""
    with _aws("ssm", _ParameterStore) as remote:
        yield remote


@contextlib.contextmanager
def gcp_remote(_: Path) -> Iterator[Remote]:
    """Google Cloud Secret Manager."""
    with gcp_server() as server, led_to(server):
        yield _Gcp(server.account)
