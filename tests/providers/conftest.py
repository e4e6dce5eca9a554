"""AWS for the tests of its adapter: moto behind a strict front of the test's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from providers.aws import open_provider
from providers.aws.config import AwsConfig
from providers.base import Credentials, Provider
from tests.support.aws import REGION, AwsApi, shared_moto
from tests.support.aws_account import LIST_PAGE, all_keys
from tests.support.aws_front import StrictFront
from tests.support.aws_process import aws_of_this_process, owner_of


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictFront]:
    services = ("SECRETSMANAGER", "SSM", "STS", "ECR", "ECR_PUBLIC")
    with aws_of_this_process(monkeypatch, *services) as made:
        yield made


@pytest.fixture
def api(front: StrictFront) -> Iterator[AwsApi]:
    """Writes secrets through the front, as the owner of the account."""
    with owner_of(front) as made:
        yield made


@pytest.fixture
def ssm(front: StrictFront) -> Iterator[AwsApi]:
    """Writes parameters through the front, as the owner of the account."""
    with owner_of(front, "ssm") as made:
        yield made


@pytest.fixture
def observed() -> list[tuple[str, str]]:
    """What the provider reported of its requests."""
    return []


@pytest.fixture
def open_aws(front: StrictFront, observed: list) -> Iterator[Callable[..., Provider]]:
    opened: list[Provider] = []

    def open_one(credentials: Credentials | None = None, **config: Any) -> Provider:
        config = {"service": "SecretsManager", "region": REGION, **config}
        provider = open_provider(
            AwsConfig(**config),
            credentials or Credentials(),
            observe=lambda *call: observed.append(call),
        )
        opened.append(provider)
        return provider

    yield open_one
    for provider in opened:
        provider.close()


@pytest.fixture
def role(front, api):
    """Make the secret and give a function that names roles of the account that has it."""
    api.create("app/db", "value")
    front.calls.clear()
    return lambda name: f"arn:aws:iam::{front.account}:role/{name}"


@pytest.fixture
def clock(front):
    """The service's clock: starts now, moves by hand."""
    now = [time.time()]
    front.clock = lambda: now[0]

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    return pass_time


@pytest.fixture
def account(front, clock, api):
    """45 secrets on three pages; they were changed a second apart, an hour ago."""
    front.list_page = LIST_PAGE
    direct = AwsApi(shared_moto().url, account=front.account)
    for key in all_keys():
        direct.create(key, "first")
    direct.close()
    api.call("ListSecrets", MaxResults=1)
    front.redate_list(step_s=1)
    clock(3600)
    front.calls.clear()


@pytest.fixture
def names(front, api) -> list[str]:
    """Three secrets; the front has counted nothing yet."""
    made = ["app/a", "app/b", "app/c"]
    for name in made:
        api.create(name, f"value of {name}")
    front.calls.clear()
    return made
