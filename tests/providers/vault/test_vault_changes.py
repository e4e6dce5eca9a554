"""What moved, without reading a value: what it costs, and why the answers hold."""

from __future__ import annotations

import pytest

from providers.base import SecretRef, SecretValue
from tests.support.openbao_front import vault_error


def read_all(provider, refs):
    got = {ref: one for ref in refs for one in provider.fetch([ref]).values()}
    assert all(isinstance(one, SecretValue) for one in got.values())
    return {ref: one.version for ref, one in got.items()}


@pytest.fixture
def provider(bao, reader, open_vault):
    return open_vault(bao.token(reader))


def like_vault(front):
    """Answer as Vault does, which offers no detailed metadata."""
    front.spoil = lambda request: (
        vault_error(404, "1 error occurred:\n\t* unsupported path\n\n")
        if "/detailed-metadata/" in request.path
        else None
    )


def test_two_hundred_keys_cost_a_read_each_once_and_one_list_from_then_on(front, provider, put):
    refs = [SecretRef(f"app/team-{number % 7}/key-{number}") for number in range(200)]
    for ref in refs:
        put(ref.key, a=ref.key)
    provider.renew()
    known = read_all(provider, refs)
    assert len(front.seen) == 200
    mark = None
    for _ in range(3):
        before = len(front.seen)
        found = provider.changes(mark, known)
        mark = found.watermark
        assert found.unchanged == set(refs)
        assert len(front.seen) - before == 1
    assert front.seen[-1].path.endswith("/detailed-metadata/app/?scan=true")


def test_a_secret_that_was_made_anew_with_the_same_number_has_changed(
    bao, mount, reader, open_vault, provider, put
):
    refs = [SecretRef("app/a"), SecretRef("app/b"), SecretRef("app/a", version="1")]
    put("app/a", a="old")
    put("app/b", a="old")
    known = read_all(provider, refs)
    mark = provider.changes(None, known).watermark
    bao.ask("DELETE", f"{mount}/metadata/app/a")
    put("app/a", a="new")
    other = open_vault(bao.token(reader))
    for found in (
        provider.changes(mark, known),
        provider.changes(None, known),
        other.changes(mark, known),
    ):
        assert found.changed.keys() == {refs[0], refs[2]}
        assert found.unchanged == {refs[1]}
    assert provider.changes(mark, read_all(provider, refs)).unchanged == set(refs)


@pytest.mark.parametrize("how", ["delete", "destroy", "delete-later", "remove"])
def test_a_version_that_is_gone_or_will_be_is_unknown(bao, mount, provider, put, how):
    refs = [SecretRef("app/a"), SecretRef("app/b"), SecretRef("app/a", version="1")]
    put("app/a", a="old")
    put("app/b", a="old")
    known = read_all(provider, refs)
    if how == "delete":
        bao.ask("DELETE", f"{mount}/data/app/a")
    elif how == "destroy":
        bao.ask("POST", f"{mount}/destroy/app/a", {"versions": [1]})
    elif how == "delete-later":
        bao.ask("POST", f"{mount}/metadata/app/a", {"delete_version_after": "1h"})
        put("app/a", a="new")
    else:
        bao.ask("DELETE", f"{mount}/metadata/app/a")
    found = provider.changes(None, known)
    assert refs[0] in found.unknown
    assert refs[1] in found.unchanged
    assert (refs[2] in found.unchanged) is (how == "delete-later")


def test_a_pinned_version_stays_while_the_current_one_moves(provider, put):
    refs = [SecretRef("app/a"), SecretRef("app/a", version="1")]
    put("app/a", a="one")
    known = read_all(provider, refs)
    put("app/a", a="two")
    found = provider.changes(None, known)
    assert found.changed == read_all(provider, refs[:1])
    assert found.changed[refs[0]].startswith("2@")
    assert found.unchanged == {refs[1]}


def test_metadata_moves_with_tags_and_versions(bao, mount, provider, put):
    ref = SecretRef("app/a", metadata=True)
    put("app/a", a="one")
    known = read_all(provider, [ref])
    assert provider.changes(None, known).unchanged == {ref}
    bao.ask("POST", f"{mount}/metadata/app/a", {"custom_metadata": {"team": "red"}})
    found = provider.changes(None, known)
    assert found.changed == read_all(provider, [ref])


def test_with_vault_itself_metadata_is_read_one_by_one(front, provider, put):
    refs = [SecretRef("app/a"), SecretRef("app/sub/b")]
    for ref in refs:
        put(ref.key, a="one")
    known = read_all(provider, refs)
    like_vault(front)
    first = provider.changes(None, known)
    assert first.unchanged == set(refs)
    put("app/a", a="two")
    before = len(front.seen)
    second = provider.changes(first.watermark, known)
    assert second.changed.keys() == {refs[0]}
    assert [one.partition("/metadata/")[2] for one in front.calls()[before:]] == [
        "app/a",
        "app/sub/b",
    ], "what is not offered is not asked for again"


@pytest.mark.parametrize(
    ("rules", "ways"),
    [
        pytest.param({"{m}/detailed-metadata/app/*": ["list"]}, "folders", id="lists-only"),
        pytest.param({"{m}/metadata/app/*": ["read"]}, "single", id="metadata-only"),
        pytest.param({}, "none", id="values-only"),
    ],
)
def test_what_the_policies_deny_is_gone_around(bao, mount, open_vault, put, front, rules, ways):
    refs = [SecretRef("app/a"), SecretRef("app/sub/b")]
    for ref in refs:
        put(ref.key, a="one")
    allowed = {path.format(m=mount): can for path, can in rules.items()}
    policy = bao.policy({f"{mount}/data/*": ["read"], **allowed})
    provider = open_vault(bao.token(policy))
    known = read_all(provider, refs)
    found = provider.changes(None, known)
    assert (found.unchanged == set(refs)) is (ways != "none")
    assert (found.unknown == set(refs)) is (ways == "none")
    before = len(front.seen)
    provider.changes(found.watermark, known)
    assert len(front.seen) - before == {"folders": 2, "single": 2, "none": 0}[ways]


def test_version_1_asks_nothing(bao, front, open_vault):
    mount = bao.engine(1)
    provider = open_vault(bao.token(bao.policy({})), path=mount, version="v1")
    ref = SecretRef("app/a")
    assert provider.changes(None, {ref: "x"}).unknown == {ref}
    assert front.seen == []
