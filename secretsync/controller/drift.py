"""What a person may have changed about a target besides its data. Pure.

Neighbours: `targets` compares the data; `intake` asks both when a Secret changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.materialize import Materialized, desired_secret
from secretsync.resources.external_secret import ExternalSecret

__all__ = ["metadata_drifted"]


def metadata_drifted(item: ExternalSecret, metadata: Mapping[str, Any]) -> bool:
    """Return whether a label, an annotation or the owner that `item` gives is not there.

    Args:
        item: the ExternalSecret that the Secret is made from.
        metadata: of the Secret, as the cluster gives it; what others added is theirs.
    """
    wanted = desired_secret(item, Materialized({}))
    owners = {owner.get("uid") for owner in metadata.get("ownerReferences") or []}
    return (
        not wanted.labels.items() <= (metadata.get("labels") or {}).items()
        or not wanted.annotations.items() <= (metadata.get("annotations") or {}).items()
        or (wanted.owner is not None and wanted.owner.uid not in owners)
    )
