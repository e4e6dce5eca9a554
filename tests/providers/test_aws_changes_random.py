"""Change detection under any order of changes, delays, reads and removals."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.aws import open_provider
from providers.aws.config import AwsConfig
from providers.base import Credentials, SecretRef, SecretValue
from tests.support.aws import REGION, AwsApi, shared_moto
from tests.support.aws_front import StrictFront

KEYS = [f"k{number}" for number in range(8)]
LAG_S = 300

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(KEYS)),
        st.tuples(st.just("read"), st.sampled_from(KEYS)),
        st.tuples(st.just("wait"), st.sampled_from([1, 120, 299, 301, 700, 4000])),
        st.tuples(st.just("detect"), st.just("")),
        st.tuples(st.just("act"), st.just("")),
    ),
    max_size=20,
)


class World:
    """A provider, and what is true."""

    def __init__(self, front: StrictFront, *, sorts: bool) -> None:
        self._now = time.time()
        front.clock = lambda: self._now
        front.list_page, front.list_lag_s, front.ignore_sort = 4, LAG_S, not sorts
        self._api = AwsApi(front.url)
        self.true = {SecretRef(key): self._create(key) for key in KEYS}
        config = AwsConfig(service="SecretsManager", region=REGION)
        self.provider = open_provider(config, Credentials(), observe=lambda *_: None)
        self._now += 4000
        self.known: dict[SecretRef, str] = {}
        self.read(KEYS)
        self.mark: object | None = None

    def _create(self, key: str) -> str:
        # Equal dates would leave no way to prove that the endpoint sorts.
        self._now += 1
        return self._api.create(key, "first")

    def read(self, keys) -> None:
        got = self.provider.fetch([SecretRef(key) for key in keys])
        assert all(isinstance(one, SecretValue) for one in got.values())
        self.known |= {ref: one.version for ref, one in got.items()}

    def detect(self):
        found = self.provider.changes(self.mark, self.known)
        self.mark = found.watermark
        return found

    def do(self, action: str, argument) -> None:
        match action:
            case "write":
                self.true[SecretRef(argument)] = self._api.put(argument, "next")
            case "read":
                self.read([argument])
            case "wait":
                self._now += argument
            case "detect":
                self.detect()
            case "act":
                found = self.detect()
                self.read(ref.key for ref in {*found.changed, *found.unknown})

    def close(self) -> None:
        self._api.close()
        self.provider.close()


@pytest.mark.parametrize("sorts", [True, False], ids=["sorted", "unsorted"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=steps)
def test_no_moved_secret_is_called_unchanged_once_the_list_shows_it(sorts, script):
    with StrictFront(shared_moto().url) as front, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_SECRETSMANAGER_ENDPOINT", front.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIARANDOM")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        with contextlib.closing(World(front, sorts=sorts)) as world:
            for action, argument in script:
                world.do(action, argument)
            check(world)


def check(world: World) -> None:
    world.do("wait", LAG_S + 1)
    found = world.detect()
    moved = {ref for ref, version in world.true.items() if world.known[ref] != version}
    assert not moved & found.unchanged
    assert all(world.true[ref] == version for ref, version in found.changed.items())
    # Having read what was reported, nothing is left to report.
    world.read(ref.key for ref in {*found.changed, *found.unknown})
    world.do("wait", 4000)
    assert world.detect().unchanged == world.true.keys()
