"""What ListSecrets shows at AWS: sorted, paged, late.

Neighbour: `aws_front`. moto ignores the order and has no delay; this keeps the
states that each secret had and shows the list as it was `lag_s` ago.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

__all__ = ["BadRequestError", "SecretList"]

Entry = dict[str, Any]
Ask = Callable[[str, dict[str, Any]], Entry | None]

_MAX_RESULTS = 100
_SORT_FIELDS = {
    "created-date": "CreatedDate",
    "last-accessed-date": "LastAccessedDate",
    "last-changed-date": "LastChangedDate",
    "name": "Name",
}


class BadRequestError(Exception):
    """The request breaks a limit; carries AWS's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SecretList:
    """The states of all secrets of one account and region, by the front's clock.

    Args:
        ask: runs an operation at the server behind; None where it says not found.
        clock: seconds since the epoch.
    """

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, list[tuple[float, Entry | None]]] | None = None

    def load(self) -> None:
        """Read everything from behind, once."""
        with self._lock:
            if self._states is None:
                params = {"MaxResults": 1_000_000, "IncludePlannedDeletion": True}
                entries = (self._ask("ListSecrets", params) or {})["SecretList"]
                self._states = {
                    entry["ARN"]: [(entry["LastChangedDate"], _stripped(entry))]
                    for entry in entries
                }

    def changed(self, secret_id: str, arn: str) -> None:
        """Take note that a secret has just been written, or removed."""
        self.load()
        entry = self._ask("DescribeSecret", {"SecretId": secret_id})
        at = self._clock()
        with self._lock:
            states = self._states.setdefault((entry or {}).get("ARN", arn), [])
            state = None if entry is None else _stripped({**entry, "LastChangedDate": at})
            states.append((at, state))

    def redate(self, start: float, step_s: float) -> None:
        """Date the secrets one step apart, as if each had just been made."""
        with self._lock:
            for number, (arn, history) in enumerate((self._states or {}).items()):
                at = start + number * step_s
                self._states[arn] = [(at, {**(history[-1][1] or {}), "LastChangedDate": at})]

    def changed_at(self, arn: str) -> float | None:
        """Return the date of the last change, as the front knows it."""
        states = (self._states or {}).get(arn)
        return states[-1][0] if states else None

    def shown(
        self, params: dict[str, Any], *, lag_s: float, sort: bool
    ) -> tuple[list[Entry], int, int]:
        """Return what ListSecrets shows in its order, and where a page starts and how long it is.

        Raises:
            BadRequestError: a parameter is out of its limits.
        """
        size = params.get("MaxResults", _MAX_RESULTS)
        if not 1 <= size <= _MAX_RESULTS:
            raise BadRequestError(
                "ValidationException",
                f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy "
                f"constraint: Member must have value less than or equal to {_MAX_RESULTS}",
            )
        entries = self._shown(params, self._clock() - lag_s)
        if sort and params.get("SortBy"):
            field = _SORT_FIELDS[params["SortBy"]]
            newest_first = params.get("SortOrder", "asc") == "desc"
            entries.sort(key=lambda entry: entry.get(field) or 0, reverse=newest_first)
        return entries, _offset(params.get("NextToken", "offset-0")), size

    def _shown(self, params: dict[str, Any], until: float) -> list[Entry]:
        self.load()
        with self._lock:
            states = [_state_at(history, until) for history in self._states.values()]
        entries = [entry for entry in states if entry is not None]
        if not params.get("IncludePlannedDeletion"):
            entries = [entry for entry in entries if not entry.get("DeletedDate")]
        if params.get("Filters"):
            asked = {"Filters": params["Filters"], "MaxResults": 1_000_000}
            matched = (self._ask("ListSecrets", asked) or {})["SecretList"]
            arns = {entry["ARN"] for entry in matched}
            entries = [entry for entry in entries if entry["ARN"] in arns]
        return entries


def _stripped(entry: Entry) -> Entry:
    """Drop nulls, as AWS does, and what only DescribeSecret gives."""
    return {
        name: value
        for name, value in entry.items()
        if value is not None and name not in ("VersionIdsToStages", "ResponseMetadata")
    }


def _state_at(history: list[tuple[float, Entry | None]], until: float) -> Entry | None:
    return next((entry for at, entry in reversed(history) if at <= until), None)


def _offset(token: str) -> int:
    prefix, _, number = token.partition("-")
    if prefix != "offset" or not number.isdigit():
        raise BadRequestError("InvalidNextTokenException", "The NextToken value is invalid.")
    return int(number)
