"""Tests that share something slow or fragile run on one worker."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("grouped")
def test_group_is_in_the_id_that_the_scheduler_reads(request):
    """Run by itself, and as one of many processes as `make test` does."""
    is_grouping = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@grouped") == is_grouping
