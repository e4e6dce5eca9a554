"""AWS for the refresh tests: moto behind a strict front of the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.refresh.kit import FakeClock
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
