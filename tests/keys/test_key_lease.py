"""Who may renew: the Lease is taken once, kept by who lives, and left by who dies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from secretsync.cluster.base import KINDS
from secretsync.sealed.key_lease import RenewalLease
from tests.keys.kit import NOW, ThroughCluster

LEASE = KINDS["Lease"]
TERM_S = 15


class HandClock:
    """Clocks that a test moves; a wait moves them too."""

    def __init__(self, ahead_s=0):
        self.passed_s = 0.0
        self._ahead_s = ahead_s

    def now(self):
        return NOW + timedelta(seconds=self._ahead_s + self.passed_s)

    def monotonic_s(self):
        return self.passed_s

    def wait(self, seconds):
        self.passed_s += seconds
        return True


def lease(arena, clock, cluster=None):
    return RenewalLease(
        cluster or arena.cluster, arena.namespace, "renewal", duration_s=TERM_S, clock=clock
    )


def live(arena):
    return arena.cluster.get(LEASE, arena.namespace, "renewal")


def test_lease_is_held_by_one(arena):
    clock = HandClock()
    first, second = lease(arena, clock), lease(arena, clock)
    assert first.take()
    assert not second.take()
    spec = live(arena)["spec"]
    assert spec["leaseDurationSeconds"] == TERM_S
    assert datetime.fromisoformat(spec["renewTime"]) == NOW
    assert first.keep()
    assert not second.keep()


def test_lease_that_is_given_back_is_free_at_once(arena):
    clock = HandClock()
    first, second = lease(arena, clock), lease(arena, clock)
    assert first.take()
    first.give_back()
    assert "holderIdentity" not in live(arena)["spec"]
    assert second.take()
    assert live(arena)["spec"]["leaseTransitions"] == 1
    first.give_back()
    assert second.keep()


def test_lease_of_a_dead_holder_is_free_once_it_has_run_out(arena):
    clock = HandClock()
    first, second = lease(arena, clock), lease(arena, clock)
    assert first.take()
    clock.wait(TERM_S)
    assert not second.take()
    clock.wait(1)
    assert second.take()
    assert not first.keep()


def test_lease_that_is_kept_does_not_run_out(arena):
    clock = HandClock()
    first, second = lease(arena, clock), lease(arena, clock)
    assert first.take()
    for _ in range(4):
        clock.wait(TERM_S - 1)
        assert first.keep()
        assert not second.take()


def test_lease_of_a_dead_holder_whose_clock_was_ahead_runs_out_by_silence(directory):
    clock = HandClock()
    assert lease(directory, HandClock(ahead_s=3600)).take()
    waiter = lease(directory, clock)
    assert not waiter.take()
    clock.wait(TERM_S - 1)
    assert not waiter.take()
    clock.wait(1)
    assert waiter.take()


@pytest.mark.parametrize(
    "spec",
    [
        {"renewTime": "noon"},
        {"renewTime": None},
        {"leaseDurationSeconds": "long"},
        {"leaseDurationSeconds": -1},
        {"renewTime": "9999-12-31T23:59:59Z"},
    ],
    ids=str,
)
def test_lease_that_says_nonsense_runs_out_by_silence(directory, spec):
    clock = HandClock(ahead_s=-3600)
    assert lease(directory, HandClock()).take()
    directory.cluster.merge_patch(
        LEASE, directory.namespace, "renewal", {"spec": spec}, field_manager="somebody"
    )
    waiter = lease(directory, clock)
    assert not waiter.take()
    clock.wait(TERM_S)
    assert waiter.take()


def test_lease_that_somebody_deletes_is_lost_and_can_be_taken_again(arena):
    clock = HandClock()
    first = lease(arena, clock)
    assert first.take()
    arena.cluster.delete(LEASE, arena.namespace, "renewal")
    assert not first.keep()
    first.give_back()
    assert first.take()


class Meanwhile(ThroughCluster):
    """Does something else between the look at the Lease and the attempt to take it."""

    def __init__(self, inner, meanwhile):
        super().__init__(inner)
        self.meanwhile = meanwhile

    def around(self, verb, call, *args):
        answer = call()
        if verb == "get":
            self.meanwhile()
        return answer


def test_lease_that_another_takes_between_look_and_attempt_is_not_taken(arena):
    """Both ways to take it: making the Lease, and patching one that is free."""
    clock = HandClock()
    quick = lease(arena, clock)
    slow = lease(arena, clock, Meanwhile(arena.cluster, quick.take))
    assert not slow.take()
    assert quick.keep()
    quick.give_back()
    assert not slow.take()
    assert quick.keep()


def test_lease_that_is_deleted_between_look_and_attempt_is_not_taken(arena):
    clock = HandClock()
    quick = lease(arena, clock)
    assert quick.take()
    quick.give_back()

    def delete():
        arena.cluster.delete(LEASE, arena.namespace, "renewal")

    slow = lease(arena, clock, Meanwhile(arena.cluster, delete))
    assert not slow.take()
    assert live(arena) is None


def test_time_in_the_lease_is_a_micro_time(kubernetes):
    assert lease(kubernetes, HandClock()).take()
    written = live(kubernetes)["spec"]["acquireTime"]
    assert written == NOW.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
