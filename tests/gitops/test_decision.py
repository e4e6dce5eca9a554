"""The ladder of auto-sync, step by step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.gitops.backoff import heal_wait_s, look_wait_s, retry_wait_s
from secretsync.gitops.decision import Act, Attempt, Situation, decide
from secretsync.gitops.model import (
    Comparison,
    Health,
    HealthStatus,
    ObjectKey,
    OperationPhase,
    Pair,
    SyncStatus,
)
from secretsync.gitops.sync.prune_guard import PruneVerdict, prune_verdict
from secretsync.resources.application_spec import Automated, Backoff, Retry, SyncPolicy

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEALTH = Health(HealthStatus.HEALTHY)
OBJECT: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def pair(name: str, *, target: bool = True, live: bool = True, synced: bool = False) -> Pair:
    """Return a ConfigMap that differs, or does not."""
    status = SyncStatus.SYNCED if synced else SyncStatus.OUT_OF_SYNC
    key = ObjectKey("", "ConfigMap", "shop", name)
    return Pair(key, OBJECT if target else None, OBJECT if live else None, status)


def compared(*pairs: Pair) -> Comparison:
    """Return the comparison of some pairs."""
    differs = any(each.status is SyncStatus.OUT_OF_SYNC for each in pairs)
    status = SyncStatus.OUT_OF_SYNC if differs else SyncStatus.SYNCED
    return Comparison(pairs, status, HEALTH)


DIFFERS = compared(pair("a"), pair("b", synced=True))
EXTRA = compared(pair("a", synced=True), pair("b", synced=True), pair("c", target=False))


def attempt(phase: OperationPhase = OperationPhase.SUCCEEDED, **fields: Any) -> Attempt:
    """Return an attempt at revision r1 that ended 10 s ago."""
    given = {"finished_at": NOW - timedelta(seconds=10), **fields}
    return Attempt(("r1",), "s", phase, **given)


def situation(**fields: Any) -> Situation:
    """Return the facts of an application at r1 that differs."""
    comparison = fields.pop("comparison", DIFFERS)
    facts: dict[str, Any] = {
        "policy": SyncPolicy(),
        "automated": Automated(),
        "comparison": comparison,
        "revisions": ("r1",),
        "sources": "s",
        "attempt": None,
        "prune": prune_verdict(comparison),
        "now": NOW,
        **fields,
    }
    return Situation(**facts)


FAILED = OperationPhase.FAILED
C = ObjectKey("", "ConfigMap", "shop", "c")
UNKNOWN = Comparison((pair("a"),), SyncStatus.UNKNOWN, HEALTH)
HEAL, PRUNE = Automated(self_heal=True), Automated(prune=True)


@pytest.mark.parametrize(
    ("facts", "act", "reason"),
    [
        ({"automated": None}, Act.NOTHING, "automation is off"),
        ({"comparison": UNKNOWN}, Act.NOTHING, "the application could not be compared"),
        ({"comparison": compared(pair("a", synced=True))}, Act.NOTHING, "synced"),
        ({"blocked": "a sync window denies it"}, Act.NOTHING, "a sync window denies it"),
        ({"comparison": EXTRA}, Act.NOTHING, "only extra objects, which stay"),
        ({"comparison": EXTRA, "automated": PRUNE}, Act.SYNC, "new revision"),
        (
            {"comparison": EXTRA, "automated": PRUNE, "waiting": frozenset([C])},
            Act.NOTHING,
            "waits until the pruning is agreed to",
        ),
        ({"automated": PRUNE, "waiting": frozenset([C])}, Act.SYNC, "new revision"),
        ({}, Act.SYNC, "new revision"),
        ({"attempt": attempt()}, Act.NOTHING, "drifted; selfHeal is off"),
        ({"attempt": attempt(), "automated": HEAL}, Act.SYNC, "heal"),
        ({"attempt": attempt(heals=3), "automated": HEAL}, Act.WAIT, "healed just now"),
        ({"attempt": attempt(FAILED, failures=1)}, Act.SYNC, "retry"),
        ({"attempt": attempt(FAILED, failures=3)}, Act.WAIT, "failed; tried again later"),
        ({"attempt": attempt(FAILED, failures=9), "revisions": ("r2",)}, Act.SYNC, "new revision"),
        ({"attempt": attempt(FAILED, failures=9), "sources": "t"}, Act.SYNC, "new revision"),
    ],
)
def test_decision_for_each_step_of_the_ladder_is(
    facts: dict[str, Any], act: Act, reason: str
) -> None:
    found = decide(situation(**facts))
    assert (found.act, found.reason) == (act, reason)


def test_auto_sync_allow_empty_can_be_disabled() -> None:
    """TestAutoSyncAllowEmptyCanBeDisabled: nothing left in Git syncs nothing away."""
    gone = compared(pair("a", target=False), pair("b", target=False))
    allowed = PruneVerdict(allowed=True, doomed=tuple(each.key for each in gone.pairs))
    facts = {"comparison": gone, "prune": allowed}
    off = decide(situation(automated=PRUNE, **facts))
    assert off.act is Act.NOTHING
    assert "wipe out all resources" in off.condition
    on = decide(situation(automated=Automated(prune=True, allow_empty=True), **facts))
    assert (on.act, on.prune) == (Act.SYNC, True)


def test_namespace_alone_that_drifted_is_healed_and_ever_more_seldom() -> None:
    drifted = Comparison(
        (pair("a", synced=True),), SyncStatus.OUT_OF_SYNC, HEALTH, namespace_differs=True
    )
    found = decide(situation(comparison=drifted, automated=HEAL, attempt=attempt()))
    assert (found.act, found.reason, found.heals) == (Act.SYNC, "heal", 1)
    again = situation(comparison=drifted, automated=HEAL, attempt=attempt(heals=3))
    assert decide(again).act is Act.WAIT
    off = decide(situation(comparison=drifted, attempt=attempt()))
    assert (off.act, off.reason) == (Act.NOTHING, "drifted; selfHeal is off")


def test_heal_names_only_what_differs_and_counts() -> None:
    found = decide(situation(attempt=attempt(heals=1), automated=HEAL))
    assert [key.name for key in found.only] == ["a"]
    assert found.heals == 2


def test_failed_revision_is_tried_again_for_ever_and_ever_more_seldom() -> None:
    waits = []
    for failures in range(1, 200):
        ended = attempt(FAILED, failures=failures, finished_at=NOW)
        found = decide(situation(attempt=ended))
        assert found.act is Act.WAIT
        waits.append(found.wait_s)
        again = situation(attempt=ended, now=NOW + timedelta(seconds=found.wait_s))
        assert decide(again).act is Act.SYNC
    assert waits[:5] == [5, 10, 20, 40, 80]
    assert set(waits[6:]) == {180.0}


def test_stopped_prune_leaves_the_rest_to_be_synced_and_says_the_token() -> None:
    many = [pair(f"x{number}", target=False) for number in range(9)]
    facts = situation(comparison=compared(pair("a"), *many), automated=PRUNE)
    found = decide(facts)
    assert (found.act, found.prune) == (Act.SYNC, False)
    assert facts.prune.token in found.condition
    again = prune_verdict(facts.comparison, {facts.prune.token})
    assert decide(situation(comparison=facts.comparison, automated=PRUNE, prune=again)).prune


def test_acknowledged_prune_goes_on_without_self_heal() -> None:
    many = compared(pair("a", synced=True), *(pair(f"x{n}", target=False) for n in range(9)))
    allowed = PruneVerdict(allowed=True, doomed=tuple(p.key for p in many.pairs if not p.target))
    facts = situation(comparison=many, automated=PRUNE, prune=allowed, attempt=attempt())
    assert decide(facts).act is Act.SYNC


@pytest.mark.parametrize(
    ("misses", "wait_s"), [(0, 60), (1, 5), (2, 10), (4, 40), (5, 60), (10**6, 60)]
)
def test_look_that_told_nothing_is_repeated_soon_where_the_cause_may_pass(
    misses: int, wait_s: int
) -> None:
    assert look_wait_s(misses) == wait_s


def test_backoff_of_the_policy_counts() -> None:
    policy = SyncPolicy(retry=Retry(backoff=Backoff(duration="2", factor=3, max_duration="1m")))
    assert [retry_wait_s(policy, n) for n in (1, 2, 3, 4, 5)] == [2, 6, 18, 54, 60]
    assert [heal_wait_s(n) for n in (0, 1, 2, 3, 9)] == [0, 2, 6, 18, 300]


def test_nothing_is_pruned_while_a_part_is_unknown() -> None:
    unknown = Comparison((pair("a", target=False),), SyncStatus.UNKNOWN, HEALTH)
    verdict = prune_verdict(unknown, {"any"})
    assert not verdict.allowed
    assert not verdict.token


@pytest.mark.parametrize(
    ("doomed", "kept", "allowed"), [(1, 0, True), (2, 0, False), (5, 3, True), (6, 3, False)]
)
def test_mass_deletion_is_measured_by_what_is_live(doomed: int, kept: int, allowed: bool) -> None:
    pairs = [pair(f"x{number}", target=False) for number in range(doomed)]
    pairs += [pair(f"k{number}", synced=True) for number in range(kept)]
    assert prune_verdict(compared(*pairs)).allowed is allowed


@pytest.mark.parametrize(
    ("limit", "waits"),
    [
        (None, [5.0, 10.0, 20.0]),
        (-1, [5.0, 10.0, 20.0]),
        (2, [5.0, 10.0, 900.0]),
        (0, [900.0, 900.0, 900.0]),
    ],
)
def test_retries_get_seldom_beyond_their_limit(limit: int | None, waits: list[float]) -> None:
    policy = SyncPolicy(retry=Retry(limit=limit))
    assert [retry_wait_s(policy, n) for n in (1, 2, 3)] == waits


def test_object_that_a_chart_names_anew_is_synced_once_a_revision() -> None:
    made_up = {ObjectKey("", "ConfigMap", "", "new"): (), ObjectKey("", "ConfigMap", "", "old"): ()}
    rerendered = compared(pair("new", live=False), pair("gone", target=False))
    facts = {"automated": Automated(prune=True, self_heal=True), "made_up": made_up}
    again = decide(situation(comparison=rerendered, attempt=attempt(), **facts))
    assert (again.act, again.reason) == (
        Act.NOTHING,
        "what differs is what a chart names anew at each render",
    )
    fresh = decide(situation(comparison=rerendered, attempt=None, **facts))
    assert fresh.act is Act.SYNC
    beside = compared(pair("new", live=False), pair("other", live=False))
    healed = decide(situation(comparison=beside, attempt=attempt(), **facts))
    assert [key.name for key in healed.only] == ["other"]
