"""How a secret is named: keys, ARNs, versions and stages.

Neighbours: `secrets_manager` asks and matches with these, `listing` matches what a
list shows. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from providers.base import SecretRef

__all__ = [
    "CURRENT",
    "PINNED",
    "SecretIndex",
    "account_scope",
    "asked_id",
    "callings",
    "is_current",
    "pinned_version",
    "secret_id",
    "version_params",
]

#: The stage of the version that a read gives when none is asked for.
CURRENT = "AWSCURRENT"

#: How a reference names a version by its id.
PINNED = "uuid/"
_ARN = "arn:"
#: Secrets Manager appends a hyphen and six random characters to the name in an ARN.
_SUFFIX_CHARS = 7


def secret_id(prefix: str, key: str) -> str:
    """Return the SecretId to ask for.

    The store's prefix goes before names only: a name cannot contain a colon, so a key
    that starts like an ARN is one, and an ARN with something before it is none.
    """
    return key if key.startswith(_ARN) else prefix + key


def asked_id(prefix: str, ref: SecretRef) -> str:
    """Return the SecretId that a ref means; what a list gave has no prefix before it."""
    return ref.key if ref.listed else secret_id(prefix, ref.key)


def is_current(ref: SecretRef) -> bool:
    """Return whether the ref means the current version, which a batch can read."""
    return ref.version in ("", CURRENT)


def pinned_version(ref: SecretRef) -> str:
    """Return the VersionId that the ref pins (`uuid/<VersionId>`), or ""."""
    return ref.version.removeprefix(PINNED) if ref.version.startswith(PINNED) else ""


def version_params(ref: SecretRef) -> dict[str, str]:
    """Return the parameters of GetSecretValue that select the ref's version."""
    if ref.version.startswith(PINNED):
        return {"VersionId": pinned_version(ref)}
    return {} if is_current(ref) else {"VersionStage": ref.version}


def account_scope(arn: str) -> str:
    """Return the part of an ARN that names partition, service, region and account."""
    return ":".join(arn.split(":")[:5])


def callings(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the name, the ARN and the ARN without suffix of an entry ("" where absent)."""
    name, arn = entry.get("Name"), entry.get("ARN")
    name = name if isinstance(name, str) else ""
    arn = arn if isinstance(arn, str) else ""
    return name, arn, arn[:-_SUFFIX_CHARS]


class SecretIndex:
    """Finds the entry of a reply by whatever a secret may be called.

    A secret is asked for by name, by ARN, or by an ARN without its random suffix, and
    replies come in no promised order. A full ARN wins over a partial one: a name may
    itself look as if it ended in a suffix.
    """

    def __init__(self, entries: Iterable[Any] = ()) -> None:
        self._full: dict[str, Mapping[str, Any]] = {}
        self._partial: dict[str, Mapping[str, Any]] = {}
        self.add(entries)

    def add(self, entries: Iterable[Any]) -> None:
        """Take in entries of a reply; what is not an entry is left out."""
        for entry in entries:
            if not isinstance(entry, Mapping):
                continue
            name, arn, partial = callings(entry)
            self._full[name] = self._full[arn] = entry
            self._partial[partial] = entry

    def find(self, asked: str) -> Mapping[str, Any] | None:
        """Return the entry that `asked` names, or None."""
        if not asked:
            return None
        return self._full.get(asked) or self._partial.get(asked)
