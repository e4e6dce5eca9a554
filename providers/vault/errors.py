"""What a refusal of the server means for the caller.

Neighbours: `transport` raises `Refused`; whoever knows the subject turns it into an error.
The server's own text is read for hints and never copied: it may quote what was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    ProviderError,
    RateLimited,
    SecretNotFound,
    Unavailable,
)
from providers.http import HttpAnswer, status_error

__all__ = ["UNREADABLE_REMEDY", "Refused"]

UNREADABLE_REMEDY = "see what stands between here and the server"

_SEALED = (503, "the server is sealed or in standby", "unseal it; secrets are kept meanwhile")
_BUSY: dict[int, tuple[str, str]] = {
    412: ("the server has not seen the last write yet", ""),
    472: ("the server is a disaster recovery standby", "name the active cluster"),
    473: ("the server is a performance standby that cannot answer", "set forwardInconsistent"),
    501: ("the server is not initialized", "initialize it"),
    503: _SEALED[1:],
}


class Refused(Exception):
    """The server answered with an error status.

    Attributes:
        status: the HTTP status.
        reply: the JSON object of the answer; {} where it was none.
    """

    def __init__(self, answer: HttpAnswer, operation: str) -> None:
        super().__init__(f"{operation}: HTTP status {answer.status}")
        self.status = answer.status
        self.operation = operation
        self.reply = _object(answer.body)
        self._answer = answer

    @property
    def texts(self) -> str:
        """What the server says, in one lower-case text to look for hints in."""
        said = [*_strings(self.reply.get("errors")), *_strings(self.reply.get("warnings"))]
        return "\n".join(said).lower()

    @property
    def nothing_there(self) -> bool:
        """The server says that there is nothing at the path, and no more than that."""
        return self.status == 404 and self.reply == {"errors": []}

    @property
    def not_offered(self) -> bool:
        """The server does not know the operation at all."""
        if self.status == 405:
            return True
        hints = ("unsupported", "invalid path", "no handler")
        return self.status in (400, 404) and any(hint in self.texts for hint in hints)

    def error(self, subject: str) -> ProviderError:
        """Return what to report for a subject, e.g. `"app/db"`."""
        what = f"Vault, {self.operation} of {subject}" if subject else f"Vault, {self.operation}"
        if self.status == 403 and self.reply:
            return _denied(what, self.texts)
        if self.status in _BUSY and "retry-after" not in self._answer.headers:
            text, remedy = _BUSY[self.status]
            return Unavailable(f"{what}: {text} (HTTP status {self.status})", remedy=remedy)
        if not self.reply:
            # Whatever it was, it was not Vault that said it.
            return self._foreign(what)
        if self.status == 404:
            return self._absent(what)
        if self.status == 400:
            return _bad_request(what, self.texts)
        return status_error(self._answer, what)

    def _foreign(self, what: str) -> ProviderError:
        said = status_error(self._answer, what)
        if isinstance(said, RateLimited):
            return said
        return Unavailable(f"{said.message}, without Vault's own words", remedy=UNREADABLE_REMEDY)

    def _absent(self, what: str) -> ProviderError:
        if "invalid path for a versioned" in self.texts:
            return InvalidRef(
                f"{what}: the engine there is of version 2, the store says v1",
                remedy="set version: v2 in the store, or name the engine's path without data/",
            )
        if "no handler for route" in self.texts or "unsupported path" in self.texts:
            return InvalidRef(
                f"{what}: no KV engine is mounted there",
                remedy="check path, version and namespace of the store",
            )
        # Only `nothing_there` is certain, and whoever reads decides about that.
        return SecretNotFound(f"{what}: there is nothing", definite=False)


def _denied(what: str, texts: str) -> ProviderError:
    if "invalid token" in texts or "bad token" in texts:
        return AuthFailed(f"{what}: the token is not valid (any more)", remedy="log in again")
    return AccessDenied(
        f"{what}: permission denied", remedy="allow it by a policy of the store's identity"
    )


def _bad_request(what: str, texts: str) -> ProviderError:
    if "upgrading from non-versioned" in texts:
        return Unavailable(f"{what}: the engine is being upgraded to version 2")
    if "check-and-set" in texts:
        return Unavailable(f"{what}: somebody else wrote meanwhile")
    return InvalidRef(
        f"{what}: the server refuses it as invalid",
        remedy="check the key, the version and the path",
    )


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _strings(found: object) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
