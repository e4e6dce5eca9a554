"""The service's own pages: fixed paths, for readers."""

from __future__ import annotations

import contextlib
import http.client

import pytest

from secretsync.controller.addresses import Address
from secretsync.controller.metrics import Metrics
from secretsync.controller.pages import ServicePages

LOOPBACK = Address("127.0.0.1", 0)


@pytest.fixture(scope="module")
def pages():
    served = ServicePages(
        LOOPBACK,
        LOOPBACK,
        metrics=Metrics(),
        reflectors=[],
        ready=lambda: False,
        begun=lambda: True,
    )
    served.start()
    yield served
    served.stop()


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        pytest.param("GET", "/metrics", 200, b"externalsecret_sync_calls", id="metrics"),
        pytest.param("GET", "/metrics?x=1", 200, b"externalsecret_sync_calls", id="query"),
        pytest.param("HEAD", "/metrics", 200, b"", id="head"),
        pytest.param("POST", "/metrics", 405, b"method not allowed", id="write"),
        pytest.param("GET", "/healthz", 404, b"not found", id="other port's page"),
    ],
)
def test_metrics_are_read_and_nothing_else(method, path, status, text, pages):
    answered, body = _asked(pages.metrics_port, method, path)
    assert answered == status
    assert text in body


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        pytest.param("/healthz", 200, b"ok\n", id="alive"),
        pytest.param("/readyz", 503, b"waiting for: the first look\n", id="not ready"),
        pytest.param("/metrics", 404, b"not found\n", id="other port's page"),
    ],
)
def test_probes_say_what_is_alive_and_ready(path, status, text, pages):
    assert _asked(pages.live_port, "GET", path) == (status, text)


def _asked(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
