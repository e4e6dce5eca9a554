"""Change detection at Google: what it costs, and that it never says too much."""

from __future__ import annotations

import pytest

from providers.base import AuthFailed, SecretRef, SecretValue
from providers.gcp.budget import LARGEST, SMALLEST, Budget
from tests.support.gcp_account import PROJECT, State

KEYS = 200


@pytest.fixture
def refs(server):
    for number in range(KEYS):
        server.account.put(f"key-{number}", f"value {number}")
    return [SecretRef(f"key-{number}") for number in range(KEYS)]


def read(provider, refs):
    got = {ref: one for group in provider.pack(refs) for ref, one in provider.fetch(group).items()}
    assert all(isinstance(one, SecretValue) for one in got.values()), got
    return {ref: one.version for ref, one in got.items()}


def first_versions(server, refs):
    return {ref: server.account.version_id(ref.key, 1) for ref in refs}


def test_200_keys_cost_200_accesses_once_and_none_while_nothing_changes(server, open_gcp, refs):
    provider = open_gcp()
    known = read(provider, refs)
    assert server.count("AccessSecretVersion") == KEYS
    mark = None
    for _ in range(2):
        server.pass_time(60)
        found = provider.changes(mark, known)
        assert found.unchanged == known.keys()
        mark = found.watermark
    assert server.count("AccessSecretVersion") == KEYS
    assert server.tokens.count() == 1


def test_known_versions_of_an_earlier_run_cost_no_access(server, open_gcp, refs):
    found = open_gcp().changes(None, first_versions(server, refs))
    assert found.unchanged == set(refs)
    assert server.count("AccessSecretVersion") == 0


def test_one_changed_key_costs_one_access(server, open_gcp, refs):
    provider = open_gcp()
    known = read(provider, refs)
    server.account.put("key-7", "another")
    server.pass_time(60)
    found = provider.changes(None, known)
    assert found.changed == {refs[7]: server.account.version_id("key-7", 2)}
    before = server.count("AccessSecretVersion")
    assert read(provider, list(found.changed)) == found.changed
    assert server.count("AccessSecretVersion") == before + 1


def test_keys_beyond_the_budget_are_unknown_and_cost_no_metadata(server, open_gcp):
    many = [SecretRef(f"key-{number}") for number in range(LARGEST + 50)]
    for ref in many:
        server.account.put(ref.key, "value")
    known = first_versions(server, many)
    provider = open_gcp()
    found = provider.changes(None, known)
    assert len(found.unchanged) == LARGEST
    assert len(found.unknown) == 50
    # What is read because of it does not ask for metadata either.
    provider.fetch(list(found.unknown))
    assert server.count("GetSecretVersion") == LARGEST
    assert server.count("AccessSecretVersion") == 50


def test_an_identity_without_metadata_has_all_unknown_after_few_questions(server, open_gcp, refs):
    server.account.accessor_only = True
    provider = open_gcp()
    known = read(provider, refs)
    mark = provider.changes(None, known).watermark
    asked = server.count("GetSecretVersion")
    found = provider.changes(mark, known)
    assert found.unknown == known.keys()
    assert server.count("GetSecretVersion") == asked <= 2 * 5


def test_a_permission_that_was_granted_is_noticed_at_the_next_full_comparison(server, open_gcp):
    server.account.put("app", "value")
    server.account.accessor_only = True
    provider, known = open_gcp(), first_versions(server, [SecretRef("app")])
    mark = provider.changes(None, known).watermark
    server.account.accessor_only = False
    assert provider.changes(mark, known).unknown == known.keys()
    assert provider.changes(None, known).unchanged == known.keys()


def test_a_used_up_quota_makes_the_rest_unknown_and_is_not_asked_on(server, open_gcp, refs):
    provider, known = open_gcp(), first_versions(server, refs)
    server.throttle(5, "GetSecretVersion")
    found = provider.changes(None, known)
    assert found.unknown == known.keys()
    assert server.count("GetSecretVersion") == 1
    # Values have a quota of their own.
    assert read(provider, refs[:2])


def test_the_quota_of_the_project_is_respected_whatever_the_interval(server, open_gcp, refs):
    """Ticks without a pause: Google refuses, rounds get smaller, and all is told all the same."""
    provider, known = open_gcp(), first_versions(server, refs)
    for _ in range(5):
        found = provider.changes(None, known)
        assert found.unchanged | found.unknown == known.keys()
    refused = server.count("GetSecretVersion") - server.account.counted["GetSecretVersion"]
    assert server.account.counted["GetSecretVersion"] == 600
    assert refused == 2


def test_numbers_are_asked_about_in_full_comparisons_only(server, open_gcp):
    name = server.account.put("app", "value")
    ref = SecretRef("app", "1")
    provider = open_gcp()
    known = read(provider, [ref])
    mark = provider.changes(None, known).watermark
    asked = server.count()
    server.account.secret(name).versions[0].state = State.DESTROYED
    assert provider.changes(mark, known).unchanged == {ref}
    assert server.count() == asked
    assert provider.changes(None, known).unknown == {ref}


def test_a_read_beyond_the_budget_is_no_change_by_itself(server, open_gcp):
    server.account.put("app", "value")
    provider, ref = open_gcp(), SecretRef("app")
    known = read(provider, [ref])
    while provider._detector._versions.budget.take():
        pass
    assert read(provider, [ref]) == known
    assert server.count("GetSecretVersion") == 1


def test_an_id_without_date_is_read_once_and_then_known(server, open_gcp):
    server.account.put("app", "value")
    server.account.accessor_only = True
    provider, ref = open_gcp(), SecretRef("app")
    known = read(provider, [ref])
    server.account.accessor_only = False
    assert provider.changes(None, known).unknown == {ref}
    known = read(provider, [ref])
    assert provider.changes(None, known).unchanged == {ref}


def test_an_alias_that_moved_is_changed(server, open_gcp):
    server.account.put("app", "value 1")
    name = server.account.put("app", "value 2")
    aliases = server.account.secret(name).aliases
    aliases["good"] = 1
    provider, ref = open_gcp(), SecretRef("app", "good")
    known = read(provider, [ref])
    aliases["good"] = 2
    second = server.account.version_id("app", 2)
    assert provider.changes(None, known).changed == {ref: second}
    aliases["good"] = 1
    assert provider.changes(None, {ref: second}).changed == known


@pytest.mark.parametrize("state", [State.DISABLED, State.DESTROYED])
def test_a_version_that_cannot_be_read_any_more_is_unknown(server, open_gcp, state):
    name = server.account.put("app", "value")
    provider, known = open_gcp(), first_versions(server, [SecretRef("app")])
    server.account.secret(name).versions[0].state = state
    assert provider.changes(None, known).unknown == known.keys()


def test_a_late_latest_is_no_change_back(server, open_gcp):
    server.account.put("app", "value 1")
    server.account.put("app", "value 2")
    server.account.latest_lag_s = 300
    known = {SecretRef("app"): server.account.version_id("app", 2)}
    found = open_gcp().changes(None, known)
    assert not found.changed
    assert found.unchanged == known.keys()


def test_metadata_changes_are_told_by_their_etag(server, open_gcp):
    name = server.account.put("app", "value", team="red")
    provider, ref = open_gcp(), SecretRef("app", metadata=True)
    known = read(provider, [ref])
    assert provider.changes(None, known).unchanged == {ref}
    stored = server.account.secret(name)
    stored.resource.labels = {"team": "blue"}
    stored.touch()
    found = provider.changes(None, known)
    assert found.changed == read(provider, [ref])
    server.account.delete(f"projects/{PROJECT}/secrets/app")
    assert provider.changes(None, known).unknown == {ref}


def test_a_login_that_is_refused_is_raised(server, open_gcp):
    server.account.put("app", "value")
    provider = open_gcp()
    read(provider, [SecretRef("app")])
    server.tokens.revoke()
    with pytest.raises(AuthFailed):
        provider.changes(None, {SecretRef("app"): "1"})


def test_a_budget_halves_when_throttled_and_grows_back():
    budget = Budget()

    def taken() -> int:
        count = 0
        while budget.take():
            count += 1
        return count

    assert taken() == LARGEST
    sizes = []
    for throttled in (True, True, False, False, *[False] * 20):
        if throttled:
            budget.throttled()
        budget.refill()
        sizes.append(taken())
    assert sizes[:4] == [LARGEST // 2, LARGEST // 4, LARGEST // 4 + 30, LARGEST // 4 + 60]
    assert sizes[-1] == LARGEST
    for _ in range(20):
        budget.throttled()
        budget.refill()
    assert taken() == SMALLEST
