"""A tick lists each query once, and tells who must look: what came, what went, what moved."""

from __future__ import annotations

import pytest

from providers.base import (
    AccessDenied,
    Changes,
    FindQuery,
    FoundSecret,
    RateLimited,
    SecretRef,
    Unavailable,
)
from secretsync.core.sources import found_digest
from secretsync.refresh.fetching import DEFAULT_RETRIES, Fetcher
from secretsync.refresh.finding import Lister
from secretsync.refresh.index import DependencyIndex, GroupKey
from secretsync.refresh.ticks import Ticker, TickResult
from tests.refresh.kit import FakeClock, ScriptedProvider, es_ref, open_session

A, B = es_ref("a"), es_ref("b")
QUERY = FindQuery("", "^app")
ONE, TWO = (SecretRef(key, listed=True) for key in ("one", "two"))


def found(*keys: str, version: str = "") -> list[FoundSecret]:
    return [FoundSecret(key, SecretRef(key, version, listed=True)) for key in keys]


class ListingProvider(ScriptedProvider):
    """Lists what it is told.

    Attributes:
        lists: what find returns or raises, and how often it was asked.
    """

    def __init__(self) -> None:
        super().__init__({"one": "1", "two": "2"})
        self.listed: list[FoundSecret] | Exception = []
        self.lists = 0

    def find(self, query: FindQuery) -> list[FoundSecret]:  # type: ignore[override]  # scripted
        self.lists += 1
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed


class Setting:
    """One query that two ExternalSecrets share, and what it found when they were written."""

    def __init__(self, clock: FakeClock, *written: str) -> None:
        self.provider = ListingProvider()
        self.session = open_session(self.provider, clock)
        self.group = GroupKey(self.session.key, 60.0)
        self.index = DependencyIndex()
        for user in (A, B):
            refs = [SecretRef(key, listed=True) for key in written]
            self.index.put(user, {self.group: [QUERY, *refs]})
        for key in written:
            self.index.learn(self.session.key, SecretRef(key, listed=True), f"v-{key}")
        self.index.learn(self.session.key, QUERY, found_digest(found(*written)))
        self.lister = Lister(clock)
        self.ticker = Ticker(self.index, Fetcher(clock), self.lister, clock)
        refs = frozenset(SecretRef(key, listed=True) for key in written)
        self.provider.verdict = Changes({}, refs, frozenset(), "mark")

    def tick(self) -> TickResult:
        return self.ticker.tick(self.group, self.session)


def test_same_list_and_same_versions_cost_one_list_and_no_read(clock: FakeClock) -> None:
    setting = Setting(clock, "one", "two")
    setting.provider.listed = found("two", "one")
    assert setting.tick() == TickResult(compared=2)
    assert (setting.provider.lists, setting.provider.read) == (1, [])


@pytest.mark.parametrize("now", [("one", "two"), (), ("two",)], ids=["came", "went", "other"])
def test_other_list_moves_all_who_asked(clock: FakeClock, now: tuple[str, ...]) -> None:
    setting = Setting(clock, "one")
    setting.provider.listed = found(*now)
    assert setting.tick().moved == {A, B}
    assert setting.provider.lists == 1
    assert setting.provider.read == []


def test_version_that_the_list_itself_tells_moves_all_who_asked(clock: FakeClock) -> None:
    setting = Setting(clock)
    setting.index.learn(setting.session.key, QUERY, found_digest(found("one", version="1")))
    setting.provider.listed = found("one", version="1")
    assert setting.tick() == TickResult()
    setting.provider.listed = found("one", version="2")
    assert setting.tick().moved == {A, B}


def test_what_was_found_is_compared_as_any_other_key(clock: FakeClock) -> None:
    setting = Setting(clock, "one", "two")
    setting.provider.listed = found("one", "two")
    setting.provider.verdict = Changes({ONE: "v9"}, frozenset({TWO}), frozenset(), "mark")
    assert setting.tick() == TickResult(moved=frozenset({A, B}), compared=1)


@pytest.mark.parametrize("error", [AccessDenied("no"), RateLimited("slow"), Unavailable("down")])
def test_list_that_fails_moves_nobody_and_is_the_ticks_error(
    clock: FakeClock, error: Exception
) -> None:
    setting = Setting(clock, "one")
    setting.provider.listed = error
    result = setting.tick()
    assert (result.error, result.moved, result.unread) == (error, frozenset(), frozenset())


def test_query_that_was_never_answered_makes_its_users_unread(clock: FakeClock) -> None:
    setting = Setting(clock)
    setting.index = DependencyIndex()
    setting.index.put(A, {setting.group: [QUERY]})
    setting.ticker = Ticker(setting.index, Fetcher(clock), setting.lister, clock)
    assert setting.tick() == TickResult(unread=frozenset({A}))
    assert setting.provider.lists == 0


def test_transient_failure_is_tried_again_and_a_permanent_one_is_not(clock: FakeClock) -> None:
    setting = Setting(clock, "one")
    setting.provider.listed = Unavailable("down")
    setting.lister.find(setting.session, QUERY)
    assert setting.provider.lists == DEFAULT_RETRIES + 1
    setting.provider.listed = AccessDenied("no")
    setting.lister.find(setting.session, QUERY)
    assert setting.provider.lists == DEFAULT_RETRIES + 2


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (found("one", "one"), "two secrets of one name"),
        (found(*(f"k{number}" for number in range(5001))), "more than 5000"),
        (ValueError("c4n4ry"), r"internal error \(ValueError\)"),
    ],
    ids=["twice", "too-many", "a-bug"],
)
def test_list_that_cannot_be_used_is_an_error(
    clock: FakeClock, listed: list[FoundSecret] | Exception, message: str
) -> None:
    setting = Setting(clock)
    setting.provider.listed = listed
    answer = setting.lister.find(setting.session, QUERY)
    with pytest.raises(Exception, match=message):
        raise answer  # type: ignore[misc]  # it is one
