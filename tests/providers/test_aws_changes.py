"""Change detection: one list call a cycle, and no change that it could lose."""

from __future__ import annotations

import json

import pytest

from providers.base import AuthFailed, SecretRef, Unavailable
from tests.support.aws_account import all_keys, pages, read
from tests.support.aws_faults import answering, aws_error, rewriting, throttled
from tests.support.aws_http import Reply

LIST = "ListSecrets"


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


def test_ref_read_before_the_list_began_is_unknown_until_read_again(front, account, open_aws):
    provider = open_aws()
    known = read(provider, "s000")
    found = provider.changes(None, known)
    found = provider.changes(found.watermark, known)
    assert found.unknown == known.keys()


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
    clock(10)
    for number in range(10, 35):
        api.put(f"s{number:03}", "second")
    clock(289)
    found = provider.changes(mark, known)
    assert found.changed == {}
    clock(400)
    found = provider.changes(found.watermark, known)
    assert len(found.changed) == 26
    assert SecretRef("s003") in found.changed


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


def test_change_of_tags_alone_is_no_change(front, account, open_aws, api):
    provider = open_aws()
    known = read(provider, *all_keys())
    mark = provider.changes(None, known).watermark
    api.call("TagResource", SecretId="s003", Tags=[{"Key": "team", "Value": "pay"}])
    assert provider.changes(mark, known).unchanged == known.keys()


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


def test_ref_without_a_known_version_is_never_unchanged(front, clock, account, open_aws):
    provider = open_aws()
    known = {**read(provider, *all_keys()), SecretRef("nowhere"): ""}
    found = provider.changes(None, known)
    clock(3600)
    assert provider.changes(found.watermark, known).unknown == {SecretRef("nowhere")}
