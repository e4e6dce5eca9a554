"""A request as AWS would understand it, and moto behind, as AWS would word its answers.

Neighbours: `aws_front` takes the requests, `aws_secrets` and `aws_parameters` serve them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.support.aws_faults import CONTENT_TYPE, aws_error
from tests.support.aws_http import Reply, Request, Upstream

__all__ = [
    "MARKED",
    "Behind",
    "Call",
    "denial",
    "denial_text",
    "json_reply",
    "parsed",
    "without_nulls",
]

MARKED = "You can't perform this operation on the secret because it was marked for deletion."


@dataclass(frozen=True, slots=True)
class Call:
    """One request that arrived, as the service would understand it."""

    operation: str
    params: dict[str, Any]
    access_key: str
    region: str
    request: Request


class Behind:
    """moto, asked as the caller of the front.

    Args:
        account: of callers whose keys no role issued.
    """

    def __init__(self, upstream_url: str, account: str) -> None:
        self._account = account
        self._issued: dict[str, str] = {}
        self._upstream = Upstream(upstream_url)

    def close(self) -> None:
        """End its connections."""
        self._upstream.close()

    def account_of(self, call: Call) -> str:
        """Return whose account a call is about."""
        return self._issued.get(call.access_key, self._account)

    def issue(self, call: Call, params: dict[str, Any]) -> Reply:
        """Run an operation of STS, and note the account of what it issues."""
        body = urlencode({"Action": call.operation, "Version": "2011-06-15", **params}).encode()
        reply = self._upstream.send("/", self._passed_on(call), body)
        issued = re.search(rb"<AccessKeyId>(\w+)</AccessKeyId>", reply.body)
        role = re.match(r"arn:aws:iam::(\d{12}):role/", params.get("RoleArn", ""))
        if issued and role:
            self._issued[issued[1].decode()] = role[1]
        return replace(reply, headers={"Content-Type": "text/xml"})

    def ask(self, call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Run another operation behind, as the same caller; None where it says not found."""
        target = {**call.request.headers, "x-amz-target": f"secretsmanager.{operation}"}
        request = replace(call.request, headers=target)
        asked = replace(call, operation=operation, params=params, request=request)
        reply = self.forwarded(asked)
        fields = json.loads(reply.body)
        if fields.get("__type") == "ResourceNotFoundException":
            return None
        assert reply.status == 200, f"{operation} behind the front: {fields}"
        return fields

    def forwarded(self, call: Call) -> Reply:
        """Run a call as it is."""
        headers = self._passed_on(call)
        reply = self._upstream.send("/", headers, json.dumps(call.params).encode())
        return (
            json_reply(without_nulls(json.loads(reply.body)))
            if reply.status < 300
            else _error(reply)
        )

    def _passed_on(self, call: Call) -> dict[str, str]:
        kept = ("authorization", "content-type", "host", "x-amz-target", "x-amz-security-token")
        headers = {name: call.request.headers.get(name, "") for name in kept}
        return {
            **{name: value for name, value in headers.items() if value},
            "x-moto-account-id": self.account_of(call),
        }


def parsed(request: Request) -> Call:
    """Read a request of either protocol."""
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


def json_reply(fields: dict[str, Any]) -> Reply:
    """Return a good answer."""
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
    return aws_error(code, MARKED if "marked deleted" in message else message)


def without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what AWS leaves out."""
    return {name: value for name, value in fields.items() if value is not None}


def denial_text(operation: str, resource: str, service: str = "secretsmanager") -> str:
    """Return what AWS says to who may not."""
    return (
        "User: arn:aws:iam::000000000000:user/test is not authorized to perform: "
        f"{service}:{operation} on resource: {resource} because no identity-based policy "
        f"allows the {service}:{operation} action"
    )


def denial(operation: str, resource: str, service: str = "secretsmanager") -> Reply:
    """Return AWS's answer to who may not."""
    return aws_error("AccessDeniedException", denial_text(operation, resource, service))
