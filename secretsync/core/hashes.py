"""The hashes and field manager names that a takeover from ESO depends on.

ESO hashes Go's `%+v` print of a value with SHA3-224. The same bytes here mean that
a Secret which ESO wrote is recognised as unchanged, and is not rewritten.
Neighbours: `plan` compares, `materialize` writes, `schedule` reads the version.

Source: External Secrets Operator 2.9 (annotation `reconcile.external-secrets.io/data-hash`,
label `…/created-by`, status `syncedResourceVersion`); Go package fmt for `%+v`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

__all__ = [
    "created_by_hash",
    "data_hash",
    "eso_field_managers",
    "field_manager",
    "metadata_hash",
    "sealed_field_manager",
    "synced_resource_version",
]

_DECIMAL = tuple(str(byte).encode() for byte in range(256))

_ESO_MANAGER_PREFIX = "externalsecrets.external-secrets.io/"
#: The length beyond which ESO writes a hash: a Kubernetes label value, by its own choice.
_ESO_MANAGER_MAX = 63

_MANAGER_PREFIX = "secretsync.io/"
_SEALED_PREFIX = "secretsync.io/sealed/"
_SEALED_MERGE_PREFIX = "secretsync.io/sealed-patch/"
#: Kubernetes refuses a longer field manager.
_MANAGER_MAX_BYTES = 128


def data_hash(data: Mapping[str, bytes]) -> str:
    """Return ESO's data hash, 56 lowercase hex digits.

    Printed form: `map[k1:[98 97 114] k2:[]]`, keys sorted bytewise.
    """
    entries = sorted((_utf8(key), value) for key, value in data.items())
    table = _DECIMAL
    printed = [
        b"%b:[%b]" % (key, b" ".join([table[byte] for byte in value])) for key, value in entries
    ]
    return _sha3(b"map[%b]" % b" ".join(printed))


def created_by_hash(namespace: str, name: str) -> str:
    """Return the value of the created-by label for an ExternalSecret."""
    return _sha3(_utf8(f"{namespace}/{name}"))


def metadata_hash(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Return ESO's hash of an object's labels and annotations.

    Printed form: `{annotations:map[a:b] labels:map[c:d]}`.
    """
    return _sha3(b"{annotations:%b labels:%b}" % (_printed(annotations), _printed(labels)))


def synced_resource_version(
    generation: int, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> str:
    """Return `status.syncedResourceVersion`, `<generation>-<metadata hash>`."""
    return f"{generation}-{metadata_hash(labels, annotations)}"


def eso_field_managers(name: str) -> tuple[str, ...]:
    """Return the field managers under which ESO may have written for an ExternalSecret.

    ESO has two rules for a long name: one measures the whole manager, the other the
    object's name alone. Between the two lengths both results occur. Releases up to 0.16
    knew neither rule: they wrote the plain name as long as Kubernetes took it.

    Args:
        name: of the ExternalSecret.

    Returns:
        One name, or two where both forms occur; the hashed one first.
    """
    plain = _ESO_MANAGER_PREFIX + name
    hashed = f"{_ESO_MANAGER_PREFIX}sha3/{_sha3(_utf8(name))}"
    if len(_utf8(plain)) <= _ESO_MANAGER_MAX:
        return (plain,)
    if len(_utf8(plain)) <= _MANAGER_MAX_BYTES:
        return (hashed, plain)
    return (hashed,)


def field_manager(name: str) -> str:
    """Return our field manager for an ExternalSecret, at most 128 bytes."""
    return _manager(_MANAGER_PREFIX, name)


def sealed_field_manager(name: str, *, merges: bool = False) -> str:
    """Return our field manager for a SealedSecret, at most 128 bytes.

    Args:
        merges: for writes into a Secret that stays somebody else's, which must not make
            it look like one of ours.
    """
    return _manager(_SEALED_MERGE_PREFIX if merges else _SEALED_PREFIX, name)


def _manager(prefix: str, name: str) -> str:
    plain = prefix + name
    if len(_utf8(plain)) <= _MANAGER_MAX_BYTES:
        return plain
    return f"{prefix}sha3/{_sha3(_utf8(name))}"


def _printed(strings: Mapping[str, str]) -> bytes:
    pairs = sorted((_utf8(key), _utf8(value)) for key, value in strings.items())
    return b"map[%b]" % b" ".join(b"%b:%b" % pair for pair in pairs)


def _utf8(text: str) -> bytes:
    # A lone surrogate cannot come from an API server; a hash must not fail on it.
    return text.encode("utf-8", "surrogatepass")


def _sha3(printed: bytes) -> str:
    return hashlib.sha3_224(printed).hexdigest()
