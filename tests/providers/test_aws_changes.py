"""Change detection: one list call a cycle, and no change that it could lose."""

from __future__ import annotations

import json
import time

import pytest

from providers.base import AuthFailed, SecretRef, SecretValue, Unavailable
from tests.support.aws import AwsApi, shared_moto
from tests.support.aws_faults import answering, aws_error, rewriting, throttled
from tests.support.aws_http import Reply

LIST = "ListSecrets"


@pytest.fixture
def clock(front):
    """The service's clock: starts now, moves by hand."""
    now = [time.time()]
    front.clock = lambda: now[0]

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    return pass_time


@pytest.fixture
def account(front, clock, api):
    """45 secrets on three pages; they were changed a second apart, an hour ago."""
    front.list_page = 20
    direct = AwsApi(shared_moto().url, account=front.account)
    for key in all_keys():
        direct.create(key, "first")
    direct.close()
    lists = front._list_of(front_call(front, api))
    lists.load()
    start = front.clock()
    for number, history in enumerate(lists._states.values()):
        ((_, entry),) = history
        entry["LastChangedDate"] = start + number
        history[:] = [(start + number, entry)]
    clock(3600)
    front.calls.clear()


def front_call(front, api):
    """Make a call so that the front knows the region, and return it."""
    api.call(LIST, MaxResults=1)
    return front.calls[-1]


def read(provider, *keys: str) -> dict[SecretRef, str]:
    wanted = [SecretRef(key) for key in keys]
    got = {
        ref: one for group in provider.pack(wanted) for ref, one in provider.fetch(group).items()
    }
    assert all(isinstance(one, SecretValue) for one in got.values()), got
    return {ref: one.version for ref, one in got.items()}


def all_keys() -> list[str]:
    return [f"s{number:03}" for number in range(45)]


def pages(front) -> int:
    """Count the lists that arrived since the last time this was asked."""
    counted = front.count(LIST)
    front.calls.clear()
    return counted


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


def test_change_far_down_the_list_costs_one_list_call(front, clock, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    clock(3600)
    version = api.put("s003", "second")
    pages(front)
    found = provider.changes(mark, known)
    assert found.changed == {SecretRef("s003"): version}
    assert len(found.unchanged) == 44
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


def test_ref_read_before_the_list_began_is_unknown_until_read_again(front, account, open_aws):
    provider = open_aws()
    known = read(provider, "s000")
    found = provider.changes(None, known)
    found = provider.changes(found.watermark, known)
    assert found.unknown == known.keys()


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


def test_new_ref_is_unchanged_once_this_session_read_it(front, clock, account, open_aws):
    provider = open_aws()
    known = read(provider, *all_keys()[10:])
    mark = provider.changes(None, known).watermark
    clock(3600)
    known |= read(provider, "s005")
    assert SecretRef("s005") in provider.changes(mark, known).unchanged


def test_new_ref_that_this_session_did_not_read_is_unknown(front, clock, account, open_aws):
    earlier = open_aws()
    foreign = read(earlier, "s005")
    provider = open_aws()
    known = read(provider, *all_keys()[10:])
    mark = provider.changes(None, known).watermark
    clock(3600)
    known |= foreign
    assert provider.changes(mark, known).unknown == foreign.keys()


def test_change_that_could_not_be_read_stays_reported(front, clock, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    clock(3600)
    api.put("s003", "second")
    for _ in range(3):
        found = provider.changes(mark, known)
        assert SecretRef("s003") not in found.unchanged
        mark = found.watermark
        clock(3600)
        api.put("s010", "moving on")


def test_secret_of_another_account_is_never_called_unchanged(front, clock, account, open_aws):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    clock(3600)
    # Readable by its ARN, but no list of this account will ever show it.
    arn = "arn:aws:secretsmanager:eu-central-1:424242424242:secret:shared-AbCdEf"
    shared = Reply(
        200,
        {},
        json.dumps({"ARN": arn, "Name": "shared", "VersionId": "v", "SecretString": "x"}).encode(),
    )
    front.inject(answering(shared), operation="GetSecretValue")
    known |= read(provider, arn)
    found = provider.changes(mark, known)
    assert found.unknown == {SecretRef(arn)}
    assert SecretRef(arn) in provider.changes(found.watermark, known).unknown


def test_change_hidden_by_the_lag_under_a_page_of_others_is_found(
    front, clock, account, open_aws, api
):
    front.list_lag_s = 300
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    clock(3600)
    # All of these happen before the next list is made, and it shows none of them yet.
    api.put("s003", "second")
    clock(190)
    for number in range(10, 35):
        api.put(f"s{number:03}", "second")
    clock(109)
    found = provider.changes(mark, known)
    assert found.changed == {}
    clock(400)
    found = provider.changes(found.watermark, known)
    assert len(found.changed) == 26
    assert SecretRef("s003") in found.changed


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


def test_secret_marked_for_deletion_is_unknown(front, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    api.call("DeleteSecret", SecretId="s003", RecoveryWindowInDays=7)
    found = provider.changes(mark, known)
    assert found.unknown == {SecretRef("s003")}
    assert SecretRef("s003") in provider.changes(found.watermark, known).unknown


def test_stages_names_arns_and_prefix_are_followed(front, open_aws, api):
    first = api.create("app/a", "one")
    second = api.put("app/a", "two")
    arn = api.arn("app/a")
    pinned = SecretRef("a", f"uuid/{first}")
    known = {
        SecretRef("a"): second,
        SecretRef("a", "AWSPREVIOUS"): first,
        SecretRef(arn): second,
        SecretRef(arn[:-7]): second,
        pinned: first,
    }
    provider = open_aws(prefix="app/")
    found = provider.changes(None, known)
    assert found.unchanged == known.keys()
    third = api.put("app/a", "three")
    found = provider.changes(found.watermark, known)
    assert found.unchanged == {pinned}
    assert found.changed[SecretRef("a", "AWSPREVIOUS")] == second
    assert {found.changed[ref] for ref in known if ref.version == ""} == {third}


def test_pinned_versions_cost_no_call(front, open_aws):
    known = {SecretRef("a", "uuid/v1"): "v1", SecretRef("b", "uuid/v1"): "v2"}
    found = open_aws().changes(None, known)
    assert found.unchanged == {SecretRef("a", "uuid/v1")}
    assert found.unknown == {SecretRef("b", "uuid/v1")}
    assert front.calls == []


def test_change_of_tags_alone_is_no_change(front, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    api.call("TagResource", SecretId="s003", Tags=[{"Key": "team", "Value": "pay"}])
    assert provider.changes(mark, known).unchanged == known.keys()


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


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(throttled("4"), Unavailable, id="throttled"),
        pytest.param(answering(aws_error("InvalidNextTokenException")), Unavailable, id="token"),
        pytest.param(answering(aws_error("ExpiredTokenException")), AuthFailed, id="expired"),
        pytest.param(rewriting(lambda _: {}), Unavailable, id="no-list-in-the-reply"),
    ],
)
def test_failed_list_raises_and_judges_nothing(front, account, open_aws, fault, kind):
    provider = open_aws()
    known = read(provider, "s000")
    front.inject(fault, operation=LIST)
    with pytest.raises(kind):
        provider.changes(None, known)


@pytest.mark.parametrize("foreign", [object(), "text", 7], ids=["object", "text", "number"])
def test_foreign_watermark_starts_over(front, account, open_aws, foreign):
    known = read(open_aws(), *all_keys())
    other = open_aws()
    assert other.changes(foreign, known).unchanged == known.keys()


def test_watermark_of_another_session_starts_over(front, clock, account, open_aws):
    first, second = open_aws(), open_aws()
    known = read(first, *all_keys())
    mark = first.changes(None, known).watermark
    pages(front)
    assert second.changes(mark, known).unchanged == known.keys()
    assert pages(front) == 4
