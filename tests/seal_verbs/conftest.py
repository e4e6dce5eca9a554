"""Certificates and keys of the test's own."""

from __future__ import annotations

import pytest

from tests.seal_verbs.kit import write_files


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Certificates and private keys as files."""
    return write_files(tmp_path_factory.mktemp("keys"))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    """No variable of whoever runs the tests decides anything here."""
    for name in ("CERT", "NAMESPACE", "CONTROLLER_NAMESPACE", "CONTROLLER_NAME"):
        monkeypatch.delenv(f"SEALED_SECRETS_{name}", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
