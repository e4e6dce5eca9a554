"""A tick asks what has moved and says who must be looked at; it reads next to nothing."""

from __future__ import annotations

from typing import ClassVar

import pytest

from providers.base import AccessDenied, Changes, RateLimited, SecretRef, Unavailable
from secretsync.refresh.fetching import Fetcher
from secretsync.refresh.finding import Lister
from secretsync.refresh.index import DependencyIndex, GroupKey
from secretsync.refresh.sessions import Sessions, StoreSession
from secretsync.refresh.ticks import SWEEP_EVERY_S, Ticker, TickResult
from tests.refresh.kit import FakeClock, ScriptedProvider, es_ref, open_session, store
from tests.support.aws import AwsApi
from tests.support.aws_faults import server_error, throttled
from tests.support.aws_front import StrictFront

A, B = es_ref("a"), es_ref("b")
ONE, TWO = SecretRef("one"), SecretRef("two")


class Setting:
    """A group of two keys, one user each, over a scripted provider."""

    def __init__(self, clock: FakeClock) -> None:
        self.provider = ScriptedProvider({"one": "1", "two": "2"})
        self.session = open_session(self.provider, clock)
        self.group = GroupKey(self.session.key, 60.0)
        self.index = DependencyIndex()
        self.index.put(A, {self.group: [ONE]})
        self.index.put(B, {self.group: [TWO]})
        self.ticker = Ticker(self.index, Fetcher(clock), Lister(clock), clock)

    def learn(self, **versions: str) -> None:
        for key, version in versions.items():
            self.index.learn(self.session.key, SecretRef(key), version)

    def says(self, changed: dict, unchanged: set, unknown: set, watermark: object = "mark") -> None:
        self.provider.verdict = Changes(
            changed, frozenset(unchanged), frozenset(unknown), watermark
        )

    def tick(self) -> TickResult:
        return self.ticker.tick(self.group, self.session)


@pytest.fixture
def setting(clock: FakeClock) -> Setting:
    return Setting(clock)


def test_without_a_known_version_nothing_is_asked_and_all_are_unread(setting: Setting) -> None:
    assert setting.tick() == TickResult(unread=frozenset({A, B}))
    assert setting.provider.asked == []


def test_unchanged_keys_cost_no_read(setting: Setting) -> None:
    setting.learn(one="v1", two="v2")
    setting.says({}, {ONE, TWO}, set())
    assert setting.tick() == TickResult(compared=2)
    assert setting.provider.read == []


def test_moved_keys_name_their_users_and_are_not_read_here(setting: Setting) -> None:
    setting.learn(one="v1", two="v2")
    setting.says({ONE: "v9"}, {TWO}, set())
    assert setting.tick() == TickResult(moved=frozenset({A}), compared=1)
    assert setting.provider.read == []
    assert setting.index.needs(setting.group)[ONE] == "v1", "known is what was written"


def test_only_known_keys_are_asked_for_and_the_rest_is_unread(setting: Setting) -> None:
    setting.learn(one="v1")
    setting.says({}, {ONE}, set())
    assert setting.tick() == TickResult(unread=frozenset({B}), compared=1)
    assert setting.provider.asked == [(None, {ONE: "v1"})]


def test_unknown_keys_are_compared_by_the_version_that_a_read_gives(setting: Setting) -> None:
    setting.learn(one="v-1", two="v-old")
    setting.says({}, set(), {ONE, TWO})
    assert setting.tick() == TickResult(moved=frozenset({B}))
    assert sorted(setting.provider.read) == ["one", "two"]


def test_unknown_keys_that_cannot_be_read_are_unread(setting: Setting) -> None:
    setting.learn(one="v-1", two="v-2")
    setting.provider.answers["two"] = AccessDenied("no")
    setting.says({}, set(), {ONE, TWO})
    assert setting.tick() == TickResult(unread=frozenset({B}))


def test_an_error_concludes_nothing(setting: Setting) -> None:
    setting.learn(one="v1")
    setting.provider.verdict = down = Unavailable("down")
    assert setting.tick() == TickResult(error=down)


def test_a_throttled_list_slows_the_store_down(setting: Setting, clock: FakeClock) -> None:
    setting.learn(one="v1")
    setting.provider.verdict = RateLimited("slow", retry_after_s=60.0)
    before = setting.session.limiter.rate_per_s
    setting.tick()
    assert setting.session.limiter.rate_per_s == before / 2
    asked = len(setting.provider.asked)
    again = setting.tick()
    assert isinstance(again.error, RateLimited)
    assert len(setting.provider.asked) == asked
    assert clock.waits == [], "no tick thread waits out a long pause"


def test_the_watermark_is_handed_back_until_the_hourly_sweep(
    setting: Setting, clock: FakeClock
) -> None:
    setting.learn(one="v1", two="v2")
    handed: list[object] = []
    for step, pause_s in enumerate((0.0, 60.0, SWEEP_EVERY_S - 61.0, 1.0, 60.0)):
        clock.advance(pause_s)
        setting.says({}, {ONE, TWO}, set(), watermark=step)
        setting.tick()
        handed.append(setting.provider.asked[-1][0])
    assert handed == [None, 0, 1, None, 3]


def test_an_error_keeps_the_watermark_and_a_failed_sweep_is_repeated(
    setting: Setting, clock: FakeClock
) -> None:
    setting.learn(one="v1", two="v2")
    setting.says({}, {ONE, TWO}, set(), watermark="first")
    setting.tick()
    good = setting.provider.verdict
    setting.provider.verdict = Unavailable("down")
    setting.tick()
    setting.provider.verdict = good
    setting.tick()
    assert [mark for mark, _ in setting.provider.asked] == [None, "first", "first"]
    clock.advance(SWEEP_EVERY_S)
    setting.provider.verdict = Unavailable("down")
    setting.tick()
    setting.provider.verdict = good
    setting.tick()
    assert [mark for mark, _ in setting.provider.asked[3:]] == [None, None]


def test_a_forgotten_group_starts_over(setting: Setting) -> None:
    setting.learn(one="v1", two="v2")
    setting.says({}, {ONE, TWO}, set(), watermark="first")
    setting.tick()
    setting.ticker.forget(frozenset({setting.group}))
    setting.tick()
    setting.ticker.forget(frozenset())
    setting.tick()
    assert [mark for mark, _ in setting.provider.asked] == [None, "first", None]


class Unasked:
    """Credentials that nobody needs: the default chain logs in."""

    context: ClassVar[dict[str, str]] = {}
    local_api = None

    def secret(self, namespace: str, name: str) -> None:
        raise AssertionError(f"{namespace}/{name} was asked for")

    def token(self, namespace: str, name: str, audiences: tuple[str, ...]) -> None:
        raise AssertionError(f"{namespace}/{name} was asked for")


@pytest.fixture
def aws(front: StrictFront, clock: FakeClock) -> StoreSession:
    return Sessions(Unasked(), clock).session(store(), "web")


def test_at_aws_a_quiet_hour_reads_no_value(
    front: StrictFront, api: AwsApi, aws: StoreSession, clock: FakeClock
) -> None:
    index, group = DependencyIndex(), GroupKey(aws.key, 60.0)
    refs = [SecretRef(f"app/{n}") for n in range(25)]
    for number, ref in enumerate(refs):
        version = api.create(ref.key, f"value-{number}")
        index.put(es_ref(f"es-{number}"), {group: [ref]})
        index.learn(aws.key, ref, version)
    ticker = Ticker(index, Fetcher(clock), Lister(clock), clock)
    front.calls.clear()
    for _ in range(60):
        result = ticker.tick(group, aws)
        assert (result.moved, result.unread, result.error) == (frozenset(), frozenset(), None)
        assert result.compared == 25
        clock.advance(60)
    assert front.counts() == {"ListSecrets": 60}
    api.put("app/3", "rotated")
    front.calls.clear()
    assert ticker.tick(group, aws).moved == {es_ref("es-3")}
    assert front.count("GetSecretValue") + front.count("BatchGetSecretValue") == 0


@pytest.mark.parametrize("fault", [server_error(), throttled("30")], ids=["500", "throttled"])
def test_at_aws_a_fault_moves_nobody(
    front: StrictFront, api: AwsApi, aws: StoreSession, clock: FakeClock, fault: object
) -> None:
    version = api.create("app/db", "1")
    index, group = DependencyIndex(), GroupKey(aws.key, 60.0)
    index.put(A, {group: [SecretRef("app/db")]})
    index.learn(aws.key, SecretRef("app/db"), version)
    api.put("app/db", "2")
    ticker = Ticker(index, Fetcher(clock), Lister(clock), clock)
    front.inject(fault)
    result = ticker.tick(group, aws)
    assert isinstance(result.error, Unavailable)
    assert result.moved == frozenset()
    front.heal()
    clock.advance(30)
    assert ticker.tick(group, aws).moved == {A}


def test_at_aws_without_the_right_to_list_versions_are_read(
    front: StrictFront, api: AwsApi, aws: StoreSession, clock: FakeClock
) -> None:
    version = api.create("app/db", "1")
    front.denied_operations = {"ListSecrets"}
    index, group = DependencyIndex(), GroupKey(aws.key, 60.0)
    index.put(A, {group: [SecretRef("app/db")]})
    index.learn(aws.key, SecretRef("app/db"), version)
    ticker = Ticker(index, Fetcher(clock), Lister(clock), clock)
    assert ticker.tick(group, aws) == TickResult()
    api.put("app/db", "2")
    assert ticker.tick(group, aws) == TickResult(moved=frozenset({A}))
