"""AWS Secrets Manager as it documents itself, over moto.

Neighbours: `aws_list` keeps what ListSecrets shows; `aws_front` hands the calls over.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from tests.support.aws_calls import (
    MARKED,
    Behind,
    Call,
    denial,
    denial_text,
    json_reply,
    without_nulls,
)
from tests.support.aws_faults import aws_error
from tests.support.aws_http import Reply
from tests.support.aws_list import BadRequestError, SecretList

__all__ = ["SecretsManager"]

_BATCH_MAX_IDS = 20
_FILTER_PAGE = 20
_ARN_SUFFIX = 7
_MISSING = "Secrets Manager can't find the specified secret."
_MISSING_VALUE = "Secrets Manager can't find the specified secret value for staging label: {}"

_WRITES = frozenset(
    """CreateSecret DeleteSecret PutSecretValue RestoreSecret RotateSecret TagResource
    UntagResource UpdateSecret UpdateSecretVersionStage""".split()  # noqa: SIM905 - reads as a list
)


class Conditions(Protocol):
    """What a test sets at the front, at any time; see `aws_front.StrictFront`."""

    clock: Callable[[], float]
    list_lag_s: float
    ignore_sort: bool
    list_page: int | None
    batch_page: int | None
    denied: set[str]


class SecretsManager:
    """Every account and region of one front."""

    def __init__(self, behind: Behind, conditions: Conditions) -> None:
        self._behind = behind
        self._conditions = conditions
        self._lock = threading.Lock()
        self._lists: dict[tuple[str, str], SecretList] = {}

    def redate(self, *, step_s: float) -> None:
        """Date what was listed so far one step apart, from now, in the order of creation."""
        for secrets in self._lists.values():
            secrets.redate(self._conditions.clock(), step_s)

    def served(self, call: Call) -> Reply:
        """Answer a call.

        Raises:
            BadRequestError: AWS would refuse it.
        """
        match call.operation:
            case "ListSecrets":
                entries, start, size = self._list_of(call).shown(
                    call.params,
                    lag_s=self._conditions.list_lag_s,
                    sort=not self._conditions.ignore_sort,
                )
                return json_reply(
                    _page(entries, start, min(size, self._conditions.list_page or size))
                )
            case "BatchGetSecretValue":
                return json_reply(self._batch(call))
            case "GetSecretValue":
                return self._get(call)
            case "DescribeSecret":
                return self._described(call)
            case operation if operation in _WRITES:
                return self._written(call)
            case _:
                return self._behind.forwarded(call)

    def _get(self, call: Call) -> Reply:
        if self._is_denied(call.params.get("SecretId", "")):
            return denial(call.operation, call.params["SecretId"])
        reply = self._behind.forwarded(call)
        stage = call.params.get("VersionStage")
        if stage and json.loads(reply.body).get("__type") == "ResourceNotFoundException":
            exists = self._behind.ask(call, "DescribeSecret", {"SecretId": call.params["SecretId"]})
            message = _MISSING_VALUE.format(stage) if exists else _MISSING
            return aws_error("ResourceNotFoundException", message)
        return reply

    def _described(self, call: Call) -> Reply:
        reply = self._behind.forwarded(call)
        fields = json.loads(reply.body)
        changed_at = self._list_of(call).changed_at(fields.get("ARN", ""))
        if changed_at is not None:
            fields["LastChangedDate"] = changed_at
            return replace(reply, body=json.dumps(fields).encode())
        return reply

    def _written(self, call: Call) -> Reply:
        secrets = self._list_of(call)
        secrets.load()
        reply = self._behind.forwarded(call)
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
            return without_nulls(self._behind.ask(call, call.operation, params) or {})
        values, errors = self._batch_by_id(call, ids)
        start, size = (
            int(params.get("NextToken", 0)),
            self._conditions.batch_page or len(values) or 1,
        )
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
                "Message": denial_text("GetSecretValue", asked),
            }
            for asked in ids
            if self._is_denied(asked)
        ]
        reply = (
            self._behind.ask(call, "BatchGetSecretValue", {"SecretIdList": allowed})
            if allowed
            else {}
        )
        if reply is None:
            # moto fails the whole call for a secret without a value; AWS reports that one.
            return self._one_by_one(call, allowed, errors)
        errors += [_as_aws(error) for error in reply.get("Errors", [])]
        # AWS promises no order; the reverse finds whoever relies on one.
        return reply.get("SecretValues", [])[::-1], errors

    def _one_by_one(self, call: Call, ids: list[str], errors: list[Any]) -> tuple[list, list]:
        values = []
        for asked in ids:
            value = self._behind.ask(call, "GetSecretValue", {"SecretId": asked})
            if value is not None:
                values.append(value)
                continue
            exists = self._behind.ask(call, "DescribeSecret", {"SecretId": asked})
            message = _MISSING_VALUE.format("AWSCURRENT") if exists else _MISSING
            code = "ResourceNotFoundException"
            errors.append({"SecretId": asked, "ErrorCode": code, "Message": message})
        return values, errors

    def _list_of(self, call: Call) -> SecretList:
        key = (self._behind.account_of(call), call.region)
        with self._lock:
            if key not in self._lists:
                self._lists[key] = SecretList(
                    lambda operation, params: self._behind.ask(call, operation, params),
                    lambda: self._conditions.clock(),  # noqa: PLW0108 - a test may replace the clock later
                )
            return self._lists[key]

    def _is_denied(self, asked: str) -> bool:
        name = asked.rpartition(":secret:")[2]
        return bool({name, name[:-_ARN_SUFFIX]} & self._conditions.denied)


def _as_aws(error: dict[str, Any]) -> dict[str, Any]:
    marked = "marked deleted" in error.get("Message", "")
    return {**error, "Message": MARKED} if marked else error


def _page(entries: list[Any], start: int, size: int) -> dict[str, Any]:
    page: dict[str, Any] = {"SecretList": entries[start : start + size]}
    if start + size < len(entries):
        page["NextToken"] = f"offset-{start + size}"
    return page
