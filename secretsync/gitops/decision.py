"""Shall an application be synced by itself now? Pure: facts in, one decision out.

Level-triggered: it looks at how things are, not at what happened. A revision that failed
is tried again for as long as it is the wanted one, ever more seldom; another commit is
tried at once. Neighbours: `prune_guard` says whether to prune, `backoff` how long to
wait; the controller acts on what this says.

Source: Argo CD 3.6's `autoSync`, but for the retries (its issues 11494 and 16489).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from secretsync.gitops.backoff import heal_wait_s, retry_wait_s
from secretsync.gitops.model import (
    Comparison,
    ObjectKey,
    OperationPhase,
    Pair,
    SyncStatus,
)
from secretsync.gitops.render.made_up import Fields
from secretsync.gitops.sync.prune_guard import PruneVerdict
from secretsync.resources.application_spec import Automated, SyncPolicy

__all__ = ["Act", "Attempt", "Decision", "Situation", "decide"]

_WIPE = "auto-sync will wipe out all resources: nothing is left in the sources"


class Act(enum.StrEnum):
    """What to do with an application."""

    NOTHING = "nothing"
    WAIT = "wait"
    SYNC = "sync"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last sync that ended.

    Args:
        sources: digest of the sources that it used.
        failures: how often this revision has failed in a row.
        heals: how often this revision has been healed.
    """

    revisions: tuple[str, ...]
    sources: str
    phase: OperationPhase
    finished_at: datetime
    failures: int = 0
    heals: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that counts.

    Args:
        automated: None where automation is off.
        revisions: that are wanted now.
        sources: digest of the sources that are wanted now.
        waiting: objects that are pruned only when somebody agrees, who has not yet.
        blocked: why no sync may start, such as a sync window; "" where one may.
        prune: what the guard says.
        made_up: what came out differently in two renders.
    """

    policy: SyncPolicy
    automated: Automated | None
    comparison: Comparison
    revisions: tuple[str, ...]
    sources: str
    attempt: Attempt | None
    prune: PruneVerdict
    now: datetime
    blocked: str = ""
    made_up: Fields = field(default_factory=dict)
    waiting: frozenset[ObjectKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why.

    Args:
        wait_s: seconds until it is worth another look, for WAIT.
        prune: whether the sync prunes.
        only: what a heal is about; empty for everything.
        failures: of this revision so far, to be kept with the next attempt.
        heals: the same of heals, the next one counted.
        condition: for the status, "" for none; its type is SyncError.
    """

    act: Act
    reason: str
    wait_s: float = 0.0
    prune: bool = False
    only: tuple[ObjectKey, ...] = ()
    failures: int = 0
    heals: int = 0
    condition: str = ""


def decide(facts: Situation) -> Decision:
    """Return what to do with an application that may sync itself.

    Args:
        facts: of one that is not being deleted, and has no operation under way.
    """
    automated, comparison = facts.automated, facts.comparison
    if automated is None:
        return _nothing("automation is off")
    if comparison.status is SyncStatus.UNKNOWN:
        return _nothing("the application could not be compared")
    if comparison.status is SyncStatus.SYNCED:
        return _nothing("synced")
    differing = [pair for pair in comparison.pairs if _differs(pair, facts.prune)]
    prune, condition = _prune(automated, facts.prune)
    wanted = [pair for pair in comparison.pairs if pair.target is not None]
    if automated.prune and not automated.allow_empty and not wanted and differing:
        return Decision(Act.NOTHING, _WIPE, condition=_WIPE)
    only_extras = all(pair.target is None for pair in differing) and bool(differing)
    if only_extras and not prune and not comparison.namespace_differs:
        return Decision(Act.NOTHING, "only extra objects, which stay", condition=condition)
    waits = bool(differing) and all(pair.key in facts.waiting for pair in differing)
    if waits and not comparison.namespace_differs:
        return Decision(Act.NOTHING, "waits until the pruning is agreed to", condition=condition)
    if facts.blocked:
        return Decision(Act.NOTHING, facts.blocked, condition=condition)
    return _when(facts, automated, differing, prune=prune, condition=condition)


def _when(
    facts: Situation,
    automated: Automated,
    differing: list[Pair],
    *,
    prune: bool,
    condition: str,
) -> Decision:
    """Tell a first try of a revision from another one, and from a heal."""
    last = facts.attempt
    if last is None or (last.revisions, last.sources) != (facts.revisions, facts.sources):
        return Decision(Act.SYNC, "new revision", prune=prune, condition=condition)
    since = max(0.0, (facts.now - last.finished_at).total_seconds())
    if last.phase is not OperationPhase.SUCCEEDED:
        wait = retry_wait_s(facts.policy, max(1, last.failures)) - since
        if wait > 0:
            return Decision(Act.WAIT, "failed; tried again later", wait, condition=condition)
        return Decision(Act.SYNC, "retry", prune=prune, failures=last.failures, condition=condition)
    if not automated.self_heal and not _left_over(differing, prune=prune):
        return Decision(Act.NOTHING, "drifted; selfHeal is off", condition=condition)
    differing = [pair for pair in differing if not _made_anew(pair, facts.made_up)]
    if not differing and not facts.comparison.namespace_differs:
        return _nothing("what differs is what a chart names anew at each render")
    wait = heal_wait_s(last.heals) - since
    if wait > 0:
        return Decision(Act.WAIT, "healed just now", wait, condition=condition)
    return Decision(
        Act.SYNC,
        "heal",
        prune=prune,
        only=tuple(pair.key for pair in differing if prune or pair.target is not None),
        heals=last.heals + 1,
        condition=condition,
    )


def _made_anew(pair: Pair, made_up: Fields) -> bool:
    """Whether it is an object whose name a chart makes up, or was made so by an earlier render.

    Without this each render would roll it out once more.
    """
    named = {(key.group, key.kind) for key, fields in made_up.items() if not fields}
    if (pair.key.group, pair.key.kind) not in named:
        return False
    if pair.target is None:
        return True
    return any(
        not fields
        and (key.group, key.kind, key.name) == (pair.key.group, pair.key.kind, pair.key.name)
        for key, fields in made_up.items()
    )


def _left_over(differing: list[Pair], *, prune: bool) -> bool:
    """Whether all that differs is what an earlier sync was not allowed to prune."""
    return prune and bool(differing) and all(pair.target is None for pair in differing)


def _prune(automated: Automated, verdict: PruneVerdict) -> tuple[bool, str]:
    if not automated.prune:
        return False, ""
    return verdict.allowed, "" if verdict.allowed else verdict.reason


def _differs(pair: Pair, verdict: PruneVerdict) -> bool:
    """An extra object that no sync deletes (Prune=false) is no reason for one."""
    differs = pair.status is SyncStatus.OUT_OF_SYNC and not pair.hook
    return differs and (pair.target is not None or pair.key in verdict.doomed)


def _nothing(reason: str) -> Decision:
    return Decision(Act.NOTHING, reason)
