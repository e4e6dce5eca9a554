"""One identity at AWS: logs in as the store says, and makes clients that use it.

Neighbours: `login` says what to do, `calls` runs the requests. The one module that
imports boto3; it is itself imported when the first session opens.

Temporary credentials are renewed by the SDK before they expire (15 minutes before,
while the old ones still serve), once for all threads. A ServiceAccount's token is not
renewed here: when STS says that it has expired every call reports AuthFailed, and the
caller opens a new session with a new token.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials as SdkCredentials
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader

from providers.aws.calls import CallError, Calls
from providers.aws.errors import fault_of_exception
from providers.aws.login import LoginPlan, RoleStep, StaticKeys, WebIdentity
from providers.aws.transport import limit
from providers.base import AuthFailed, CallObserver, Unavailable

__all__ = ["AwsSession", "open_session"]

#: Long enough for a slow TLS handshake, short enough that a dead endpoint is noticed.
CONNECT_TIMEOUT_S = 5
#: Secrets Manager answers a full batch in well under a second.
READ_TIMEOUT_S = 15
#: Connections kept open; as many threads as fetch from one store at once.
MAX_POOL_CONNECTIONS = 16

#: ESO's variables; they win over the SDK's own AWS_ENDPOINT_URL and its relatives.
_ENDPOINT_VARIABLES = {
    "secretsmanager": "AWS_SECRETSMANAGER_ENDPOINT",
    "ssm": "AWS_SSM_ENDPOINT",
    "sts": "AWS_STS_ENDPOINT",
    "ecr": "AWS_ECR_ENDPOINT",
    "ecr-public": "AWS_ECR_PUBLIC_ENDPOINT",
}

_ROLE_REMEDY = (
    "check that the role exists and that its trust policy admits this identity, the "
    "externalID, and sts:TagSession where session tags are set"
)


def open_session(plan: LoginPlan, *, region: str, observe: CallObserver) -> AwsSession:
    """Return a session; nothing is sent yet.

    Raises:
        ProviderError: the SDK refuses its configuration (profile, files, region).
    """
    with _configuring():
        return AwsSession(plan, region=region, observe=observe)


@contextlib.contextmanager
def _configuring() -> Iterator[None]:
    """Report what the SDK has against its configuration as an error of ours."""
    try:
        yield
    except (BotoCoreError, ValueError) as exc:
        raise fault_of_exception(exc).error("the configuration of the SDK") from exc


class _Handed:
    """Gives a botocore session the credentials it is to use."""

    def __init__(self, credentials: SdkCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> SdkCredentials:
        """Answer what botocore asks its credential resolver."""
        return self._credentials


class AwsSession:
    """Makes clients for one identity in one region.

    Args:
        plan: how to log in; nothing is sent before the first request of a client.
        region: the region of the store.
        observe: is told of each STS request.
    """

    def __init__(self, plan: LoginPlan, *, region: str, observe: CallObserver) -> None:
        _silence_sdk_logs()
        self._plan = plan
        self._region = region
        self._calls = Calls(observe)
        # A boto3 session must not be used by two threads at once; its clients may.
        self._lock = threading.RLock()
        self._clients: list[Any] = []
        self._plain = _sdk_session()
        self._session = boto3.Session(
            botocore_session=self._session_with(self._identity()), region_name=region
        )

    def client(self, service: str) -> Any:
        """Return a new client of a service; it lives until `close`.

        Args:
            service: as the SDK calls it: secretsmanager, ssm, sts, ecr, ecr-public.

        Raises:
            ProviderError: the SDK refuses its configuration (region, endpoint).
        """
        with self._lock, _configuring():
            # Of the type of no single service, as the name of the service is not literal.
            make: Any = self._session.client
            client = make(service, endpoint_url=_endpoint_of(service), config=_sdk_config())
            limit(client)
            self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the connections. What STS issued cannot be revoked; it runs out."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    def _session_with(self, credentials: SdkCredentials | None) -> botocore.session.Session:
        if credentials is None:
            return self._plain
        session = _sdk_session()
        session.register_component("credential_provider", _Handed(credentials))
        return session

    def _identity(self) -> SdkCredentials | None:
        """Return the last credentials of the chain; None for the default chain alone."""
        credentials = self._first_identity(self._plan.first)
        for step in self._plan.roles:
            credentials = self._assumed(step, credentials)
        return credentials

    def _first_identity(self, first: StaticKeys | WebIdentity | None) -> SdkCredentials | None:
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
            config=_sdk_config(),
        )
        return self._log_in(sts, "AssumeRole", sts.assume_role, step.role_arn, step.options)

    def _exchange(self, identity: WebIdentity) -> dict[str, str]:
        sts = self._sts(config=_sdk_config().merge(Config(signature_version=UNSIGNED)))
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
            client = self._plain.create_client(
                "sts", region_name=self._region, endpoint_url=_endpoint_of("sts"), **options
            )
        limit(client)
        return client

    def _default_chain(self) -> SdkCredentials:
        with self._lock:
            found = self._plain.get_credentials()
        if found is None:
            raise AuthFailed(
                "the default chain of the AWS SDK finds no credentials",
                remedy="give the store an auth block, or this process a role, a profile "
                "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        return found


@functools.cache
def _service_models() -> Loader:
    return Loader()


def _sdk_session() -> botocore.session.Session:
    """Return an SDK session that shares the parsed service models with all others.

    Reading them is most of the time, and of the memory, that a new session takes.
    """
    session = botocore.session.Session()
    session.register_component("data_loader", _service_models())
    return session


def _sdk_config() -> Config:
    """Return the settings of every client; who calls the adapter owns the retries."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=MAX_POOL_CONNECTIONS,
        tcp_keepalive=True,
        user_agent_extra="secretsync",
    )


def _endpoint_of(service: str) -> str | None:
    return os.environ.get(_ENDPOINT_VARIABLES[service]) or None


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


def _silence_sdk_logs() -> None:
    """Keep the SDK from logging what it sends and receives.

    At DEBUG botocore logs request parameters, signed headers and whole replies, values
    included. What its credentials module warns of, we report as an error of our own.
    """
    if logging.getLogger("botocore").level < logging.INFO:
        logging.getLogger("botocore").setLevel(logging.INFO)
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
