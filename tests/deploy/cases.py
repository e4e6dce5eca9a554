"""Manifests that the CRDs must accept as they are, and some that they must refuse."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["EVERYTHING", "GUIDE", "cluster_secret_store", "external_secret", "item"]

#: As a first guide to External Secrets shows it; it must work unchanged.
GUIDE: dict[str, Any] = {
    "apiVersion": "external-secrets.io/v1beta1",
    "kind": "ExternalSecret",
    "metadata": {"name": "database-credentials"},
    "spec": {
        "refreshInterval": "1h",
        "secretStoreRef": {"name": "aws-secrets-manager", "kind": "ClusterSecretStore"},
        "target": {"name": "database-credentials"},
        "data": [
            {
                "secretKey": "password",
                "remoteRef": {"key": "production/database", "property": "password"},
            }
        ],
    },
}


def item(key: str = "password", **more: Any) -> dict[str, Any]:
    """Return one entry of `spec.data` for this secretKey."""
    return {"secretKey": key, "remoteRef": {"key": "production/database"}, **more}


def external_secret(name: str, *, version: str = "v1", **spec: Any) -> dict[str, Any]:
    """Return an ExternalSecret; a field given as None is left out."""
    complete = {
        "secretStoreRef": {"name": "aws", "kind": "SecretStore"},
        "data": [item()],
        **copy.deepcopy(spec),
    }
    return {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {key: value for key, value in complete.items() if value is not None},
    }


def cluster_secret_store(name: str, version: str, **spec: Any) -> dict[str, Any]:
    """Return a ClusterSecretStore."""
    return {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": "ClusterSecretStore",
        "metadata": {"name": name},
        "spec": copy.deepcopy(spec),
    }


_STRATEGIES = {
    "conversionStrategy": "Unicode",
    "decodingStrategy": "Base64URL",
    "nullBytePolicy": "Fail",
    "emptyResultPolicy": "Ignore",
}
_REMOTE_REF = {
    "key": "a",
    "version": "uuid/1",
    "property": "b.c",
    "metadataPolicy": "Fetch",
    **_STRATEGIES,
}
_OTHER_STORE = {"storeRef": {"name": "other", "kind": "ClusterSecretStore"}}
_GENERATOR = {
    "apiVersion": "generators.external-secrets.io/v1alpha1",
    "kind": "Password",
    "name": "new",
}

#: A spec that uses every field there is; secretsync says itself which it cannot serve yet.
EVERYTHING: dict[str, Any] = {
    "secretStoreRef": {"name": "aws", "kind": "SecretStore"},
    "refreshPolicy": "Periodic",
    "refreshInterval": "1h30m0.5s",
    "syncWindows": {
        "kind": "deny",
        "windows": [{"schedule": "0 22 * * *", "duration": "2h"}],
    },
    "target": {
        "name": "written",
        "creationPolicy": "Owner",
        "deletionPolicy": "Delete",
        "immutable": True,
        "manifest": {"apiVersion": "v1", "kind": "ConfigMap"},
        "template": {
            "type": "kubernetes.io/tls",
            "engineVersion": "v2",
            "mergePolicy": "Merge",
            "metadata": {
                "annotations": {"a": "{{ .b }}"},
                "labels": {"c": "d"},
                "finalizers": ["example.org/keep"],
            },
            "data": {"url": "{{ .password }}"},
            "templateFrom": [
                {
                    "configMap": {
                        "name": "templates",
                        "items": [{"key": "a", "templateAs": "KeysAndValues"}],
                    },
                    "target": "spec.rules[0].host",
                    "valuesDecodingStrategy": "Base64",
                },
                {
                    "secret": {
                        "name": "templates",
                        "items": [{"key": "b", "templateAs": "Values"}],
                    },
                    "target": "Labels",
                },
                {"literal": "{{ .a }}: b", "target": "Data"},
            ],
        },
    },
    "data": [
        {"secretKey": "one", "remoteRef": _REMOTE_REF, "sourceRef": _OTHER_STORE},
        {"secretKey": "two", "remoteRef": {"key": "b"}, "sourceRef": {"generatorRef": _GENERATOR}},
    ],
    "dataFrom": [
        {
            "extract": _REMOTE_REF,
            "sourceRef": _OTHER_STORE,
            "rewrite": [
                {"regexp": {"source": "(.*)", "target": "my_$1"}},
                {"transform": {"template": "{{ .value | upper }}"}},
                {
                    "merge": {
                        "into": "all",
                        "priority": ["a"],
                        "priorityPolicy": "IgnoreNotFound",
                        "conflictPolicy": "Ignore",
                        "strategy": "JSON",
                    }
                },
            ],
        },
        {"find": {"path": "p", "name": {"regexp": "^a"}, "tags": {"t": "v"}, **_STRATEGIES}},
        {"sourceRef": {"generatorRef": _GENERATOR}},
    ],
}
