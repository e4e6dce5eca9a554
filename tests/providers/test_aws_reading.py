"""Reading from Secrets Manager: what is asked how, and what each answer means."""

from __future__ import annotations

import pytest

from providers.base import (
    AuthFailed,
    InvalidRef,
    MalformedSecret,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from tests.support.aws_faults import answering, aws_error, dropped, rewriting, throttled
from tests.support.aws_http import Reply

BATCH, GET, DESCRIBE = "BatchGetSecretValue", "GetSecretValue", "DescribeSecret"


def refs(*keys: str) -> list[SecretRef]:
    return [SecretRef(key) for key in keys]


def test_pack_groups_by_twenty_and_leaves_versions_alone(open_aws):
    many = refs(*(f"k{number}" for number in range(45)))
    pinned = [SecretRef("k1", "AWSPREVIOUS"), SecretRef("k1", f"uuid/{'0' * 36}")]
    metadata = [SecretRef("k1", metadata=True)]
    groups = open_aws().pack([*many, *many, *pinned, *metadata])
    assert [len(group) for group in groups] == [20, 20, 5, 1, 1, 1]


def test_explicit_current_stage_is_read_in_a_batch(front, open_aws, names):
    asked = [*refs(*names), SecretRef(names[0], "AWSCURRENT")]
    provider = open_aws()
    assert len(provider.pack(asked)) == 1
    got = provider.fetch(asked)
    assert got[asked[0]] == got[asked[3]]
    assert front.of(BATCH)[0].params["SecretIdList"] == names


def test_single_ref_needs_no_batch_permission(front, open_aws, names):
    front.denied_operations.add(BATCH)
    assert isinstance(open_aws().fetch(refs(names[0]))[SecretRef(names[0])], SecretValue)
    assert front.counts() == {GET: 1}


def test_binary_secret_is_given_as_it_is(open_aws, api):
    payload = bytes(range(256))
    api.create("app/binary", payload)
    api.create("app/text", "grüße\n")
    got = open_aws().fetch(refs("app/binary", "app/text"))
    assert [one.value.reveal() for one in got.values()] == [payload, "grüße\n".encode()]


def test_name_arn_and_partial_arn_all_resolve(front, open_aws, api, names):
    arn = api.arn(names[1])
    keys = [names[0], arn, api.arn(names[2])[:-7]]
    got = open_aws().fetch(refs(*keys))
    assert [got[SecretRef(key)].value.reveal() for key in keys] == [
        f"value of {name}".encode() for name in names
    ]
    assert front.count(BATCH) == 1


def test_name_that_looks_like_a_suffixed_arn_is_not_confused(open_aws, api):
    api.create("db", "the short one")
    arn = api.arn("db")
    api.create(f"db-{arn[-6:]}", "the long one")
    keys = ["db", arn, f"db-{arn[-6:]}"]
    got = open_aws().fetch(refs(*keys))
    assert [got[SecretRef(key)].value.reveal() for key in keys] == [
        b"the short one",
        b"the short one",
        b"the long one",
    ]


def test_prefix_goes_before_names_and_not_before_arns(front, open_aws, api, names):
    arn = api.arn(names[1])
    got = open_aws(prefix="app/").fetch(refs("a", arn))
    assert got[SecretRef("a")].value.reveal() == b"value of app/a"
    assert got[SecretRef(arn)].value.reveal() == b"value of app/b"


def test_stage_and_version_id_select_the_version(open_aws, api):
    first = api.create("app/v", "one")
    second = api.put("app/v", "two")
    asked = {
        SecretRef("app/v", "AWSPREVIOUS"): (b"one", first),
        SecretRef("app/v", f"uuid/{first}"): (b"one", first),
        SecretRef("app/v", f"uuid/{second}"): (b"two", second),
        SecretRef("app/v"): (b"two", second),
    }
    got = open_aws().fetch(list(asked))
    assert {ref: (one.value.reveal(), one.version) for ref, one in got.items()} == asked


@pytest.mark.parametrize(
    ("ref", "kind", "match"),
    [
        pytest.param(SecretRef(""), InvalidRef, "empty key", id="empty-key"),
        pytest.param(SecretRef("app/a", "uuid/short"), InvalidRef, "Validation", id="bad-uuid"),
    ],
)
def test_unusable_ref_is_refused_without_a_call(*, front, open_aws, names, ref, kind, match):
    got = open_aws().fetch([ref, *refs(names[0], names[1])])
    assert isinstance(got[ref], kind)
    assert match in got[ref].message
    assert front.counts() == {BATCH: 1}


def test_missing_version_of_an_existing_secret_is_not_definite(front, open_aws, names):
    ref = SecretRef(names[0], "NOSUCHSTAGE")
    error = open_aws().fetch([ref])[ref]
    assert isinstance(error, SecretNotFound)
    assert not error.definite
    assert "NOSUCHSTAGE" in error.message


def test_version_of_a_missing_secret_is_definite(front, open_aws):
    ref = SecretRef("app/nowhere", "AWSPREVIOUS")
    error = open_aws().fetch([ref])[ref]
    assert isinstance(error, SecretNotFound)
    assert error.definite


def test_missing_version_without_permission_to_describe_is_not_definite(front, open_aws, names):
    front.denied_operations.add(DESCRIBE)
    ref = SecretRef("app/nowhere", "AWSPREVIOUS")
    error = open_aws().fetch([ref])[ref]
    assert isinstance(error, SecretNotFound)
    assert not error.definite


@pytest.mark.parametrize("others", [[], ["app/a", "app/b"]], ids=["alone", "in-a-batch"])
def test_secret_without_a_value_is_not_a_definite_absence(open_aws, api, names, others):
    api.call("CreateSecret", Name="app/empty")
    got = open_aws().fetch(refs("app/empty", *others))
    error = got[SecretRef("app/empty")]
    assert isinstance(error, SecretNotFound)
    assert not error.definite
    assert all(isinstance(got[ref], SecretValue) for ref in refs(*others))


@pytest.mark.parametrize("others", [[], ["app/a", "app/b"]], ids=["alone", "in-a-batch"])
def test_secret_marked_for_deletion_says_so(open_aws, api, names, others):
    api.call("DeleteSecret", SecretId="app/c", RecoveryWindowInDays=7)
    error = open_aws().fetch(refs("app/c", *others))[SecretRef("app/c")]
    assert isinstance(error, SecretNotFound)
    assert (error.definite, error.pending_deletion) == (True, True)
    assert "restore-secret --secret-id app/c" in error.remedy


def test_secret_marked_for_deletion_without_describe_is_no_absence(front, open_aws, api, names):
    api.call("DeleteSecret", SecretId="app/c", RecoveryWindowInDays=7)
    front.denied_operations.add(DESCRIBE)
    error = open_aws().fetch(refs("app/c"))[SecretRef("app/c")]
    assert isinstance(error, InvalidRef)
    assert "restore" in error.remedy


def test_deletion_that_cannot_be_confirmed_now_is_unavailable(front, open_aws, api, names):
    api.call("DeleteSecret", SecretId="app/c", RecoveryWindowInDays=7)
    front.inject(dropped(), operation=DESCRIBE)
    assert isinstance(open_aws().fetch(refs("app/c"))[SecretRef("app/c")], Unavailable)


def test_other_invalid_request_is_an_invalid_ref(front, open_aws, names):
    front.inject(answering(aws_error("InvalidRequestException", "something else")), operation=GET)
    assert isinstance(open_aws().fetch(refs(names[0]))[SecretRef(names[0])], InvalidRef)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda reply: reply.pop("SecretString"), id="no-value"),
        pytest.param(lambda reply: reply.update(SecretString=7), id="number"),
        pytest.param(lambda reply: reply.update(SecretString="\ud800"), id="lone-surrogate"),
        pytest.param(lambda reply: reply.pop("VersionId"), id="no-version"),
        pytest.param(lambda reply: reply.update(Name="x", ARN="arn:x"), id="another-secret"),
    ],
)
def test_value_that_cannot_be_trusted_is_malformed(front, open_aws, names, change):
    front.inject(rewriting(lambda reply: change(reply) and None), operation=GET)
    assert isinstance(open_aws().fetch(refs(names[0]))[SecretRef(names[0])], MalformedSecret)


def test_empty_value_is_a_value(front, open_aws, names):
    front.inject(rewriting(lambda reply: reply.update(SecretString="")), operation=GET)
    got = open_aws().fetch(refs(names[0]))[SecretRef(names[0])]
    assert isinstance(got, SecretValue)
    assert got.value.reveal() == b""


@pytest.mark.parametrize("body", [[], [None], "text", 7], ids=repr)
def test_json_of_another_shape_is_unavailable(front, open_aws, names, body):
    front.inject(rewriting(lambda _: body if body is not None else [None]), operation=GET)
    assert isinstance(open_aws().fetch(refs(names[0]))[SecretRef(names[0])], Unavailable)


def test_dead_endpoint_is_unavailable(open_aws, names, monkeypatch):
    monkeypatch.setenv("AWS_SECRETSMANAGER_ENDPOINT", "http://127.0.0.1:9")
    assert type(open_aws().fetch(refs(names[0]))[SecretRef(names[0])]) is Unavailable


def test_adapter_does_not_retry(front, open_aws, names):
    front.inject(throttled())
    open_aws().fetch(refs(names[0]))
    assert front.count() == 1


def test_check_accepts_an_identity_that_may_not_list(front, open_aws, names):
    front.denied_operations.add("ListSecrets")
    open_aws().check([])


def test_check_refuses_what_a_proxy_forbids(front, open_aws):
    front.inject(answering(Reply(403, {"Content-Type": "text/html"}, b"<html>no</html>")))
    with pytest.raises(Unavailable):
        open_aws().check([])


def test_check_with_unknown_keys_raises_auth_failed(front, open_aws):
    front.rejected_keys.add("AKIADEFAULTCHAIN")
    with pytest.raises(AuthFailed):
        open_aws().check([])
