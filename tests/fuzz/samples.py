"""Real objects that the targets start from, and what edits are made of."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from sealing.scopes import CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION
from tests.fuzz.properties import CANARY
from tests.fuzz.table_key import sealed_for_table
from tests.sealing.kit import certificate, key_object, other_key

__all__ = [
    "KEYS",
    "key_objects",
    "sealed_secret",
    "sealed_values",
    "secret",
    "small_key_objects",
    "v1_secret",
    "values",
]

STRICT_LABEL = b"myns/mysecret"

#: Names of fields: those that parsers look for, and some that they must not trip over.
KEYS = (
    *("apiVersion", "kind", "metadata", "spec", "status", "name", "namespace", "labels"),
    *("annotations", "finalizers", "ownerReferences", "managedFields", "uid", "generateName"),
    *("creationTimestamp", "encryptedData", "template", "data", "stringData", "type"),
    *("immutable", "conditions", "observedGeneration", "tls.key", "tls.crt", "password", ""),
    *("a/b", "é", "\ud800", "k\n", CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION),
    *("sealedsecrets.bitnami.com/sealed-secrets-key", "sealedsecrets.bitnami.com/managed"),
    *("sealedsecrets.bitnami.com/skip-set-owner-references", "sealedsecrets.bitnami.com/patch"),
)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@cache
def sealed_values() -> dict[str, str]:
    """Sealed texts by what they are."""
    plaintext = CANARY.encode()
    return {
        "strict": _text(sealed_for_table(plaintext, STRICT_LABEL)),
        "namespace-wide": _text(sealed_for_table(plaintext, b"myns")),
        "cluster-wide": _text(sealed_for_table(plaintext, b"")),
        "empty": _text(sealed_for_table(b"", STRICT_LABEL)),
        "v1": _text(sealed_for_table(json.dumps(secret()).encode(), STRICT_LABEL)),
        "v1 of a list": _text(sealed_for_table(b'["' + plaintext + b'"]', STRICT_LABEL)),
        "v1 that is not JSON": _text(sealed_for_table(b"{" + plaintext, STRICT_LABEL)),
        "v1 with bad data": _text(
            sealed_for_table(json.dumps({"data": {"k": CANARY}}).encode(), STRICT_LABEL)
        ),
    }


def secret() -> dict[str, Any]:
    """What goes into sealing."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "mysecret",
            "namespace": "myns",
            "labels": {"app": "a"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY},
        },
        "type": "Opaque",
        "immutable": True,
        "data": {"password": _text(CANARY.encode())},
        "stringData": {"text": CANARY},
    }


def sealed_secret() -> dict[str, Any]:
    """A SealedSecret that opens, with everything in it that is read."""
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "mysecret", "namespace": "myns", "uid": "u", "annotations": {}},
        "spec": {
            "encryptedData": {
                "password": sealed_values()["strict"],
                "empty": sealed_values()["empty"],
            },
            "template": {
                "metadata": {"labels": {"app": "a"}, "annotations": {}, "finalizers": ["f/x"]},
                "type": "Opaque",
                "immutable": False,
                "data": {"config": "plain", "hidden": None},
            },
        },
        "status": {"observedGeneration": 1, "conditions": [{"type": "Synced", "status": "True"}]},
    }


def v1_secret() -> dict[str, Any]:
    """The old form."""
    sealed = sealed_secret()
    sealed["spec"] = {"data": sealed_values()["v1"]}
    return sealed


@cache
def key_objects() -> list[dict[str, Any]]:
    """A controller's key Secrets."""
    old = key_object("sealed-secrets-key")
    del old["metadata"]["labels"]
    marked = key_object("marked", status="compromised")
    return [key_object("one"), key_object("two", other_key()), old, marked]


@cache
def small_key_objects() -> list[dict[str, Any]]:
    """Two of them without private keys, where nobody reads those: they fill most of a text."""
    one, _two, _old, marked = key_objects()
    return [
        {**secret, "data": {"tls.crt": secret["data"]["tls.crt"], "tls.key": "a2V5"}}
        for secret in (one, marked)
    ]


@cache
def values() -> list[Any]:
    """What edits put into fields; nothing secret, which could become a name in an error."""
    odd = [None, True, False, 0, -1, 2**70, 1.5, "", [], {}, [[]], {"a": {"b": {}}}, "é", "\ud800"]
    words = ["true", "True", "active", "compromised", "mysecret", "myns", "myns/mysecret", "a/b"]
    words += ["AA==", "AAA", "{{ fail .password }}", "{{", "2026-01-01T00:00:00Z", "0001-01-01"]
    words += ["9999-12-31T23:59:59+00:00", "SealedSecret", "Secret", "bitnami.com/v1alpha1", "v1"]
    pems = [_text(certificate().pem), _text(certificate(other_key()).pem)]
    return [*odd, *words, *sealed_values().values(), *pems, secret()]
