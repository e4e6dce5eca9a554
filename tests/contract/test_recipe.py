"""A provider is one file, one line in the registry, one fixture: nothing else knows it.

`plain_provider` is the file, a line that a test puts into the registry the second, and the
case below the third. Whatever else a provider came to need would fail here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers import registry
from providers.base import Credentials, Provider
from secretsync.cli import main
from secretsync.resources.documents import Document, Origin
from secretsync.resources.secret_store import parse_secret_store
from tests.cli import kit
from tests.contract import test_provider_contract, test_provider_contract_keys
from tests.contract.local_cases import _LocalCase
from tests.contract.plain_provider import PlainConfig
from tests.contract.provider_cases import Ability
from tests.deploy.store_crds import provider_block

KEY = "plain"


class PlainCase(_LocalCase):
    """The fixture."""

    abilities = Ability(0)

    def open(self) -> Any:
        module = registry.load(KEY)
        self._opened: Any = module.open_provider(
            PlainConfig("app/"), Credentials(), observe=self._observe
        )
        return self._opened

    def put(self, key: str, value: str) -> None:
        self._opened.held[key] = value.encode()

    def delete(self, key: str) -> None:
        del self._opened.held[key]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the one line."""
    monkeypatch.setitem(registry.PROVIDERS, KEY, "tests.contract.plain_provider")


@pytest.fixture
def case() -> PlainCase:
    return PlainCase()


@pytest.fixture
def provider(case: PlainCase) -> Iterator[Provider]:
    opened = case.open()
    yield opened
    opened.close()


def _laws() -> list[Any]:
    """Return laws that need no ability, no service that fails, and no cases of their own."""
    laws = []
    for module in (test_provider_contract, test_provider_contract_keys):
        for name, law in vars(module).items():
            plain = name.startswith("test_") and not getattr(law, "pytestmark", [])
            if plain and set(inspect.signature(law).parameters) <= {"case", "provider"}:
                laws.append(pytest.param(law, id=name))
    return laws


@pytest.mark.parametrize("law", _laws())
def test_plain_provider_keeps_the_law(case: PlainCase, provider: Provider, law: Any) -> None:
    given = {"case": case, "provider": provider}
    law(**{name: given[name] for name in inspect.signature(law).parameters})


def test_laws_that_are_kept_are_more_than_a_few() -> None:
    assert len(_laws()) >= 8


def test_schema_is_made_and_explained_from_the_file_alone() -> None:
    assert provider_block(KEY) == {
        "description": "One text for every key of the right prefix.",
        "type": "object",
        "properties": {
            "allowedPrefix": {
                "description": "What a key begins with.",
                "type": "string",
                "minLength": 1,
            }
        },
        "required": ["allowedPrefix"],
    }


def _store() -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "aws", "namespace": "shop"},
        "spec": {"provider": {KEY: {"allowedPrefix": "app/"}}},
    }


def test_store_is_read_and_its_faults_are_told() -> None:
    good = parse_secret_store(Document(_store(), Origin("")), default_namespace="x")
    assert good.value is not None
    bad = _store()
    bad["spec"]["provider"][KEY] = {"other": 1}
    parsed = parse_secret_store(Document(bad, Origin("")), default_namespace="x")
    assert parsed.value is None
    assert {problem.field for problem in parsed.problems} == {
        f"spec.provider.{KEY}.allowedPrefix",
        f"spec.provider.{KEY}.other",
    }


def test_external_secret_is_synced_from_it(tmp_path: Path) -> None:
    wanted = {"secretKey": "value", "remoteRef": {"key": "app/one", "property": "a.b"}}
    ref = {"name": "aws", "kind": "SecretStore"}
    one = kit.external_secret("one", secretStoreRef=ref, data=[wanted])
    path = kit.write(tmp_path / "in" / "all.yaml", _store(), one)
    out = tmp_path / "out"
    assert main(["sync", str(path), "--to", f"dir:{out}"]) == 0
    assert kit.secret_data(out, "one") == {"value": b"literal"}
