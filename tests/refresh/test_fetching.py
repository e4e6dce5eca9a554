"""The fetch planner: each ref once, packed, retried with care, total whatever happens."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, ClassVar

import pytest

from providers.base import (
    AccessDenied,
    ProviderError,
    RateLimited,
    SecretRef,
    SecretValue,
    Unavailable,
)
from secretsync.refresh.fetching import (
    DEFAULT_RETRIES,
    LONGEST_PAUSE_S,
    RETRY_BASE_S,
    Fetcher,
    asked_to_wait,
)
from secretsync.refresh.sessions import Sessions, StoreSession
from tests.e2e.rig import eventually
from tests.refresh.kit import FakeClock, ScriptedProvider, in_threads, open_session, store
from tests.support.aws import AwsApi
from tests.support.aws_faults import server_error
from tests.support.aws_front import StrictFront

CANARY = "c4n4ry-hunter2"


def _refs(*keys: str) -> list[SecretRef]:
    return [SecretRef(key) for key in keys]


def _shown(answers: dict) -> dict[str, str]:
    return {
        ref.key: answer.value.reveal().decode()
        if isinstance(answer, SecretValue)
        else type(answer).__name__
        for ref, answer in answers.items()
    }


@pytest.fixture
def aws(front: StrictFront, clock: FakeClock) -> StoreSession:
    """A session with the real adapter, at the front."""

    class NoCredentials:
        context: ClassVar[dict[str, str]] = {}
        local_api = None

        def secret(self, namespace: str, name: str) -> None:
            raise AssertionError("the default chain needs no Secret")

        def token(self, namespace: str, name: str, audiences: tuple[str, ...]) -> None:
            raise AssertionError("the default chain needs no token")

    return Sessions(NoCredentials(), clock).session(store(), "web")


def _flaky(failures: int, error: ProviderError, good: str = "good") -> object:
    left = [failures]

    def answer() -> ProviderError | str:
        left[0] -= 1
        return error if left[0] >= 0 else good

    return answer


def test_each_ref_is_read_once_and_in_packs(clock: FakeClock) -> None:
    provider = ScriptedProvider({f"k{n}": f"{n}" for n in range(45)}, pack_size=20)
    refs = _refs(*(f"k{n}" for n in range(45)))
    answers = Fetcher(clock).fetch(open_session(provider, clock), [*refs, *refs])
    assert _shown(answers) == {f"k{n}": f"{n}" for n in range(45)}
    assert sorted(map(len, provider.fetches)) == [5, 20, 20]
    assert set(Counter(provider.read).values()) == {1}


def test_nothing_to_read_asks_nothing(clock: FakeClock) -> None:
    provider = ScriptedProvider()
    assert Fetcher(clock).fetch(open_session(provider, clock), []) == {}
    assert provider.fetches == []


def test_many_threads_read_a_real_store_once(
    front: StrictFront, api: AwsApi, aws: StoreSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"app/{n:02}" for n in range(30)]
    for name in names:
        api.create(name, f"value of {name}")
    front.calls.clear()
    started = threading.Barrier(8)
    arrived, asking = threading.Semaphore(0), threading.Semaphore(0)
    released = threading.Event()

    def held(true_reply: object) -> object:
        arrived.release()
        released.wait(60)
        return true_reply()

    front.inject(held, operation="BatchGetSecretValue", times=2)
    fetcher = Fetcher(FakeClock())
    claim = fetcher._claim

    def claiming(*args: Any) -> Any:
        found = claim(*args)
        asking.release()
        return found

    monkeypatch.setattr(fetcher, "_claim", claiming)

    def read(_: int) -> dict:
        started.wait()
        return fetcher.fetch(aws, _refs(*names))

    def release() -> None:
        for _ in range(2):
            assert arrived.acquire(timeout=60)
        for _ in range(8):
            assert asking.acquire(timeout=60)
        released.set()

    releasing = threading.Thread(target=release)
    releasing.start()
    results = in_threads(8, read)
    releasing.join()
    assert all(_shown(each) == {name: f"value of {name}" for name in names} for each in results)
    asked = Counter(
        name for call in front.of("BatchGetSecretValue") for name in call.params["SecretIdList"]
    )
    assert asked == dict.fromkeys(names, 1)


def test_who_asks_while_a_read_is_under_way_gets_its_answer(clock: FakeClock) -> None:
    provider = ScriptedProvider({"one": "1", "two": "2"})
    under_way, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        under_way.set()
        assert go_on.wait(120)

    provider.before_fetch = hold
    fetcher, session = Fetcher(clock), open_session(provider, clock)
    first: list[dict] = []
    reader = threading.Thread(target=lambda: first.append(fetcher.fetch(session, _refs("one"))))
    reader.start()
    assert under_way.wait(60)

    def let_go() -> None:
        try:
            # It has asked for both when it reads the other one.
            eventually(lambda: len(provider.fetches) == 2)
        finally:
            go_on.set()

    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    second = fetcher.fetch(session, _refs("one", "two"))
    letting_go.join()
    reader.join(60)
    assert _shown(second) == {"one": "1", "two": "2"}
    assert first[0][SecretRef("one")] is second[SecretRef("one")]
    assert Counter(provider.read) == {"one": 1, "two": 1}
    provider.before_fetch = lambda: None
    fetcher.fetch(session, _refs("one"))
    assert provider.read.count("one") == 2, "what is done is not remembered"


def test_sessions_do_not_share_a_read(clock: FakeClock) -> None:
    one, two = ScriptedProvider({"k": "1"}), ScriptedProvider({"k": "2"})
    sessions = [open_session(one, clock, store("a")), open_session(two, clock, store("b"))]
    gate = threading.Barrier(2)
    one.before_fetch = two.before_fetch = lambda: gate.wait(60)
    fetcher = Fetcher(clock)
    results = in_threads(2, lambda n: fetcher.fetch(sessions[n], _refs("k")))
    assert [_shown(each)["k"] for each in results] == ["1", "2"]


@pytest.mark.parametrize(
    ("failures", "shown", "reads"),
    [
        pytest.param(0, "good", 1, id="good-at-once"),
        pytest.param(DEFAULT_RETRIES, "good", DEFAULT_RETRIES + 1, id="good-at-last"),
        pytest.param(DEFAULT_RETRIES + 1, "Unavailable", DEFAULT_RETRIES + 1, id="given-up"),
    ],
)
def test_only_what_failed_transiently_is_repeated(
    clock: FakeClock, failures: int, shown: str, reads: int
) -> None:
    provider = ScriptedProvider(
        {"bad": _flaky(failures, Unavailable("down")), "good": "x", "denied": AccessDenied("no")}
    )
    answers = Fetcher(clock).fetch(open_session(provider, clock), _refs("bad", "good", "denied"))
    assert _shown(answers) == {"bad": shown, "good": "x", "denied": "AccessDenied"}
    assert Counter(provider.read) == {"bad": reads, "good": 1, "denied": 1}


@pytest.mark.parametrize(
    ("settings", "reads", "least_s"),
    [
        pytest.param({"maxRetries": 0}, 1, 0.0, id="none"),
        pytest.param({"maxRetries": 4, "retryInterval": "2s"}, 5, 1.0, id="more-and-slower"),
        pytest.param({"maxRetries": 1}, 2, RETRY_BASE_S / 2, id="interval-not-given"),
    ],
)
def test_a_store_may_set_its_retries(
    clock: FakeClock, settings: dict, reads: int, least_s: float
) -> None:
    provider = ScriptedProvider({"bad": Unavailable("down")})
    session = open_session(provider, clock, store(spec={"retrySettings": settings}))
    Fetcher(clock).fetch(session, _refs("bad"))
    assert len(provider.read) == reads
    assert len(clock.waits) == reads - 1
    assert all(wait_s >= least_s for wait_s in clock.waits)


def test_a_short_pause_is_kept_within_the_fetch(clock: FakeClock) -> None:
    limited = RateLimited("slow down", retry_after_s=5.0)
    provider = ScriptedProvider({"one": _flaky(1, limited)})
    started_s = clock.monotonic_s()
    answers = Fetcher(clock).fetch(open_session(provider, clock), _refs("one"))
    assert _shown(answers) == {"one": "good"}
    assert clock.monotonic_s() - started_s >= 5.0


def test_a_long_pause_is_left_to_the_caller_and_nobody_waits_for_it(clock: FakeClock) -> None:
    limited = RateLimited("slow down", retry_after_s=LONGEST_PAUSE_S + 50)
    provider = ScriptedProvider({"one": limited, "two": "2"})
    fetcher, session = Fetcher(clock), open_session(provider, clock)
    first = fetcher.fetch(session, _refs("one"))
    assert first[SecretRef("one")] is limited
    answer = fetcher.fetch(session, _refs("two"))[SecretRef("two")]
    assert isinstance(answer, RateLimited)
    assert answer.retry_after_s == LONGEST_PAUSE_S + 50
    assert provider.read == ["one"]
    assert clock.waits == []
    clock.advance(LONGEST_PAUSE_S + 50)
    assert asked_to_wait(session) is None
    assert _shown(fetcher.fetch(session, _refs("two"))) == {"two": "2"}


def test_a_stop_abandons_what_is_left() -> None:
    stop = threading.Event()
    clock = FakeClock(stop)
    provider = ScriptedProvider({"bad": Unavailable("down"), "good": "x"})
    session = open_session(provider, clock)
    provider.before_fetch = stop.set
    answers = Fetcher(clock).fetch(session, _refs("bad", "good"))
    assert _shown(answers) == {"bad": "Unavailable", "good": "x"}
    assert len(provider.fetches) == 1


def test_a_stop_before_the_first_read_reads_nothing() -> None:
    stop = threading.Event()
    clock = FakeClock(stop)
    provider = ScriptedProvider({"one": "1"})
    session = open_session(provider, clock, rate_per_s=1.0)
    while session.limiter._take() <= 0:
        pass
    stop.set()
    answers = Fetcher(clock).fetch(session, _refs("one"))
    assert "abandoned" in answers[SecretRef("one")].message
    assert provider.fetches == []


def test_a_bug_that_one_ref_meets_in_an_adapter_is_its_own(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    provider = ScriptedProvider({"poison": ValueError(CANARY), "good": "x", "fine": "y"})
    answers = Fetcher(clock).fetch(open_session(provider, clock), _refs("good", "poison", "fine"))
    assert _shown(answers) == {"good": "x", "poison": "ProviderError", "fine": "y"}
    poison = answers[SecretRef("poison")]
    assert poison.message == "internal error (ValueError)"
    assert CANARY not in f"{poison!r}{poison.remedy}{caplog.messages}"


def test_an_adapter_that_packs_or_answers_wrongly_costs_nobody_an_answer(clock: FakeClock) -> None:
    class Forgetful(ScriptedProvider):
        def pack(self, refs: object) -> list:
            raise KeyError("bug")

        def fetch(self, refs: list[SecretRef]) -> dict:
            answers = super().fetch(refs)
            answers.pop(SecretRef("lost"), None)
            return answers

    provider = Forgetful({"lost": "1", "good": "2"})
    answers = Fetcher(clock).fetch(open_session(provider, clock), _refs("lost", "good"))
    assert _shown(answers) == {"lost": "ProviderError", "good": "2"}


def test_a_real_server_error_is_repeated_until_it_passes(
    front: StrictFront, api: AwsApi, aws: StoreSession, clock: FakeClock
) -> None:
    api.create("app/db", "value")
    front.calls.clear()
    front.inject(server_error(), times=DEFAULT_RETRIES)
    assert _shown(Fetcher(clock).fetch(aws, _refs("app/db"))) == {"app/db": "value"}
    assert front.count() == DEFAULT_RETRIES + 1
