"""What adapters make of answers that are no payload: JSON of metadata, versions by content.

Neighbours: every adapter that answers `metadataPolicy: Fetch`, or whose service counts no
versions. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

__all__ = ["content_version", "metadata_json"]

_DIGEST_BYTES = 16
#: Of this process alone: a digest of few possible values must not be worth keeping.
_KEY = secrets.token_bytes(32)

#: What Go's encoder writes otherwise than Python's, so that JSON can stand in HTML.
_GO_ESCAPES = str.maketrans(
    {char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"},
)


def metadata_json(fields: Mapping[str, Any]) -> bytes:
    """Return a JSON object in the bytes that Go's encoding/json gives it.

    Args:
        fields: text, numbers, booleans and objects of these.

    Source: encoding/json, Marshal: sorted keys, no blanks, HTML characters escaped.
    """
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Outside of strings JSON has none of these characters.
    return text.translate(_GO_ESCAPES).encode(errors="replace")


def content_version(payload: bytes) -> str:
    """Return a version id for a payload whose service counts no versions.

    It is good for comparing within this process only: the digest is keyed, as whoever
    sees an unkeyed one of a guessable value can find out the value.
    """
    return hashlib.blake2b(payload, key=_KEY, digest_size=_DIGEST_BYTES).hexdigest()
