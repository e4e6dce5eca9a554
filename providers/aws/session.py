"""One identity at AWS: logs in as the store says, and makes clients that use it.

Neighbours: `identity` says who signs, `sdk` how the SDK is set up. The one module that
imports boto3; it is itself imported when the first session opens.
"""

from __future__ import annotations

import threading
from typing import Any

import boto3

from providers.aws.calls import Calls
from providers.aws.identity import signing_session
from providers.aws.login import LoginPlan
from providers.aws.sdk import configuring, endpoint_of, sdk_config, silence_sdk_logs
from providers.aws.transport import limit
from providers.base import CallObserver

__all__ = ["AwsSession", "open_session"]


def open_session(plan: LoginPlan, *, region: str, observe: CallObserver) -> AwsSession:
    """Return a session; nothing is sent yet.

    Raises:
        ProviderError: the SDK refuses its configuration (profile, files, region).
    """
    with configuring():
        return AwsSession(plan, region=region, observe=observe)


class AwsSession:
    """Makes clients for one identity in one region.

    Args:
        plan: how to log in; nothing is sent before the first request of a client.
        region: the region of the store.
        observe: is told of each STS request.
    """

    def __init__(self, plan: LoginPlan, *, region: str, observe: CallObserver) -> None:
        silence_sdk_logs()
        # A boto3 session must not be used by two threads at once; its clients may.
        self._lock = threading.Lock()
        self._clients: list[Any] = []
        signing = signing_session(plan, region=region, calls=Calls(observe))
        self._session = boto3.Session(botocore_session=signing, region_name=region)

    def client(self, service: str) -> Any:
        """Return a new client of a service; it lives until `close`.

        Args:
            service: as the SDK calls it: secretsmanager, ssm, sts, ecr, ecr-public.

        Raises:
            ProviderError: the SDK refuses its configuration (region, endpoint).
        """
        with self._lock, configuring():
            # Of the type of no single service, as the name of the service is not literal.
            make: Any = self._session.client
            client = make(service, endpoint_url=endpoint_of(service), config=sdk_config())
            limit(client)
            self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the connections. What STS issued cannot be revoked; it runs out."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
