"""How long to wait before an application is tried again. Pure.

Neighbours: `decision` asks it; the numbers that it counts with stand in the status.

Source: Argo CD 3.6's `retry.backoff`, and its back-off of self-healing.
"""

from __future__ import annotations

from secretsync.resources.application_spec import Backoff, SyncPolicy
from secretsync.resources.durations import parse_duration

__all__ = ["HEAL_MAX_S", "SPENT_S", "heal_wait_s", "look_wait_s", "retry_wait_s"]

_DURATION_S, _FACTOR, _MAX_S = 5.0, 2, 180.0
#: Healing: at once, then 2 s, 6 s, 18 s and so on.
_HEAL_FIRST_S, _HEAL_FACTOR, HEAL_MAX_S = 2.0, 3, 300.0
#: Looks that told nothing: a server that answered no more may do so again soon.
_LOOK_FIRST_S, _LOOK_MAX_S = 5.0, 60.0
#: Once `retry.limit` is used up: a failed revision is not given up, but nobody is pressed.
SPENT_S = 900.0
#: Beyond it every wait is the longest one, and powers of it need no computing.
_MANY = 64


def retry_wait_s(policy: SyncPolicy, failures: int) -> float:
    """Return the seconds between a failed sync and the next try of the same revision.

    Args:
        policy: its `retry.backoff` counts where there is one; beyond a `retry.limit` the
            wait is a quarter of an hour, or the longest of the back-off.
        failures: tries that failed, at least 1.
    """
    backoff = policy.retry.backoff if policy.retry else None
    first, factor, longest = _DURATION_S, _FACTOR, _MAX_S
    if backoff is not None:
        first = _seconds(backoff.duration, _DURATION_S)
        factor = _FACTOR if backoff.factor is None else backoff.factor
        longest = _seconds(backoff.max_duration or Backoff().max_duration, _MAX_S)
    limit = policy.retry.limit if policy.retry else None
    if limit is not None and 0 <= limit < failures:
        return max(longest, SPENT_S)
    return float(min(longest, first * factor ** min(max(failures - 1, 0), _MANY)))


def heal_wait_s(heals: int) -> float:
    """Return the seconds between a heal and the next one of the same revision.

    Args:
        heals: how often the revision has been healed.
    """
    if heals <= 0:
        return 0.0
    return float(min(HEAL_MAX_S, _HEAL_FIRST_S * _HEAL_FACTOR ** min(heals - 1, _MANY)))


def look_wait_s(misses: int) -> float:
    """Return the seconds between a look that told nothing and the next one.

    Args:
        misses: such looks one after the other whose cause may pass by itself; 0 where
            somebody has to mend something first.
    """
    if misses <= 0:
        return _LOOK_MAX_S
    return float(min(_LOOK_MAX_S, _LOOK_FIRST_S * 2 ** min(misses - 1, _MANY)))


def _seconds(text: str, default: float) -> float:
    if text.isdigit():
        return float(text)
    duration = parse_duration(text) if text else None
    return default if duration is None else duration
