"""What change detection costs, and when it may stop before the end of the list."""

from __future__ import annotations

import pytest

from providers.base import SecretRef
from tests.support.aws_account import all_keys, pages, read
from tests.support.aws_faults import rewriting

LIST = "ListSecrets"


def test_unsorted_list_is_read_in_full(front, clock, account, open_aws, api):
    front.ignore_sort = True
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    clock(3600)
    version = api.put("s030", "second")
    pages(front)
    found = provider.changes(mark, known)
    assert found.changed == {SecretRef("s030"): version}
    assert pages(front) >= 3


def test_unsorted_list_that_looks_sorted_is_found_out(front, clock, account, open_aws, api):
    # All dates equal: any order looks sorted, and one page would hide the change.
    front.ignore_sort = True
    same = front.clock() - 3600

    def equal_dates(reply):
        for entry in reply["SecretList"]:
            entry["LastChangedDate"] = max(same, entry["LastChangedDate"])

    front.inject(rewriting(equal_dates), operation=LIST)
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    clock(3600)
    api.put("s030", "second")
    assert SecretRef("s030") in provider.changes(mark, known).changed


def test_sorting_that_stops_is_noticed(front, clock, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    front.ignore_sort = True
    clock(3600)
    api.put("s030", "second")
    assert SecretRef("s030") in provider.changes(mark, known).changed


def test_removal_of_the_newest_reads_further_and_recovers(front, clock, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    api.call("DeleteSecret", SecretId="s044", ForceDeleteWithoutRecovery=True)
    clock(3600)
    pages(front)
    found = provider.changes(mark, known)
    assert found.unknown == {SecretRef("s044")}
    assert pages(front) == 4
    found = provider.changes(found.watermark, known)
    assert SecretRef("s044") not in found.unchanged
    assert pages(front) == 1


def test_list_is_asked_sorted_and_with_planned_deletions(front, account, open_aws):
    open_aws().changes(None, {SecretRef("s001"): "v"})
    assert front.of(LIST)[0].params == {
        "MaxResults": 100,
        "SortBy": "last-changed-date",
        "SortOrder": "desc",
        "IncludePlannedDeletion": True,
    }


def test_many_recent_changes_are_read_page_by_page(front, clock, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    clock(3600)
    for number in range(25):
        api.put(f"s{number:03}", "second")
    pages(front)
    found = provider.changes(mark, known)
    assert len(found.changed) == 25
    assert pages(front) == 2


def test_few_refs_do_not_list_a_large_account(front, clock, account, open_aws, api):
    provider = open_aws()
    known = read(provider, "s000", "s001")
    front.calls.clear()
    found = provider.changes(None, known)
    # Two pages at most, and the proof of order; the refs are on the third page.
    assert front.count(LIST) == 3
    assert found.unknown == known.keys()
    # The caller reads them. From then on one page is enough, far down as they are.
    assert read(provider, "s000", "s001") == known
    clock(3600)
    pages(front)
    found = provider.changes(found.watermark, known)
    assert found.unchanged == known.keys()
    assert pages(front) == 1
    api.put("s000", "second")
    assert set(provider.changes(found.watermark, known).changed) == {SecretRef("s000")}


def test_bound_keeps_what_the_pages_did_not_reach_unknown(front, clock, account, open_aws, api):
    provider = open_aws()
    known = read(provider, "s000", "s044")
    mark = provider.changes(None, known).watermark
    read(provider, "s000")
    clock(3600)
    for number in range(1, 43):
        api.put(f"s{number:03}", "second")
    pages(front)
    # 42 recent changes do not fit in two pages: what lies behind is not certain.
    found = provider.changes(mark, known)
    assert pages(front) == 2
    assert SecretRef("s000") in found.unknown


def test_steady_state_costs_one_list_call(front, clock, account, open_aws):
    provider = open_aws()
    known = read(provider, *all_keys())
    found = provider.changes(None, known)
    # Three pages, and the proof that the endpoint sorts.
    assert pages(front) == 4
    for _ in range(3):
        clock(3600)
        found = provider.changes(found.watermark, known)
        assert found.unchanged == known.keys()
        assert pages(front) == 1


@pytest.mark.parametrize("dated", [True, False], ids=["dated", "without-date"])
def test_secrets_made_all_at_once_are_not_listed_for_ever(front, clock, account, open_aws, dated):
    front.dates_replies = dated
    provider = open_aws()
    known = read(provider, *all_keys())
    found = provider.changes(None, known)
    pages(front)
    found = provider.changes(found.watermark, known)
    assert found.unchanged == known.keys()
    # Without a date, all that changed within 10 minutes of the newest is read again.
    assert pages(front) == (1 if dated else 3)


def test_pinned_versions_cost_no_call(front, open_aws):
    known = {SecretRef("a", "uuid/v1"): "v1", SecretRef("b", "uuid/v1"): "v2"}
    found = open_aws().changes(None, known)
    assert found.unchanged == {SecretRef("a", "uuid/v1")}
    assert found.unknown == {SecretRef("b", "uuid/v1")}
    assert front.calls == []


def test_denied_list_is_asked_once_until_the_next_sweep(front, account, open_aws):
    front.denied_operations.add(LIST)
    provider = open_aws()
    known = read(provider, "s000")
    found = provider.changes(None, known)
    assert found.unknown == known.keys()
    found = provider.changes(found.watermark, known)
    assert found.unknown == known.keys()
    assert pages(front) == 1
    front.denied_operations.clear()
    provider.changes(None, known)
    assert pages(front) > 1
