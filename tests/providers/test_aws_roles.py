"""Roles: who assumes which, what STS is told, and when they are renewed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from providers.aws.config import Tag
from providers.base import (
    AuthFailed,
    InvalidRef,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from tests.support.aws_auth import STATIC, static, sts_error

REF = SecretRef("app/db")


def test_roles_are_assumed_in_order_each_by_the_one_before(front, role, open_aws):
    provider = open_aws(
        static(),
        auth=STATIC,
        additional_roles=(role("hop-1"), role("hop-2")),
        role=role("reader"),
        external_id="our-id",
    )
    assert isinstance(provider.fetch([REF])[REF], SecretValue)
    hops = front.of("AssumeRole")
    assert [call.params["RoleArn"].rpartition("/")[2] for call in hops] == [
        "hop-1",
        "hop-2",
        "reader",
    ]
    keys = [call.access_key for call in front.calls]
    assert keys[0] == "AKIASTATIC"
    assert len(set(keys)) == 4
    # As ESO does it, what is told besides goes to the last role only.
    assert [call.params.get("ExternalId") for call in hops] == [None, None, "our-id"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param("None", [("team", "pay")], id="none"),
        pytest.param("", [("team", "pay")], id="unset"),
        pytest.param(
            "Simple",
            [
                ("team", "pay"),
                ("esoNamespace", "shop"),
                ("esoStoreName", "aws-store"),
                ("esoStoreKind", "SecretStore"),
            ],
            id="simple",
        ),
        pytest.param(
            "Custom",
            [
                ("team", "pay"),
                ("stage", "prod"),
                ("esoNamespace", "shop"),
                ("esoStoreName", "aws-store"),
                ("esoStoreKind", "SecretStore"),
            ],
            id="custom",
        ),
    ],
)
def test_session_tags_follow_the_policy(front, role, open_aws, policy, expected):
    provider = open_aws(
        static(),
        auth=STATIC,
        role=role("reader"),
        session_tags=(Tag("team", "pay"),),
        transitive_tag_keys=("team",),
        session_tags_policy=policy,
        custom_session_tags=(("stage", "prod"),),
    )
    provider.fetch([REF])
    sent = front.of("AssumeRole")[0].params
    tags = [
        (sent[f"Tags.member.{n}.Key"], sent[f"Tags.member.{n}.Value"])
        for n in range(1, len(expected) + 1)
    ]
    assert tags == expected
    assert f"Tags.member.{len(expected) + 1}.Key" not in sent
    assert sent["TransitiveTagKeys.member.1"] == "team"


def test_store_may_not_set_the_tags_that_say_who_it_is(front, role, open_aws):
    with pytest.raises(InvalidRef, match="esoNamespace"):
        open_aws(
            static(),
            auth=STATIC,
            role=role("reader"),
            session_tags=(Tag("esonamespace", "someone-else"),),
            session_tags_policy="Simple",
        )


def test_refused_role_is_auth_failed_and_names_it(front, role, open_aws):
    front.inject(sts_error("AccessDenied", 403), operation="AssumeRole")
    error = open_aws(static(), auth=STATIC, role=role("reader")).fetch([REF])[REF]
    assert isinstance(error, AuthFailed)
    assert role("reader") in error.message
    assert "trust policy" in error.remedy


def test_sts_outage_is_unavailable(front, role, open_aws):
    front.inject(sts_error("ServiceUnavailable", 503), operation="AssumeRole")
    provider = open_aws(static(), auth=STATIC, role=role("reader"))
    assert isinstance(provider.fetch([REF])[REF], Unavailable)
    front.heal()
    assert isinstance(provider.fetch([REF])[REF], SecretValue)


def test_threads_share_one_login(front, role, open_aws):
    provider = open_aws(static(), auth=STATIC, role=role("reader"))
    start = threading.Barrier(8)

    def work(_):
        start.wait()
        return [provider.fetch([REF])[REF] for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        got = [one for answers in pool.map(work, range(8)) for one in answers]
    assert all(isinstance(one, SecretValue) for one in got)
    assert front.count("AssumeRole") == 1


def test_role_is_renewed_before_it_expires(front, role, open_aws):
    # STS issues for less than the SDK's 10 minutes of mandatory reserve.
    front.sts_duration_s = 300
    provider = open_aws(static(), auth=STATIC, role=role("reader"))
    for _ in range(2):
        assert isinstance(provider.fetch([REF])[REF], SecretValue)
    assert front.count("AssumeRole") == 2
    assert len({call.access_key for call in front.of("GetSecretValue")}) == 2


def test_role_of_another_account_reads_that_account(front, role, open_aws):
    elsewhere = "arn:aws:iam::999999999999:role/reader"
    provider = open_aws(static(), auth=STATIC, role=elsewhere)
    assert isinstance(provider.fetch([REF])[REF], SecretNotFound)
