"""One identity at a server: logs in once, is renewed, and is revoked at the end.

Neighbours: `logins` says how; `leases` what the answers mean; `transport` sends; the
provider and the generator call.
A token that the store was given is neither renewed nor revoked: its owner does that.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Self

from providers.base import (
    AccessDenied,
    AuthFailed,
    CallObserver,
    Credentials,
    ProviderError,
    SecretBytes,
    Unavailable,
)
from providers.vault.config import VaultConfig
from providers.vault.errors import Refused
from providers.vault.leases import LOGIN_AGAIN, Lease, login_error, prolonged_s, token_of
from providers.vault.logins import Login, login_of
from providers.vault.reaching import headers_of, http_of
from providers.vault.transport import Wire, client_over

__all__ = ["VaultSession"]


class VaultSession:
    """Calls of the API with one token.

    Args:
        wire: sends.
        login: how to come by a token, or the token.
        namespace: of the secrets.
        auth_namespace: of the login and its token.
    """

    def __init__(
        self, wire: Wire, login: Login | SecretBytes, *, namespace: str, auth_namespace: str
    ) -> None:
        self._wire = wire
        self._login = login
        self._lock = threading.Lock()
        token = login.reveal().decode() if isinstance(login, SecretBytes) else ""
        self._client = client_over(wire, token=token, namespace=namespace)
        self._own = client_over(wire, token=token, namespace=auth_namespace)
        self._ready = bool(token)
        self._lease: Lease | None = None
        self._refused: AuthFailed | None = None
        self._vouched = False
        self._users = 0
        self._closed = False
        self._revoke = True

    @classmethod
    def of(cls, config: VaultConfig, credentials: Credentials, *, observe: CallObserver) -> Self:
        """Return a session for a store's block; nothing is sent yet.

        Raises:
            ProviderError: the block or the credentials cannot work.
        """
        login = login_of(config, credentials, observe=observe)
        wire = Wire(
            http_of(config, credentials),
            headers=headers_of(config),
            forward=config.forward_inconsistent,
            read_your_writes=config.read_your_writes,
            observe=observe,
        )
        return cls(
            wire,
            login,
            namespace=config.namespace,
            auth_namespace=config.auth.namespace or config.namespace,
        )

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Mapping[str, Any]:
        """Send one request, after the login if it is the first.

        Args:
            operation: as metrics name it.
            path: beginning with /v1/.

        Raises:
            Refused: an error status.
            ProviderError: no login, or no answer.
        """
        self._logged_in()
        with self._in_use():
            reply = self._client.adapter.request(
                method, path, operation=operation, params=params, json=body
            )
        return reply if isinstance(reply, Mapping) else {}

    def explain(self, refused: Refused, subject: str) -> ProviderError:
        """Return the error of a refusal; a denial is held against the token first.

        Servers say the same of a token that may not and of one that is no more. Which it
        is, is asked at most once between two calls of `doubt`.
        """
        error = refused.error(subject)
        if isinstance(error, AccessDenied) and not self._lives():
            return AuthFailed("Vault: the token is not valid any more", remedy=LOGIN_AGAIN)
        return error

    def doubt(self) -> None:
        """Forget that the token was found valid."""
        self._vouched = False

    def look_up_self(self) -> None:
        """Prove that the token is valid.

        Raises:
            ProviderError: it is not, or the server cannot say.
        """
        self._logged_in()
        try:
            self._own.auth.token.lookup_self()
        except Refused as refused:
            error = refused.error("the token")
            if isinstance(error, AccessDenied) and self._cannot_tell():
                return
            if isinstance(error, AccessDenied):
                error = AuthFailed("Vault: the token is not valid (any more)", remedy=LOGIN_AGAIN)
            raise error from None
        self._vouched = True

    def renew(self) -> float | None:
        """Prolong the token; see `providers.base.Renewable`."""
        if self._logged_in():
            return self._lease.renew_after_s if self._lease else None
        lease = self._lease
        if lease is None or lease.first_ttl_s == 0:
            return None
        if not lease.renewable:
            raise AuthFailed("Vault: the token cannot be renewed", remedy=LOGIN_AGAIN)
        try:
            reply = self._own.auth.token.renew_self()
        except Refused as refused:
            error = refused.error("the token")
            if not isinstance(error, Unavailable):
                error = AuthFailed("Vault: the token was not renewed", remedy=LOGIN_AGAIN)
            raise error from None
        return prolonged_s(lease, reply)

    def close(self, *, revoke: bool = True) -> None:
        """Revoke the token if it was issued to this session, and close; may be repeated.

        Args:
            revoke: False where leases that hang on the token are to outlive it.
        """
        with self._lock:
            if self._closed:
                return
            self._closed, self._revoke = True, revoke
            idle = self._users == 0
        if idle:
            self._end()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keep the token alive while a call is under way, though the session be closed."""
        with self._lock:
            if self._closed:
                raise _closed()
            self._users += 1
        try:
            yield
        finally:
            if self._is_last():
                self._end()

    def _is_last(self) -> bool:
        with self._lock:
            self._users -= 1
            return self._closed and self._users == 0

    def _end(self) -> None:
        lease = self._lease
        if lease is not None and self._revoke and not lease.batch:
            # It runs out by itself where this fails.
            with contextlib.suppress(ProviderError, Refused):
                self._own.auth.token.revoke_self()
        self._wire.close()

    def _logged_in(self) -> bool:
        """Log in where that was not done; one thread does, the others wait.

        Returns:
            Whether it was done now.
        """
        if self._ready:
            return False
        with self._lock:
            if self._is_ready():
                return False
            if self._closed:
                raise _closed()
            if self._refused is not None:
                # Asking again with the same credentials would lock accounts out.
                raise AuthFailed(self._refused.message, remedy=self._refused.remedy)
            try:
                self._lease = self._log_in()
            except AuthFailed as exc:
                self._refused = exc
                raise
            self._ready = True
        return True

    def _is_ready(self) -> bool:
        return self._ready

    def _log_in(self) -> Lease:
        assert not isinstance(self._login, SecretBytes)  # noqa: S101 - such a one is ready
        try:
            reply = self._login(self._own)
        except Refused as refused:
            raise login_error(refused) from None
        self._own.token = self._client.token = token_of(reply)
        return Lease.of(reply)

    def _lives(self) -> bool:
        if self._vouched:
            return True
        try:
            self.look_up_self()
        except AuthFailed:
            return False
        except ProviderError:
            return True  # It could not be asked; the denial stands.
        return True

    def _cannot_tell(self) -> bool:
        return self._lease is not None and not self._lease.tells


def _closed() -> Unavailable:
    return Unavailable("Vault: the session was closed meanwhile")
