"""The strict front: a reverse proxy that makes moto behave as AWS documents.

moto accepts what AWS refuses and never fails. Between it and the code under test this
enforces AWS's limits, error shapes, list order and list delay, and breaks on command.
It counts what passes. Neighbours: `aws_list` for ListSecrets, `aws_parameters` for
Parameter Store, `aws_faults` for faults.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from tests.support.aws import new_account
from tests.support.aws_faults import CONTENT_TYPE, Fault, aws_error
from tests.support.aws_http import HttpServer, Reply, Request, Upstream
from tests.support.aws_list import BadRequestError, SecretList
from tests.support.aws_parameters import PARAMETER_TARGET, Parameters

__all__ = ["Call", "StrictFront"]

_BATCH_MAX_IDS = 20
_FILTER_PAGE = 20
_ARN_SUFFIX = 7
_MARKED = "You can't perform this operation on the secret because it was marked for deletion."
_MISSING = "Secrets Manager can't find the specified secret."
_MISSING_VALUE = "Secrets Manager can't find the specified secret value for staging label: {}"

_WRITES = frozenset(
    """CreateSecret DeleteSecret PutSecretValue RestoreSecret RotateSecret TagResource
    UntagResource UpdateSecret UpdateSecretVersionStage""".split()  # noqa: SIM905 - reads as a list
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request that arrived, as the service would understand it."""

    operation: str
    params: dict[str, Any]
    access_key: str
    region: str
    request: Request


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
        self._issued: dict[str, str] = {}
        self._lists: dict[tuple[str, str], SecretList] = {}
        self._parameters: dict[tuple[str, str], Parameters] = {}
        self._lock = threading.Lock()
        self._upstream = Upstream(upstream_url)
        self._server = HttpServer(self._handle)
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()
        self._upstream.close()

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
        for secrets in self._lists.values():
            secrets.redate(self.clock(), step_s)

    def _handle(self, request: Request) -> Reply:
        call = _parsed(request)
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
            return _denial(call.operation, "*")
        try:
            if call.request.headers.get("x-amz-target", "").startswith(PARAMETER_TARGET):
                return self._parameter_store(call)
            return self._secrets(call)
        except BadRequestError as refused:
            return aws_error(refused.code, refused.message)

    def _secrets(self, call: Call) -> Reply:
        match call.operation:
            case "ListSecrets":
                entries, start, size = self._list_of(call).shown(
                    call.params, lag_s=self.list_lag_s, sort=not self.ignore_sort
                )
                return _json(_page(entries, start, min(size, self.list_page or size)))
            case "BatchGetSecretValue":
                return _json(self._batch(call))
            case "GetSecretValue":
                return self._get(call)
            case "DescribeSecret":
                return self._described(call)
            case "GetAuthorizationToken":
                return _json(_registry_token(call, self._account_of(call), self.clock()))
            case operation if operation in _WRITES:
                return self._written(call)
            case _:
                return self._forwarded(call)

    def _parameter_store(self, call: Call) -> Reply:
        key = (self._account_of(call), call.region)
        with self._lock:
            parameters = self._parameters.setdefault(key, Parameters())
        denied = parameters.asked(call.operation, call.params) & self.denied
        if denied:
            # One denied name is the denial of the whole call.
            return _denial(call.operation, denied.pop(), service="ssm")
        return _json(
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
        reply = self._forwarded(replace(call, operation=operation, params=params, request=request))
        fields = json.loads(reply.body)
        if reply.status != 200:
            raise BadRequestError(fields["__type"], fields.get("message", ""))
        return fields

    def _get(self, call: Call) -> Reply:
        if self._is_denied(call.params.get("SecretId", "")):
            return _denial(call.operation, call.params["SecretId"])
        reply = self._forwarded(call)
        stage = call.params.get("VersionStage")
        if stage and json.loads(reply.body).get("__type") == "ResourceNotFoundException":
            exists = self._ask(call, "DescribeSecret", {"SecretId": call.params["SecretId"]})
            message = _MISSING_VALUE.format(stage) if exists else _MISSING
            return aws_error("ResourceNotFoundException", message)
        return reply

    def _described(self, call: Call) -> Reply:
        reply = self._forwarded(call)
        fields = json.loads(reply.body)
        changed_at = self._list_of(call).changed_at(fields.get("ARN", ""))
        if changed_at is not None:
            fields["LastChangedDate"] = changed_at
            return replace(reply, body=json.dumps(fields).encode())
        return reply

    def _written(self, call: Call) -> Reply:
        secrets = self._list_of(call)
        secrets.load()
        reply = self._forwarded(call)
        if reply.status == 200:
            fields = json.loads(reply.body)
            secret_id = call.params.get("SecretId") or call.params.get("Name")
            secrets.changed(fields.get("ARN") or secret_id, fields.get("ARN", ""))
        return reply

    def _batch(self, call: Call) -> dict[str, Any]:
        params = call.params
        ids = params.get("SecretIdList", [])
        if len(ids) > _BATCH_MAX_IDS:
            raise BadRequestError(
                "ValidationException",
                "1 validation error detected: Value at 'secretIdList' failed to satisfy "
                f"constraint: Member must have length less than or equal to {_BATCH_MAX_IDS}",
            )
        if params.get("Filters"):
            params = {"MaxResults": _FILTER_PAGE, **params}
            return _without_nulls(self._ask(call, call.operation, params) or {})
        values, errors = self._batch_by_id(call, ids)
        start, size = int(params.get("NextToken", 0)), self.batch_page or len(values) or 1
        page = {"SecretValues": values[start : start + size], "Errors": errors if not start else []}
        if start + size < len(values):
            page["NextToken"] = str(start + size)
        return page

    def _batch_by_id(self, call: Call, ids: list[str]) -> tuple[list[Any], list[Any]]:
        allowed = [asked for asked in ids if not self._is_denied(asked)]
        errors = [
            {
                "SecretId": asked,
                "ErrorCode": "AccessDeniedException",
                "Message": _denial_text("GetSecretValue", asked),
            }
            for asked in ids
            if self._is_denied(asked)
        ]
        reply = self._ask(call, "BatchGetSecretValue", {"SecretIdList": allowed}) if allowed else {}
        if reply is None:
            # moto fails the whole call for a secret without a value; AWS reports that one.
            return self._one_by_one(call, allowed, errors)
        errors += [_as_aws(error) for error in reply.get("Errors", [])]
        # AWS promises no order; the reverse finds whoever relies on one.
        return reply.get("SecretValues", [])[::-1], errors

    def _one_by_one(self, call: Call, ids: list[str], errors: list[Any]) -> tuple[list, list]:
        values = []
        for asked in ids:
            value = self._ask(call, "GetSecretValue", {"SecretId": asked})
            if value is not None:
                values.append(value)
                continue
            exists = self._ask(call, "DescribeSecret", {"SecretId": asked})
            message = _MISSING_VALUE.format("AWSCURRENT") if exists else _MISSING
            code = "ResourceNotFoundException"
            errors.append({"SecretId": asked, "ErrorCode": code, "Message": message})
        return values, errors

    def _sts(self, call: Call) -> Reply:
        params = dict(call.params)
        if self.sts_duration_s is not None:
            params["DurationSeconds"] = str(self.sts_duration_s)
        body = urlencode({"Action": call.operation, "Version": "2011-06-15", **params}).encode()
        reply = self._upstream.send("/", self._passed_on(call), body)
        issued = re.search(rb"<AccessKeyId>(\w+)</AccessKeyId>", reply.body)
        role = re.match(r"arn:aws:iam::(\d{12}):role/", params.get("RoleArn", ""))
        if issued and role:
            self._issued[issued[1].decode()] = role[1]
        return replace(reply, headers={"Content-Type": "text/xml"})

    def _list_of(self, call: Call) -> SecretList:
        key = (self._account_of(call), call.region)
        with self._lock:
            if key not in self._lists:
                self._lists[key] = SecretList(
                    lambda operation, params: self._ask(call, operation, params),
                    lambda: self.clock(),  # noqa: PLW0108 - a test may replace the clock later
                )
            return self._lists[key]

    def _account_of(self, call: Call) -> str:
        return self._issued.get(call.access_key, self.account)

    def _is_denied(self, asked: str) -> bool:
        name = asked.rpartition(":secret:")[2]
        return bool({name, name[:-_ARN_SUFFIX]} & self.denied)

    def _ask(self, call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Run another operation behind, as the same caller; None where it says not found."""
        target = {**call.request.headers, "x-amz-target": f"secretsmanager.{operation}"}
        request = replace(call.request, headers=target)
        asked = replace(call, operation=operation, params=params, request=request)
        reply = self._forwarded(asked)
        fields = json.loads(reply.body)
        if fields.get("__type") == "ResourceNotFoundException":
            return None
        assert reply.status == 200, f"{operation} behind the front: {fields}"
        return fields

    def _forwarded(self, call: Call) -> Reply:
        headers = self._passed_on(call)
        reply = self._upstream.send("/", headers, json.dumps(call.params).encode())
        return (
            _json(_without_nulls(json.loads(reply.body))) if reply.status < 300 else _error(reply)
        )

    def _passed_on(self, call: Call) -> dict[str, str]:
        kept = ("authorization", "content-type", "host", "x-amz-target", "x-amz-security-token")
        headers = {name: call.request.headers.get(name, "") for name in kept}
        return {
            **{name: value for name, value in headers.items() if value},
            "x-moto-account-id": self._account_of(call),
        }


def _parsed(request: Request) -> Call:
    credential = re.search(
        r"Credential=([^/]+)/\d+/([^/]+)/", request.headers.get("authorization", "")
    )
    access_key, region = credential.groups() if credential else ("", "")
    target = request.headers.get("x-amz-target", "")
    if target:
        params = json.loads(request.body or b"{}")
        return Call(target.rpartition(".")[2], params, access_key, region, request)
    params = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    params.pop("Version", None)
    return Call(params.pop("Action", "Unknown"), params, access_key, region, request)


def _json(fields: dict[str, Any]) -> Reply:
    headers = {
        "Content-Type": CONTENT_TYPE,
        "x-amzn-RequestId": "00000000-0000-0000-0000-000000000000",
    }
    return Reply(200, headers, json.dumps(fields).encode())


def _error(reply: Reply) -> Reply:
    """Give an error of moto the status, headers and wording of AWS."""
    fields = json.loads(reply.body)
    code, message = fields.get("__type", "InternalServiceError"), fields.get("message", "")
    if reply.status >= 500:
        return aws_error(code, message, status=reply.status)
    return aws_error(code, _MARKED if "marked deleted" in message else message)


def _as_aws(error: dict[str, Any]) -> dict[str, Any]:
    marked = "marked deleted" in error.get("Message", "")
    return {**error, "Message": _MARKED} if marked else error


def _page(entries: list[Any], start: int, size: int) -> dict[str, Any]:
    page: dict[str, Any] = {"SecretList": entries[start : start + size]}
    if start + size < len(entries):
        page["NextToken"] = f"offset-{start + size}"
    return page


def _registry_token(call: Call, account: str, now: float) -> dict[str, Any]:
    """Answer as ECR does, or ECR Public, which the SDK asks by another target."""
    token = base64.b64encode(b"AWS:canary-registry-password").decode()
    found: dict[str, Any] = {"authorizationToken": token, "expiresAt": int(now) + 12 * 3600}
    if call.request.headers["x-amz-target"].startswith("Spencer"):
        return {"authorizationData": found}
    found["proxyEndpoint"] = f"https://{account}.dkr.ecr.{call.region}.amazonaws.com"
    return {"authorizationData": [found]}


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _denial_text(operation: str, resource: str, service: str = "secretsmanager") -> str:
    return (
        "User: arn:aws:iam::000000000000:user/test is not authorized to perform: "
        f"{service}:{operation} on resource: {resource} because no identity-based policy "
        f"allows the {service}:{operation} action"
    )


def _denial(operation: str, resource: str, service: str = "secretsmanager") -> Reply:
    return aws_error("AccessDeniedException", _denial_text(operation, resource, service))
