"""What Parameter Store refuses, dates and shows at AWS, before moto.

Neighbour: `aws_front`. moto takes names that AWS refuses, gives pages of its own size,
knows no delay of lists, and leaves out the selector of a reply.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

from tests.support.aws_list import BadRequestError

__all__ = ["PARAMETER_TARGET", "Parameters"]

PARAMETER_TARGET = "AmazonSSM."

Entry = dict[str, Any]
Ask = Callable[[str, Entry], Entry]

_NAMES_MAX = 10
_BY_PATH_MAX = 10
_DESCRIBE_MAX = 50
_STANDARD_MAX_BYTES = 4096
_MAX_CHARS = 2048
_LEVELS_MAX = 15
_NAME = re.compile(
    r"(arn:aws:ssm:[^:]+:\d{12}:parameter/)?/?[\w.-]+(/[\w.-]+)*(:[\w.-]+)?", re.ASCII
)
_FILTER_KEYS = re.compile(r"tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType")


class Parameters:
    """The parameters of one account and region, as AWS would answer for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dates: dict[tuple[str, int], float] = {}
        self._deleted: dict[str, float] = {}
        self._states: dict[str, list[tuple[float, Entry | None]]] = {}

    @staticmethod
    def asked(operation: str, params: Entry) -> set[str]:
        """Return the names whose permission a call needs."""
        if operation == "GetParameters":
            return {_bare(name) for name in params.get("Names", [])}
        if operation in ("GetParameter", "PutParameter", "DeleteParameter"):
            return {_bare(params.get("Name", ""))}
        return {params.get("ResourceId", "")}

    def served(
        self,
        operation: str,
        params: Entry,
        *,
        ask: Ask,
        now: float,
        lag_s: float,
        empty_pages: int,
    ) -> Entry:
        """Answer a call.

        Args:
            ask: runs an operation at the server behind.
            now: the service's time, in seconds since the epoch.
            lag_s: what DescribeParameters does not show yet.
            empty_pages: how many pages without entries it gives before the first entry.

        Raises:
            BadRequestError: AWS would refuse it.
        """
        match operation:
            case "GetParameter":
                return {"Parameter": self._one(params, ask)}
            case "GetParameters":
                return self._several(params, ask)
            case "GetParametersByPath":
                return self._by_path(params, ask)
            case "DescribeParameters":
                return self._described(params, ask, now - lag_s, empty_pages)
            case "PutParameter":
                return self._put(params, ask, now)
            case "DeleteParameter":
                reply = ask(operation, params)
                self._note(params["Name"], None, now)
                return reply
            case _:
                reply = ask(operation, params)
                if operation in ("AddTagsToResource", "RemoveTagsFromResource"):
                    # Nothing of a version changes with its tags.
                    return {}
                return reply

    def _one(self, params: Entry, ask: Ask) -> Entry:
        name = params["Name"]
        _check_name(name)
        try:
            entry = ask("GetParameter", params)["Parameter"]
        except BadRequestError as refused:
            if _selector(name) and "ParameterNotFound" in refused.code:
                # moto takes a label that is not there for an absent parameter.
                ask("GetParameter", {"Name": _bare(name)})
                message = f"Systems Manager could not find version {name}"
                raise BadRequestError("ParameterVersionNotFound", message) from None
            raise
        return self._dated(entry, name)

    def _several(self, params: Entry, ask: Ask) -> Entry:
        names = params["Names"]
        if len(names) > _NAMES_MAX:
            raise _invalid(f"Value at 'names': length must be at most {_NAMES_MAX}")
        if len(set(names)) < len(names):
            raise _invalid("Duplicate parameter names")
        for name in names:
            _check_name(name)
        found, invalid = [], []
        # AWS promises no order; the reverse finds whoever relies on one.
        for name in reversed(names):
            # Asked together where no selector is: moto's reply does not say which is which.
            if _selector(name):
                reply = ask("GetParameters", {**params, "Names": [name]})
                found += [self._dated(entry, name) for entry in reply["Parameters"]]
                invalid += reply["InvalidParameters"]
        plain = [name for name in names if not _selector(name)]
        if plain:
            reply = ask("GetParameters", {**params, "Names": plain[::-1]})
            found += [self._dated(entry, "") for entry in reply["Parameters"]]
            invalid += reply["InvalidParameters"]
        return {"Parameters": found, "InvalidParameters": invalid}

    def _by_path(self, params: Entry, ask: Ask) -> Entry:
        path, size = params["Path"], params.get("MaxResults", _BY_PATH_MAX)
        if not path.startswith("/"):
            raise _invalid('The parameter path must begin with a forward slash "/"')
        if not 1 <= size <= _BY_PATH_MAX:
            raise _invalid(f"Value '{size}' at 'maxResults': at most {_BY_PATH_MAX}")
        reply = ask("GetParametersByPath", params)
        entries = [self._dated(entry, "") for entry in reply["Parameters"]]
        return {**reply, "Parameters": entries}

    def _described(self, params: Entry, ask: Ask, until: float, empty_pages: int) -> Entry:
        size = params.get("MaxResults", _DESCRIBE_MAX)
        if not 1 <= size <= _DESCRIBE_MAX:
            raise _invalid(f"Value '{size}' at 'maxResults': at most {_DESCRIBE_MAX}")
        filters = params.get("ParameterFilters", [])
        for one in filters:
            _check_filter(one)
        page = int(params.get("NextToken", "page-0").removeprefix("page-"))
        if page < empty_pages:
            return {"Parameters": [], "NextToken": f"page-{page + 1}"}
        entries = self._shown(_all_described(filters, ask), until)
        start = (page - empty_pages) * size
        reply: Entry = {"Parameters": entries[start : start + size]}
        if start + size < len(entries):
            reply["NextToken"] = f"page-{page + 1}"
        return reply

    def _shown(self, entries: list[Entry], until: float) -> list[Entry]:
        """Return the entries as they were, for what was written through the front."""
        shown = []
        with self._lock:
            for entry in entries:
                history = self._states.get(entry["Name"])
                if history is None:
                    shown.append(entry)
                    continue
                state = next((one for at, one in reversed(history) if at <= until), None)
                if state is not None:
                    shown.append(state)
        return shown

    def _put(self, params: Entry, ask: Ask, now: float) -> Entry:
        name, value = params["Name"], params["Value"]
        _check_name(name, new=True)
        if params.get("Tier", "Standard") == "Standard" and len(value) > _STANDARD_MAX_BYTES:
            raise _invalid("Standard tier parameters support a maximum value of 4096 characters.")
        if now - self._deleted.get(name, 0) < 30:
            raise _invalid("A deleted name can be used again after 30 seconds")
        reply = ask("PutParameter", params)
        entry = ask("GetParameter", {"Name": name})["Parameter"]
        with self._lock:
            self._dates[entry["Name"], entry["Version"]] = now
        entry = {key: field for key, field in entry.items() if key != "Value"}
        self._note(name, {**entry, "LastModifiedDate": now}, now)
        return reply

    def _note(self, name: str, entry: Entry | None, now: float) -> None:
        with self._lock:
            if entry is None:
                self._deleted[name] = now
            self._states.setdefault(name, []).append((now, entry))

    def _dated(self, entry: Entry, asked: str) -> Entry:
        with self._lock:
            made_at = self._dates.get((entry["Name"], entry["Version"]))
        dated = entry if made_at is None else {**entry, "LastModifiedDate": made_at}
        return {**dated, "Selector": _selector(asked)} if _selector(asked) else dated


def _all_described(filters: list[Entry], ask: Ask) -> list[Entry]:
    entries: list[Entry] = []
    token: Entry = {}
    while True:
        reply = ask("DescribeParameters", {"ParameterFilters": filters, **token})
        entries += [
            {key: field for key, field in entry.items() if key != "Value"}
            for entry in reply["Parameters"]
        ]
        if not reply.get("NextToken"):
            return entries
        token = {"NextToken": reply["NextToken"]}


def _check_name(name: str, *, new: bool = False) -> None:
    bare = _bare(name)
    if len(name) > _MAX_CHARS or not _NAME.fullmatch(name):
        raise _invalid("Parameter name: it can consist of sub-paths divided by slash symbol")
    if new and (bare.count("/") > _LEVELS_MAX or ("/" in bare and bare[0] != "/")):
        raise _invalid("Parameter name must be a fully qualified name.")


def _check_filter(one: Entry) -> None:
    key, values = one["Key"], one.get("Values", [])
    if not _FILTER_KEYS.fullmatch(key) or len(key) > 132:
        raise BadRequestError("InvalidFilterKey", "The filter key is not valid")
    if len(values) > _DESCRIBE_MAX or not all(1 <= len(value) <= 1024 for value in values):
        raise _invalid("Value at 'parameterFilters.1.member.values' failed its constraint")
    if key == "Name" and any("arn:" in value for value in values):
        raise _invalid("A name of a filter is no ARN")


def _selector(name: str) -> str:
    bare = _bare(name)
    return name[len(bare) :]


def _bare(name: str) -> str:
    head, slash, rest = name.rpartition("parameter/") if name.startswith("arn:") else ("", "", name)
    return head + slash + rest.partition(":")[0]


def _invalid(message: str) -> BadRequestError:
    return BadRequestError("ValidationException", message)
