"""Limits on what the SDK's connections take in: bytes, and time for the whole of a body.

Neighbour: `session` puts this into each client. The SDK itself limits each wait and no
sum of waits, and reads a body of any size into memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import HTTPClientError, ReadTimeoutError

__all__ = ["DEADLINE_S", "MAX_BODY_BYTES", "limit"]

#: From the sending of a request; a batch is answered in well under a second.
DEADLINE_S = 30.0
#: Twice what twenty secrets of the largest size take, all of it escaped.
MAX_BODY_BYTES = 16 * 1024 * 1024

_CHUNK_BYTES = 65536


def limit(
    client: Any, *, deadline_s: float = DEADLINE_S, max_body_bytes: int = MAX_BODY_BYTES
) -> None:
    """Let a client read no reply that is larger or slower than this.

    Args:
        client: of boto3.
        deadline_s: in which a request and its reply must be done with; what is under way
            then ends with the wait that it is in.
        max_body_bytes: of a reply.
    """
    # The SDK takes no transport of one's own; a test sees to it that this is where it is.
    endpoint = client._endpoint  # noqa: SLF001 - see above
    endpoint.http_session = _Limited(endpoint.http_session, deadline_s, max_body_bytes)


class _Limited:
    """Stands in for the SDK's HTTP session."""

    def __init__(self, session: Any, deadline_s: float, max_body_bytes: int) -> None:
        self._session = session
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes

    def send(self, request: Any) -> AWSResponse:
        """Send and read the whole reply.

        Raises:
            HTTPClientError: it is too large, too slow, or breaks off.
        """
        ends_at_s = time.monotonic() + self._deadline_s
        request.stream_output = True
        response = self._session.send(request)
        body = self._body(response.raw, request.url, ends_at_s)
        return AWSResponse(response.url, response.status_code, response.headers, _Whole(body))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _body(self, raw: Any, url: str, ends_at_s: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            while size <= self._max_body_bytes and time.monotonic() <= ends_at_s:
                chunk = raw.read1(_CHUNK_BYTES)
                if not chunk:
                    return b"".join(chunks)
                chunks.append(chunk)
                size += len(chunk)
            slow = size <= self._max_body_bytes
            what = "the reply is too large"
        except Exception as exc:  # noqa: BLE001 - urllib3's and the socket's, as the SDK wraps them
            slow, what = "Timeout" in type(exc).__name__, type(exc).__name__
        raw.close()
        raise ReadTimeoutError(endpoint_url=url) if slow else HTTPClientError(error=what)


class _Whole:
    """A body that has been read."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Give the body, as the SDK asks for it."""
        yield self._body
