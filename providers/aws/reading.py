"""Reads values from Secrets Manager: one by one, or twenty in a call.

Neighbours: `secrets_manager` decides what is read how; `ids` matches replies;
`errors` classifies. An answer that lacks an asked secret is an error, never an
absence: only AWS saying so makes a secret absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from providers.aws.calls import CallError, Calls, concerns_all, one_by_one
from providers.aws.errors import UNREADABLE, Fault, fault_of_code
from providers.aws.ids import SecretIndex
from providers.base import (
    AccessDenied,
    MalformedSecret,
    ProviderError,
    SecretBytes,
    SecretNotFound,
    SecretValue,
    Unavailable,
)
from providers.showing import shown

__all__ = ["BATCH_MAX_IDS", "Read", "SecretReader", "pending_deletion"]

#: AWS refuses a BatchGetSecretValue with more ids.
BATCH_MAX_IDS = 20

_GET = "GetSecretValue"
_BATCH = "BatchGetSecretValue"
_NO_ANSWER = Fault(Unavailable, "the reply does not mention it")


@dataclass(frozen=True, slots=True)
class Read:
    """A value, and the full ARN under which AWS holds it."""

    value: SecretValue
    arn: str


class SecretReader:
    """Reads secrets by SecretId.

    Attributes:
        singles_only: batches turned out to be denied or unknown to the endpoint.
    """

    def __init__(self, client: Any, calls: Calls) -> None:
        self._client = client
        self._calls = calls
        self.singles_only = False

    def get(self, asked: str, version: Mapping[str, str]) -> Read | ProviderError:
        """Read one secret; `version` is {}, VersionId or VersionStage."""
        try:
            return self._asked(asked, version)
        except CallError as failed:
            return self._explained(failed.fault, failed.error(asked), asked, version)

    def get_current(self, ids: Sequence[str]) -> dict[str, Read | ProviderError]:
        """Read the current versions of at most `BATCH_MAX_IDS` different secrets."""
        if len(ids) == 1 or self.singles_only:
            return self._get_each(ids)
        index, faults = SecretIndex(), SecretIndex()
        rest: CallError | None = None
        try:
            for reply in self._pages(ids):
                index.add(_listed(reply, "SecretValues"))
                faults.add(_as_named(entry) for entry in _listed(reply, "Errors"))
        except CallError as failed:
            rest = failed
        if rest is not None and not concerns_all(rest.fault):
            return self._without_batch(ids, rest.fault)
        return {asked: self._answer(asked, index, faults, rest) for asked in ids}

    def _pages(self, ids: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        """Yield the pages of one batch; a service that keeps paging is cut off."""
        token: dict[str, str] = {}
        for _ in ids:
            reply = self._calls.run(
                _BATCH, self._client.batch_get_secret_value, SecretIdList=list(ids), **token
            )
            yield reply
            if not reply.get("NextToken"):
                return
            token = {"NextToken": reply["NextToken"]}

    def _answer(
        self, asked: str, index: SecretIndex, faults: SecretIndex, rest: CallError | None
    ) -> Read | ProviderError:
        entry = index.find(asked)
        if entry is not None:
            return _read(entry, asked)
        refusal = faults.find(asked)
        if refusal is not None:
            fault = fault_of_code(str(refusal.get("ErrorCode")), str(refusal.get("Message")))
            return self._explained(fault, fault.error(_BATCH, asked), asked, {})
        return rest.error(asked) if rest is not None else _NO_ANSWER.error(_BATCH, asked)

    def _without_batch(self, ids: Sequence[str], fault: Fault) -> dict[str, Read | ProviderError]:
        """Read one by one after the whole batch was refused.

        Either the identity may only use GetSecretValue, as users of External Secrets
        Operator often may; or one id is unacceptable, which must not cost the others.
        """
        answers = self._get_each(ids)
        lacks_batch = fault.kind is AccessDenied or fault.unknown_operation
        if lacks_batch and any(not isinstance(got, AccessDenied) for got in answers.values()):
            # Where nothing may be read at all, nothing was learned about batches.
            self.singles_only = True
        return answers

    def _get_each(self, ids: Sequence[str]) -> dict[str, Read | ProviderError]:
        return one_by_one(
            ids,
            lambda asked: self._asked(asked, {}),
            lambda failed, asked: self._explained(failed.fault, failed.error(asked), asked, {}),
        )

    def _asked(self, asked: str, version: Mapping[str, str]) -> Read | ProviderError:
        reply = self._calls.run(_GET, self._client.get_secret_value, SecretId=asked, **version)
        if SecretIndex([reply]).find(asked) is not None:
            return _read(reply, asked)
        if reply.get("ARN"):
            return MalformedSecret(f'AWS answered {_GET} of "{shown(asked)}" with another secret')
        raise CallError(UNREADABLE, _GET)

    def _explained(
        self, fault: Fault, error: ProviderError, asked: str, version: Mapping[str, str]
    ) -> ProviderError:
        """Find out what AWS says in one code for several things, where it does so."""
        if fault.code == "InvalidRequestException":
            return self._deletion_state(asked, error)
        if fault.kind is SecretNotFound and version:
            return self._version_state(asked, error, next(iter(version.values())))
        return error

    def _deletion_state(self, asked: str, error: ProviderError) -> ProviderError:
        """Tell a secret that is scheduled for deletion from another refusal."""
        try:
            described = self._describe(asked)
        except CallError as failed:
            if failed.fault.kind is AccessDenied:
                error.remedy = (
                    "if the secret is scheduled for deletion, restore it; allow "
                    "secretsmanager:DescribeSecret to have that told apart"
                )
                return error
            return failed.error(asked)
        return pending_deletion(asked) if described.get("DeletedDate") else error

    def _version_state(self, asked: str, error: ProviderError, version: str) -> ProviderError:
        """Tell an absent secret from an existing one without the asked version."""
        try:
            described = self._describe(asked)
        except CallError as failed:
            if failed.fault.kind is SecretNotFound:
                return failed.error(asked)
            return SecretNotFound(error.message, remedy=error.remedy, definite=False)
        if described.get("DeletedDate"):
            return pending_deletion(asked)
        return SecretNotFound(
            f'secret "{shown(asked)}" has no version or stage "{shown(version)}"',
            remedy="aws secretsmanager list-secret-version-ids shows those it has",
        )

    def _describe(self, asked: str) -> Mapping[str, Any]:
        reply = self._calls.run("DescribeSecret", self._client.describe_secret, SecretId=asked)
        if not reply.get("ARN"):
            raise CallError(UNREADABLE, "DescribeSecret")
        return reply


def _listed(reply: Mapping[str, Any], field: str) -> Sequence[Any]:
    found = reply.get(field)
    return found if isinstance(found, list) else ()


def _as_named(entry: Any) -> Any:
    """Give an entry of `Errors` the fields by which it is found."""
    if not isinstance(entry, Mapping):
        return None
    asked = str(entry.get("SecretId", ""))
    return {**entry, "ARN" if asked.startswith("arn:") else "Name": asked}


def _read(entry: Mapping[str, Any], asked: str) -> Read | ProviderError:
    version, arn = entry.get("VersionId"), entry.get("ARN")
    if not isinstance(version, str) or not version or not isinstance(arn, str):
        return MalformedSecret(f'AWS gave no version id for "{shown(asked)}"')
    payload = _payload(entry)
    if payload is None:
        return MalformedSecret(
            f'secret "{shown(asked)}" holds neither a text that is UTF-8 nor binary data',
            remedy="write a new version of it",
        )
    return Read(SecretValue(SecretBytes(payload), version, _utc(entry.get("CreatedDate"))), arn)


def _payload(entry: Mapping[str, Any]) -> bytes | None:
    text, binary = entry.get("SecretString"), entry.get("SecretBinary")
    if isinstance(text, str):
        try:
            return text.encode()
        except UnicodeEncodeError:
            # A lone surrogate. The exception holds the value and must not get out.
            return None
    return binary if isinstance(binary, bytes) else None


def _utc(when: object) -> datetime | None:
    return when.astimezone(UTC) if isinstance(when, datetime) else None


def pending_deletion(asked: str) -> SecretNotFound:
    """Return the answer for a secret that AWS still keeps, but that was deleted."""
    return SecretNotFound(
        f'secret "{shown(asked)}" is scheduled for deletion',
        remedy=f"aws secretsmanager restore-secret --secret-id {asked}",
        definite=True,
        pending_deletion=True,
    )
