"""What generators of tokens share that ask a server without an SDK.

Whoever may create a generator names the server, and the process stands inside the
cluster's network: as for webhooks, private addresses must be allowed to the process.
Neighbours: `github` and `quay` ask; `http` sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.addresses import Reach
from providers.base import (
    AuthFailed,
    CallObserver,
    Credentials,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    SecretNotFound,
)

__all__ = ["ask_for_token"]

DEADLINE_S = 15.0
#: A token with all that describes it is a few kilobytes.
MAX_BODY_BYTES = 256 * 1024


def ask_for_token(
    server: str,
    method: str,
    path: str,
    *,
    name: str,
    operation: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    credentials: Credentials,
    observe: CallObserver,
) -> str:
    """Send one request, and return the `token` of the JSON object in its answer.

    Args:
        server: begins with https://.
        path: begins with "/".
        name: what errors call the server.
        operation: as metrics name it.
        credentials: their context says which private networks are allowed.

    Raises:
        ProviderError: there is no token; the class and message say why.
    """
    # Imported here: urllib3 is only for those who send.
    from providers.http import HttpClient, status_error  # noqa: PLC0415 - see above

    if not server.startswith("https://"):
        # The request carries what proves an identity.
        raise InvalidRef(f"{name}: url is not an https:// one", remedy="correct spec.url")
    try:
        client = HttpClient(
            server,
            name=name,
            deadline_s=DEADLINE_S,
            max_body_bytes=MAX_BODY_BYTES,
            reach=_reach(credentials),
            redirects=0,
        )
        try:
            answer = client.request(method, path, headers=headers, body=body)
        finally:
            client.close()
        if not answer.ok:
            raise _refused(status_error(answer, name), name)
        token = _token(answer.json(f"the answer of {name}"), name)
    except ProviderError as exc:
        observe(operation, "error")
        failed = exc
    else:
        observe(operation, "success")
        return token
    # Outside of the handler: its frames hold credentials.
    raise failed.with_traceback(None)


def _refused(error: ProviderError, name: str) -> ProviderError:
    """Return the error of a status; what is not there is no missing secret here."""
    if not isinstance(error, SecretNotFound):
        return error
    return AuthFailed(
        f"{name}: HTTP status 404: it does not know what was asked for",
        remedy="correct the identifiers and spec.url, and see that the identity may use them",
    )


def _token(found: Any, name: str) -> str:
    token = found.get("token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token:
        raise MalformedSecret(
            f"the answer of {name} holds no token", remedy="check spec.url and what stands there"
        )
    return token


def _reach(credentials: Credentials) -> Reach:
    try:
        return Reach.parse(credentials.context.get("webhook_networks", ""))
    except ValueError:
        problem = "the networks that this process allows cannot be read"
    raise InvalidRef(problem, remedy="write them as 10.0.0.0/8,192.168.1.7")
