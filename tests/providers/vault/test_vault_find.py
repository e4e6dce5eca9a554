"""Finding in KV: with OpenBao in one call, with Vault folder by folder."""

from __future__ import annotations

import pytest

from providers.base import AccessDenied, FindQuery, InvalidRef, ProviderError, Unavailable
from tests.providers.vault.test_vault_changes import like_vault
from tests.support.openbao_front import vault_error


@pytest.fixture
def grove(bao, mount, put):
    for key in ("app/db", "app/sub/deep/db", "app/web", "db", "other/db"):
        put(key, a=key)
    for key in ("app/db", "other/db"):
        bao.ask("POST", f"{mount}/metadata/{key}", {"custom_metadata": {"team": "red"}})


@pytest.fixture
def provider(bao, reader, open_vault, grove):
    return open_vault(bao.token(reader))


def query(path="", **tags):
    return FindQuery(path, "db$", tuple(tags.items()), lambda name: name.endswith("db"))


def names(provider, asked):
    return sorted(hit.name for hit in provider.find(asked))


@pytest.mark.parametrize("server", ["openbao", "vault"])
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (query(), ["app/db", "app/sub/deep/db", "db", "other/db"]),
        (query("app"), ["app/db", "app/sub/deep/db"]),
        (query("/app/sub/"), ["app/sub/deep/db"]),
        (query("ap"), []),
        (query(team="red"), ["app/db", "other/db"]),
        (query("app", team="red"), ["app/db"]),
        (query(team="blue"), []),
    ],
)
def test_both_ways_of_listing_find_the_same(front, provider, server, asked, found):
    if server == "vault":
        like_vault(front)
    assert names(provider, asked) == found


def test_openbao_lists_all_in_one_call_with_versions(front, provider, put):
    put("app/db", a="again")
    hits = {hit.name: hit.ref for hit in provider.find(query())}
    assert len(front.seen) == 1
    assert hits["app/db"].version.startswith("2@")
    assert provider.fetch([hits["app/db"]])[hits["app/db"]].value.reveal() == b'{"a":"again"}'


def test_vault_lists_each_folder_once(front, provider):
    like_vault(front)
    provider.find(query())
    assert len([one for one in front.calls() if "/metadata/" in one]) == 5


def test_what_is_destroyed_is_not_found_and_what_is_deleted_is_left_to_the_read(
    bao, mount, provider
):
    bao.ask("DELETE", f"{mount}/data/app/db")
    bao.ask("POST", f"{mount}/destroy/other/db", {"versions": [1]})
    hits = {hit.name: hit.ref for hit in provider.find(query())}
    assert "other/db" not in hits
    assert hits["app/db"].version == ""


def test_a_folder_that_may_not_be_listed_fails_the_whole_query(bao, mount, open_vault, grove):
    rules = {f"{mount}/metadata/*": ["list"], f"{mount}/metadata/app/sub/*": ["deny"]}
    provider = open_vault(bao.token(bao.policy(rules)))
    with pytest.raises(AccessDenied):
        provider.find(query())


def test_a_list_that_breaks_in_the_middle_is_no_list(front, provider):
    front.spoil = lambda request: (
        vault_error(500, "internal error") if "/metadata/app/sub" in request.path else None
    )
    spoil = front.spoil
    front.spoil = lambda request: (
        vault_error(404, "unsupported path")
        if "/detailed-metadata/" in request.path
        else spoil(request)
    )
    with pytest.raises(Unavailable):
        provider.find(query())


@pytest.mark.parametrize("actual", [0, 1])
def test_nothing_in_an_engine_that_is_another_or_none_is_an_error(bao, open_vault, actual):
    mount = bao.engine(1) if actual else "nowhere"
    provider = open_vault(bao.token(bao.policy({f"{mount}/*": ["list", "scan"]})), path=mount)
    with pytest.raises(ProviderError):
        provider.find(query())


def test_nothing_in_an_empty_engine_is_an_empty_list(bao, open_vault, mount, reader):
    assert open_vault(bao.token(reader)).find(query()) == []


def test_without_a_mount_the_path_names_it_and_names_begin_with_it(
    bao, mount, reader, open_vault, grove
):
    provider = open_vault(bao.token(reader), path="")
    hits = provider.find(query(f"{mount}/app"))
    assert [hit.name for hit in hits] == [f"{mount}/app/db", f"{mount}/app/sub/deep/db"]
    assert provider.fetch([hits[0].ref])[hits[0].ref].value.reveal() == b'{"a":"app/db"}'
    with pytest.raises(InvalidRef, match="mounted"):
        provider.find(query())


def test_version_1_is_found_by_name_and_has_no_tags(bao, open_vault):
    mount = bao.engine(1)
    bao.ask("POST", f"{mount}/app/db", {"a": "b"})
    provider = open_vault(
        bao.token(bao.policy({f"{mount}/*": ["list", "read"]})), path=mount, version="v1"
    )
    assert names(provider, query()) == ["app/db"]
    with pytest.raises(InvalidRef, match="custom metadata"):
        provider.find(query(team="red"))
