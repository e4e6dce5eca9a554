"""ExternalSecrets whose secrets disappear upstream, for the tests of deletions."""

from __future__ import annotations

from typing import Any

from secretsync.resources.external_secret import ExternalSecret
from tests.core.secret_cases import external_secret, item
from tests.support.aws import AwsApi

__all__ = ["create", "drop", "many", "reader"]


def reader(name: str, policy: str = "Delete", **target: Any) -> ExternalSecret:
    """Return an ExternalSecret that reads the secret of its own name."""
    spec = {"data": [item("value", name)], "target": {"deletionPolicy": policy, **target}}
    return external_secret(spec, name=name, uid=f"uid-{name}")


def many(count: int, policy: str = "Delete") -> list[ExternalSecret]:
    """Return so many of them."""
    return [reader(f"es-{number:02}", policy) for number in range(count)]


def create(api: AwsApi, items: list[ExternalSecret]) -> None:
    """Create what they read."""
    for each in items:
        api.create(each.meta.name, "good")


def drop(api: AwsApi, items: list[ExternalSecret]) -> None:
    """Delete what they read, at once."""
    for each in items:
        api.call("DeleteSecret", SecretId=each.meta.name, ForceDeleteWithoutRecovery=True)
