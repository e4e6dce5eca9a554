"""RFC 3339 timestamps of API objects."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["parse_timestamp"]

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?P<fraction>\.[0-9]+)?(?P<zone>[Zz]|[-+][0-9]{2}:[0-9]{2})"
)
_SECONDS_CHARS = len("2006-01-02T15:04:05")


def parse_timestamp(text: object) -> datetime | None:
    """Return the aware UTC time of an RFC 3339 string; None for anything else."""
    match = _RFC_3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    fraction = (match["fraction"] or "")[:7]  # a datetime holds microseconds
    zone = match["zone"].upper().replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(
            f"{match.string[:_SECONDS_CHARS].upper()}{fraction}{zone}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
