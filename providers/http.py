"""HTTP for adapters of services without an SDK, within limits.

One request costs at most `deadline_s` and `max_body_bytes`, whatever the server does, and
goes nowhere that `providers.addresses` refuses. Redirects are followed inside the same
origin only. Proxies that the environment names are not used: the address that is judged
must be the one that gets the request. Nothing is repeated but a read over a kept
connection that turned out closed.

Neighbours: `http_sockets` holds the deadline; `providers.kubernetes`, `providers.webhook`
and generators send through this. No text of an error holds a URL: its path and query may
be made of secrets.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ProtocolError

from providers.addresses import Reach
from providers.base import InvalidRef, MalformedSecret, ProviderError, Unavailable
from providers.http_answers import REDIRECTS, HttpAnswer, status_error
from providers.http_sockets import deadline, pool_manager
from providers.http_tls import ClientCertificate, client_context

__all__ = ["ClientCertificate", "HttpAnswer", "HttpClient", "status_error"]

DEADLINE_S = 30.0
#: Twice what Kubernetes stores in one object, for answers that wrap a value.
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_URL_CHARS = 16384
MAX_REDIRECTS = 5
KEPT_CONNECTIONS = 32

_READS = ("GET", "HEAD")
_BODILESS = (204, 304)
_FRAMES = ("content-length", "transfer-encoding")
_CHUNK_BYTES = 65536
_ENCODED_DOT = re.compile("%2e", re.IGNORECASE)
_SEPARATOR = re.compile("/|%2f|%5c", re.IGNORECASE)


class HttpClient:
    """Requests to servers, from any thread.

    Args:
        base_url: put before targets that begin with "/"; "" where requests bring whole
            URLs.
        name: what errors call the server; "" is the host of the URL.
        ca_pem: certificates of the one authority to trust; None is the system's.
        client_cert: shown to servers that ask.
        deadline_s: for a whole request, redirects and the body included.
        max_body_bytes: of an answer.
        reach: which addresses requests may go to; by default public ones.
        redirects: how many to follow inside the same origin; 0 answers the redirect.

    Raises:
        InvalidRef: `base_url`, `ca_pem` or `client_cert` cannot be used.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        name: str = "",
        ca_pem: bytes | None = None,
        client_cert: ClientCertificate | None = None,
        deadline_s: float = DEADLINE_S,
        max_body_bytes: int = MAX_BODY_BYTES,
        reach: Reach | None = None,
        redirects: int = MAX_REDIRECTS,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._name = name
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes
        self._redirects = redirects
        if base_url:
            self._checked(base_url)
        context = client_context(ca_pem, client_cert)
        self._pools = pool_manager(context, reach or Reach(), connections=KEPT_CONNECTIONS)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request and read its whole answer, whatever its status.

        Args:
            method: GET, POST, …
            url: absolute, or a target that begins with "/" after the `base_url`.
            headers: to send.
            body: to send.

        Raises:
            InvalidRef: the URL or a header cannot be sent, or may not be reached.
            Unavailable: there is no answer in time, or half of one, or a redirect to
                another host.
            MalformedSecret: the answer is larger than allowed.
        """
        whole = self._base_url + url if url.startswith("/") else url
        sent = {"User-Agent": "secretsync", **(headers or {}), "Accept-Encoding": "identity"}
        _check_headers(self._name or "the request", sent)
        with deadline(self._deadline_s):
            for _ in range(self._redirects + 1):
                place = self._checked(whole)
                answer = self._exchange(method, place, sent, body)
                if answer.status not in REDIRECTS or not self._redirects:
                    return answer
                whole = self._redirected(method, place, answer)
        raise Unavailable(f"{self._called(place)} redirects without end")

    def close(self) -> None:
        """Close the connections that were kept."""
        self._pools.clear()

    def _checked(self, url: str) -> SplitResult:
        """Return the parts of a URL that may be asked.

        Raises:
            InvalidRef: it cannot or must not be asked.
        """
        problem = ""
        if len(url) > MAX_URL_CHARS:
            problem = f"is longer than {MAX_URL_CHARS} characters"
        elif any(char <= " " or char in "\\\x7f" for char in url):
            problem = "holds a blank, a backslash or a control character"
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            parts, host = SplitResult("", "", "", "", ""), None
        if not problem and (not host or parts.scheme not in ("http", "https")):
            problem = "is no absolute URL of http or https"
        elif not problem and parts.username is not None:
            problem = "holds a user name; credentials belong in a header"
        elif not problem and _climbs(parts.path):
            problem = 'holds a "." or ".." between slashes'
        if problem:
            what = self._name or "the URL"
            raise InvalidRef(f"{what}: the URL {problem}", remedy="correct the URL")
        return parts

    def _called(self, place: SplitResult) -> str:
        return self._name or str(place.hostname)

    def _redirected(self, method: str, place: SplitResult, answer: HttpAnswer) -> str:
        """Return where a redirect leads, if it stays in the same origin."""
        here = place.geturl()
        there = urljoin(here, answer.headers.get("location", ""))
        target = self._checked(there)
        if _origin(target) != _origin(place):
            raise Unavailable(
                f"{self._called(place)} redirects to another host, which is not followed",
                remedy="name the final address, or see what stands before the server",
            )
        if method not in _READS:
            raise Unavailable(
                f"{self._called(place)} redirects a {method}, which is not followed",
                remedy="name the final address",
            )
        return there

    def _exchange(
        self, method: str, place: SplitResult, headers: Mapping[str, str], body: bytes | None
    ) -> HttpAnswer:
        attempts = 2 if method in _READS else 1
        while True:
            attempts -= 1
            try:
                response = self._pools.urlopen(
                    method,
                    place.geturl(),
                    headers=headers,
                    body=body,
                    redirect=False,
                    retries=False,
                    timeout=self._deadline_s,
                    preload_content=False,
                    decode_content=False,
                )
                return self._read(response, place)
            except ProviderError as exc:
                error = _about(exc, self._called(place))
            except (HTTPError, OSError, ValueError) as exc:
                if attempts and _was_closed(exc):
                    continue
                error = self._failed(place, exc)
            # Outside of the handlers: exceptions of urllib3 hold the URL.
            raise error

    def _read(self, response: BaseHTTPResponse, place: SplitResult) -> HttpAnswer:
        """Read a body within the limit; a connection that is not read to its end is closed."""
        whole = False
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            if headers.get("content-encoding", "identity") != "identity":
                raise Unavailable(f"{self._called(place)} answers in an encoding nobody asked for")
            chunks: list[bytes] = []
            size = 0
            while chunk := response.read(_CHUNK_BYTES):
                chunks.append(chunk)
                size += len(chunk)
                if size > self._max_body_bytes:
                    raise MalformedSecret(
                        f"{self._called(place)} answers more than {self._max_body_bytes} bytes",
                        remedy="see what the server sends",
                    )
            whole = True
            framed = response.status in _BODILESS or not headers.keys().isdisjoint(_FRAMES)
            if not framed and not chunks:
                raise Unavailable(f"{self._called(place)} broke off its answer: there is no body")
            return HttpAnswer(response.status, headers, b"".join(chunks), framed)
        finally:
            if whole:
                response.release_conn()
            else:
                response.close()

    def _failed(self, place: SplitResult, exc: Exception) -> ProviderError:
        called = self._called(place)
        causes = _chain(exc)
        tls = next((one for one in causes if isinstance(one, ssl.SSLError)), None)
        if tls is not None and not isinstance(tls, TimeoutError):
            reason = getattr(tls, "verify_message", "") or tls.reason or "unknown reason"
            return Unavailable(
                f"{called} fails the TLS handshake: {reason}",
                remedy="check the address and the certificates of its authority",
            )
        if any(isinstance(one, TimeoutError) for one in causes) or "Timeout" in type(exc).__name__:
            return Unavailable(f"{called} gave no whole answer within {self._deadline_s:g} s")
        strerror = next((str(text) for one in causes if (text := getattr(one, "strerror", ""))), "")
        if type(exc).__name__ == "NewConnectionError":
            return Unavailable(f"{called} cannot be reached: {strerror or 'no connection'}")
        if isinstance(exc, HTTPError):
            return Unavailable(f"{called} broke off its answer: {strerror or 'it is not whole'}")
        return InvalidRef(f"{called}: the request cannot be sent", remedy="correct the URL")


def _climbs(path: str) -> bool:
    """Return whether a server may read the path as another one than it is.

    Servers differ in whether they decode slashes and dots before they clean up a path.
    """
    plain = _ENCODED_DOT.sub(".", path)
    return any(part in (".", "..") for part in _SEPARATOR.split(plain))


def _origin(place: SplitResult) -> tuple[str, str, int]:
    default = 443 if place.scheme == "https" else 80
    return place.scheme, str(place.hostname), place.port or default


def _check_headers(what: str, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not name or any(not 33 <= ord(char) < 127 or char == ":" for char in name):
            raise InvalidRef(f"{what}: the name of a header is not valid")
        if any(char in "\r\n\0" or ord(char) > 255 for char in value):
            raise InvalidRef(
                f"{what}: the value of header {name} holds a line break or what is not Latin-1",
                remedy="trim the value that the header is made of",
            )


def _about(error: ProviderError, called: str) -> ProviderError:
    if not error.message.startswith(called):
        error.message = f"{called}: {error.message}"
        error.args = (error.message,)
    error.__cause__ = error.__context__ = None
    return error


def _was_closed(exc: Exception) -> bool:
    """Return whether a kept connection had ended before the request arrived anywhere."""
    return isinstance(exc, ProtocolError) and any(
        isinstance(one, RemoteDisconnected | ConnectionResetError | BrokenPipeError)
        for one in _chain(exc)
    )


def _chain(exc: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[Any] = [exc]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [*one.args, one.__cause__, one.__context__]
    return found
