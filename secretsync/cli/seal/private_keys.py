"""Private sealing keys from files: `--sealing-key FILE`, as often as there are files.

A file holds PEM, or key Secrets as a cluster gives them (YAML or JSON, several
documents, a `List`): what `kubectl get secret -l
sealedsecrets.bitnami.com/sealed-secrets-key -o yaml` writes. The keys of a cluster
itself come from `secretsync.sealed.key_store`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealing import PrivateKey, SealingError, parse_private_key
from sealing.encoding import decode_base64
from sealing.pem import pem_blocks
from secretsync.errors import InputError
from secretsync.resources.documents import load_documents

__all__ = ["SealingKeys", "keys_in", "load_sealing_keys"]

#: A key Secret has about 8 kB; a ring of hundreds of keys stays below this.
MAX_KEY_FILE_BYTES = 10 * 1024 * 1024

_KEY_FIELD = "tls.key"
_PEM_LABELS = ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
_REMEDY = "give a private key as PEM, or key Secrets as `kubectl get secret -o yaml` writes them"


@dataclass(frozen=True, slots=True)
class SealingKeys:
    """Private keys in the order of their files; iterating gives each once.

    Args:
        keys: no two of them are the same key.
    """

    keys: tuple[PrivateKey, ...] = ()

    def __iter__(self) -> Iterator[PrivateKey]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


def load_sealing_keys(paths: Sequence[str]) -> SealingKeys:
    """Read every file; one that is broken stops all, so that no key is missed unseen.

    Labels of key Secrets are not looked at: a key that was taken out of use still has
    to open what it once sealed.

    Raises:
        InputError: a file cannot be read, holds no key, or holds a broken one. Nothing
            of its content is in the message.

    Source: sealed-secrets pkg/kubeseal readPrivKeysFromFile.
    """
    found: dict[str, PrivateKey] = {}
    for path in paths:
        for key in keys_in(_read(path), path=path):
            found.setdefault(key.fingerprint, key)
    return SealingKeys(tuple(found.values()))


def keys_in(content: bytes, *, path: str) -> list[PrivateKey]:
    """Return every private key of a file's content, in order.

    Args:
        path: how errors name the file.

    Raises:
        InputError: there is none, or one is broken.
    """
    # In a key Secret the PEM is base64, so that no border shows.
    blocks = list(pem_blocks(content, *_PEM_LABELS))
    if b"-----BEGIN " in content and not _holds_objects(content):
        if not blocks:
            raise InputError(f"{path}: holds PEM, but no private key", remedy=_REMEDY)
        return [_parse(block, path) for block in blocks]
    documents, problems = load_documents(content, file=path)
    if problems:
        first = problems[0]
        place = f"{path}:{first.line}" if first.line else path
        raise InputError(f"{place}: {first.message}", remedy=_REMEDY)
    if not documents:
        raise InputError(f"{path}: holds no private key", remedy=_REMEDY)
    return [_secret_key(document.value, path) for document in documents]


def _holds_objects(content: bytes) -> bool:
    """Whether PEM borders stand inside a manifest (`stringData`), not at the top."""
    return re.search(rb"^[ \t{\"]*[\"']?kind[\"']?[ \t]*:", content, re.MULTILINE) is not None


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as exc:
        raise InputError(
            f"{path}: cannot be read: {exc.strerror or type(exc).__name__}",
            remedy="check that the path exists and that you may read it",
        ) from exc
    if len(content) > MAX_KEY_FILE_BYTES:
        raise InputError(f"{path}: is too large to be a key file", remedy=_REMEDY)
    return content


def _secret_key(secret: dict[str, Any], path: str) -> PrivateKey:
    metadata = secret.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    place = f"{path}: Secret {name}" if isinstance(name, str) and name else path
    if secret.get("kind") != "Secret":
        raise InputError(f"{place}: an object in it is not a Secret", remedy=_REMEDY)
    pem = _field(secret, place)
    return _parse(pem, f"{place}: {_KEY_FIELD}")


def _field(secret: dict[str, Any], place: str) -> bytes:
    for field in ("stringData", "data"):
        values = secret.get(field)
        value = values.get(_KEY_FIELD) if isinstance(values, dict) else None
        if not isinstance(value, str):
            continue
        if field == "stringData":
            return value.encode()
        try:
            return decode_base64(value)
        except SealingError as exc:
            raise InputError(f"{place}: data.{_KEY_FIELD}: {exc}", remedy=_REMEDY) from exc
    raise InputError(f"{place}: has no {_KEY_FIELD} under data", remedy=_REMEDY)


def _parse(pem: bytes, place: str) -> PrivateKey:
    try:
        return parse_private_key(pem)
    except SealingError as exc:
        raise InputError(f"{place}: {exc}", remedy=_REMEDY) from exc
