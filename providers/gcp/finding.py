"""`dataFrom.find`: lists secrets by name, path and labels.

Neighbours: `calls` sends; `secret_manager` offers this as `find`. What the query says is
put into Google's filter only where it cannot be read as more than a word, to make the
list shorter; it is checked here all the same. Regional secrets too.

Source: https://cloud.google.com/secret-manager/docs/filtering
"""

from __future__ import annotations

import re
from typing import Any

from google.cloud.secretmanager_v1 import ListSecretsRequest, SecretManagerServiceClient

from providers.base import FindQuery, FoundSecret, SecretRef, Unavailable
from providers.gcp.calls import CallError, Calls
from providers.gcp.ids import Place

__all__ = ["find_secrets"]

#: Secrets a page: as many as fit into an answer with all that may be attached to them.
PAGE_SIZE = 250
#: More than any project is known to have; a list that goes on is broken.
MAX_PAGES = 2000

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", re.ASCII)


def find_secrets(
    client: SecretManagerServiceClient, calls: Calls, place: Place, query: FindQuery
) -> list[FoundSecret]:
    """Return all secrets of a place that match.

    Raises:
        ProviderError: the listing failed; it never returns half a list.
    """
    found: list[FoundSecret] = []
    token = ""
    for _ in range(MAX_PAGES):
        page = _page(client, calls, place, filter_text=filter_of(query), token=token)
        for secret in page.secrets:
            key = place.key_of(secret.name)
            if key and _matches(query, key, secret.labels):
                found.append(FoundSecret(key, SecretRef(key, listed=True)))
        if page.next_page_token == "":
            return found
        if page.next_page_token == token:
            break
        token = page.next_page_token
    raise Unavailable("the list of secrets that Google gives does not end")


def filter_of(query: FindQuery) -> str:
    """Return the filter that the service is given; what it leaves out is checked later."""
    terms = [f"labels.{name}={value}" for name, value in query.tags if _plain(name, value)]
    if _plain(query.path):
        terms.append(f"name:{query.path}")
    return " AND ".join(terms)


def _plain(*words: str) -> bool:
    reserved = ("AND", "OR", "NOT")
    return all(_WORD.fullmatch(word) and word.upper() not in reserved for word in words)


def _matches(query: FindQuery, key: str, labels: Any) -> bool:
    return (
        key.startswith(query.path)
        and query.matches(key)
        and all(labels.get(name) == value for name, value in query.tags)
    )


def _page(
    client: SecretManagerServiceClient, calls: Calls, place: Place, *, filter_text: str, token: str
) -> Any:
    request = ListSecretsRequest(
        parent=place.parent, page_size=PAGE_SIZE, page_token=token, filter=filter_text
    )
    try:
        return calls.run("ListSecrets", client.list_secrets, request)
    except CallError as failed:
        error = failed.error(place.parent)
    raise error
