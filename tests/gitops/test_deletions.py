"""How often one asks for what is being deleted."""

from __future__ import annotations

import pytest

from secretsync.gitops.deletions import LATER_S, SOON_S, asked_again_s


@pytest.mark.parametrize(
    ("lasted_s", "again_s"),
    [(-5.0, SOON_S), (0.0, SOON_S), (20.0, SOON_S), (100.0, 5.0), (86_400.0, LATER_S)],
)
def test_deletion_that_lasts_is_asked_for_ever_more_seldom(lasted_s: float, again_s: float) -> None:
    assert asked_again_s(lasted_s) == again_s
