"""Fixtures: a rig over a directory, whose service runs in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controller.live import MovableClock, serving
from tests.e2e.rig import Rig
from tests.e2e.sites import DirectorySite
from tests.support.aws import AwsApi, shared_moto
from tests.support.aws_front import StrictFront
from tests.support.service import aws_environment


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A directory and a store; nothing runs yet."""
    with StrictFront(shared_moto().url) as front:
        for name, text in aws_environment(front.url).items():
            monkeypatch.setenv(name, text)
        api = AwsApi(front.url)
        rig = Rig(DirectorySite(tmp_path / "cluster"), front, api, tmp_path)
        rig.store()
        yield rig
        rig.close()
        api.close()


@pytest.fixture
def clock(rig: Rig) -> Iterator[MovableClock]:
    """A running service's clock."""
    assert isinstance(rig.site, DirectorySite)
    with serving(rig.site.root) as (_, clock):
        yield clock
