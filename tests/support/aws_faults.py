"""What can go wrong at AWS or on the way to it, as replies of the strict front.

Neighbour: `aws_front.StrictFront.inject` takes one of these. A fault gets a function
that gives the true reply, so that it can spoil that.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.support.aws_http import Reply
from tests.support.web import fault

__all__ = [
    "Fault",
    "answering",
    "as_web_server",
    "aws_error",
    "dropped",
    "not_json",
    "rewriting",
    "server_error",
    "slow",
    "throttled",
    "truncated",
]

Fault = Callable[[Callable[[], Reply]], Reply]

CONTENT_TYPE = "application/x-amz-json-1.1"


def aws_error(
    code: str, message: str = "", *, status: int = 400, headers: dict[str, str] | None = None
) -> Reply:
    """Return an error in the shape of AWS JSON 1.1."""
    return Reply(
        status,
        {
            "Content-Type": CONTENT_TYPE,
            "x-amzn-ErrorType": code,
            "x-amzn-RequestId": "00000000-1111-2222-3333-444444444444",
            **(headers or {}),
        },
        json.dumps({"__type": code, "message": message}).encode(),
    )


def answering(reply: Reply) -> Fault:
    """Answer with this."""
    return lambda _: reply


def as_web_server(name: str) -> Fault:
    """Go wrong in a way in which any web server may; see `web.fault`."""
    answer = fault(name)
    if isinstance(answer, Reply):
        return answering(answer)
    # Nobody sets the event: what writes ends when its connection is cut.
    return answering(Reply(by_hand=lambda connection: answer(connection, threading.Event())))


def throttled(retry_after: str = "", code: str = "ThrottlingException") -> Fault:
    """Throttle, with a Retry-After header where one is given."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return answering(aws_error(code, "Rate exceeded", headers=headers))


def server_error(status: int = 500) -> Fault:
    """Fail inside the service."""
    message = "An error occurred on the server side."
    return answering(aws_error("InternalServiceError", message, status=status))


def dropped() -> Fault:
    """Close the connection without an answer."""
    return answering(Reply(drop=True))


def slow(seconds: float) -> Fault:
    """Answer the truth, late."""

    def late(true_reply: Callable[[], Reply]) -> Reply:
        time.sleep(seconds)
        return true_reply()

    return late


def truncated() -> Fault:
    """Cut the true reply in the middle."""

    def cut(true_reply: Callable[[], Reply]) -> Reply:
        reply = true_reply()
        return replace(reply, sent_bytes=len(reply.body) // 2)

    return cut


def not_json(body: bytes = b"<html><body>Sign in to the network</body></html>") -> Fault:
    """Answer 200 with something else, as a captive portal does."""
    return answering(Reply(200, {"Content-Type": "text/html"}, body))


def rewriting(change: Callable[[dict[str, Any]], Any]) -> Fault:
    """Answer the true reply after `change` has changed it in place, or with what it returns."""

    def changed(true_reply: Callable[[], Reply]) -> Reply:
        reply = true_reply()
        fields = json.loads(reply.body)
        returned = change(fields)
        return replace(reply, body=json.dumps(fields if returned is None else returned).encode())

    return changed
