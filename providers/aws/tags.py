"""Tags: read into a mapping, compared, and given as a value.

Neighbours: the adapters of both services; pushes mark what is theirs with a tag. Pure.

Source: External Secrets Operator marks what it pushes with managed-by=external-secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import SecretBytes, SecretValue
from providers.metadata import content_version, metadata_json

__all__ = ["MANAGED_BY", "is_managed", "tag_list", "tag_map", "tags_value"]

#: The tag without which nothing is changed or deleted.
MANAGED_BY = ("managed-by", "external-secrets")


def tag_map(tags: Any) -> dict[str, str] | None:
    """Return the tags of a reply by key; None if it is no list of tags."""
    if not isinstance(tags, list):
        return None
    found: dict[str, str] = {}
    for tag in tags:
        key, value = (tag.get("Key"), tag.get("Value", "")) if isinstance(tag, Mapping) else (0, 0)
        if not isinstance(key, str) or not isinstance(value, str):
            return None
        found[key] = value
    return found


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as the services take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_value(tags: Mapping[str, str]) -> SecretValue:
    """Return tags as the value of a metadata ref: one JSON object."""
    payload = metadata_json(tags)
    return SecretValue(SecretBytes(payload), content_version(payload))


def is_managed(tags: Mapping[str, str]) -> bool:
    """Return whether the mark of a push is there."""
    key, value = MANAGED_BY
    return tags.get(key) == value
