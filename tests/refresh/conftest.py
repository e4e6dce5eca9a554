"""AWS for the refresh tests: moto behind a strict front of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from secretsync.resources.external_secret import ExternalSecret
from tests.refresh.kit import FakeClock, Rig
from tests.refresh.vanishing import create
from tests.support.aws import AwsApi
from tests.support.aws_front import StrictFront
from tests.support.aws_process import aws_of_this_process, owner_of


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictFront]:
    with aws_of_this_process(monkeypatch) as made:
        yield made


@pytest.fixture
def api(front: StrictFront) -> Iterator[AwsApi]:
    """Writes secrets through the front, as the owner of the account."""
    with owner_of(front) as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make_rig(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[..., Rig]]:
    """Make a directory cluster with the pipeline over it."""
    made: list[Rig] = []

    def make(items: Sequence[ExternalSecret], *objects: dict[str, Any], **options: Any) -> Rig:
        options.setdefault("clock", clock)
        rig = Rig(tmp_path / f"cluster-{len(made)}", items, *objects, **options)
        made.append(rig)
        return rig

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def synced(api: AwsApi, make_rig: Callable[..., Rig]) -> Callable[..., Rig]:
    """Make a rig whose ExternalSecrets are all written."""

    def make(items: list[ExternalSecret], **options: Any) -> Rig:
        create(api, items)
        rig = make_rig(items, one_shot=options.pop("one_shot", False), **options)
        assert set(rig.ends().values()) == {"applied"}
        return rig

    return make
