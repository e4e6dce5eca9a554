"""Parameter Store: what a read means, what it costs, and what it may not be taken for."""

from __future__ import annotations

import pytest

from providers.aws.parameter_names import is_same_version
from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    KeyUnusable,
    MalformedSecret,
    RateLimited,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from tests.support.aws_faults import answering, aws_error, rewriting, throttled

GET, BATCH, LIST = "GetParameter", "GetParameters", "DescribeParameters"
TAGS = "ListTagsForResource"


def refs(*names: str) -> list[SecretRef]:
    return [SecretRef(name) for name in names]


def read(provider, wanted) -> dict:
    return {
        ref: one for group in provider.pack(wanted) for ref, one in provider.fetch(group).items()
    }


@pytest.fixture
def store(open_aws):
    return open_aws(service="ParameterStore")


@pytest.fixture
def many(front, ssm) -> list[SecretRef]:
    """200 parameters of two properties each; the front has counted nothing yet."""
    names = [f"/bench/{number:03}" for number in range(200)]
    for name in names:
        ssm.put_parameter(name, f'{{"username":"u{name}","password":"p{name}"}}')
    front.calls.clear()
    return refs(*names)


@pytest.fixture
def few(front, ssm) -> list[SecretRef]:
    names = [f"/app/{number}" for number in range(10)]
    for name in names:
        ssm.put_parameter(name, f"value of {name}")
    front.calls.clear()
    return refs(*names)


def test_two_hundred_keys_are_read_by_twenty_calls_and_compared_by_four(front, store, many):
    known = {ref: one.version for ref, one in read(store, many).items()}
    assert front.counts() == {BATCH: 20}
    front.calls.clear()
    first = store.changes(None, known)
    assert first.unchanged == set(many)
    assert store.changes(first.watermark, known).unchanged == set(many)
    assert front.counts() == {LIST: 8}


def test_restarted_process_compares_what_it_knows_without_a_read(front, open_aws, many):
    known = {
        ref: one.version for ref, one in read(open_aws(service="ParameterStore"), many).items()
    }
    front.calls.clear()
    assert open_aws(service="ParameterStore").changes(None, known).unchanged == set(many)
    assert front.counts() == {LIST: 4}


def test_versions_and_labels_are_read_beside_the_current_one(store, ssm):
    for value in ("one", "two", "three"):
        ssm.put_parameter("/app/v", value)
    ssm.call("LabelParameterVersion", Name="/app/v", ParameterVersion=2, Labels=["stable"])
    asked = {
        SecretRef("/app/v"): b"three",
        SecretRef("/app/v", "1"): b"one",
        SecretRef("/app/v", "stable"): b"two",
        SecretRef("/app/v:3"): b"three",
    }
    got = store.fetch(list(asked))
    assert {ref: one.value.reveal() for ref, one in got.items()} == asked
    assert got[SecretRef("/app/v", "stable")].version.startswith("2@")


def test_parameter_is_read_by_its_arn(front, open_aws, ssm):
    ssm.put_parameter("/app/v", "one")
    arn = f"arn:aws:ssm:eu-central-1:{front.account}:parameter/app/v"
    store = open_aws(service="ParameterStore", prefix="/ignored")
    got = store.fetch(refs(arn))[SecretRef(arn)]
    assert got.value.reveal() == b"one"
    known = {SecretRef(arn): got.version}
    assert store.changes(None, known).unknown == known.keys()


def test_label_that_moved_is_never_called_unchanged(store, ssm):
    ssm.put_parameter("/app/v", "one")
    ssm.call("LabelParameterVersion", Name="/app/v", ParameterVersion=1, Labels=["stable"])
    ref = SecretRef("/app/v", "stable")
    known = {ref: store.fetch([ref])[ref].version}
    assert store.changes(None, known).unknown == {ref}


def test_absence_is_confirmed_by_a_call_of_its_own(front, store, few):
    nowhere = SecretRef("/app/nowhere")
    got = store.fetch([*few[:3], nowhere])
    assert isinstance(got[nowhere], SecretNotFound)
    assert got[nowhere].definite
    assert front.counts() == {BATCH: 1, GET: 1}


@pytest.mark.parametrize("selector", ["99", "nolabel"])
def test_missing_version_of_an_existing_parameter_is_not_definite(store, few, selector):
    ref = SecretRef("/app/0", selector)
    got = store.fetch([ref, few[1]])
    assert isinstance(got[ref], SecretNotFound)
    assert not got[ref].definite
    assert selector in got[ref].message
    assert isinstance(got[few[1]], SecretValue)


def test_version_of_an_absent_parameter_is_definite(store, few):
    ref = SecretRef("/app/nowhere", "3")
    assert store.fetch([ref])[ref].definite


def test_invalid_name_without_permission_to_confirm_is_not_definite(front, store, few):
    front.denied_operations.add(GET)
    nowhere = SecretRef("/app/nowhere")
    got = store.fetch([*few[:2], nowhere])[nowhere]
    assert isinstance(got, SecretNotFound)
    assert not got.definite
    assert "ssm:GetParameter " in got.remedy


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(throttled("3"), RateLimited, id="throttled"),
        pytest.param(
            answering(aws_error("InternalServerError", status=500)), Unavailable, id="500"
        ),
        pytest.param(answering(aws_error("ExpiredTokenException")), AuthFailed, id="expired"),
    ],
)
def test_confirmation_that_fails_is_no_absence(front, store, few, fault, kind):
    front.inject(fault, operation=GET)
    nowhere = refs(*(f"/app/nowhere-{number}" for number in range(5)))
    got = store.fetch([*few[:3], *nowhere])
    assert all(isinstance(got[ref], kind) for ref in nowhere), got
    # Throttling and a refused login end it at once; one more try is made of other faults.
    assert front.count(GET) <= 2


def test_name_that_a_reply_passes_over_is_unavailable(front, store, few):
    front.inject(rewriting(_drop_first), operation=BATCH)
    got = store.fetch(few)
    (missing,) = [one for one in got.values() if not isinstance(one, SecretValue)]
    assert isinstance(missing, Unavailable)


def _drop_first(fields):
    del fields["Parameters"][0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Value": None}, id="no-value"),
        pytest.param({"Value": "\ud800"}, id="no-utf-8"),
        pytest.param({"Version": None}, id="no-version"),
        pytest.param({"LastModifiedDate": None}, id="no-date"),
    ],
)
def test_entry_that_lacks_something_is_malformed(front, store, few, change):
    front.inject(rewriting(lambda fields: fields["Parameters"][0].update(change)), operation=BATCH)
    got = list(store.fetch(few[:3]).values())
    assert sum(isinstance(one, MalformedSecret) for one in got) == 1, got


def test_denied_name_costs_the_others_once(front, store, few):
    front.denied.add("/app/4")
    got = read(store, few)
    assert isinstance(got[few[4]], AccessDenied)
    assert sum(isinstance(one, SecretValue) for one in got.values()) == 9
    front.calls.clear()
    got = read(store, few)
    assert sum(isinstance(one, SecretValue) for one in got.values()) == 9
    assert front.counts() == {BATCH: 2, GET: 1}
    front.denied.clear()
    store.changes(None, {few[0]: "1@2026-01-01T00:00:00Z"})
    front.calls.clear()
    assert all(isinstance(one, SecretValue) for one in read(store, few).values())
    assert front.counts() == {BATCH: 1}


def test_identity_that_may_only_read_one_by_one_does_so(front, store, few):
    front.denied_operations.add(BATCH)
    assert all(isinstance(one, SecretValue) for one in read(store, few).values())
    front.calls.clear()
    assert all(isinstance(one, SecretValue) for one in read(store, few).values())
    assert front.counts() == {GET: 10}


def test_identity_without_any_permission_learns_nothing(front, store, few):
    front.denied_operations |= {BATCH, GET}
    got = read(store, few)
    assert all(isinstance(one, AccessDenied) for one in got.values())
    front.denied_operations.clear()
    front.calls.clear()
    assert all(isinstance(one, SecretValue) for one in read(store, few).values())
    assert front.counts() == {BATCH: 1}


def test_list_that_is_denied_is_not_asked_until_the_next_sweep(front, store, few):
    known = {ref: one.version for ref, one in read(store, few).items()}
    front.denied_operations.add(LIST)
    front.calls.clear()
    mark = store.changes(None, known).watermark
    assert store.changes(mark, known).unknown == set(few)
    assert front.counts() == {LIST: 1}


def test_throttled_call_is_not_repeated_name_by_name(front, store, few):
    front.inject(throttled())
    got = store.fetch(few)
    assert all(isinstance(one, RateLimited) for one in got.values())
    assert front.count() == 1


def test_key_that_kms_refuses_takes_no_other_along(front, store, few):
    refusal = answering(aws_error("InvalidKeyId", "The key is disabled"))
    front.inject(refusal, operation=BATCH, times=2)
    got = store.fetch(few)
    assert isinstance(got[few[0]], KeyUnusable)
    assert sum(isinstance(one, SecretValue) for one in got.values()) == 9


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("/a b", id="blank"),
        pytest.param("/a%2eb", id="percent"),
        pytest.param("/a//b", id="empty-part"),
        pytest.param("/a/", id="no-last-part"),
        pytest.param("/a\n", id="line-break"),
        pytest.param("/a\x00b", id="nul"),
        pytest.param("/ä", id="not-ascii"),
        pytest.param("/a:1:2", id="two-selectors"),
        pytest.param("/a:", id="empty-selector"),
        pytest.param("/" + "a" * 4096, id="long"),
        pytest.param("arn:aws:s3:::bucket", id="other-arn"),
        pytest.param("/a','/b", id="quotes"),
    ],
)
def test_hostile_key_is_refused_without_a_call_and_spoils_no_other(front, store, few, key):
    ref = SecretRef(key)
    got = store.fetch([ref, *few[:2]])
    assert isinstance(got[ref], InvalidRef)
    assert len(str(got[ref])) < 200
    assert isinstance(got[few[0]], SecretValue)
    assert front.counts() == {BATCH: 1}
    assert store.changes(None, {ref: "1@2026-01-01T00:00:00Z"}).unknown == {ref}


def test_dots_in_a_name_climb_nowhere(front, store, ssm):
    ssm.put_parameter("/app/secret", "precious")
    ref = SecretRef("/other/../app/secret")
    assert isinstance(store.fetch([ref])[ref], SecretNotFound)


def test_parameter_made_anew_counts_as_moved(front, clock, store, ssm):
    ssm.put_parameter("/app/v", "one")
    ref = SecretRef("/app/v")
    known = {ref: store.fetch([ref])[ref].version}
    ssm.call("DeleteParameter", Name="/app/v")
    clock(31)
    assert ssm.put_parameter("/app/v", "two") == 1
    found = store.changes(None, known)
    assert found.changed == {ref: store.fetch([ref])[ref].version}
    assert found.changed[ref] != known[ref]


def test_list_older_than_what_is_known_says_nothing(front, clock, store, ssm):
    ssm.put_parameter("/app/v", "one")
    clock(3600)
    front.list_lag_s = 300
    ssm.put_parameter("/app/v", "two")
    ref = SecretRef("/app/v")
    known = {ref: store.fetch([ref])[ref].version}
    assert store.changes(None, known).unknown == {ref}
    clock(301)
    assert store.changes(None, known).unchanged == {ref}


def test_empty_pages_are_followed_within_limits(front, store, few):
    known = {ref: one.version for ref, one in read(store, few).items()}
    front.empty_pages = 2
    assert store.changes(None, known).unchanged == set(few)
    front.empty_pages = 1000
    front.calls.clear()
    assert store.changes(None, known).unknown == set(few)
    assert front.count(LIST) <= 4


def test_parameters_of_aws_itself_do_not_spoil_the_list(front, store, few):
    known = {ref: one.version for ref, one in read(store, few).items()}
    known[SecretRef("/aws/service/global-infrastructure/regions")] = "1@2026-01-01T00:00:00Z"
    assert store.changes(None, known).unchanged == set(few)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("3@2026-11-25T17:50:46Z", "3@2026-11-25T17:50:46Z", True),
        ("3@2026-11-25T17:50:46Z", "3@2026-11-25T17:50:47Z", True),
        ("3@2026-11-25T17:50:46Z", "3@2026-11-25T17:51:16Z", False),
        ("3@2026-11-25T17:50:46Z", "4@2026-11-25T17:50:46Z", False),
        ("3@2026-11-25T17:50:46Z", "3", False),
        ("3@yesterday", "3@2026-11-25T17:50:46Z", False),
    ],
)
def test_version_ids_that_mean_one_version(one, other, same):
    assert is_same_version(one, other) is same


def test_metadata_is_read_alone(front, store, few):
    asked = [*few, SecretRef("/app/0", metadata=True)]
    assert [len(group) for group in store.pack(asked)] == [10, 1]
    read(store, asked)
    assert front.counts() == {BATCH: 1, TAGS: 1}
