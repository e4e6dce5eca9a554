"""How long what failed waits: ever longer, but not for ever, and anew after a success."""

from __future__ import annotations

import itertools

import pytest

from secretsync.controller.retries import (
    PERMANENT_BASE_S,
    RETRY_CAP_S,
    TRANSIENT_BASE_S,
    Retries,
)
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.meta import ObjectRef

REF = ObjectRef("SealedSecret", "shop", "db")
OTHER = ObjectRef("SealedSecret", "shop", "other")


def failure(*, transient=False, retry_after_s=None):
    return Outcome(
        None, Progress.FAILED, message="x", transient=transient, retry_after_s=retry_after_s
    )


@pytest.mark.parametrize(
    ("transient", "base_s"), [(True, TRANSIENT_BASE_S), (False, PERMANENT_BASE_S)]
)
def test_wait_doubles_with_each_failure_in_a_row_up_to_the_cap(transient, base_s):
    retries = Retries()
    waits = [retries.failed(REF, failure(transient=transient), alike="a") for _ in range(12)]
    assert base_s / 2 <= waits[0] <= base_s
    for one, next_one in itertools.pairwise(waits):
        assert next_one == pytest.approx(min(2 * one, waits[-1]))
    assert RETRY_CAP_S / 2 <= waits[-1] <= RETRY_CAP_S


def test_objects_that_are_alike_wait_alike_and_are_counted_apart():
    retries = Retries()
    first = retries.failed(REF, failure(), alike="store")
    assert retries.failed(OTHER, failure(), alike="store") == first
    assert retries.failed(REF, failure(), alike="store") == 2 * first


def test_success_begins_anew():
    retries = Retries()
    first = retries.failed(REF, failure(), alike="a")
    retries.failed(REF, failure(), alike="a")
    retries.forget(REF)
    assert retries.failed(REF, failure(), alike="a") == first


def test_longer_wait_that_was_asked_for_is_kept_whatever_the_cap():
    wait_s = Retries().failed(REF, failure(retry_after_s=900.0), alike="a", cap_s=1.0)
    assert wait_s == 900.0
