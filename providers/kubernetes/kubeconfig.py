"""A kubeconfig that somebody stored in a Secret: its current context.

What would run a program or read a file of this machine is refused: the author of a Secret
is not its operator. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from providers.base import AuthFailed, SecretBytes

__all__ = ["KubeContext", "read_kubeconfig"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_REMEDY = "store a kubeconfig with a token, or a certificate, as data"
#: Fields that are refused, with what they would do.
_REFUSED = {
    "cluster": {
        "certificate-authority": "names a file",
        "insecure-skip-tls-verify": "switches verification off",
        "proxy-url": "names a proxy",
        "tls-server-name": "names another server",
    },
    "user": {
        "exec": "runs a program",
        "auth-provider": "asks a plugin",
        "tokenFile": "names a file",
        "client-certificate": "names a file",
        "client-key": "names a file",
        "username": "logs in with a password",
        "password": "logs in with a password",
        "as": "impersonates",
        "as-groups": "impersonates",
    },
}


@dataclass(frozen=True, slots=True)
class KubeContext:
    """What the current context of a kubeconfig says."""

    server: str
    ca_pem: bytes | None = None
    token: SecretBytes | None = None
    certificate: bytes | None = None
    key: SecretBytes | None = None


def read_kubeconfig(content: bytes) -> KubeContext:
    """Return the current context.

    Raises:
        AuthFailed: it is no kubeconfig, or it asks for what is refused; the text holds
            nothing of it.
    """
    document = _parsed(content)
    context = _named(document, "context", document.get("current-context"))
    cluster = _named(document, "cluster", context.get("cluster"))
    user = _named(document, "user", context.get("user"))
    for kind, found in (("cluster", cluster), ("user", user)):
        for name, what in _REFUSED[kind].items():
            if found.get(name):
                raise AuthFailed(f"the kubeconfig's {kind} has {name}: it {what}", remedy=_REMEDY)
    server = cluster.get("server")
    if not isinstance(server, str) or not server:
        raise AuthFailed("the kubeconfig's cluster has no server", remedy=_REMEDY)
    token = user.get("token")
    key = _data(user, "client-key-data")
    return KubeContext(
        server,
        _data(cluster, "certificate-authority-data"),
        SecretBytes(token.encode()) if isinstance(token, str) and token else None,
        _data(user, "client-certificate-data"),
        None if key is None else SecretBytes(key),
    )


def _parsed(content: bytes) -> dict[str, Any]:
    document: Any = None
    if len(content) <= MAX_BYTES:
        try:
            if _is_flat(content):
                document = yaml.load(content, Loader=_LOADER)  # noqa: S506 - a safe loader
        except (yaml.YAMLError, ValueError):
            document = None
    # Outside of the handler: its error quotes the text.
    if not isinstance(document, dict):
        raise AuthFailed("the Secret holds no kubeconfig", remedy=_REMEDY)
    return document


def _is_flat(content: bytes) -> bool:
    """Return whether loading is safe: the C loader recurses until the process dies."""
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            depth += 1
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or isinstance(event, yaml.AliasEvent):
            return False
    return True


def _named(document: Mapping[str, Any], kind: str, name: Any) -> Mapping[str, Any]:
    entries = document.get(f"{kind}s")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and name and entry.get("name") == name:
            inner = entry.get(kind)
            if isinstance(inner, dict):
                return inner
    raise AuthFailed(f"the kubeconfig's current context has no {kind}", remedy=_REMEDY)


def _data(fields: Mapping[str, Any], name: str) -> bytes | None:
    text = fields.get(name)
    if not text:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, binascii.Error, ValueError):
        problem = f"the kubeconfig's {name} is not base64"
    raise AuthFailed(problem, remedy=_REMEDY)
