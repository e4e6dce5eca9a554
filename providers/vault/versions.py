"""How a version of a secret is told from all others: numbers with their dates. Pure.

Neighbours: `reading` gives values with these ids, `changes` and `finding` compare them
with what metadata shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from providers.vault.payload import Number

__all__ = ["described_version", "listed_version", "moment", "version_id", "version_number"]


def described_version(entry: Mapping[str, Any]) -> str:
    """Return a version of the description, "" if the server gives none."""
    updated = entry.get("updated_time")
    return f"{entry.get('current_version')}@{updated}" if updated else ""


def version_id(number: str, made: object) -> str:
    """Return what tells a version from all others that ever had its number.

    A number alone does not: a secret whose metadata is removed counts from 1 again.

    Args:
        made: when, as the server writes it.
    """
    return f"{number}@{made}" if isinstance(made, str) and made else number


def listed_version(entry: Mapping[str, Any], asked: str = "") -> str:
    """Return the id of a version that an entry shows, "" unless it certainly has a value.

    One that is to be deleted later counts as uncertain: only a clock could tell.

    Args:
        asked: a number or an id; "" or 0 is the current version.
    """
    number = asked.partition("@")[0].lstrip("0") or str(entry.get("current_version"))
    versions = entry.get("versions")
    one = versions.get(number) if isinstance(versions, Mapping) else None
    if not isinstance(one, Mapping):
        return ""
    if one.get("destroyed") is not False or one.get("deletion_time") != "":
        return ""
    return version_id(number, one.get("created_time"))


def version_number(found: object) -> int:
    """Return the number of a version as an answer has it, 0 for none."""
    text = str(found) if isinstance(found, Number | int) else ""
    return int(text) if text.isascii() and text.isdigit() else 0


def moment(text: object) -> datetime | None:
    """Return a date as the server writes it; None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
