"""Proves an AWS identity to others: a GetCallerIdentity that is signed and not sent.

Neighbours: `session` logs in; `providers.vault.logins_clouds` hands the proof to Vault,
which sends it to AWS.

Source: the AWS auth method of Vault, "IAM auth method".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError

from providers.aws.config import AwsConfig
from providers.aws.errors import fault_of_exception
from providers.aws.login import plan_login
from providers.aws.session import open_session
from providers.base import CallObserver, Credentials, ProviderError, Unavailable

__all__ = ["SignedRequest", "signed_caller_identity"]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it would have been sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


class _Signed(Exception):
    """Carries the request out of the SDK, in place of sending it."""

    def __init__(self, request: Any) -> None:
        super().__init__("signed")
        self.request = request


def signed_caller_identity(
    config: AwsConfig,
    credentials: Credentials,
    *,
    server_id: str,
    observe: CallObserver,
) -> SignedRequest:
    """Return a signed request that tells AWS, and nobody else, who signed it.

    Args:
        config: region, role and auth as in a store.
        credentials: what its selectors resolved to.
        server_id: of the verifier, signed as `X-Vault-AWS-IAM-Server-ID`; "" for none.
        observe: is told of each request to STS that the login itself needs.

    Raises:
        ProviderError: there is no identity.
    """
    session = open_session(plan_login(config, credentials), region=config.region, observe=observe)
    try:
        client = session.client("sts")

        def add_header(request: Any, **_: Any) -> None:
            if server_id:
                request.headers.add_header("X-Vault-AWS-IAM-Server-ID", server_id)

        def keep(request: Any, **_: Any) -> None:
            raise _Signed(request)

        client.meta.events.register("before-sign.sts.GetCallerIdentity", add_header)
        client.meta.events.register("before-send.sts.GetCallerIdentity", keep)
        return _signed(client)
    finally:
        session.close()


def _signed(client: Any) -> SignedRequest:
    error: ProviderError = Unavailable("the AWS SDK signed nothing")
    try:
        client.get_caller_identity()
    except _Signed as signed:
        request = signed.request
        headers = {name: _text(value) for name, value in request.headers.items()}
        return SignedRequest(request.method, request.url, headers, _bytes(request.body))
    except ProviderError as exc:
        error = exc
    except BotoCoreError as exc:
        error = fault_of_exception(exc).error("the login")
    raise error


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else str(body or "").encode()
