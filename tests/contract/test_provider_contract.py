"""The laws of `providers.base.Provider`, held against every provider."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from providers.base import (
    AccessDenied,
    MalformedSecret,
    ProviderError,
    RateLimited,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from tests.contract.provider_cases import Ability
from tests.contract.provider_kit import CANARY, batch_calls, needs_changes, read, refs_of, text_of


def test_fetch_of_existing_secrets_gives_their_bytes_and_versions(case, provider):
    refs = refs_of(case, 3)
    got = provider.fetch(refs)
    assert [got[ref].value.reveal() for ref in refs] == [
        case.payload(f"{CANARY}-{number}") for number in range(3)
    ]
    assert all(got[ref].version for ref in refs)
    if Ability.DATES in case.abilities:
        assert all(got[ref].created_at.tzinfo for ref in refs)


def test_fetch_with_one_missing_answers_every_ref(case, provider):
    refs = [*refs_of(case, 2), SecretRef("app/nowhere")]
    got = provider.fetch(refs)
    assert got.keys() == set(refs)
    assert isinstance(got[refs[2]], SecretNotFound)
    assert got[refs[2]].definite
    assert all(isinstance(got[ref], SecretValue) for ref in refs[:2])


@pytest.mark.remote
def test_fetch_with_one_denied_leaves_the_others(case, provider):
    refs = refs_of(case, 20)
    case.deny("app/key-7")
    got = provider.fetch(refs)
    assert isinstance(got[refs[7]], AccessDenied)
    assert sum(isinstance(one, SecretValue) for one in got.values()) == 19


@pytest.mark.remote
def test_fetch_when_throttled_says_for_how_long(case, provider):
    refs = refs_of(case, 3)
    case.throttle(retry_after_s=7)
    got = provider.fetch(refs)
    assert got.keys() == set(refs)
    assert all(isinstance(one, RateLimited) for one in got.values())
    assert {one.retry_after_s for one in got.values()} == {7.0}


@pytest.mark.remote
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("trouble", ["fail", "garble", "cut_off"])
def test_fetch_from_a_broken_service_is_unavailable_never_absent(case, provider, trouble, count):
    refs = refs_of(case, count)
    getattr(case, trouble)()
    got = provider.fetch(refs)
    assert got.keys() == set(refs)
    assert all(isinstance(one, Unavailable | MalformedSecret) for one in got.values()), got


@pytest.mark.remote
def test_fetch_after_the_service_recovers_succeeds(case, provider):
    refs = refs_of(case, 2)
    case.fail()
    provider.fetch(refs)
    case.heal()
    assert read(provider, refs)


def test_fetch_after_an_update_gives_another_version(case, provider):
    refs = refs_of(case, 1)
    before = read(provider, refs)
    assert read(provider, refs) == before
    case.put("app/key-0", "another")
    assert read(provider, refs) != before


@pytest.mark.remote
def test_fetch_sends_one_call_and_reports_it(case, provider):
    refs = refs_of(case, min(3, case.batch_size))
    provider.fetch(refs)
    calls = batch_calls(case)
    assert case.calls() == calls
    case.fail()
    provider.fetch(refs)
    assert [outcome for _, outcome in case.observed] == [*["success"] * calls, "error"]


def test_pack_puts_every_ref_in_exactly_one_group(case, provider):
    refs = [SecretRef(f"key-{number}", version="v" * (number % 2)) for number in range(50)]
    groups = provider.pack(refs)
    assert sorted((ref for group in groups for ref in group), key=repr) == sorted(refs, key=repr)


def test_fetch_through_pack_costs_a_call_per_group(case, provider):
    refs = refs_of(case, 45)
    read(provider, refs)
    assert case.calls() == -(-45 // case.batch_size) * batch_calls(case)


@needs_changes
def test_changes_without_a_change_says_unchanged(case, provider):
    refs = refs_of(case, 3)
    known = read(provider, refs)
    first = provider.changes(None, known)
    second = provider.changes(first.watermark, known)
    for found in (first, second):
        assert (found.changed, found.unchanged, found.unknown) == ({}, set(refs), set())


@needs_changes
def test_changes_after_an_update_names_the_new_version(case, provider):
    refs = refs_of(case, 3)
    known = read(provider, refs)
    mark = provider.changes(None, known).watermark
    case.put("app/key-1", "another")
    found = provider.changes(mark, known)
    assert found.changed == {refs[1]: read(provider, [refs[1]])[refs[1]]}
    assert found.unchanged == {refs[0], refs[2]}


@needs_changes
def test_changes_reports_a_change_until_it_was_read(case, provider):
    refs = refs_of(case, 2)
    known = read(provider, refs)
    mark = provider.changes(None, known).watermark
    case.put("app/key-0", "another")
    for _ in range(3):
        found = provider.changes(mark, known)
        assert refs[0] not in found.unchanged
        mark = found.watermark
        # The others move on, and time passes, so that the change is no longer recent.
        case.pass_time(3600)
        case.put("app/other", "moving")
    known = read(provider, refs)
    assert provider.changes(mark, known).unchanged == set(refs)


def test_changes_of_a_removed_secret_is_unknown(case, provider):
    refs = refs_of(case, 2)
    known = read(provider, refs)
    case.delete("app/key-0")
    found = provider.changes(None, known)
    assert refs[0] in found.unknown
    assert refs[0] not in found.changed


@needs_changes
def test_changes_hidden_by_a_late_list_are_found_when_it_shows_them(case, provider):
    refs = refs_of(case, 3)
    case.pass_time(3600)
    known = read(provider, refs)
    mark = provider.changes(None, known).watermark
    case.delay_lists(300)
    case.put("app/key-0", "late")
    case.pass_time(200)
    case.put("app/key-1", "later")
    # The list shows the first change at 300 s only, and by then other dates are newer.
    mark = provider.changes(mark, known).watermark
    case.pass_time(150)
    found = provider.changes(mark, known)
    assert refs[0] in found.changed
    case.pass_time(200)
    assert refs[1] in provider.changes(found.watermark, known).changed


def test_changes_puts_every_known_ref_in_exactly_one_set(case, provider):
    refs = refs_of(case, 3)
    known = {**read(provider, refs), SecretRef("app/nowhere"): "old"}
    case.put("app/key-2", "another")
    found = provider.changes(None, known)
    sets = [set(found.changed), set(found.unchanged), set(found.unknown)]
    assert set.union(*sets) == known.keys()
    assert sum(map(len, sets)) == len(known)


def test_changes_of_nothing_asks_nothing(case, provider):
    provider.changes(None, {})
    assert case.calls() == 0


def test_changes_of_a_service_that_cannot_tell_are_unknown(case, provider):
    if Ability.CHANGES in case.abilities:
        pytest.skip("it can")
    known = read(provider, refs_of(case, 2))
    found = provider.changes(None, known)
    assert (found.changed, found.unchanged, found.unknown) == ({}, set(), known.keys())


@pytest.mark.remote
@needs_changes
@pytest.mark.parametrize("trouble", ["fail", "garble", "cut_off"])
def test_changes_from_a_broken_service_raises_unavailable(case, provider, trouble):
    known = read(provider, refs_of(case, 2))
    getattr(case, trouble)()
    with pytest.raises(Unavailable):
        provider.changes(None, known)


def test_check_passes_where_the_refs_can_be_read(case, provider):
    refs = refs_of(case, 2)
    provider.check([])
    provider.check(refs)


@pytest.mark.remote
def test_check_of_a_denied_ref_raises(case, provider):
    refs = refs_of(case, 2)
    case.deny("app/key-1")
    with pytest.raises(AccessDenied):
        provider.check(refs)


@pytest.mark.remote
@pytest.mark.probing
def test_check_of_a_broken_service_raises(case, provider):
    case.fail()
    with pytest.raises(Unavailable):
        provider.check([])


def test_eight_threads_share_one_provider(case, provider):
    refs = refs_of(case, 24)
    expected = {ref: case.payload(f"{CANARY}-{number}") for number, ref in enumerate(refs)}
    known = read(provider, refs)
    start = threading.Barrier(8)

    def work(offset: int) -> None:
        start.wait()
        mark = None
        for turn in range(4):
            group = [refs[(offset * 3 + turn + step) % 24] for step in range(6)]
            got = provider.fetch(group)
            assert {ref: got[ref].value.reveal() for ref in group} == {
                ref: expected[ref] for ref in group
            }
            found = provider.changes(mark, known)
            assert found.unchanged | found.unknown == set(refs)
            assert not found.changed
            mark = found.watermark

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_close_may_be_called_twice(case):
    opened = case.open()
    refs = refs_of(case, 1)
    opened.fetch(refs)
    opened.close()
    opened.close()


@pytest.mark.remote
@pytest.mark.parametrize("trouble", ["fail", "garble", "cut_off", "throttle", "deny"])
def test_no_error_shows_a_value(case, provider, trouble, caplog):
    caplog.set_level("DEBUG")
    refs = refs_of(case, 3)
    getattr(case, trouble)(*{"throttle": [1], "deny": ["app/key-1"]}.get(trouble, []))
    errors = [
        one
        for group in (refs, refs[1:2])
        for one in provider.fetch(group).values()
        if isinstance(one, ProviderError)
    ]
    assert errors
    shown = "".join(f"{text_of(error)}{error.remedy}{error!r}{vars(error)}" for error in errors)
    assert CANARY not in shown + caplog.text


def test_no_value_is_logged_or_shown_when_all_is_well(case, provider, caplog):
    caplog.set_level("DEBUG")
    got = provider.fetch(refs_of(case, 2))
    assert all(isinstance(one, SecretValue) for one in got.values())
    assert CANARY not in caplog.text + repr(got) + str(got)
