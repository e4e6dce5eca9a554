"""Change detection at Google against a model: whatever happens, nothing is missed for good."""

from __future__ import annotations

import random

import pytest

from providers.base import SecretRef, SecretValue
from providers.gcp.ids import number_of, version_id
from tests.support.gcp_account import PROJECT, State, moment

KEYS = ("a", "b", "c", "d")
STEPS = 40
LAG_S = 120


class World:
    """A project whose secrets change at random, and a reader that follows it."""

    def __init__(self, server, provider, seed):
        self.server, self.provider = server, provider
        self.random = random.Random(seed)  # noqa: S311 - of a test
        self.known: dict[SecretRef, str] = {}
        self.mark = None
        for key in KEYS:
            server.account.put(key, f"{key} 1")

    def stored(self, key):
        name = f"projects/{PROJECT}/secrets/{key}"
        return self.server.account.secrets.get(name.replace(PROJECT, "123456789012"))

    def put(self, key):
        self.server.account.put(key, f"{key} {self.random.random()}")

    def switch(self, key):
        if self.stored(key) is not None:
            version = self.random.choice(self.stored(key).versions)
            if version.state is not State.DESTROYED:
                states = (State.ENABLED, State.DISABLED, State.DISABLED, State.DESTROYED)
                version.state = self.random.choice(states)

    def remove(self, key):
        if self.stored(key) is not None:
            self.server.account.delete(f"projects/{PROJECT}/secrets/{key}")

    def lag(self, key):
        self.server.account.latest_lag_s = self.random.choice((0, LAG_S))

    def throttle(self, key):
        if self.random.random() < 0.5:
            self.server.throttle(1, "GetSecretVersion")
        else:
            self.server.heal()

    def follow(self, key):
        """Do what a tick does: ask for changes, and read what is not unchanged."""
        watermark = self.mark if self.random.random() < 0.7 else None
        found = self.provider.changes(watermark, self.known)
        self.mark = found.watermark
        for ref in [*found.changed, *found.unknown]:
            self.read(ref)
        for name in KEYS:
            if SecretRef(name) not in self.known:
                self.read(SecretRef(name))

    def read(self, ref):
        answer = self.provider.fetch([ref])[ref]
        self.known.pop(ref, None)
        if isinstance(answer, SecretValue):
            number = int(number_of(answer.version))
            held = [one for one in self.stored(ref.key).versions if one.number == number]
            assert [one.data for one in held] == [answer.value.reveal()]
            assert held[0].state is State.ENABLED
            self.known[ref] = answer.version

    def current(self, key, *, fetch_enabled):
        """Return the id that a read must give in the end, or None."""
        versions = self.stored(key).versions if self.stored(key) else []
        if fetch_enabled:
            versions = [one for one in versions if one.state is State.ENABLED]
        if not versions or versions[-1].state is not State.ENABLED:
            return None
        return version_id(str(versions[-1].number), moment(versions[-1].created_at), "")


@pytest.mark.parametrize("seed", range(12))
def test_after_any_history_one_full_round_is_right(server, open_gcp, seed):
    policy = ("LatestOrFail", "LatestOrFetch")[seed % 2]
    world = World(server, open_gcp(secret_version_selection_policy=policy), seed)
    steps = (world.put, world.switch, world.remove, world.lag, world.throttle, world.follow)
    for _ in range(STEPS):
        world.random.choices(steps, weights=(4, 3, 1, 1, 1, 5))[0](world.random.choice(KEYS))
        server.pass_time(world.random.choice((1, 30, 200)))
    server.heal()
    server.account.latest_lag_s = 0
    server.pass_time(600)
    # Twice: the first round may learn that a secret was made anew.
    for _ in range(2):
        found = world.provider.changes(None, world.known)
        for ref in [*found.changed, *found.unknown, *map(SecretRef, KEYS)]:
            world.read(ref)
    expected = {
        SecretRef(key): number
        for key in KEYS
        if (number := world.current(key, fetch_enabled=policy == "LatestOrFetch"))
    }
    assert world.known == expected
    assert world.provider.changes(None, world.known).unchanged == expected.keys()
