"""Access tokens: carries out a login with the SDK's own credentials.

Neighbours: `login` says whose; `token_requests` asks Google; `calls` sends what comes of
it. The SDK owns the clock by which a token is old. One lock per session: while a token is
renewed, the threads of that session wait for it, and those of no other one.
"""

from __future__ import annotations

import calendar
import re
import threading
from collections.abc import Callable
from typing import Any

import google.auth
from google.auth import aws, identity_pool
from google.auth.credentials import TokenState
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.oauth2 import service_account

from providers.base import AuthFailed, CallObserver, ProviderError, Unavailable
from providers.gcp.federation import STS_URL, AwsKeys, PoolLogin
from providers.gcp.login import Ambient, ClusterLogin, KeyLogin, Login
from providers.gcp.machine import MachineRequests, cluster_attribute
from providers.gcp.token_requests import TokenRequests

__all__ = ["SCOPE", "TokenSource"]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_JWT = "urn:ietf:params:oauth:token-type:jwt"
_AWS = "urn:ietf:params:aws:token-type:aws4_request"
#: OAuth's error codes (RFC 6749, 5.2; RFC 8693, 2.2.2), and those of IAM's answers.
_CODES = frozenset(
    (
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_grant_type",
        "access_denied",
        "PERMISSION_DENIED",
        "NOT_FOUND",
        "INVALID_ARGUMENT",
        "UNAUTHENTICATED",
        "FAILED_PRECONDITION",
    )
)
_REMEDY = "check the store's auth block, that its key or token is valid and not expired"
_UNUSABLE_KEY = AuthFailed("the store's credentials cannot be used", remedy=_REMEDY)
_UNUSABLE_ANSWER = Unavailable("the answer of Google's token service cannot be used")

# The SDK's makers are untyped.
_KEY_CREDENTIALS: Any = service_account.Credentials.from_service_account_info
_POOL_CREDENTIALS: Any = identity_pool.Credentials
_AWS_CREDENTIALS: Any = aws.Credentials


class TokenSource:
    """Holds one identity and its current token.

    Args:
        login: whose.
        observe: is told of each request for a token.
    """

    def __init__(self, login: Login, *, observe: CallObserver) -> None:
        self._login = login
        self._requests = TokenRequests(observe)
        self._lock = threading.Lock()
        self._credentials: Any = None
        self._request: Callable[..., Any] = self._requests
        self._machine: MachineRequests | None = None
        self._refused: AuthFailed | None = None
        self._to_its_end: str | None = None

    def token(self) -> str:
        """Return an access token that is good now.

        Raises:
            AuthFailed: Google refuses the credentials. It is not asked again: they will
                not get younger, and whoever holds the session opens another one.
            ProviderError: no token can be had now.
        """
        with self._lock:
            if self._refused is not None:
                raise AuthFailed(self._refused.message, remedy=self._refused.remedy)
            try:
                return self._current()
            except AuthFailed as exc:
                self._refused = AuthFailed(exc.message, remedy=exc.remedy)
                raise

    def expiry(self) -> int | None:
        """Return until when the current token is good, in seconds of Unix time."""
        with self._lock:
            until = getattr(self._credentials, "expiry", None)
        # The SDK's dates are of UTC and do not say so.
        return calendar.timegm(until.timetuple()) if until else None

    def close(self) -> None:
        """Close the connections. What Google issued cannot be revoked; it runs out."""
        self._requests.close()
        if self._machine is not None:
            self._machine.close()

    def _current(self) -> str:
        if self._credentials is None:
            self._credentials = _asked(self._made, unusable=_UNUSABLE_KEY)
        self._renew()
        token = self._credentials.token
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Unavailable("the answer of Google's token service holds no usable token")
        return token

    def _renew(self) -> None:
        """Renew the token if it is old; one that is only getting old is renewed once.

        Where that fails, or gives another short-lived one, it is used to its end: a token
        service is not to be asked before each request.
        """
        held, state = self._credentials.token, self._credentials.token_state
        if state is TokenState.FRESH or (state is TokenState.STALE and held == self._to_its_end):
            return
        try:
            _asked(lambda: self._credentials.refresh(self._request), unusable=_UNUSABLE_ANSWER)
        except Unavailable:
            if state is not TokenState.STALE:
                raise
        if self._credentials.token_state is TokenState.STALE:
            self._to_its_end = self._credentials.token

    def _made(self) -> Any:
        login = self._login
        if isinstance(login, KeyLogin):
            return _KEY_CREDENTIALS(dict(login.info), scopes=[SCOPE])
        if isinstance(login, PoolLogin):
            return _pool_credentials(login)
        if isinstance(login, ClusterLogin):
            return _pool_credentials(_cluster_pool(login))
        return self._ambient(login)

    def _ambient(self, login: Ambient) -> Any:
        """Return what the operator gave this process; its sources are trusted as such."""
        self._machine = MachineRequests()
        self._request = self._machine.request
        credentials, _ = google.auth.default(scopes=[SCOPE], request=self._machine.request)
        return credentials


def _cluster_pool(login: ClusterLogin) -> PoolLogin:
    location = login.location or cluster_attribute("cluster-location")
    name = login.cluster or cluster_attribute("cluster-name")
    provider = (
        f"https://container.googleapis.com/v1/projects/{login.project}"
        f"/locations/{location}/clusters/{name}"
    )
    audience = f"identitynamespace:{login.project}.svc.id.goog:{provider}"
    return PoolLogin(audience, login.token, login.account)


class _FixedToken(identity_pool.SubjectTokenSupplier):
    def __init__(self, login: PoolLogin) -> None:
        self._login = login

    def get_subject_token(self, context: Any, request: Any) -> str:
        assert not isinstance(self._login.subject, AwsKeys)  # noqa: S101 - by construction
        return self._login.subject.reveal().decode()


class _FixedKeys(aws.AwsSecurityCredentialsSupplier):
    def __init__(self, keys: AwsKeys) -> None:
        self._keys = keys

    def get_aws_security_credentials(self, context: Any, request: Any) -> Any:
        token = self._keys.session_token
        return aws.AwsSecurityCredentials(
            self._keys.access_key_id,
            self._keys.secret_access_key.reveal().decode(),
            token.reveal().decode() if token else None,
        )

    def get_aws_region(self, context: Any, request: Any) -> str:
        return self._keys.region


def _pool_credentials(login: PoolLogin) -> Any:
    url = None
    if login.account:
        url = (
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            f"{login.account}:generateAccessToken"
        )
    common = {
        "audience": login.audience,
        "token_url": STS_URL,
        "service_account_impersonation_url": url,
        "scopes": [SCOPE],
    }
    if isinstance(login.subject, AwsKeys):
        return _AWS_CREDENTIALS(
            subject_token_type=_AWS,
            aws_security_credentials_supplier=_FixedKeys(login.subject),
            **common,
        )
    return _POOL_CREDENTIALS(
        subject_token_type=_JWT, subject_token_supplier=_FixedToken(login), **common
    )


def _asked(ask: Callable[[], Any], *, unusable: ProviderError) -> Any:
    """Run the SDK; report what it raises without what it quotes.

    Args:
        unusable: what a built-in error means here.
    """
    error: ProviderError
    try:
        return ask()
    except ProviderError as exc:
        error = exc.with_traceback(None)
        error.__cause__ = error.__context__ = None
    except TransportError:
        error = Unavailable("no token can be had: Google's token service is out of reach")
    except GoogleAuthError as exc:
        error = _refusal(exc)
    except Exception:  # noqa: BLE001 - parsers of keys and answers raise what they like
        error = type(unusable)(unusable.message, remedy=unusable.remedy)
    # Outside of the handlers: the SDK's exceptions and frames hold keys, tokens and answers.
    raise error


def _refusal(exc: GoogleAuthError) -> ProviderError:
    """Return what a refusal says, by its code alone: its text quotes the answer."""
    if type(exc) is DefaultCredentialsError:
        return AuthFailed(
            "Google's SDK finds no Application Default Credentials",
            remedy="give the store an auth block, or this process an identity: workload "
            "identity, or GOOGLE_APPLICATION_CREDENTIALS",
        )
    if exc.retryable:
        return Unavailable("no token can be had: Google's token service cannot serve now")
    words = re.split(r"[^A-Za-z_]+", " ".join(map(str, exc.args)))
    code = next((word for word in words if word in _CODES), "refused")
    return AuthFailed(
        f"Google issues no token for the store's credentials ({code})", remedy=_REMEDY
    )
