"""Reads values from Parameter Store: ten in a call, or one by one where that is denied.

Neighbours: `parameter_store` decides what is read how; `parameter_names` matches replies;
`errors` classifies. GetParameters names together what does not exist and what it does
not understand: a name counts as absent once GetParameter has said so of that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from providers.aws.calls import CallError, Calls, concerns_all, one_by_one
from providers.aws.errors import UNREADABLE, Fault
from providers.aws.parameter_names import ParameterIndex, bare_name, version_id
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

__all__ = ["BATCH_MAX_NAMES", "ParameterReader"]

#: Parameter Store refuses a GetParameters with more names.
BATCH_MAX_NAMES = 10

_GET = "GetParameter"
_BATCH = "GetParameters"
_NO_ANSWER = Fault(Unavailable, "the reply does not mention it")


class ParameterReader:
    """Reads parameters by name.

    Attributes:
        singles_only: GetParameters turned out to be denied, GetParameter not.
        alone: names that spoil a call for others: a denial is one of the whole call.
    """

    def __init__(self, client: Any, calls: Calls) -> None:
        self._client = client
        self._calls = calls
        self.singles_only = False
        self.alone: frozenset[str] = frozenset()

    def forget(self) -> None:
        """Forget what was learned about denied calls."""
        self.singles_only = False
        self.alone = frozenset()

    def get(self, names: Sequence[str]) -> dict[str, SecretValue | ProviderError]:
        """Read at most `BATCH_MAX_NAMES` different names."""
        if len(names) == 1 or self.singles_only:
            return self._get_each(names)
        try:
            return self._get_together(names)
        except CallError as failed:
            if concerns_all(failed.fault):
                return {name: failed.error(name) for name in names}
        answers = self._get_each(names)
        spoilers = {name for name, got in answers.items() if _spoils(got)}
        if len(spoilers) < len(names):
            # Where nothing may be read at all, nothing was learned about single names.
            self.alone |= spoilers
        return answers

    def _get_each(self, names: Sequence[str]) -> dict[str, SecretValue | ProviderError]:
        return one_by_one(names, self._get_alone)

    def _get_alone(self, name: str) -> SecretValue | ProviderError:
        """Read one name by whichever of the two operations this identity may use."""
        if not self.singles_only:
            try:
                return self._get_together([name])[name]
            except CallError as failed:
                if failed.fault.kind is not AccessDenied and not failed.fault.unknown_operation:
                    raise
        answer = self._get_one(name)
        self.singles_only = True
        return answer

    def _get_together(self, names: Sequence[str]) -> dict[str, SecretValue | ProviderError]:
        reply = self._calls.run(
            _BATCH, self._client.get_parameters, Names=list(names), WithDecryption=True
        )
        found = reply.get("Parameters")
        if not isinstance(found, list):
            # An unreadable body must not pass for an account without parameters.
            raise CallError(UNREADABLE, _BATCH)
        index = ParameterIndex(found)
        invalid = reply.get("InvalidParameters")
        invalid = invalid if isinstance(invalid, list) else []
        answers: dict[str, SecretValue | ProviderError] = {}
        refused: list[str] = []
        for name in names:
            entry = index.find(name)
            if entry is not None:
                answers[name] = _value(entry, name)
            elif name not in invalid:
                answers[name] = _NO_ANSWER.error(_BATCH, name)
            else:
                refused.append(name)
        # Why GetParameters calls a name invalid, the other operation tells.
        return answers | one_by_one(refused, self._get_one, self._explained)

    def _get_one(self, name: str) -> SecretValue | ProviderError:
        reply = self._calls.run(_GET, self._client.get_parameter, Name=name, WithDecryption=True)
        entry = reply.get("Parameter")
        if not isinstance(entry, Mapping):
            raise CallError(UNREADABLE, _GET)
        if ParameterIndex([entry]).find(name) is None:
            return MalformedSecret(f'AWS answered {_GET} of "{shown(name)}" with another parameter')
        return _value(entry, name)

    def _explained(self, failed: CallError, name: str) -> ProviderError:
        if failed.fault.kind is AccessDenied or failed.fault.unknown_operation:
            return SecretNotFound(
                f'AWS finds no parameter for {_BATCH} of "{shown(name)}"',
                remedy="check the key, the region and the account of the store; allow "
                "ssm:GetParameter to have its absence confirmed",
            )
        if failed.fault.kind is SecretNotFound and bare_name(name) != name:
            return self._selector_state(name)
        return failed.error(name)

    def _selector_state(self, name: str) -> ProviderError:
        """Tell an absent parameter from an existing one without the asked version or label."""
        bare = bare_name(name)
        try:
            reply = self._calls.run(_GET, self._client.get_parameter, Name=bare)
        except CallError as failed:
            return failed.error(bare)
        if not isinstance(reply.get("Parameter"), Mapping):
            return UNREADABLE.error(_GET, bare)
        return SecretNotFound(
            f'parameter "{shown(bare)}" has no version or label '
            f'"{shown(name.removeprefix(bare)[1:])}"',
            remedy="aws ssm get-parameter-history shows those it has",
        )


def _spoils(answer: SecretValue | ProviderError) -> bool:
    """Return whether a name was refused by itself, in a way that takes others along."""
    return isinstance(answer, ProviderError) and not isinstance(
        answer, SecretNotFound | Unavailable
    )


def _value(entry: Mapping[str, Any], name: str) -> SecretValue | ProviderError:
    text, version = entry.get("Value"), version_id(entry)
    if not version:
        return MalformedSecret(f'AWS gave no version of "{shown(name)}"')
    if not isinstance(text, str):
        return MalformedSecret(f'parameter "{shown(name)}" holds no text')
    try:
        value = text.encode()
    except UnicodeEncodeError:
        # A lone surrogate. The exception holds the value and must not get out.
        return MalformedSecret(f'parameter "{shown(name)}" holds a text that is not UTF-8')
    return SecretValue(SecretBytes(value), version, entry["LastModifiedDate"].astimezone(UTC))
