"""What a query finds in Secrets Manager, and what describes a secret.

Neighbours: `secrets_manager` reads what this names; `listing` detects changes. Each found
ref pins the version that the list showed, so that what did not move is not read again.

A list is filtered at AWS as far as its filters are sure not to lose anything: `name`
filters are prefixes, and `tag-key` and `tag-value` match any key and any value by their
beginnings, independently of each other. Every entry is therefore compared again here,
each tag as a pair.

Source: API_ListSecrets, API_Filter, API_DescribeSecret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from providers.aws.calls import CallError, Calls
from providers.aws.errors import UNREADABLE
from providers.aws.ids import CURRENT, PINNED
from providers.aws.reading import pending_deletion
from providers.aws.tags import tag_map, tags_value
from providers.base import FindQuery, FoundSecret, ProviderError, SecretRef, SecretValue

__all__ = ["SecretFinder"]

#: AWS refuses a larger page.
_PAGE_MAX_SECRETS = 100
#: AWS allows 500,000 secrets and no more filters; only a loop has more pages.
_MAX_PAGES = 10_000
_MAX_FILTERS = 10
#: What a filter takes as it stands: a "!" in front would turn it round.
_FILTER_VALUE = re.compile(r"[a-zA-Z0-9 :_@/+=.\-]{1,512}", re.ASCII)

_LIST = "ListSecrets"
_DESCRIBE = "DescribeSecret"


class SecretFinder:
    """Lists and describes secrets, for one identity in one region."""

    def __init__(self, client: Any, calls: Calls) -> None:
        self._client = client
        self._calls = calls

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List what matches, by full name.

        Raises:
            ProviderError: the listing failed; it never gives half a list.
        """
        found: dict[str, FoundSecret] = {}
        try:
            for entry in self._entries(_filters(query)):
                name = entry["Name"]
                if name.startswith(query.path) and query.matches(name) and _has_tags(entry, query):
                    found[name] = FoundSecret(name, _pinned(entry))
        except CallError as failed:
            raise failed.error(query.path).with_traceback(None) from failed.__cause__
        return [found[name] for name in sorted(found)]

    def metadata(self, asked: str) -> SecretValue | ProviderError:
        """Return the tags of a secret, as ESO gives them: one JSON object."""
        try:
            reply = self._calls.run(_DESCRIBE, self._client.describe_secret, SecretId=asked)
        except CallError as failed:
            return failed.error(asked)
        tags = tag_map(reply.get("Tags", []))
        if not reply.get("ARN") or tags is None:
            return UNREADABLE.error(_DESCRIBE, asked)
        if reply.get("DeletedDate"):
            return pending_deletion(asked)
        return tags_value(tags)

    def _entries(self, filters: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
        params: dict[str, Any] = {"Filters": filters} if filters else {}
        for _ in range(_MAX_PAGES):
            reply = self._calls.run(
                _LIST, self._client.list_secrets, MaxResults=_PAGE_MAX_SECRETS, **params
            )
            page = reply.get("SecretList")
            if not isinstance(page, list) or not all(map(_is_named, page)):
                # An unreadable body must not pass for an account without secrets.
                raise CallError(UNREADABLE, _LIST)
            yield from page
            if not reply.get("NextToken"):
                return
            params["NextToken"] = reply["NextToken"]
        raise CallError(UNREADABLE, _LIST)


def _filters(query: FindQuery) -> list[dict[str, Any]]:
    wanted = [("name", query.path)]
    for name, value in query.tags:
        wanted += [("tag-key", name), ("tag-value", value)]
    sure = [(key, text) for key, text in wanted if _FILTER_VALUE.fullmatch(text)]
    return [{"Key": key, "Values": [text]} for key, text in sure[:_MAX_FILTERS]]


def _has_tags(entry: Mapping[str, Any], query: FindQuery) -> bool:
    tags = tag_map(entry.get("Tags") or [])
    if tags is None:
        raise CallError(UNREADABLE, _LIST)
    return all(tags.get(name) == value for name, value in query.tags)


def _pinned(entry: Mapping[str, Any]) -> SecretRef:
    """Return a ref to the version that is current in the list; to the current one if unsure."""
    stages = entry.get("SecretVersionsToStages")
    stages = stages if isinstance(stages, Mapping) else {}
    current = [version for version, labels in stages.items() if CURRENT in labels]
    version = PINNED + current[0] if len(current) == 1 else ""
    return SecretRef(entry["Name"], version=version, listed=True)


def _is_named(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("Name"), str)
