"""The strict front: a reverse proxy that makes moto behave as AWS documents.

moto accepts what AWS refuses and never fails. Between it and the code under test this
enforces AWS's limits, error shapes, list order and list delay, and breaks on command.
It counts what passes. Neighbours: `aws_secrets` for Secrets Manager, `aws_parameters` for
Parameter Store, `aws_calls` for moto, `aws_faults` for faults.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Self

from tests.support.aws import new_account
from tests.support.aws_calls import Behind, Call, denial, json_reply, parsed
from tests.support.aws_faults import Fault, aws_error
from tests.support.aws_http import HttpServer, Reply, Request
from tests.support.aws_list import BadRequestError
from tests.support.aws_parameters import PARAMETER_TARGET, Parameters
from tests.support.aws_secrets import SecretsManager

__all__ = ["Call", "StrictFront"]


@dataclass(slots=True)
class _Rule:
    fault: Fault
    operation: str
    times: int | None
    region: str


class StrictFront:
    """AWS Secrets Manager, Parameter Store and STS, on a loopback port, in an own account.

    Attributes, to be set by tests at any time:
        clock: the service's time, seconds since the epoch.
        list_lag_s: lists hide the changes of so many last seconds.
        empty_pages: DescribeParameters answers so many pages without entries first.
        dates_replies: replies carry a Date header, by the clock.
        ignore_sort: ListSecrets answers in the order of creation.
        list_page: ListSecrets gives at most so many, which AWS may do; None for what is asked.
        batch_page: values per page of BatchGetSecretValue; None for all.
        denied: names whose values may not be read.
        denied_operations: operations that may not be used at all.
        rejected_keys: access key ids that the service does not know.
        sts_duration_s: lifetime of what STS issues.
        calls: every request, in order of arrival.
    """

    def __init__(self, upstream_url: str, *, account: str = "") -> None:
        self.account = account or new_account()
        self.clock: Callable[[], float] = time.time
        self.list_lag_s = 0.0
        self.empty_pages = 0
        self.dates_replies = True
        self.ignore_sort = False
        self.list_page: int | None = None
        self.batch_page: int | None = None
        self.denied: set[str] = set()
        self.denied_operations: set[str] = set()
        self.rejected_keys: set[str] = set()
        self.sts_duration_s: int | None = None
        self.calls: list[Call] = []
        self._rules: list[_Rule] = []
        self._parameters: dict[tuple[str, str], Parameters] = {}
        self._lock = threading.Lock()
        self._behind = Behind(upstream_url, self.account)
        self._secrets = SecretsManager(self._behind, self)
        self._server = HttpServer(self._handle)
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()
        self._behind.close()

    def inject(
        self, fault: Fault, *, operation: str = "", times: int | None = None, region: str = ""
    ) -> None:
        """Break the next `times` calls (None: all until `heal`) of an operation ("" = any).

        Args:
            region: only calls to that one; "" for any.
        """
        with self._lock:
            self._rules.append(_Rule(fault, operation, times, region))

    def heal(self) -> None:
        """Forget every injected fault."""
        with self._lock:
            self._rules.clear()

    def count(self, operation: str = "") -> int:
        """Return how many calls arrived."""
        return sum(not operation or call.operation == operation for call in self.calls)

    def counts(self) -> dict[str, int]:
        """Return how many calls arrived, by operation."""
        return dict(Counter(call.operation for call in self.calls))

    def of(self, operation: str) -> list[Call]:
        """Return the calls of one operation."""
        return [call for call in self.calls if call.operation == operation]

    def connections(self) -> list[object]:
        """Return the connections that are open."""
        return list(self._server.connections())

    def redate_list(self, *, step_s: float) -> None:
        """Date what was listed so far one step apart, from now, in the order of creation."""
        self._secrets.redate(step_s=step_s)

    def _handle(self, request: Request) -> Reply:
        call = parsed(request)
        with self._lock:
            self.calls.append(call)
            fault = self._next_fault(call)
        reply = fault(lambda: self._served(call)) if fault is not None else self._served(call)
        date = {"Date": formatdate(self.clock(), usegmt=True)} if self.dates_replies else {}
        return replace(reply, headers={**date, **reply.headers})

    def _next_fault(self, call: Call) -> Fault | None:
        for rule in self._rules:
            meant = rule.operation in ("", call.operation) and rule.region in ("", call.region)
            if meant and rule.times != 0:
                rule.times = None if rule.times is None else rule.times - 1
                return rule.fault
        return None

    def _served(self, call: Call) -> Reply:
        if call.operation.startswith(("Assume", "GetCaller", "GetSession")):
            return self._sts(call)
        if call.access_key in self.rejected_keys:
            message = "The security token included in the request is invalid."
            return aws_error("UnrecognizedClientException", message)
        if call.operation in self.denied_operations:
            return denial(call.operation, "*")
        try:
            if call.request.headers.get("x-amz-target", "").startswith(PARAMETER_TARGET):
                return self._parameter_store(call)
            if call.operation == "GetAuthorizationToken":
                token = _registry_token(call, self._behind.account_of(call), self.clock())
                return json_reply(token)
            return self._secrets.served(call)
        except BadRequestError as refused:
            return aws_error(refused.code, refused.message)

    def _parameter_store(self, call: Call) -> Reply:
        key = (self._behind.account_of(call), call.region)
        with self._lock:
            parameters = self._parameters.setdefault(key, Parameters())
        denied = parameters.asked(call.operation, call.params) & self.denied
        if denied:
            # One denied name is the denial of the whole call.
            return denial(call.operation, denied.pop(), service="ssm")
        return json_reply(
            parameters.served(
                call.operation,
                call.params,
                ask=lambda operation, params: self._answered(call, operation, params),
                now=self.clock(),
                lag_s=self.list_lag_s,
                empty_pages=self.empty_pages,
            )
        )

    def _answered(self, call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Run an operation behind; raises what it refuses."""
        target = {**call.request.headers, "x-amz-target": PARAMETER_TARGET + operation}
        request = replace(call.request, headers=target)
        reply = self._behind.forwarded(
            replace(call, operation=operation, params=params, request=request)
        )
        fields = json.loads(reply.body)
        if reply.status != 200:
            raise BadRequestError(fields["__type"], fields.get("message", ""))
        return fields

    def _sts(self, call: Call) -> Reply:
        params = dict(call.params)
        if self.sts_duration_s is not None:
            params["DurationSeconds"] = str(self.sts_duration_s)
        return self._behind.issue(call, params)


def _registry_token(call: Call, account: str, now: float) -> dict[str, Any]:
    """Answer as ECR does, or ECR Public, which the SDK asks by another target."""
    token = base64.b64encode(b"AWS:canary-registry-password").decode()
    found: dict[str, Any] = {"authorizationToken": token, "expiresAt": int(now) + 12 * 3600}
    if call.request.headers["x-amz-target"].startswith("Spencer"):
        return {"authorizationData": found}
    found["proxyEndpoint"] = f"https://{account}.dkr.ecr.{call.region}.amazonaws.com"
    return {"authorizationData": [found]}
