"""The service and the provider that a law is held against, and what the law needs of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.base import Provider
from tests.contract.provider_cases import CASES, ProviderCase


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(ability): laws of what not every service offers")


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[ProviderCase]:
    needed = request.node.get_closest_marker("needs")
    with request.param() as made:
        if needed is not None and needed.args[0] not in made.abilities:
            pytest.skip(f"it does not offer {needed.args[0].name}")
        yield made


@pytest.fixture
def provider(case: ProviderCase) -> Iterator[Provider]:
    opened = case.open()
    yield opened
    opened.close()
