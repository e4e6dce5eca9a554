"""An AWS endpoint of one's own: moto's server as a child process."""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
from typing import Any, Self

from examples.children import serving
from examples.ports import free_port

__all__ = ["EmbeddedAws"]


class EmbeddedAws:
    """A moto server on a free loopback port, for as long as the context lasts."""

    def __init__(self, region: str = "eu-central-1") -> None:
        self.region = region
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._running = contextlib.ExitStack()
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Self:
        server = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._running.enter_context(serving(server, self.port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    def environment(self) -> dict[str, str]:
        """Return the variables that point any AWS SDK at this endpoint."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def put(self, name: str, value: str) -> None:
        """Create a secret, or give it a new current version."""
        client = self._api("secretsmanager")
        try:
            client.put_secret_value(SecretId=name, SecretString=value)
        except client.exceptions.ResourceNotFoundException:
            client.create_secret(Name=name, SecretString=value)

    def put_parameter(self, name: str, value: str) -> None:
        """Create a parameter of Parameter Store, or give it a new version."""
        client = self._api("ssm")
        client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def _api(self, service: str) -> Any:
        if service not in self._clients:
            import boto3  # noqa: PLC0415 - half a second that --help need not pay

            # The name of the service comes as text, which typed stubs do not foresee.
            connect: Any = boto3.client
            self._clients[service] = connect(
                service,
                region_name=self.region,
                endpoint_url=self.url,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",  # noqa: S106 - the embedded server takes any
            )
        return self._clients[service]
