"""ECRAuthorizationToken: what `docker login` to Amazon's registries takes.

Neighbour: `generator_login` logs in and asks. Needs `ecr:GetAuthorizationToken`, or
`ecr-public:GetAuthorizationToken` and `sts:GetServiceBearerToken`.

Source: `generators.external-secrets.io/v1alpha1` ECRAuthorizationToken (ESO 2.9);
API_GetAuthorizationToken of ECR and of ECR Public.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from providers.aws import audiences as store_audiences
from providers.aws.config import AwsAuth
from providers.aws.generator_login import as_store, ask_once
from providers.base import (
    CallObserver,
    Credentials,
    MalformedSecret,
    ServiceAccountSelector,
)
from providers.spec import wire

__all__ = ["CONFIG", "ECRAuthorizationTokenSpec", "audiences", "generate"]

_OPERATION = "GetAuthorizationToken"


@dataclass(frozen=True, slots=True)
class ECRAuthorizationTokenSpec:
    """`spec`.

    Args:
        region: of the registry; the public one is asked in us-east-1.
        auth: as in a store; without any, the SDK's default chain.
        role: assumed before the registry is asked.
        scope: private, or public for public.ecr.aws.
    """

    region: str = field(metadata=wire(required=True))
    auth: AwsAuth = field(default_factory=AwsAuth)
    role: str = ""
    scope: str = field(default="private", metadata=wire(choices=("private", "public")))


CONFIG = ECRAuthorizationTokenSpec


def audiences(
    config: ECRAuthorizationTokenSpec,
    selector: ServiceAccountSelector,
    annotations: Mapping[str, str],
) -> tuple[str, ...]:
    """Return for whom a ServiceAccount's token is issued; see `providers.aws.audiences`."""
    store = as_store(config.region, config.role, config.auth)
    return store_audiences(store, selector, annotations)


def generate(
    config: ECRAuthorizationTokenSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Mapping[str, bytes]:
    """Ask the registry for a token of 12 hours.

    Args:
        config: the object's spec.
        credentials: what its selectors resolved to.
        observe: is told of each request.
        entropy: not needed.
        now: not needed: AWS says until when the token is good.

    Returns:
        `username`, `password`, `expires_at` in seconds of Unix time, and of a private
        registry `proxy_endpoint`.

    Raises:
        ProviderError: there is no token; the class and message say why.
    """
    public = config.scope == "public"
    reply = ask_once(
        as_store(config.region, config.role, config.auth),
        credentials,
        service="ecr-public" if public else "ecr",
        operation=_OPERATION,
        ask=lambda client: client.get_authorization_token,
        params={},
        observe=observe,
    )
    found: Any = reply.get("authorizationData")
    if not public:
        found = found[0] if isinstance(found, list) and len(found) == 1 else None
    found = found if isinstance(found, Mapping) else {}
    user, password = _user_and_password(found.get("authorizationToken"))
    expires_at, endpoint = found.get("expiresAt"), found.get("proxyEndpoint")
    if not user or not isinstance(expires_at, datetime):
        raise MalformedSecret(f"the reply of AWS to {_OPERATION} holds no token")
    values = {
        "username": user,
        "password": password,
        "expires_at": str(int(expires_at.timestamp())).encode(),
    }
    if not public:
        values["proxy_endpoint"] = str(endpoint or "").encode()
    return values


def _user_and_password(token: Any) -> tuple[bytes, bytes]:
    """Return both halves of a token; nothing if it is none."""
    try:
        decoded = base64.b64decode(token, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return b"", b""
    user, colon, password = decoded.partition(b":")
    return (user, password) if colon and password else (b"", b"")
