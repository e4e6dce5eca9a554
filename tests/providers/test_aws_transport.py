"""Replies that never end, are too large, or lead elsewhere."""

from __future__ import annotations

import contextlib
import socket
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import HTTPClientError, ReadTimeoutError

from providers.aws.transport import limit
from providers.base import SecretRef, Unavailable
from tests.support.aws import REGION
from tests.support.aws_faults import answering
from tests.support.aws_http import Reply

REF = SecretRef("/app/db")
SERVICES = ["SecretsManager", "ParameterStore"]


@pytest.fixture
def dripping(front):
    """A server that announces a body and sends a byte of it ten times a second, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stopped.wait(0.1):
                    connection.sendall(b" ")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stopped.set()
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)


@pytest.fixture
def connect(front):
    """Make a bare client of the SDK, without retries, for a URL."""
    with contextlib.ExitStack() as opened:
        once = Config(retries={"total_max_attempts": 1})

        def client(url: str):
            made = boto3.client("ssm", region_name=REGION, endpoint_url=url, config=once)
            return opened.enter_context(contextlib.closing(made))

        yield client


def test_reply_that_drips_ends_at_the_deadline(connect, dripping):
    client = connect(dripping)
    limit(client, deadline_s=0.3)
    with pytest.raises(ReadTimeoutError):
        client.get_parameters(Names=["/app/db"])


def test_reply_that_is_too_large_is_not_read_to_its_end(front, connect):
    client = connect(front.url)
    limit(client, max_body_bytes=1000)
    front.inject(answering(Reply(200, {}, b"{" + b" " * 1001)))
    with pytest.raises(HTTPClientError, match="too large"):
        client.get_parameters(Names=["/app/db"])


@pytest.mark.parametrize("service", SERVICES)
def test_hundred_megabytes_are_unavailable(front, open_aws, service):
    front.inject(answering(Reply(200, {}, b" " * 100_000_000)))
    assert isinstance(open_aws(service=service).fetch([REF])[REF], Unavailable)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("service", SERVICES)
def test_redirect_is_not_followed(front, open_aws, service, status):
    front.inject(answering(Reply(status, {"Location": front.url + "/elsewhere"}, b"")))
    assert isinstance(open_aws(service=service).fetch([REF])[REF], Unavailable)
    assert [call.request.path for call in front.calls] == ["/"]


def test_connection_is_kept_after_a_whole_reply(front, open_aws):
    front.denied_operations.add("GetParameter")
    provider = open_aws(service="ParameterStore")
    for _ in range(3):
        provider.fetch([REF])
    assert len(front.connections()) == 1
