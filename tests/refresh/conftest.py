"""AWS for the refresh tests: moto behind a strict front of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from secretsync.resources.external_secret import ExternalSecret
from tests.refresh.kit import FakeClock, Rig
from tests.refresh.vanishing import create
from tests.support.aws import AwsApi, shared_moto
from tests.support.aws_front import StrictFront


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictFront]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with StrictFront(shared_moto().url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADEFAULTCHAIN")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield made


@pytest.fixture
def api(front: StrictFront) -> Iterator[AwsApi]:
    """Writes secrets through the front, as the owner of the account."""
    client = AwsApi(front.url)
    yield client
    client.close()


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
