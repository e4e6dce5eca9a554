"""STSSessionToken: temporary keys of the identity that a spec's keys belong to.

Neighbour: `generator_login` logs in and asks. Needs no permission; a role cannot ask.

Source: `generators.external-secrets.io/v1alpha1` STSSessionToken (ESO 2.9);
API_GetSessionToken of STS.
"""

from __future__ import annotations

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
    InvalidRef,
    MalformedSecret,
    ServiceAccountSelector,
)
from providers.spec import wire

__all__ = ["CONFIG", "STSRequestParameters", "STSSessionTokenSpec", "audiences", "generate"]

_OPERATION = "GetSessionToken"


@dataclass(frozen=True, slots=True)
class STSRequestParameters:
    """`spec.requestParameters`.

    Args:
        session_duration: in seconds; AWS takes 12 hours where it is not given.
        serial_number: of the MFA device.
        token_code: that the device shows.
    """

    session_duration: int | None = field(default=None, metadata=wire(minimum=900, maximum=129_600))
    serial_number: str = ""
    token_code: str = ""


@dataclass(frozen=True, slots=True)
class STSSessionTokenSpec:
    """`spec`.

    Args:
        region: whose STS is asked.
        auth: static keys; without any, the SDK's default chain.
        role: assumed before; AWS lets users ask, and roles not.
    """

    region: str = field(metadata=wire(required=True))
    auth: AwsAuth = field(default_factory=AwsAuth)
    role: str = ""
    request_parameters: STSRequestParameters | None = None


CONFIG = STSSessionTokenSpec


def audiences(
    config: STSSessionTokenSpec, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return for whom a ServiceAccount's token is issued; see `providers.aws.audiences`."""
    store = as_store(config.region, config.role, config.auth)
    return store_audiences(store, selector, annotations)


def generate(
    config: STSSessionTokenSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Mapping[str, bytes]:
    """Ask STS for temporary keys.

    Args:
        config: the object's spec.
        credentials: what its selectors resolved to.
        observe: is told of each request.
        entropy: not needed.
        now: not needed: AWS says until when the keys are good.

    Returns:
        `access_key_id`, `secret_access_key`, `session_token`, and `expiration` in seconds
        of Unix time.

    Raises:
        ProviderError: there are no keys; the class and message say why.
    """
    if config.auth.jwt is not None:
        raise InvalidRef(
            "spec.auth.jwt cannot be used: AWS gives session tokens to users, not to roles",
            remedy="use spec.auth.secretRef",
        )
    reply = ask_once(
        as_store(config.region, config.role, config.auth),
        credentials,
        service="sts",
        operation=_OPERATION,
        ask=lambda client: client.get_session_token,
        params=_params(config.request_parameters or STSRequestParameters()),
        observe=observe,
    )
    issued = reply.get("Credentials")
    issued = issued if isinstance(issued, Mapping) else {}
    keys = [issued.get(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    until = issued.get("Expiration")
    if not all(isinstance(key, str) and key for key in keys) or not isinstance(until, datetime):
        raise MalformedSecret(f"the reply of AWS to {_OPERATION} holds no keys")
    names = ("access_key_id", "secret_access_key", "session_token")
    values = {name: str(key).encode() for name, key in zip(names, keys, strict=True)}
    return {**values, "expiration": str(int(until.timestamp())).encode()}


def _params(wanted: STSRequestParameters) -> dict[str, Any]:
    params = {
        "DurationSeconds": wanted.session_duration,
        "SerialNumber": wanted.serial_number,
        "TokenCode": wanted.token_code,
    }
    return {name: value for name, value in params.items() if value}
