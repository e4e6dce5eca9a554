"""The stores that ExternalSecrets are held to, each a real service or its strict double."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.aws import REGION, AwsApi, shared_moto
from tests.support.aws_front import StrictFront
from tests.support.gcp import led_to
from tests.support.gcp_account import PROJECT
from tests.support.gcp_server import gcp_server
from tests.support.gcp_tokens import key_file
from tests.support.openbao import Bao, shared_bao

__all__ = ["STORES", "Remote", "Service", "store_manifest"]

API_VERSION = "external-secrets.io/v1"
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


class _Base:
    def secrets(self) -> list[dict[str, Any]]:
        return []


class _SecretsManager(_Base):
    def __init__(self, api: AwsApi) -> None:
        self._api = api
        self._made: set[str] = set()

    def provider(self) -> dict[str, Any]:
        return {"aws": {"service": "SecretsManager", "region": REGION}}

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        made = (self._api.put if key in self._made else self._api.create)(key, value)
        self._made.add(key)
        if tags:
            pairs = [{"Key": name, "Value": text} for name, text in tags.items()]
            self._api.call("TagResource", SecretId=key, Tags=pairs)
        return f"uuid/{made}"

    def delete(self, key: str) -> None:
        self._api.call("DeleteSecret", SecretId=key, ForceDeleteWithoutRecovery=True)


class _ParameterStore(_Base):
    def __init__(self, api: AwsApi) -> None:
        self._api = api

    def provider(self) -> dict[str, Any]:
        return {"aws": {"service": "ParameterStore", "region": REGION}}

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        pairs = [{"Key": name, "Value": text} for name, text in tags.items()]
        return str(self._api.put_parameter(key, value, **({"Tags": pairs} if tags else {})))

    def delete(self, key: str) -> None:
        self._api.call("DeleteParameter", Name=key)


class _Gcp(_Base):
    def __init__(self, account: Any) -> None:
        self._account = account

    def provider(self) -> dict[str, Any]:
        reference = {"secretAccessKeySecretRef": {"name": "gcp", "key": "key.json"}}
        return {"gcpsm": {"projectID": PROJECT, "auth": {"secretRef": reference}}}

    def secrets(self) -> list[dict[str, Any]]:
        return [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "gcp", "namespace": NAMESPACE},
                "stringData": {"key.json": key_file().decode()},
            }
        ]

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


class _OpenBao(_Base):
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
            "caBundle": base64.b64encode(self._bao.authority.pem).decode(),
            "auth": {"tokenSecretRef": {"name": "bao", "key": "token"}},
        }
        return {"openBao": block}

    def secrets(self) -> list[dict[str, Any]]:
        return [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "bao", "namespace": NAMESPACE},
                "stringData": {"token": self._token},
            }
        ]

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        # What is no object is kept under one name, as people do.
        data = json.loads(value) if value.startswith("{") else {"value": value}
        made = self._bao.ask("POST", f"{self._mount}/data/{key}", {"data": data})
        if tags:
            about = {"custom_metadata": dict(tags)}
            self._bao.ask("POST", f"{self._mount}/metadata/{key}", about)
        return str(made["data"]["version"])

    def delete(self, key: str) -> None:
        self._bao.ask("DELETE", f"{self._mount}/metadata/{key}")


class _Directory(_Base):
    def __init__(self, root: Path) -> None:
        self._root = root

    def provider(self) -> dict[str, Any]:
        return {"directory": {"path": str(self._root)}}

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        (self._root / key).write_text(value)
        return ""

    def delete(self, key: str) -> None:
        (self._root / key).unlink()


class _Fake(_Base):
    """Its values stand in the store's own manifest, which is read when the rig is made."""

    def __init__(self) -> None:
        self._data: list[dict[str, str]] = []

    def provider(self) -> dict[str, Any]:
        return {"fake": {"data": self._data}}

    def put(self, key: str, value: str, tags: Mapping[str, str]) -> str:
        version = str(sum(entry["key"] == key for entry in self._data) + 1)
        self._data.append({"key": key, "value": value, "version": version})
        return version

    def delete(self, key: str) -> None:
        self._data[:] = [entry for entry in self._data if entry["key"] != key]


def store_manifest(remote: Remote) -> dict[str, Any]:
    """Return the store that reads from a service."""
    return {
        "apiVersion": API_VERSION,
        "kind": "SecretStore",
        "metadata": {"name": "remote", "namespace": NAMESPACE},
        "spec": {"provider": remote.provider()},
    }


@contextlib.contextmanager
def _aws(service: str, made: Callable[[AwsApi], Remote]) -> Iterator[Remote]:
    with pytest.MonkeyPatch.context() as env, StrictFront(shared_moto().url) as front:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            env.delenv(name)
        env.setenv("AWS_ENDPOINT_URL", front.url)
        env.setenv("AWS_ACCESS_KEY_ID", "AKIACONFORMANCE")
        env.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        env.setenv("AWS_EC2_METADATA_DISABLED", "true")
        env.setenv("AWS_CONFIG_FILE", os.devnull)
        env.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        api = AwsApi(front.url, service=service)
        try:
            yield made(api)
        finally:
            api.close()


@contextlib.contextmanager
def _secrets_manager(_: Path) -> Iterator[Remote]:
    with _aws("secretsmanager", _SecretsManager) as remote:
        yield remote


@contextlib.contextmanager
def _parameter_store(_: Path) -> Iterator[Remote]:
    with _aws("ssm", _ParameterStore) as remote:
        yield remote


@contextlib.contextmanager
def _gcp(_: Path) -> Iterator[Remote]:
    with gcp_server() as server, led_to(server):
        yield _Gcp(server.account)


@contextlib.contextmanager
def _openbao(_: Path) -> Iterator[Remote]:
    yield _OpenBao(shared_bao())


@contextlib.contextmanager
def _directory(root: Path) -> Iterator[Remote]:
    folder = root / "secrets"
    folder.mkdir()
    yield _Directory(folder)


@contextlib.contextmanager
def _fake(_: Path) -> Iterator[Remote]:
    yield _Fake()


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of store.

    Args:
        tags: secrets carry tags that find compares.
        versions: a secret's earlier versions can be read.
        lacks: rows that ask for what the service has no means for.
        texts: a secret may be any text.
    """

    open: Callable[[Path], contextlib.AbstractContextManager[Remote]]
    tags: bool = True
    versions: bool = True
    lacks: frozenset[str] = frozenset()
    texts: bool = True


#: A path is a folder at Parameter Store, no beginning of a name.
_NO_FOLDERS = frozenset({"FindByNameWithPath", "FindByTagWithPath"})

#: An entry is a map that is written anew: rows of a plain text, and of JSON with blanks.
_NO_TEXTS = frozenset(
    {
        *("SimpleDataSync", "SyncWithoutTargetName", "SSHKeySync", "DecodingPolicySync"),
        *("JSONDataFromSync", "DockerJSONConfig"),
    }
)

#: Name of a row's store → how it is opened, and what it can do.
STORES: dict[str, Service] = {
    "aws-secrets-manager": Service(_secrets_manager),
    "aws-parameter-store": Service(_parameter_store, lacks=_NO_FOLDERS),
    "gcp-secret-manager": Service(_gcp),
    "openbao": Service(_openbao, lacks=_NO_TEXTS | _NO_FOLDERS, texts=False),
    "fake": Service(_fake, tags=False),
    "directory": Service(_directory, tags=False, versions=False),
}
