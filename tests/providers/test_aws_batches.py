"""Batches: what one id, one page or one permission means for the others."""

from __future__ import annotations

from providers.base import (
    AccessDenied,
    KeyUnusable,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from tests.support.aws_faults import answering, aws_error, rewriting, server_error, throttled
from tests.support.aws_http import Reply

BATCH, GET = "BatchGetSecretValue", "GetSecretValue"


def refs(*keys: str) -> list[SecretRef]:
    return [SecretRef(key) for key in keys]


def test_id_that_a_batch_does_not_mention_is_unavailable(front, open_aws, names):
    front.inject(rewriting(lambda reply: reply["SecretValues"].pop() and None), operation=BATCH)
    got = open_aws().fetch(refs(*names))
    (error,) = [one for one in got.values() if not isinstance(one, SecretValue)]
    assert type(error) is Unavailable
    assert "does not mention" in error.message


def test_pages_of_a_batch_are_followed(front, open_aws, names):
    front.batch_page = 1
    got = open_aws().fetch(refs(*names, "app/nowhere"))
    assert [type(one) for one in got.values()] == [SecretValue] * 3 + [SecretNotFound]
    assert front.counts() == {BATCH: 3}


def test_broken_second_page_keeps_the_first(front, open_aws, names):
    front.batch_page = 2
    front.inject(lambda true: true(), operation=BATCH, times=1)
    front.inject(throttled("3"), operation=BATCH)
    got = open_aws().fetch(refs(*names))
    kinds = sorted(type(one).__name__ for one in got.values())
    assert kinds == ["RateLimited", "SecretValue", "SecretValue"]


def test_endless_pages_of_a_batch_are_cut_off(front, open_aws, names):
    page = Reply(200, {}, b'{"SecretValues": [], "NextToken": "again"}')
    front.inject(answering(page), operation=BATCH)
    got = open_aws().fetch(refs(*names))
    assert all(type(one) is Unavailable for one in got.values())
    assert front.counts() == {BATCH: 3}


def test_denied_batches_fall_back_to_single_reads_and_are_remembered(front, open_aws, names):
    front.denied_operations.add(BATCH)
    provider = open_aws()
    assert len(provider.pack(refs(*names))) == 1
    for _ in range(2):
        got = provider.fetch(refs(*names))
        assert all(isinstance(one, SecretValue) for one in got.values())
    assert front.counts() == {BATCH: 1, GET: 6}
    assert [len(group) for group in provider.pack(refs(*names))] == [1, 1, 1]


def test_granted_batches_are_noticed_at_the_next_full_sweep(front, open_aws, names):
    front.denied_operations.add(BATCH)
    provider = open_aws()
    known = {ref: one.version for ref, one in provider.fetch(refs(*names)).items()}
    front.denied_operations.clear()
    provider.changes(None, known)
    assert len(provider.pack(refs(*names))) == 1


def test_denial_of_everything_teaches_nothing_about_batches(front, open_aws, names):
    front.denied_operations |= {BATCH, GET}
    provider = open_aws()
    got = provider.fetch(refs(*names))
    assert all(isinstance(one, AccessDenied) for one in got.values())
    front.denied_operations.clear()
    provider.fetch(refs(*names))
    assert front.counts() == {BATCH: 2, GET: 3}


def test_endpoint_without_batches_falls_back(front, open_aws, names):
    unknown = aws_error("UnknownOperationException", "")
    front.inject(answering(unknown), operation=BATCH)
    provider = open_aws()
    assert all(isinstance(one, SecretValue) for one in provider.fetch(refs(*names)).values())
    assert [len(group) for group in provider.pack(refs(*names))] == [1, 1, 1]


def test_id_that_spoils_a_batch_does_not_cost_the_others(front, open_aws, names):
    front.inject(answering(aws_error("InvalidParameterException", "bad name")), operation=BATCH)
    provider = open_aws()
    got = provider.fetch(refs(*names, "no such/name?"))
    assert [type(one) for one in got.values()] == [SecretValue] * 3 + [SecretNotFound]
    assert len(provider.pack(refs(*names))) == 1


def test_fallback_stops_at_throttling(front, open_aws, names):
    front.denied_operations.add(BATCH)
    front.inject(throttled("2"), operation=GET)
    got = open_aws().fetch(refs(*names))
    assert {one.retry_after_s for one in got.values()} == {2.0}
    assert all(ref.key in one.message for ref, one in got.items())
    assert front.counts() == {BATCH: 1, GET: 1}


def test_decryption_failure_of_one_names_the_kms_key(front, open_aws, names):
    def fail_one(reply):
        bad = reply["SecretValues"].pop(0)
        entry = {"SecretId": bad["Name"], "ErrorCode": "DecryptionFailure", "Message": "no"}
        reply["Errors"].append(entry)

    front.inject(rewriting(fail_one), operation=BATCH)
    got = open_aws().fetch(refs(*names))
    (error,) = [one for one in got.values() if not isinstance(one, SecretValue)]
    assert isinstance(error, KeyUnusable)
    assert "KMS key" in error.remedy


def test_fallback_stops_at_the_second_failure_of_the_service(front, open_aws, names):
    front.denied_operations.add(BATCH)
    front.inject(server_error(), operation=GET)
    got = open_aws().fetch(refs(*names))
    assert all(type(one) is Unavailable for one in got.values())
    assert front.counts() == {BATCH: 1, GET: 2}


def test_one_failure_of_the_service_does_not_stop_the_fallback(front, open_aws, names):
    front.denied_operations.add(BATCH)
    front.inject(server_error(), operation=GET, times=1)
    got = open_aws().fetch(refs(*names))
    assert [type(one) for one in got.values()] == [Unavailable, SecretValue, SecretValue]
