"""Store sessions: one login per store and identity, and no identity for two namespaces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from providers.aws.secrets_manager import AwsSecretsManager
from providers.base import (
    AuthFailed,
    SecretBytes,
    SecretRef,
    SecretValue,
    ServiceAccountToken,
    Unavailable,
)
from secretsync.errors import ClusterUnavailable, Forbidden
from secretsync.refresh.fetching import Fetcher
from secretsync.refresh.sessions import (
    RECHECK_AFTER_S,
    RENEW_RETRY_S,
    RETIRED_S,
    TOKEN_SESSION_S,
    Sessions,
    StoreSession,
    session_key,
)
from secretsync.resources.secret_store import SecretStore
from tests.refresh.kit import FakeClock, in_threads, store
from tests.support.aws import AwsApi
from tests.support.aws_front import StrictFront

AUTH = {
    "auth": {
        "secretRef": {
            "accessKeyIDSecretRef": {"name": "keys", "key": "id"},
            "secretAccessKeySecretRef": {"name": "keys", "key": "secret"},
        }
    }
}
JWT = {"auth": {"jwt": {"serviceAccountRef": {"name": "reader"}}}}


class Source:
    """Credentials as tests set them."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {"web": "AKIAWEB", "shop": "AKIASHOP"}
        self.error: Exception | None = None
        self.looks = 0

    local_api = None

    @property
    def context(self) -> Mapping[str, str]:
        return {}

    def secret(self, namespace: str, name: str) -> Mapping[str, SecretBytes] | None:
        self.looks += 1
        if self.error is not None:
            raise self.error
        if namespace not in self.ids:
            return None
        return {
            "id": SecretBytes(self.ids[namespace].encode()),
            "secret": SecretBytes(b"made-up"),
        }

    def token(self, namespace: str, name: str, audiences: tuple[str, ...]) -> ServiceAccountToken:
        self.looks += 1
        role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/reader"}
        return ServiceAccountToken(SecretBytes(b"token"), role)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def sessions(front: StrictFront, source: Source, clock: FakeClock) -> Sessions:
    return Sessions(source, clock)


def _closed(session: StoreSession) -> list[int]:
    """Count how often a session is closed from now on."""
    count: list[int] = []
    close: Callable[[], None] = session.provider.close

    def counted() -> None:
        count.append(1)
        close()

    session.provider.close = counted  # type: ignore[method-assign] # counts the real call
    return count


@pytest.mark.parametrize(
    ("kind", "aws", "shared"),
    [
        pytest.param("ClusterSecretStore", {}, True, id="default-chain"),
        pytest.param("ClusterSecretStore", AUTH, False, id="referent"),
        pytest.param(
            "ClusterSecretStore",
            {"role": "arn:aws:iam::123456789012:role/r", "sessionTagsPolicy": "Simple"},
            False,
            id="tags-that-name-the-namespace",
        ),
    ],
)
def test_namespaces_share_a_session_only_where_the_identity_is_the_same(
    sessions: Sessions, kind: str, aws: dict[str, Any], shared: bool
) -> None:
    used = store(kind=kind, **aws)
    one, two = sessions.session(used, "web"), sessions.session(used, "shop")
    assert (one is two) is shared
    assert (session_key(used, "web") == session_key(used, "shop")) is shared
    assert sessions.session(used, "web") is one


def test_each_namespace_of_a_referent_store_reads_with_its_own_credentials(
    front: StrictFront, api: AwsApi, sessions: Sessions
) -> None:
    api.create("app/db", "value")
    used, fetcher = store(kind="ClusterSecretStore", **AUTH), Fetcher(FakeClock())
    gate = threading.Barrier(2)

    def read(number: int) -> object:
        session = sessions.session(used, ("web", "shop")[number])
        gate.wait(60)
        return fetcher.fetch(session, [SecretRef("app/db")])[SecretRef("app/db")]

    front.calls.clear()
    front.rejected_keys = {"AKIASHOP"}
    good, refused = in_threads(2, read)
    assert isinstance(good, SecretValue)
    assert isinstance(refused, AuthFailed)
    assert {call.access_key for call in front.of("GetSecretValue")} == {"AKIAWEB", "AKIASHOP"}


def test_many_threads_open_one_session(sessions: Sessions, source: Source) -> None:
    used = store(**AUTH)
    gate = threading.Barrier(12)

    def open_one(_: int) -> StoreSession:
        gate.wait(60)
        return sessions.session(used, "web")

    assert len({id(each) for each in in_threads(12, open_one)}) == 1
    assert source.looks == 2, "one look per selector"


def test_credentials_are_looked_at_again_after_a_while(
    sessions: Sessions, source: Source, clock: FakeClock
) -> None:
    used = store(**AUTH)
    first = sessions.session(used, "web")
    clock.advance(RECHECK_AFTER_S - 1)
    sessions.session(used, "web")
    assert source.looks == 2
    clock.advance(1)
    assert sessions.session(used, "web") is first
    assert source.looks == 4
    sessions.session(used, "web")
    assert source.looks == 4


def test_rotated_credentials_make_a_new_session(
    front: StrictFront, api: AwsApi, sessions: Sessions, source: Source, clock: FakeClock
) -> None:
    api.create("app/db", "value")
    used = store(**AUTH)
    first = sessions.session(used, "web")
    closed = _closed(first)
    source.ids["web"] = "AKIAROTATED"
    clock.advance(RECHECK_AFTER_S)
    second = sessions.session(used, "web")
    assert second is not first
    assert closed == [1]
    assert second.limiter is first.limiter, "a throttled store stays throttled"
    front.calls.clear()
    second.provider.fetch([SecretRef("app/db")])
    assert [call.access_key for call in front.calls] == ["AKIAROTATED"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"region": "us-east-1"}, id="config"),
        pytest.param({"spec": {"retrySettings": {"maxRetries": 1}}}, id="retries"),
    ],
)
def test_a_changed_store_makes_a_new_session(sessions: Sessions, change: dict[str, Any]) -> None:
    first = sessions.session(store(**AUTH), "web")
    closed = _closed(first)
    assert sessions.session(store(**{**AUTH, **change}), "web") is not first
    assert closed == [1]


def test_what_works_goes_on_working_while_the_cluster_cannot_be_asked(
    sessions: Sessions, source: Source, clock: FakeClock
) -> None:
    used = store(**AUTH)
    first = sessions.session(used, "web")
    source.error = ClusterUnavailable("down")
    clock.advance(RECHECK_AFTER_S)
    assert sessions.session(used, "web") is first


def test_credentials_that_were_taken_away_are_not_used_on(
    sessions: Sessions, source: Source, clock: FakeClock
) -> None:
    used = store(**AUTH)
    sessions.session(used, "web")
    del source.ids["web"]
    clock.advance(RECHECK_AFTER_S)
    with pytest.raises(AuthFailed, match="Secret web/keys does not exist"):
        sessions.session(used, "web")


def test_a_session_of_a_token_ends_before_the_token(sessions: Sessions, clock: FakeClock) -> None:
    used = store(**JWT)
    first = sessions.session(used, "web")
    clock.advance(TOKEN_SESSION_S - 1)
    assert sessions.session(used, "web") is first
    clock.advance(1)
    assert sessions.session(used, "web") is not first


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        pytest.param(ClusterUnavailable("down"), ClusterUnavailable, id="transient"),
        pytest.param(Forbidden("no", remedy="grant it"), AuthFailed, id="forbidden"),
    ],
)
def test_an_unreadable_credential_is_transient_or_an_auth_failure(
    sessions: Sessions, source: Source, error: Exception, raised: type[Exception]
) -> None:
    source.error = error
    with pytest.raises(raised):
        sessions.session(store(**AUTH), "web")


def test_forgetting_closes_and_the_next_use_logs_in_anew(sessions: Sessions) -> None:
    used = store(**AUTH)
    first = sessions.session(used, "web")
    closed = _closed(first)
    sessions.forget(first.key)
    sessions.forget(first.key)
    assert closed == [1]
    assert sessions.session(used, "web") is not first


def test_forgetting_a_refused_session_spares_the_one_that_replaced_it(sessions: Sessions) -> None:
    used = store(**AUTH)
    first = sessions.session(used, "web")
    sessions.forget(first.key, only=first)
    second = sessions.session(used, "web")
    sessions.forget(first.key, only=first)
    assert sessions.session(used, "web") is second


def test_sessions_of_stores_that_are_gone_are_closed(sessions: Sessions) -> None:
    kept: SecretStore = store("kept")
    gone = sessions.session(store("gone"), "web")
    stays = sessions.session(kept, "web")
    closed = _closed(gone)
    sessions.keep_only(frozenset({kept.ref}))
    assert closed == [1]
    assert sessions.session(kept, "web") is stays


def test_closing_closes_every_session(sessions: Sessions) -> None:
    counts = [_closed(sessions.session(store(name), "web")) for name in ("a", "b")]
    sessions.close()
    sessions.close()
    assert counts == [[1], [1]]


class _Login:
    """Answers `renew` from a script, in place of a service whose logins run out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *script: float | Exception | None) -> None:
        self.script = list(script)
        self.asked = 0
        monkeypatch.setattr(AwsSecretsManager, "renew", lambda _: self.renew(), raising=False)

    def renew(self) -> float | None:
        self.asked += 1
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_login_is_renewed_when_it_is_due_and_not_before(
    sessions: Sessions, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = _Login(monkeypatch, 100.0, 50.0, None)
    used = store(**AUTH)
    first = sessions.session(used, "web")
    assert login.asked == 1, "the login itself"
    clock.advance(99)
    assert sessions.session(used, "web") is first
    assert login.asked == 1
    clock.advance(1)
    assert sessions.session(used, "web") is first
    clock.advance(50)
    sessions.session(used, "web")
    clock.advance(50_000)
    sessions.session(used, "web")
    assert login.asked == 3, "a login that does not end is not renewed"


def test_a_login_that_cannot_be_renewed_makes_a_new_session_and_the_old_one_ends_later(
    sessions: Sessions, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = _Login(monkeypatch, 100.0, AuthFailed("worn out"), 100.0, 100.0, 100.0)
    used = store(**AUTH)
    first = sessions.session(used, "web")
    closed = _closed(first)
    clock.advance(100)
    second = sessions.session(used, "web")
    assert second is not first
    assert login.asked == 3
    assert closed == [], "whoever was handed it may be reading yet"
    clock.advance(RETIRED_S)
    sessions.keep_only(frozenset({used.ref}))
    assert closed == [1]


def test_a_renewal_that_fails_in_passing_keeps_the_session_and_is_tried_again(
    sessions: Sessions, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = _Login(monkeypatch, 100.0, Unavailable("sealed"), 100.0)
    used = store(**AUTH)
    first = sessions.session(used, "web")
    clock.advance(100)
    for _ in range(3):
        assert sessions.session(used, "web") is first
    assert login.asked == 2
    clock.advance(RENEW_RETRY_S)
    assert sessions.session(used, "web") is first
    assert login.asked == 3


def test_a_refused_login_is_not_repeated_for_every_object(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = _Login(monkeypatch, AuthFailed("wrong role"))
    used = store(**AUTH)
    assert len({id(sessions.session(used, "web")) for _ in range(20)}) == 1
    assert login.asked == 1


def test_many_threads_renew_once(
    sessions: Sessions, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = _Login(monkeypatch, 100.0, 100.0)
    used = store(**AUTH)
    sessions.session(used, "web")
    clock.advance(100)
    gate = threading.Barrier(12)

    def use(_: int) -> StoreSession:
        gate.wait(60)
        return sessions.session(used, "web")

    assert len({id(each) for each in in_threads(12, use)}) == 1
    assert login.asked == 2


def test_closing_ends_the_retired_too(
    sessions: Sessions, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Login(monkeypatch, 100.0, AuthFailed("worn out"), None)
    used = store(**AUTH)
    closed = _closed(sessions.session(used, "web"))
    clock.advance(100)
    sessions.session(used, "web")
    sessions.close()
    assert closed == [1]
