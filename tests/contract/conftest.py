"""The service and the provider that a law is held against, and what the law needs of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.base import Provider
from tests.contract.provider_cases import CASES, ProviderCase


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(ability): laws of what not every service offers")
    config.addinivalue_line("markers", "remote: laws of services that can fail")
    config.addinivalue_line("markers", "probing: laws of services that can be probed")


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[ProviderCase]:
    needed = request.node.get_closest_marker("needs")
    with request.param() as made:
        if needed is not None and needed.args[0] not in made.abilities:
            pytest.skip(f"it does not offer {needed.args[0].name}")
        if request.node.get_closest_marker("remote") and getattr(made, "local", False):
            pytest.skip("there is no service that could fail")
        if request.node.get_closest_marker("probing") and not getattr(made, "probes", True):
            pytest.skip("nothing is sent without a ref")
        yield made


@pytest.fixture
def provider(case: ProviderCase) -> Iterator[Provider]:
    opened = case.open()
    yield opened
    opened.close()
