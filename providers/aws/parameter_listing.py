"""What Parameter Store holds, without reading values: changes, and what a query finds.

Neighbours: `parameter_store` reads what this names; `parameter_names` says what a version
is called. No clock, no memory: a list is judged by what the caller knows.

Changes: DescribeParameters, filtered for fifty known names a call. It costs a fifth of
reading them by ten, whatever else the account holds, and decrypts nothing. A name that
it does not show is `unknown`, never gone: lists are late, and a reply may hold less than
was asked for. So is one that it shows older than it is known, and a label, which moves
from version to version and shows in no list.

Finding: GetParametersByPath, by ten and without decryption, as an identity that may read
below a path may list it. Where that is denied, or tags are asked for, DescribeParameters.

Source: API_DescribeParameters, API_GetParametersByPath of Systems Manager.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.aws.calls import CallError, Calls
from providers.aws.errors import UNREADABLE
from providers.aws.parameter_names import (
    ParameterIndex,
    invalid_name,
    is_filterable,
    is_same_version,
    parameter_name,
    version_id,
)
from providers.base import (
    AccessDenied,
    Changes,
    FindQuery,
    FoundSecret,
    InvalidRef,
    ProviderError,
    SecretRef,
    Unavailable,
)

__all__ = ["ParameterLister"]

#: AWS refuses more values in a filter, and larger pages.
_DESCRIBE_MAX = 50
_BY_PATH_MAX = 10
#: What a read by tens takes; change detection never costs more calls than reading all.
_NAMES_PER_READ = 10
_MIN_PAGES = 4
#: A list of a million parameters; AWS allows 100,000 and only a loop has more pages.
_MAX_PAGES = 100_000

_DESCRIBE = "DescribeParameters"
_BY_PATH = "GetParametersByPath"


@dataclass(frozen=True, slots=True)
class _Watermark:
    """That listing is denied; nothing is asked until the next call without watermark."""

    owner: object
    denied: bool = False


class ParameterLister:
    """Lists, for one identity in one region."""

    def __init__(self, client: Any, calls: Calls, *, prefix: str) -> None:
        self._client = client
        self._calls = calls
        self._prefix = prefix

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Judge the known refs; see the module's description.

        Raises:
            ProviderError: the list failed for another reason than a denial.
        """
        mine = isinstance(watermark, _Watermark) and watermark.owner is self
        denied = isinstance(watermark, _Watermark) and mine and watermark.denied
        fixed = {ref for ref, version in known.items() if _is_fixed(ref, version)}
        asked = {ref: self._listed_name(ref) for ref in known.keys() - fixed}
        names = list(dict.fromkeys(name for name in asked.values() if name))
        index = ParameterIndex()
        if names and not denied:
            try:
                index = ParameterIndex(self._described(names))
            except CallError as failed:
                if failed.fault.kind is not AccessDenied and not failed.fault.unknown_operation:
                    raise failed.error() from failed.__cause__
                denied = True
        changed: dict[SecretRef, str] = {}
        unchanged, unknown = set(fixed), set[SecretRef]()
        for ref, name in asked.items():
            now = version_id(index.find(name) or {}) if name else ""
            if now and is_same_version(now, known[ref]):
                unchanged.add(ref)
            elif now and not ref.version and _follows(now, known[ref]):
                changed[ref] = now
            else:
                unknown.add(ref)
        return Changes(
            changed, frozenset(unchanged), frozenset(unknown), _Watermark(self, denied=denied)
        )

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List what matches, by full name.

        Raises:
            ProviderError: the listing failed; it never gives half a list.
        """
        try:
            entries = self._entries(query)
            found = {ref.key: FoundSecret(ref.key, ref) for ref in map(_listed_ref, entries)}
        except CallError as failed:
            raise _plain(failed.error(query.path)) from failed.__cause__
        return [found[name] for name in sorted(found) if query.matches(name)]

    def _listed_name(self, ref: SecretRef) -> str:
        """Return the name under which a list can show the ref's version, or ""."""
        number = ref.version.partition("@")[0]
        if ref.metadata or (number and not number.isdigit()):
            return ""
        name = parameter_name(self._prefix, SecretRef(ref.key, listed=ref.listed))
        usable = is_filterable(name) and ":" not in name and invalid_name(name) is None
        return name if usable else ""

    def _described(self, names: Sequence[str]) -> list[Mapping[str, Any]]:
        entries: list[Mapping[str, Any]] = []
        pages_left = max(_MIN_PAGES, -(-len(names) // _NAMES_PER_READ))
        for start in range(0, len(names), _DESCRIBE_MAX):
            wanted = names[start : start + _DESCRIBE_MAX]
            filters = [{"Key": "Name", "Option": "Equals", "Values": list(wanted)}]
            for page in self._describe(filters):
                entries += page
                pages_left -= 1
                if pages_left <= 0:
                    return entries
        return entries

    def _entries(self, query: FindQuery) -> list[Mapping[str, Any]]:
        if not query.tags:
            try:
                return [entry for page in self._by_path(query.path or "/") for entry in page]
            except CallError as failed:
                if failed.fault.kind is not AccessDenied and not failed.fault.unknown_operation:
                    raise
        return [entry for page in self._describe(_filters(query)) for entry in page]

    def _by_path(self, path: str) -> Iterator[list[Mapping[str, Any]]]:
        params = {"Path": path, "Recursive": True, "WithDecryption": False}
        return self._pages(
            _BY_PATH, self._client.get_parameters_by_path, MaxResults=_BY_PATH_MAX, **params
        )

    def _describe(self, filters: list[dict[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
        params = {"ParameterFilters": filters} if filters else {}
        return self._pages(
            _DESCRIBE, self._client.describe_parameters, MaxResults=_DESCRIBE_MAX, **params
        )

    def _pages(
        self, operation: str, method: Any, **params: Any
    ) -> Iterator[list[Mapping[str, Any]]]:
        token: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            reply = self._calls.run(operation, method, **params, **token)
            page = reply.get("Parameters")
            if not isinstance(page, list):
                # An unreadable body must not pass for an account without parameters.
                raise CallError(UNREADABLE, operation)
            yield page
            if not reply.get("NextToken"):
                return
            token = {"NextToken": reply["NextToken"]}
        raise CallError(UNREADABLE, operation)


def _is_fixed(ref: SecretRef, version: str) -> bool:
    """Return whether the ref names one version for ever, which is the known one.

    A bare number does not: it counts from 1 again after a deletion.
    """
    return not ref.metadata and "@" in ref.version and ref.version == version


def _follows(now: str, known: str) -> bool:
    """Return whether a version is newer than another; a late list shows older ones."""
    numbers = now.partition("@")[0], known.partition("@")[0]
    dates = now.partition("@")[2], known.partition("@")[2]
    if not all(number.isdigit() for number in numbers):
        return True
    return dates[0] > dates[1] or int(numbers[0]) > int(numbers[1])


def _filters(query: FindQuery) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = []
    if query.path and query.path != "/":
        filters.append({"Key": "Path", "Option": "Recursive", "Values": [query.path]})
    for name, value in query.tags:
        if not name or not value:
            raise InvalidRef(
                "Parameter Store cannot be searched for a tag without a name or a value",
                remedy="name both under dataFrom.find.tags",
            )
        filters.append({"Key": f"tag:{name}", "Option": "Equals", "Values": [value]})
    return filters


def _listed_ref(entry: Any) -> SecretRef:
    name = entry.get("Name") if isinstance(entry, Mapping) else None
    if not isinstance(name, str) or not name:
        raise Unavailable("AWS lists a parameter without a name")
    return SecretRef(name, version=version_id(entry), listed=True)


def _plain(error: ProviderError) -> ProviderError:
    return error.with_traceback(None)
