"""QuayAccessToken: what `docker login` to a Quay registry takes.

A robot account is federated with the cluster's ServiceAccounts: its short-lived token is
got for theirs. Neighbour: `tokens_over_http` asks.

Source: `generators.external-secrets.io/v1alpha1` QuayAccessToken (ESO 2.9);
https://docs.projectquay.io/manage_quay.html#keyless-authentication-robot-accounts
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from providers import defaults
from providers.base import (
    CallObserver,
    Credentials,
    InvalidRef,
    MalformedSecret,
    ServiceAccountSelector,
)
from providers.spec import wire
from providers.tokens_over_http import ask_for_token

__all__ = ["CONFIG", "QuayAccessTokenSpec", "audiences", "generate"]

PUBLIC_REGISTRY = "quay.io"
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class QuayAccessTokenSpec:
    """`spec`.

    Args:
        url: the registry's host, with its port; "" is quay.io.
        robot_account: `organization+robot`.
        service_account_ref: whose token is exchanged; without audiences it is issued for
            the API server, as in ESO.
    """

    robot_account: str = field(metadata=wire(required=True))
    service_account_ref: ServiceAccountSelector = field(metadata=wire(required=True))
    url: str = ""


CONFIG = QuayAccessTokenSpec
audiences = defaults.named_audiences


def generate(
    config: QuayAccessTokenSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Mapping[str, bytes]:
    """Exchange the ServiceAccount's token for the robot's.

    Args:
        config: the object's spec.
        credentials: what its selectors resolved to.
        observe: is told of the request.
        entropy: not needed.
        now: not needed: the token says until when it is good.

    Returns:
        `registry`, `auth` (base64 of `robot:token`, as in a file of docker's), and
        `expiry` in RFC 3339.

    Raises:
        ProviderError: there is no token; the class and message say why.
    """
    registry = (config.url or PUBLIC_REGISTRY).removeprefix("https://").rstrip("/")
    if not _HOST.fullmatch(registry):
        raise InvalidRef("spec.url is not a host", remedy="write it as quay.example.com")
    federated = credentials.tokens[config.service_account_ref].token
    token = ask_for_token(
        f"https://{registry}",
        "GET",
        "/oauth2/federation/robot/token",
        name="Quay",
        operation="GetRobotToken",
        headers={"Authorization": f"Basic {_pair(config.robot_account, federated.reveal())}"},
        credentials=credentials,
        observe=observe,
    )
    return {
        "registry": registry.encode(),
        "auth": _pair(config.robot_account, token.encode()).encode(),
        "expiry": _expiry(token).encode(),
    }


def _pair(name: str, password: bytes) -> str:
    return base64.b64encode(name.encode() + b":" + password).decode()


def _expiry(token: str) -> str:
    """Return when a JSON Web Token ends; the registry has checked it, not we."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(int(claims["exp"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, binascii.Error):
        problem = "the token of Quay does not say when it ends"
    # Outside of the handler: its error holds parts of the token.
    raise MalformedSecret(problem, remedy="check spec.url and what stands there")
