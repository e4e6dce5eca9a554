"""When a ring needs a new key: age and cut-off, counted from the newest key that seals. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from sealing import KeyRing, NoSealingKey, plan_renewal

__all__ = ["RenewalRule"]


class RenewalRule:
    """Whether a ring is to be renewed, at one moment and by one rule.

    Args:
        now: aware.
        period: as in `sealing.plan_renewal`; with 0 somebody else cares for keys, and
            those whose certificates are over are left to them.
        cutoff_at: as in `sealing.plan_renewal`.
    """

    def __init__(self, now: datetime, period: timedelta, cutoff_at: datetime | None) -> None:
        self.now = now
        self._period = period
        # Certificates know whole seconds: a key made at the cut-off is not older than it.
        self._cutoff_at = cutoff_at.replace(microsecond=0) if cutoff_at else None

    def __call__(self, ring: KeyRing) -> bool:
        """Return whether a key is due.

        Raises:
            ValueError: the period is negative, or a time has no zone.
        """
        newest_at = self._newest_at(ring)
        plan = plan_renewal(newest_at, now=self.now, period=self._period, cutoff_at=self._cutoff_at)
        return plan.due

    def _newest_at(self, ring: KeyRing) -> datetime | None:
        try:
            return ring.sealing_key(self.now).ordering_at
        except NoSealingKey:
            waits_for_people = ring.keys and not self._period
            return ring.keys[0].ordering_at if waits_for_people else None
