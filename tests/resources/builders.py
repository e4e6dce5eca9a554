"""Small good objects that tests change in one place."""

from __future__ import annotations

import copy
from typing import Any

from secretsync.resources.documents import Document, Origin, load_documents

FILE = "app.yaml"

EXTERNAL_SECRET: dict[str, Any] = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "metadata": {"name": "database-credentials", "namespace": "web"},
    "spec": {
        "secretStoreRef": {"name": "aws-secrets-manager", "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "production/database"}}],
    },
}

SECRET_STORE: dict[str, Any] = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "SecretStore",
    "metadata": {"name": "aws-secrets-manager", "namespace": "web"},
    "spec": {"provider": {"aws": {"service": "SecretsManager", "region": "eu-central-1"}}},
}


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with values set at dotted paths; None removes one."""
    value = copy.deepcopy(base)
    for path, new in changes.items():
        *parents, last = path.split(".")
        place = value
        for name in parents:
            place = place.setdefault(name, {})
        if new is None:
            place.pop(last, None)
        else:
            place[last] = new
    return value


def document(value: dict[str, Any], **lines: int) -> Document:
    """Return a document as if it had been read from FILE."""
    return Document(value, Origin(FILE, {(name,): line for name, line in lines.items()}))


def loaded(text: str) -> list[Document]:
    """Return the documents of a text that is good."""
    documents, problems = load_documents(text.encode(), file=FILE)
    assert problems == []
    return documents


def found(problems: Any) -> list[tuple[str, str, str]]:
    """Return severity, field and message of each problem."""
    return [(str(item.severity), item.field, item.message) for item in problems]
