"""Pushes of one run over PATH.

Objects of PATH have no status that would say what was pushed before: nothing is deleted,
and what a generator made once and pushed stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.push_outcomes import PushOutcome
from secretsync.refresh.pushing import PushPipeline
from secretsync.resources.meta import Parent
from secretsync.resources.push_secret import PushSecret, SecretSource

__all__ = ["push_all"]

WORKERS = 8


def push_all(
    items: Sequence[PushSecret],
    pushes: PushPipeline,
    *,
    made: Sequence[Outcome[Parent]],
    writes: bool,
) -> list[PushOutcome]:
    """Push, or plan to; total: one outcome each, in their order.

    Args:
        made: what became of the objects that make the Secrets which are pushed.
        writes: False plans only.
    """
    if not items:
        return []
    targets = {(each.item.meta.namespace, each.item.target_key) for each in made if not each.failed}

    def one(item: PushSecret) -> PushOutcome:
        if isinstance(item.source, SecretSource):
            outcome = pushes.run(item)
            return outcome if writes else _awaited(outcome, targets)
        if not writes:
            return PushOutcome(item, Progress.PLANNED, message="its generator runs at sync")
        return pushes.run(replace(item, update_policy="IfNotExists"))

    with ThreadPoolExecutor(min(WORKERS, len(items)), thread_name_prefix="push") as pool:
        return list(pool.map(one, items))


def _awaited(outcome: PushOutcome, targets: Collection[tuple[str, str]]) -> PushOutcome:
    """A Secret that the same sync makes first is not missing."""
    item = outcome.item
    name = item.source.name if isinstance(item.source, SecretSource) else ""
    missing = outcome.failed and outcome.message.startswith("could not get source secret")
    if not missing or (item.meta.namespace, name) not in targets:
        return outcome
    return PushOutcome(
        item, Progress.PLANNED, message=f"Secret {item.meta.namespace}/{name} is made by sync first"
    )
