"""What a login gives: a token, and how long it lives. Pure.

Neighbour: `session` logs in, and asks here what the answers mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import AuthFailed, ProviderError, Unavailable
from providers.vault.errors import Refused

__all__ = ["LOGIN_AGAIN", "Lease", "login_error", "prolonged_s", "token_of"]

LOGIN_AGAIN = "a new login is made by itself; check the store's auth block if it fails as well"

#: Of a token's life; the rest is for the tries to renew it.
_RENEW_SHARE = 2 / 3
#: A renewed life that is shorter than this share of the first is near its end for good.
_WORN_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a token lives.

    Args:
        first_ttl_s: right after the login; 0 for one that does not end.
        batch: it cannot be revoked.
        tells: its policies let it look itself up.
    """

    first_ttl_s: float
    renewable: bool
    batch: bool
    tells: bool

    @classmethod
    def of(cls, reply: object) -> Lease:
        """Return the lease that the answer to a login tells of."""
        auth = _auth_of(reply)
        policies = auth.get("policies") or auth.get("token_policies") or []
        return cls(
            first_ttl_s=_seconds(auth.get("lease_duration")),
            renewable=auth.get("renewable") is True,
            batch=auth.get("token_type") == "batch",
            tells="default" in policies or "root" in policies,
        )

    @property
    def renew_after_s(self) -> float | None:
        """When the token is to be prolonged for the first time; None for never."""
        return _renew_after_s(self.first_ttl_s)


def token_of(reply: object) -> str:
    """Return the token that a login gave.

    Raises:
        Unavailable: the answer holds none.
    """
    token = _auth_of(reply).get("client_token")
    if not isinstance(token, str) or not token:
        raise Unavailable("Vault: the answer to the login holds no token")
    return token


def prolonged_s(lease: Lease, reply: object) -> float | None:
    """Return when to prolong a token again, after an answer that says that it was.

    Raises:
        AuthFailed: what is left of its longest life is too short.
    """
    ttl_s = _seconds(_auth_of(reply).get("lease_duration"))
    if ttl_s <= lease.first_ttl_s * _WORN_SHARE:
        raise AuthFailed("Vault: the token is at the end of its longest life", remedy=LOGIN_AGAIN)
    return _renew_after_s(ttl_s)


def login_error(refused: Refused) -> ProviderError:
    """Whatever a login is refused for, there is no identity; what passes is told apart."""
    error = refused.error("")
    if isinstance(error, Unavailable):
        return error
    return AuthFailed(
        f"Vault refuses the login (HTTP status {refused.status})",
        remedy="check the store's auth block: its path, role and credentials, and namespace",
    )


def _renew_after_s(ttl_s: float) -> float | None:
    return ttl_s * _RENEW_SHARE if ttl_s else None


def _auth_of(reply: object) -> Mapping[str, Any]:
    auth = reply.get("auth") if isinstance(reply, Mapping) else None
    return auth if isinstance(auth, Mapping) else {}


def _seconds(found: object) -> float:
    try:
        return max(0.0, float(str(found)))
    except ValueError:
        return 0.0
