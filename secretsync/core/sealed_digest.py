"""The note on a Secret that says which SealedSecret made it, and what it made. Pure.

With it a restart opens nothing: what would come out of an unchanged SealedSecret is
what its Secret still holds. Keyed, so that nobody without the install key can pass
other data off as that; without the key there is no digest, and every look opens.
Neighbours: `sealed` puts it on what is written, `wire` takes outdated ones off.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping

from providers.base import SecretBytes
from secretsync.resources.sealed_secret import SealedSecret

__all__ = ["digest_covers", "sealed_digest"]

#: Another layout, or templates that render otherwise, must get another number.
_CONTEXT = b"secretsync sealed-digest 1"
#: 128 bits a part: nobody forges that, and the annotation stays short.
_DIGITS = 32
_LENGTH_BYTES = 8


def sealed_digest(key: bytes, sealed: SealedSecret, data: Mapping[str, SecretBytes]) -> str:
    """Return the value of `secretsync.io/sealed-digest`.

    Layout: `<spec part>.<data part>`, each HMAC-SHA-256 under the install key, cut to
    32 hex digits. The spec part covers what decides the outcome: namespace, name, scope,
    encryptedData, data and template. The data part covers the spec part and the written
    values, so that the data of an earlier spec does not pass for this one's.

    Args:
        key: the install key.
        data: every value that is written for the SealedSecret.
    """
    spec_part = _spec_part(key, sealed)
    return f"{spec_part}.{_data_part(key, spec_part, data)}"


def digest_covers(
    digest: str, key: bytes, sealed: SealedSecret, data: Mapping[str, SecretBytes]
) -> bool:
    """Return whether opening the SealedSecret is known to give exactly this data.

    Args:
        digest: the annotation as it was found; anything at all.
        data: what the Secret holds of it.
    """
    spec_part = _spec_part(key, sealed)
    if not hmac.compare_digest(digest.partition(".")[0].encode(), spec_part.encode()):
        return False  # Spares the hash of the data; the spec is no secret.
    expected = f"{spec_part}.{_data_part(key, spec_part, data)}"
    return hmac.compare_digest(digest.encode(), expected.encode())


def _spec_part(key: bytes, sealed: SealedSecret) -> str:
    spec = sealed.raw["spec"]
    decisive = [
        sealed.meta.namespace,
        sealed.meta.name,
        str(sealed.scope),
        {name: spec.get(name) for name in ("encryptedData", "data", "template")},
    ]
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"), default=str)
    return _mac(key, [b"spec", text.encode()])


def _data_part(key: bytes, spec_part: str, data: Mapping[str, SecretBytes]) -> str:
    parts = [b"data", spec_part.encode()]
    for name, value in sorted(data.items()):
        parts += [name.encode("utf-8", "surrogatepass"), value.reveal()]
    return _mac(key, parts)


def _mac(key: bytes, parts: list[bytes]) -> str:
    """Each part is behind its length, so that no two lists give the same message."""
    mac = hmac.new(key, digestmod="sha256")
    for part in (_CONTEXT, *parts):
        mac.update(len(part).to_bytes(_LENGTH_BYTES, "big"))
        mac.update(part)
    return mac.hexdigest()[:_DIGITS]
