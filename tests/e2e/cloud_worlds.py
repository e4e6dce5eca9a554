"""Worlds of the clouds, whose calls ask for many values or share one connection.

Neighbours: `store_worlds` lists them; `aws_front` and `gcp_server` are behind them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import grpc
from google.cloud.secretmanager_v1 import types

from tests.e2e.rig import Rig
from tests.e2e.world import STORE, World
from tests.support.aws import AwsApi
from tests.support.aws_faults import (
    Fault,
    as_web_server,
    dropped,
    not_json,
    server_error,
    truncated,
)
from tests.support.gcp_account import PROJECT
from tests.support.gcp_certificates import roots_file
from tests.support.gcp_server import gcp_server, padded
from tests.support.gcp_tokens import key_file
from tests.support.gcp_way import PORTALS, gcp_way

__all__ = ["google", "parameter_store", "secrets_manager"]

#: What may go wrong at AWS → the region where it does. Not that of the rig's own store.
_REGIONS = {
    "html": "eu-west-1",
    "half": "eu-west-2",
    "server-error": "eu-west-3",
    "nothing": "eu-north-1",
    "empty": "us-east-1",
    "redirect": "us-east-2",
    "huge": "us-west-1",
    "no-http": "us-west-2",
    "slow-body": "ap-south-1",
}
_OTHER_REGION = "sa-east-1"


class _Aws(World):
    """A store in a region of its own for each way to go wrong: a call asks for many values."""

    faults: ClassVar = tuple(_REGIONS)
    service: ClassVar[str]
    #: What reads values.
    operations: ClassVar[tuple[str, ...]]
    _answers: ClassVar[Mapping[str, Fault]] = {
        "html": not_json(),
        "half": truncated(),
        "server-error": server_error(),
        "nothing": dropped(),
    }

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self._apis: dict[str, AwsApi] = {}

    def store_of(self, key: str) -> str:
        return f"{STORE}-{key}" if key in self.faults else STORE

    def spoil(self, name: str) -> None:
        wrong = self._answers.get(name) or as_web_server(name)
        for operation in self.operations:
            self.rig.front.inject(wrong, operation=operation, region=_REGIONS[name])

    def heal(self) -> None:
        self.rig.front.heal()

    def close(self) -> None:
        """Close the connections to all regions."""
        for api in self._apis.values():
            api.close()

    def api(self, key: str) -> AwsApi:
        """Return the client of the key's region; its store comes with it."""
        store = self.store_of(key)
        if store not in self._apis:
            region = _REGIONS.get(key, _OTHER_REGION)
            self.serve("aws", {"service": self.service, "region": region}, store)
            service = {"ParameterStore": "ssm"}.get(self.service, "secretsmanager")
            self._apis[store] = AwsApi(self.rig.front.url, service=service, region=region)
        return self._apis[store]


class _Secrets(_Aws):
    service = "SecretsManager"
    operations = ("BatchGetSecretValue", "GetSecretValue")

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self._held: set[str] = set()

    def hold(self, key: str, text: str) -> None:
        api = self.api(key)
        write = api.put if key in self._held else api.create
        write(key, json.dumps({"password": self.rig.value(text)}))
        self._held.add(key)


class _Parameters(_Aws):
    service = "ParameterStore"
    operations = ("GetParameters", "GetParameter")

    def hold(self, key: str, text: str) -> None:
        self.api(key).put_parameter(key, json.dumps({"password": self.rig.value(text)}))


class _Google(World):
    """What Google answers for single secrets goes wrong, or the way to it for all."""

    faults: ClassVar = ("html", "half", "server-error", "checksum", "huge")

    def __init__(self, rig: Rig, server: Any, way: Any) -> None:
        super().__init__(rig)
        self._server = server
        self._way = way
        self._wrong: set[str] = set()
        self.environment = {
            "GCP_SECRETMANAGER_ENDPOINT": way.url,
            "GCP_AUTH_ENDPOINT": server.tokens.url,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": roots_file(),
        }
        self.credentials(key=key_file().decode())
        selector = {"name": f"{STORE}-keys", "key": "key"}
        auth = {"secretRef": {"secretAccessKeySecretRef": selector}}
        self.serve("gcpsm", {"projectID": PROJECT, "auth": auth})

    def hold(self, key: str, text: str) -> None:
        self._server.account.put(key, json.dumps({"password": self.rig.value(text)}))

    def spoil(self, name: str) -> None:
        if name == "slow-body":
            self._way.drip()
        elif name in PORTALS:
            self._way.divert(name)
        else:
            self._server.spoil(name, _AT_GOOGLE[name])

    def heal(self) -> None:
        self._server.heal()
        self._way.heal()


def _server_error(context: Any, answer: bytes) -> bytes:
    context.abort(grpc.StatusCode.INTERNAL, f"internal trouble near {answer!r}")
    return answer


def _wrong_checksum(context: Any, answer: bytes) -> bytes:
    response = types.AccessSecretVersionResponse.deserialize(answer)
    response.payload.data_crc32c ^= 1
    return types.AccessSecretVersionResponse.serialize(response)


#: What Google may answer wrongly: the context of the call and the true answer → another.
_AT_GOOGLE: Mapping[str, Callable[[Any, bytes], bytes]] = {
    "html": lambda _, answer: b"<html><body>502 Bad Gateway</body></html>",
    "half": lambda _, answer: answer[: len(answer) * 2 // 3],
    "server-error": _server_error,
    "checksum": _wrong_checksum,
    "huge": lambda _, answer: padded(answer, 100 * 1024 * 1024),
}


@contextlib.contextmanager
def google(rig: Rig) -> Iterator[World]:
    """Google Secret Manager, and the way to it."""
    with gcp_server() as server, gcp_way(server.port) as way:
        yield _Google(rig, server, way)


@contextlib.contextmanager
def secrets_manager(rig: Rig) -> Iterator[World]:
    """AWS Secrets Manager."""
    with contextlib.closing(_Secrets(rig)) as world:
        yield world


@contextlib.contextmanager
def parameter_store(rig: Rig) -> Iterator[World]:
    """AWS Parameter Store."""
    with contextlib.closing(_Parameters(rig)) as world:
        yield world
