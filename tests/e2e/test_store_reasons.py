"""What a store says of itself: each reason of External Secrets Operator, in the whole service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.rig import STORE, Rig, eventually, steady
from tests.support.aws import REGION

KEY_REFS = {
    "accessKeyIDSecretRef": {"name": "keys", "key": "id"},
    "secretAccessKeySecretRef": {"name": "keys", "key": "secret"},
}
BY_KEYS = {"aws": {"service": "SecretsManager", "region": REGION, "auth": {"secretRef": KEY_REFS}}}
WORKS = {"fake": {"data": [{"key": "one", "value": "v"}]}}
#: Name → kind, block, and what its status says: status, reason, a part of the message.
ROWS: dict[str, tuple[str, dict[str, Any], str, str, str]] = {
    "works": ("SecretStore", WORKS, "True", "Valid", "store validated"),
    "without-its-keys": (
        *("SecretStore", BY_KEYS, "False", "InvalidProviderConfig"),
        "unable to create client: ",
    ),
    "says-no": (
        *("SecretStore", {"fake": {"validationResult": 2}}, "False", "ValidationFailed"),
        "unable to validate store: ",
    ),
    "of-its-users": (
        *("ClusterSecretStore", BY_KEYS, "True", "ValidationUnknown"),
        "credentials depend on the namespace",
    ),
    "no-store": (
        *("SecretStore", {"webhook": {"method": "GET"}}, "False", "InvalidStoreConfiguration"),
        "spec.provider.webhook.url",
    ),
}


def _put(rig: Rig, name: str, kind: str, provider: dict[str, Any]) -> None:
    metadata: dict[str, Any] = {"name": name}
    if kind == "SecretStore":
        metadata["namespace"] = rig.site.namespace
    store = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": metadata}
    rig.site.put({**store, "spec": {"provider": provider}})


def _wait_says(rig: Rig, name: str, kind: str, status: str, reason: str, text: str) -> None:
    def look() -> bool:
        found = rig.condition(name, kind)
        assert (found.get("status"), found.get("reason")) == (status, reason), (name, found)
        return text in found["message"]

    eventually(look, within_s=60, what=name)


@pytest.fixture
def stores(dir_rig: Rig) -> Rig:
    """A service over all of them. An API server would not take the one that is none."""
    for name, (kind, provider, *_) in ROWS.items():
        _put(dir_rig, name, kind, provider)
    dir_rig.start()
    return dir_rig


def test_each_reason_is_told_and_goes_with_its_cause(stores: Rig) -> None:
    for name, (kind, _, status, reason, text) in ROWS.items():
        _wait_says(stores, name, kind, status, reason, text)
    broken = [name for name, row in ROWS.items() if row[2] == "False"]
    for name in broken:
        _put(stores, name, "SecretStore", WORKS)
    for name in broken:
        _wait_says(stores, name, "SecretStore", "True", "Valid", "store validated")


def test_store_that_is_told_invalid_names_the_secret_that_it_lacks(stores: Rig) -> None:
    name = "without-its-keys"
    _wait_says(stores, name, "SecretStore", "False", "InvalidProviderConfig", "keys")


def test_store_that_gives_none_of_its_users_a_value_is_not_valid(rig: Rig) -> None:
    rig.front.denied |= {"one", "two"}
    rig.store()
    for name in ("one", "two"):
        rig.upstream(name)
        rig.external_secret(name)
    rig.start()
    refused = "unable to read what its ExternalSecrets ask for: AWS denies"
    _wait_says(rig, STORE, "ClusterSecretStore", "False", "ValidationFailed", refused)
    rig.front.denied.remove("two")
    rig.wait_synced("two")
    _wait_says(rig, STORE, "ClusterSecretStore", "True", "Valid", "store validated")
    rig.wait_condition("one", "False", "AccessDenied")


def test_store_that_denies_one_of_two_users_stays_valid(rig: Rig) -> None:
    rig.front.denied.add("one")
    rig.store()
    for name in ("one", "two"):
        rig.upstream(name)
        rig.external_secret(name)
    rig.start()
    rig.wait_synced("two")
    rig.wait_condition("one", "False", "AccessDenied")
    _wait_says(rig, STORE, "ClusterSecretStore", "True", "Valid", "store validated")
    steady(lambda: rig.condition(STORE, "ClusterSecretStore").get("reason"), for_s=4)
    _wait_says(rig, STORE, "ClusterSecretStore", "True", "Valid", "store validated")
