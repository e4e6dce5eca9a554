"""AWS for the SDK of this process and its children: a strict front of a test's own.

Nothing of the machine's own configuration counts meanwhile. Neighbours: `aws_front` serves,
`aws` has the service behind it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from tests.support.aws import AwsApi, shared_moto
from tests.support.aws_front import StrictFront

__all__ = ["aws_of_this_process", "owner_of"]


@contextlib.contextmanager
def aws_of_this_process(env: pytest.MonkeyPatch, *services: str) -> Iterator[StrictFront]:
    """Serve AWS, and lead every SDK there by the default chain.

    Args:
        env: changes the environment.
        services: as secretsync names them in its own variables, such as SSM; none leads
            all there by AWS's variable.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        env.delenv(name)
    with StrictFront(shared_moto().url) as front:
        for name in [f"AWS_{each}_ENDPOINT" for each in services] or ["AWS_ENDPOINT_URL"]:
            env.setenv(name, front.url)
        env.setenv("AWS_ACCESS_KEY_ID", "AKIADEFAULTCHAIN")
        env.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        env.setenv("AWS_EC2_METADATA_DISABLED", "true")
        env.setenv("AWS_CONFIG_FILE", os.devnull)
        env.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield front


@contextlib.contextmanager
def owner_of(front: StrictFront, service: str = "secretsmanager") -> Iterator[AwsApi]:
    """Write through the front, as the owner of the account."""
    with contextlib.closing(AwsApi(front.url, service=service)) as api:
        yield api
