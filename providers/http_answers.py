"""What a server answered, and what its status means for the caller.

Neighbour: `http` reads the answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    RateLimited,
    SecretNotFound,
    Unavailable,
)

__all__ = ["REDIRECTS", "HttpAnswer", "status_error"]

REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer; names of headers are lower case.

    Args:
        framed: the server said how long the body is. Without that a body that was cut
            looks whole, and only what it holds can tell.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    framed: bool = True

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self, what: str) -> Any:
        """Return the body as JSON.

        Args:
            what: names the answer in the error.

        Raises:
            MalformedSecret: it is something else, such as the page of a proxy.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            html = self.body.lstrip()[:1] == b"<"
        # Outside of the handler: its error holds the text.
        found = "a page of HTML or XML" if html else "something else"
        raise MalformedSecret(
            f"{what} is not JSON but {found}", remedy="check the address and what stands before it"
        )


def status_error(answer: HttpAnswer, what: str) -> ProviderError:
    """Return the error that the status of an answer means; it names nothing else of it.

    Args:
        answer: not 2xx.
        what: names the request in the error.
    """
    text = f"{what}: HTTP status {answer.status}"
    if answer.status == 401:
        return AuthFailed(text, remedy="correct the credentials")
    if answer.status == 403:
        return AccessDenied(text, remedy="allow it to this identity")
    if answer.status == 404:
        return SecretNotFound(text)
    if answer.status == 429:
        return RateLimited(text, retry_after_s=_retry_after_s(answer))
    if answer.status == 503 and "retry-after" in answer.headers:
        return RateLimited(text, retry_after_s=_retry_after_s(answer))
    if answer.status >= 500 or answer.status in (408, 425):
        return Unavailable(text)
    if answer.status in REDIRECTS:
        return Unavailable(f"{text}, a redirect", remedy="name the final address")
    return InvalidRef(text, remedy="see what the server expects")


def _retry_after_s(answer: HttpAnswer) -> float | None:
    text = answer.headers.get("retry-after", "").strip()
    # A date would need a clock, which adapters have not.
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
