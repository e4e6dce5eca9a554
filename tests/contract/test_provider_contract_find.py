"""The laws of `Provider.find`, held against every provider that finds."""

from __future__ import annotations

import re

import pytest

from providers.base import FindQuery, MalformedSecret, Provider, Unavailable
from tests.contract.provider_cases import Ability, ProviderCase
from tests.contract.provider_kit import CANARY, needs_find, needs_tags, read, text_of


@pytest.fixture
def grove(case: ProviderCase) -> list[str]:
    """Secrets in two folders; the first two of `app` have a tag in common."""
    keys = ["app/db-a", "app/db-b", "app/web", "other/db-c"]
    for key in keys:
        case.put(key, f"{CANARY} of {key}")
    if Ability.TAGS in case.abilities:
        case.tag("app/db-a", {"team": "red", "env": "prod"})
        case.tag("app/db-b", {"team": "red", "env": "dev"})
        case.tag("app/web", {"team": "blue", "env": "prod"})
    return keys


def query(regexp: str = "", path: str = "", **tags: str) -> FindQuery:
    """Return a query as the caller of adapters makes it."""
    return FindQuery(path, regexp, tuple(sorted(tags.items())), lambda name: matches(regexp, name))


def matches(regexp: str, name: str) -> bool:
    return re.search(regexp, name) is not None


def found(provider: Provider, asked: FindQuery) -> list[str]:
    """Return the names found, sorted; every ref must be the service's own name."""
    hits = provider.find(asked)
    assert all(hit.ref.listed for hit in hits)
    assert len({hit.ref for hit in hits}) == len(hits)
    return sorted(hit.name for hit in hits)


@needs_find
@pytest.mark.parametrize(
    ("regexp", "path", "expected"),
    [
        pytest.param("db-", "", ["app/db-a", "app/db-b", "other/db-c"], id="name"),
        pytest.param("^/?app.web$", "", ["app/web"], id="whole-name"),
        pytest.param("db-", "app", ["app/db-a", "app/db-b"], id="name-and-path"),
        pytest.param("", "other", ["other/db-c"], id="path"),
        pytest.param("nothing-like-it", "", [], id="none"),
    ],
)
def test_find_lists_what_matches_name_and_path(case, provider, grove, regexp, path, expected):
    names = found(provider, query(regexp, path and case.found_name(path)))
    assert names == sorted(case.found_name(key) for key in expected)


@needs_tags
@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({"team": "red"}, ["db-a", "db-b"], id="one-tag"),
        pytest.param({"team": "red", "env": "prod"}, ["db-a"], id="all-tags-must-match"),
        pytest.param({"team": "re"}, [], id="a-prefix-is-no-match"),
        pytest.param({"env": "red"}, [], id="value-of-another-tag"),
    ],
)
def test_find_by_tags_takes_those_that_have_them_all(case, provider, grove, tags, expected):
    names = found(provider, query(**tags))
    assert [name[-4:] for name in names] == expected


@needs_find
def test_find_gives_refs_that_read_the_values(case, provider, grove):
    hits = provider.find(query("db-"))
    got = {ref: one for hit in hits for ref, one in provider.fetch([hit.ref]).items()}
    assert {hit.name[-4:]: got[hit.ref].value.reveal() for hit in hits} == {
        key[-4:]: case.payload(f"{CANARY} of {key}") for key in grove if "db-" in key
    }


@needs_find
def test_find_after_an_update_reads_the_new_value(case, provider, grove):
    first = provider.find(query("web"))
    read(provider, [hit.ref for hit in first])
    case.put("app/web", "another")
    second = provider.find(query("web"))
    [got] = provider.fetch([hit.ref for hit in second]).values()
    assert got.value.reveal() == case.payload("another")


@pytest.mark.remote
@needs_find
@pytest.mark.parametrize("trouble", ["fail", "garble", "cut_off", "throttle"])
def test_find_from_a_broken_service_raises_never_an_empty_list(case, provider, grove, trouble):
    getattr(case, trouble)(*([3] if trouble == "throttle" else []))
    with pytest.raises((Unavailable, MalformedSecret)) as caught:
        provider.find(query("db-"))
    assert CANARY not in text_of(caught.value)
