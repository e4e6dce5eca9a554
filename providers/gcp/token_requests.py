"""HTTP to Google's token services, in the shape that the SDK's credentials ask for.

Neighbours: `tokens` hands this to the SDK; `providers.http` bounds every answer. What a
status means is decided here, before the SDK sees it: its own errors quote whole answers,
and it sleeps between tries of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from google.auth.transport import Request, Response

from providers.addresses import Reach
from providers.base import CallObserver, InvalidRef, ProviderError, Unavailable
from providers.gcp.channel import is_loopback, trusted_roots
from providers.http import HttpAnswer, HttpClient, status_error

__all__ = ["AUTH_ENDPOINT_VARIABLE", "LOGIN_OPERATIONS", "TokenRequests"]

#: `https://127.0.0.1:PORT`: a stand-in for all token services, of this machine alone. It
#: is asked for `/<host>/<path>` of the URL in question.
AUTH_ENDPOINT_VARIABLE = "GCP_AUTH_ENDPOINT"

#: Host → the operation that metrics count, as ESO names those it has.
LOGIN_OPERATIONS = {
    "sts.googleapis.com": "GenerateIDBindToken",
    "iamcredentials.googleapis.com": "GenerateAccessToken",
    "oauth2.googleapis.com": "ExchangeKey",
    "accounts.google.com": "ExchangeKey",
    "www.googleapis.com": "ExchangeKey",
}
#: Errors that a token service gives with status 400 although they pass by themselves.
_TRANSIENT = ("internal_failure", "server_error", "temporarily_unavailable")

#: What a good answer is about: one of these, by who was asked for what.
_TOKENS = ("access_token", "accessToken", "signedJwt")

DEADLINE_S = 20.0
MAX_ANSWER_BYTES = 256 * 1024


class _Answer(Response):
    def __init__(self, answer: HttpAnswer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body


class TokenRequests(Request):
    """Sends what the SDK's credentials ask for, to Google's token services alone.

    Args:
        observe: is told of each request.

    Raises:
        InvalidRef: the environment names an endpoint that cannot be used.
    """

    def __init__(self, observe: CallObserver) -> None:
        self._observe = observe
        self._stand_in = _stand_in()
        # Private addresses too: where Google is reached over a private endpoint, its host
        # names have such. Only those host names are asked, and TLS proves them.
        self._http = HttpClient(
            ca_pem=trusted_roots(),
            deadline_s=DEADLINE_S,
            max_body_bytes=MAX_ANSWER_BYTES,
            reach=Reach.everywhere(),
            redirects=0,
        )

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Response:
        """Send one request; `timeout` is not asked for more than this room's own.

        Raises:
            ProviderError: there is no answer, or one that says nothing of the credentials.
        """
        place = urlsplit(url)
        operation = LOGIN_OPERATIONS.get(place.netloc, "")
        if place.scheme != "https" or not operation:
            raise InvalidRef("a token service that is not Google's is not asked")
        if self._stand_in:
            url = f"{self._stand_in}/{place.netloc}{place.path}"
        try:
            answer = self._http.request(method, url, headers=headers, body=body)
            error = _refused(answer, place.netloc)
        except ProviderError as exc:
            error = exc
        self._observe(operation, "error" if error or not answer.ok else "success")
        if error is not None:
            raise error
        return _Answer(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _refused(answer: HttpAnswer, host: str) -> ProviderError | None:
    """Return the error of an answer that does not speak of the credentials."""
    status = answer.status
    if status in (408, 425, 429) or status >= 500 or 300 <= status < 400:
        return status_error(answer, host)
    try:
        reply = json.loads(answer.body)
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict):
        return Unavailable(
            f"{host} answers with something that is no JSON object (HTTP status {status})",
            remedy="look at proxies between here and Google",
        )
    if not answer.ok and reply.get("error") in _TRANSIENT:
        return Unavailable(f"{host} cannot serve now ({reply['error']})")
    if answer.ok and not any(reply.get(name) for name in _TOKENS):
        return Unavailable(f"the answer of {host} holds no token")
    return None


def _stand_in() -> str:
    url = os.environ.get(AUTH_ENDPOINT_VARIABLE, "").rstrip("/")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and is_loopback(parts.hostname or "") and not parts.path
    except ValueError:
        good = False
    if not good:
        raise InvalidRef(
            f"{AUTH_ENDPOINT_VARIABLE} is not https://127.0.0.1:PORT",
            remedy="correct the variable, or unset it",
        )
    return url
