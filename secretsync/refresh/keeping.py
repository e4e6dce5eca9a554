"""What is made once and then left alone: CreatedOnce, and a refreshInterval of 0.

The Secret itself says that it was made, where it is there and this ExternalSecret's own: a
status may be lost, and objects of PATH have none.
"""

from __future__ import annotations

from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.plan import foreign
from secretsync.core.secrets import LiveSecret
from secretsync.resources.external_secret import ExternalSecret

__all__ = ["is_once", "made_once", "wrote"]


def is_once(item: ExternalSecret) -> bool:
    """Return whether an ExternalSecret is never refreshed again once it was synced."""
    periodic = item.refresh_policy == "Periodic"
    return item.refresh_policy == "CreatedOnce" or (periodic and item.refresh_interval_s <= 0)


def made_once(item: ExternalSecret, live: LiveSecret | None) -> bool:
    """Return whether a Secret that is made once was made already.

    Args:
        live: as the cluster holds it, None where it is absent.
    """
    return live is not None and is_once(item) and wrote(item, live)


def wrote(item: ExternalSecret, live: LiveSecret) -> bool:
    """Return whether an ExternalSecret has written a Secret that stays."""
    if live.deleting:
        return False
    desired = desired_secret(item, Materialized({}))
    if desired.keep_foreign_keys:
        # Others' Secrets are written into as well: what counts is that we wrote keys.
        ours = (live.managers[name] for name in desired.field_managers if name in live.managers)
        return any(fields.data for fields in ours)
    return not foreign(desired, live)
