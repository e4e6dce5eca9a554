"""Who signs: the chain of credentials that a store's plan leads through.

Neighbours: `login` says what to do, `calls` runs the requests, `session` makes the clients
that sign with the outcome.

Temporary credentials are renewed by the SDK before they expire (15 minutes before,
while the old ones still serve), once for all threads. A ServiceAccount's token is not
renewed here: when STS says that it has expired every call reports AuthFailed, and the
caller opens a new session with a new token.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials as SdkCredentials
from botocore.credentials import DeferredRefreshableCredentials

from providers.aws.calls import CallError, Calls
from providers.aws.login import LoginPlan, RoleStep, StaticKeys, WebIdentity
from providers.aws.sdk import endpoint_of, sdk_config, sdk_session
from providers.aws.transport import limit
from providers.base import AuthFailed, Unavailable

__all__ = ["signing_session"]

_ROLE_REMEDY = (
    "check that the role exists and that its trust policy admits this identity, the "
    "externalID, and sts:TagSession where session tags are set"
)


def signing_session(plan: LoginPlan, *, region: str, calls: Calls) -> botocore.session.Session:
    """Return an SDK session whose clients sign as a plan says; nothing is sent yet.

    Args:
        region: of the STS that is asked.
        calls: run each request to STS.
    """
    return _Chain(plan, region=region, calls=calls).session()


class _Handed:
    """Gives a botocore session the credentials it is to use."""

    def __init__(self, credentials: SdkCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> SdkCredentials:
        """Answer what botocore asks its credential resolver."""
        return self._credentials


class _Chain:
    """Asks STS for one set of credentials with another, as often as the plan says."""

    def __init__(self, plan: LoginPlan, *, region: str, calls: Calls) -> None:
        self._plan = plan
        self._region = region
        self._calls = calls
        # An SDK session must not be used by two threads at once.
        self._lock = threading.Lock()
        self._session = sdk_session()

    def session(self) -> botocore.session.Session:
        """Return the session that signs with the last credentials."""
        credentials = self._last()
        if credentials is None:
            # Nothing is asked of STS: this one is free for whoever signs by default.
            return self._session
        session = sdk_session()
        session.register_component("credential_provider", _Handed(credentials))
        return session

    def _last(self) -> SdkCredentials | None:
        """Return the last credentials of the chain; None for the default chain alone."""
        credentials = self._first(self._plan.first)
        for step in self._plan.roles:
            credentials = self._assumed(step, credentials)
        return credentials

    def _first(self, first: StaticKeys | WebIdentity | None) -> SdkCredentials | None:
        if isinstance(first, WebIdentity):
            return DeferredRefreshableCredentials(
                _remember_auth_failure(lambda: self._exchange(first)), "secretsync-web-identity"
            )
        if isinstance(first, StaticKeys):
            token = first.session_token.reveal().decode() if first.session_token else None
            secret = first.secret_access_key.reveal().decode()
            return SdkCredentials(first.access_key_id, secret, token, method="secretsync-keys")
        return None

    def _assumed(self, step: RoleStep, source: SdkCredentials | None) -> SdkCredentials:
        return DeferredRefreshableCredentials(
            lambda: self._assume(step, source), "secretsync-assume-role"
        )

    def _assume(self, step: RoleStep, source: SdkCredentials | None) -> dict[str, str]:
        source = source or self._default_chain()
        keys = source.get_frozen_credentials()
        sts = self._sts(
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.token,
            config=sdk_config(),
        )
        return self._log_in(sts, "AssumeRole", sts.assume_role, step.role_arn, step.options)

    def _exchange(self, identity: WebIdentity) -> dict[str, str]:
        sts = self._sts(config=sdk_config().merge(Config(signature_version=UNSIGNED)))
        return self._log_in(
            sts,
            "AssumeRoleWithWebIdentity",
            sts.assume_role_with_web_identity,
            identity.role_arn,
            {"WebIdentityToken": identity.token.reveal().decode()},
        )

    def _log_in(
        self,
        sts: Any,
        operation: str,
        method: Callable[..., Any],
        role_arn: str,
        options: Mapping[str, Any],
    ) -> dict[str, str]:
        try:
            reply = self._calls.run(
                operation,
                method,
                RoleArn=role_arn,
                RoleSessionName=self._plan.session_name,
                **options,
            )
        except CallError as failed:
            raise _login_error(failed, role_arn) from failed.__cause__
        finally:
            sts.close()
        return _issued(reply, operation)

    def _sts(self, **options: Any) -> Any:
        with self._lock:
            client = self._session.create_client(
                "sts", region_name=self._region, endpoint_url=endpoint_of("sts"), **options
            )
        limit(client)
        return client

    def _default_chain(self) -> SdkCredentials:
        with self._lock:
            found = self._session.get_credentials()
        if found is None:
            raise AuthFailed(
                "the default chain of the AWS SDK finds no credentials",
                remedy="give the store an auth block, or this process a role, a profile "
                "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        return found


def _login_error(failed: CallError, role_arn: str) -> Exception:
    """A refusal by STS, whatever its code, means that there is no identity."""
    if issubclass(failed.fault.kind, Unavailable):
        return failed.error(role_arn)
    remedy = _ROLE_REMEDY
    if issubclass(failed.fault.kind, AuthFailed):
        remedy = f"{failed.fault.remedy}; {_ROLE_REMEDY}"
    return AuthFailed(
        f'AWS refuses {failed.operation} for role "{role_arn}" ({failed.fault.code})',
        remedy=remedy,
    )


def _issued(reply: Mapping[str, Any], operation: str) -> dict[str, str]:
    """Return the issued credentials in the shape that the SDK renews from."""
    issued = reply.get("Credentials") or {}
    if not {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"} <= issued.keys():
        raise Unavailable(f"the reply of AWS to {operation} holds no credentials")
    return {
        "access_key": issued["AccessKeyId"],
        "secret_key": issued["SecretAccessKey"],
        "token": issued["SessionToken"],
        "expiry_time": issued["Expiration"].isoformat(),
    }


def _remember_auth_failure(
    refresh: Callable[[], dict[str, str]],
) -> Callable[[], dict[str, str]]:
    """Stop asking STS once it has refused the token: it will not get younger.

    The SDK would otherwise try again at each request of the last 15 minutes.
    """
    refused: list[AuthFailed] = []

    def refresh_once() -> dict[str, str]:
        if refused:
            raise AuthFailed(refused[0].message, remedy=refused[0].remedy)
        try:
            return refresh()
        except AuthFailed as exc:
            refused.append(exc)
            raise

    return refresh_once
