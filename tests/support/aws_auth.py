"""Credentials of a store, made up, and how STS refuses them.

Neighbours: the tests of the AWS adapter's logins.
"""

from __future__ import annotations

from providers.aws.config import AwsAuth, AwsJwtAuth, AwsSecretRef
from providers.base import (
    Credentials,
    SecretBytes,
    SecretKeySelector,
    ServiceAccountSelector,
    ServiceAccountToken,
)
from tests.support.aws_faults import Fault, answering
from tests.support.aws_http import Reply

__all__ = ["ID", "JWT", "KEY", "STATIC", "TOKEN", "static", "sts_error", "web"]

CONTEXT = {"namespace": "shop", "store_name": "aws-store", "store_kind": "SecretStore"}
ID, KEY, TOKEN = (SecretKeySelector("aws", name) for name in ("id", "key", "token"))
STATIC = AwsAuth(secret_ref=AwsSecretRef(ID, KEY))
SELECTOR = ServiceAccountSelector("app")
JWT = AwsAuth(jwt=AwsJwtAuth(SELECTOR))


def static() -> Credentials:
    """Static keys, as the store's Secrets hold them."""
    return Credentials(
        {ID: SecretBytes(b"AKIASTATIC"), KEY: SecretBytes(b"canary-secret-key")}, context=CONTEXT
    )


def web(role: str | None, token: str = "canary-web-token") -> Credentials:  # noqa: S107 - made up
    annotations = {} if role is None else {"eks.amazonaws.com/role-arn": role}
    issued = ServiceAccountToken(SecretBytes(token.encode()), annotations)
    return Credentials(tokens={SELECTOR: issued}, context=CONTEXT)


def sts_error(code: str, status: int = 400) -> Fault:
    """Answer with an error in the XML that STS speaks."""
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>"
        "<RequestId>00000000-1111-2222-3333-444444444444</RequestId></ErrorResponse>"
    )
    return answering(Reply(status, {"Content-Type": "text/xml"}, body.encode()))
