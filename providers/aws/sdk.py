"""The AWS SDK as this project sets it up: quiet, without retries, within deadlines.

Neighbours: `session` makes the clients of a store with it, `identity` those of STS.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Iterator

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader

from providers.aws.errors import fault_of_exception

__all__ = ["configuring", "endpoint_of", "sdk_config", "sdk_session", "silence_sdk_logs"]

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


@contextlib.contextmanager
def configuring() -> Iterator[None]:
    """Report what the SDK has against its configuration as an error of ours."""
    try:
        yield
    except (BotoCoreError, ValueError) as exc:
        raise fault_of_exception(exc).error("the configuration of the SDK") from exc


@functools.cache
def _service_models() -> Loader:
    return Loader()


def sdk_session() -> botocore.session.Session:
    """Return an SDK session that shares the parsed service models with all others.

    Reading them is most of the time, and of the memory, that a new session takes.
    """
    session = botocore.session.Session()
    session.register_component("data_loader", _service_models())
    return session


def sdk_config() -> Config:
    """Return the settings of every client; who calls the adapter owns the retries."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=MAX_POOL_CONNECTIONS,
        tcp_keepalive=True,
        user_agent_extra="secretsync",
    )


def endpoint_of(service: str) -> str | None:
    """Return where a service is by the environment, None for where the SDK finds it."""
    return os.environ.get(_ENDPOINT_VARIABLES[service]) or None


def silence_sdk_logs() -> None:
    """Keep the SDK from logging what it sends and receives.

    At DEBUG botocore logs request parameters, signed headers and whole replies, values
    included. What its credentials module warns of, we report as an error of our own.
    """
    if logging.getLogger("botocore").level < logging.INFO:
        logging.getLogger("botocore").setLevel(logging.INFO)
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
