"""One row per provider: how the contract suite makes its service do things.

A new provider adds a class with the methods of `ProviderCase` and a line in `CASES`;
`test_provider_contract.py` then holds it to every law.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

import pytest

from providers.aws.config import AwsAuth, AwsConfig, AwsSecretRef
from providers.base import Credentials, Provider, SecretBytes, SecretKeySelector
from providers.registry import load
from tests.support.aws import REGION, AwsApi, shared_moto
from tests.support.aws_faults import not_json, server_error, throttled, truncated
from tests.support.aws_front import StrictFront

__all__ = ["CASES", "Ability", "ProviderCase", "aws_case"]


class Ability(enum.Flag):
    """What a service and its adapter offer; laws of the rest skip the case."""

    #: `changes` tells versions without a read.
    CHANGES = enum.auto()
    #: Versions have dates.
    DATES = enum.auto()
    FIND = enum.auto()
    #: Secrets carry tags (labels, custom metadata) that `find` compares.
    TAGS = enum.auto()
    METADATA = enum.auto()
    WRITE = enum.auto()
    #: One property of a JSON object can be pushed.
    WRITE_PROPERTY = enum.auto()


class ProviderCase(Protocol):
    """A service under the suite's control.

    A store that no service stands behind says `local = True`, and one whose `check` sends
    nothing without refs says `probes = False`: the laws of faults, or of probes, skip it.
    """

    #: What of the contract it is held to besides reading.
    abilities: Ability
    #: How many refs one call reads.
    batch_size: int
    #: Requests that the provider reported to its observer, as (operation, outcome).
    observed: list[tuple[str, str]]

    def open(self) -> Provider:
        """Open a session with the service."""
        ...

    def put(self, key: str, value: str) -> None:
        """Create the secret, or give it a new version, by other means than the provider."""
        ...

    def payload(self, value: str) -> bytes:
        """Return what `fetch` gives for a secret that was put with this value."""
        ...

    def found_name(self, key: str) -> str:
        """Return the name under which `find` gives a secret that was put with this key."""
        ...

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Give an existing secret these tags."""
        ...

    def delete(self, key: str) -> None:
        """Remove the secret at once."""
        ...

    def deny(self, key: str) -> None:
        """Forbid to read the secret."""
        ...

    def throttle(self, retry_after_s: int) -> None:
        """Throttle every call until `heal`."""
        ...

    def fail(self) -> None:
        """Fail every call inside the service until `heal`."""
        ...

    def garble(self) -> None:
        """Answer every call with something that is no answer until `heal`."""
        ...

    def cut_off(self) -> None:
        """Cut every answer in the middle until `heal`."""
        ...

    def heal(self) -> None:
        """Work again."""
        ...

    def delay_lists(self, seconds: int) -> None:
        """Let lists miss the changes of the last seconds."""
        ...

    def pass_time(self, seconds: int) -> None:
        """Move the service's clock."""
        ...

    def calls(self) -> int:
        """Return how many requests of the provider have arrived."""
        ...


class _AwsCase:
    abilities = ~Ability(0)
    batch_size = 20
    service = "SecretsManager"
    prefix = ""

    def __init__(self, front: StrictFront) -> None:
        self._front = front
        self._api = AwsApi(front.url)
        self._own_calls = 0
        self._late_s = 0
        self._existing: set[str] = set()
        self.observed: list[tuple[str, str]] = []
        front.clock = lambda: time.time() + self._late_s

    def open(self) -> Provider:
        id_selector, key_selector = SecretKeySelector("aws", "id"), SecretKeySelector("aws", "key")
        config = AwsConfig(
            service=self.service,
            region=REGION,
            prefix=self.prefix,
            auth=AwsAuth(secret_ref=AwsSecretRef(id_selector, key_selector)),
        )
        secrets = {id_selector: SecretBytes(b"AKIACONTRACT"), key_selector: SecretBytes(b"made-up")}
        return load("aws").open_provider(config, Credentials(secrets), observe=self._observe)

    def _observe(self, operation: str, outcome: str) -> None:
        self.observed.append((operation, outcome))

    def put(self, key: str, value: str) -> None:
        self._own_calls += 1
        (self._api.put if key in self._existing else self._api.create)(key, value)
        self._existing.add(key)

    def payload(self, value: str) -> bytes:
        return value.encode()

    def found_name(self, key: str) -> str:
        return key

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        self._own_calls += 1
        pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
        self._api.call("TagResource", SecretId=key, Tags=pairs)

    def delete(self, key: str) -> None:
        self._own_calls += 1
        self._api.call("DeleteSecret", SecretId=key, ForceDeleteWithoutRecovery=True)
        self._existing.discard(key)

    def deny(self, key: str) -> None:
        self._front.denied.add(self.prefix + key)

    def throttle(self, retry_after_s: int) -> None:
        self._front.inject(throttled(str(retry_after_s)))

    def fail(self) -> None:
        self._front.inject(server_error())

    def garble(self) -> None:
        self._front.inject(not_json())

    def cut_off(self) -> None:
        self._front.inject(truncated())

    def heal(self) -> None:
        self._front.heal()

    def delay_lists(self, seconds: int) -> None:
        self._front.list_lag_s = seconds

    def pass_time(self, seconds: int) -> None:
        self._late_s += seconds

    def calls(self) -> int:
        return self._front.count() - self._own_calls

    def close(self) -> None:
        self._api.close()


class _ParameterStoreCase(_AwsCase):
    batch_size = 10
    service = "ParameterStore"
    #: Names with folders begin with a slash there, the keys of the suite do not.
    prefix = "/"

    def __init__(self, front: StrictFront) -> None:
        super().__init__(front)
        self._api.close()
        self._api = AwsApi(front.url, service="ssm")

    def put(self, key: str, value: str) -> None:
        self._own_calls += 1
        self._api.put_parameter(self.prefix + key, value)

    def found_name(self, key: str) -> str:
        return self.prefix + key

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        self._own_calls += 1
        pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
        self._api.call(
            "AddTagsToResource", ResourceType="Parameter", ResourceId=self.prefix + key, Tags=pairs
        )

    def delete(self, key: str) -> None:
        self._own_calls += 1
        self._api.call("DeleteParameter", Name=self.prefix + key)


@contextlib.contextmanager
def _aws_front() -> Iterator[StrictFront]:
    with StrictFront(shared_moto().url) as front, pytest.MonkeyPatch.context() as environment:
        for service in ("SECRETSMANAGER", "SSM", "STS"):
            environment.setenv(f"AWS_{service}_ENDPOINT", front.url)
        yield front


@contextlib.contextmanager
def aws_case() -> Iterator[ProviderCase]:
    """AWS Secrets Manager: moto behind the strict front."""
    with _aws_front() as front, contextlib.closing(_AwsCase(front)) as case:
        yield case


@contextlib.contextmanager
def parameter_store_case() -> Iterator[ProviderCase]:
    """AWS Parameter Store: moto behind the strict front."""
    with _aws_front() as front, contextlib.closing(_ParameterStoreCase(front)) as case:
        yield case


@contextlib.contextmanager
def gcp_case() -> Iterator[ProviderCase]:
    """Google Cloud Secret Manager: a gRPC server of Google's own message types."""
    from tests.contract.gcp_case import opened_gcp_case

    with opened_gcp_case() as case:
        yield case


@contextlib.contextmanager
def kubernetes_case() -> Iterator[ProviderCase]:
    """Secrets of another cluster: a real API server behind a front."""
    from tests.contract.kubernetes_case import opened_kubernetes_case

    with opened_kubernetes_case() as case:
        yield case


@contextlib.contextmanager
def webhook_case() -> Iterator[ProviderCase]:
    """A webhook: a loopback HTTPS server."""
    from tests.contract.webhook_case import opened_webhook_case

    with opened_webhook_case() as case:
        yield case


@contextlib.contextmanager
def fake_case() -> Iterator[ProviderCase]:
    """The fake store."""
    from tests.contract.local_cases import opened_fake_case

    with opened_fake_case() as case:
        yield case


@contextlib.contextmanager
def directory_case() -> Iterator[ProviderCase]:
    """A directory of files."""
    from tests.contract.local_cases import opened_directory_case

    with opened_directory_case() as case:
        yield case


@contextlib.contextmanager
def vault_case(version: int) -> Iterator[ProviderCase]:
    """A KV engine of OpenBao."""
    from tests.contract.vault_case import opened_vault_case

    with opened_vault_case(version) as case:
        yield case


CASES = [
    pytest.param(aws_case, id="aws-secrets-manager"),
    pytest.param(parameter_store_case, id="aws-parameter-store"),
    pytest.param(gcp_case, id="gcp-secret-manager"),
    pytest.param(functools.partial(vault_case, 2), id="vault-kv2"),
    pytest.param(functools.partial(vault_case, 1), id="vault-kv1"),
    pytest.param(kubernetes_case, id="kubernetes", marks=pytest.mark.built),
    pytest.param(webhook_case, id="webhook"),
    pytest.param(fake_case, id="fake"),
    pytest.param(directory_case, id="directory"),
]
