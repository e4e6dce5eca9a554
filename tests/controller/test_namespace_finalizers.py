"""Finalizers of External Secrets Operator, while somebody else writes the namespace too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.controller.namespace_finalizers import NAMESPACE_FINALIZER, NamespaceFinalizers

NAMESPACE = KINDS["Namespace"]
HOLD = f"{NAMESPACE_FINALIZER}everywhere"
THEIRS = "example.com/theirs"


class _Busy(DirectoryCluster):
    """Somebody else writes the namespace between our look at it and our write."""

    writes_left = 0

    def merge_patch(self, *where: Any, **how: Any) -> Any:
        if self.writes_left:
            self.writes_left -= 1
            labels = {"metadata": {"labels": {"write": str(self.writes_left)}}}
            super().merge_patch(NAMESPACE, "", "shop", labels, field_manager="somebody")
        return super().merge_patch(*where, **how)


@pytest.mark.parametrize(("writes", "released"), [(0, True), (3, True), (1000, False)])
def test_namespace_that_others_write_is_let_go_all_the_same_and_keeps_their_finalizers(
    tmp_path: Path, writes: int, released: bool
) -> None:
    cluster = _Busy(tmp_path, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    finalizers = [HOLD, THEIRS, f"{NAMESPACE_FINALIZER}another"]
    metadata = {"name": "shop", "finalizers": finalizers}
    cluster.create(NAMESPACE, {"metadata": metadata}, field_manager="somebody")
    cluster.writes_left = writes
    assert NamespaceFinalizers(cluster).release("shop", "everywhere") is released
    found = cluster.get(NAMESPACE, "", "shop")
    assert found is not None
    assert found["metadata"]["finalizers"] == (finalizers[1:] if released else finalizers)
