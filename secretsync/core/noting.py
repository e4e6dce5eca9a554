"""What is noted beside a Secret of the versions that it was made from. Pure.

Neighbours: `materialize` hands the notes on, `plan` writes them with the data, `guarding`
compares them with those of the next read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping

from providers.base import SecretValue
from secretsync.core.safety import counts_up
from secretsync.core.sources import (
    MANY_READ,
    Answer,
    AnySource,
    FindSource,
    FoundValues,
    GeneratedValues,
    KeptValues,
    Source,
    found_digest,
    many_key,
    names_digest,
    version_key,
)

__all__ = ["NOTED_CHARS", "dates_of", "notes_of", "text_of", "versions_of"]

#: Of versions and dates together, as they are written. The API server takes 256 KiB of
#: annotations in all; the rest is left to others.
NOTED_CHARS = 128 * 1024
#: Of the names of what one query found, that are kept beside the Secret. Without the names
#: one read per start takes the place of their versions.
_FOUND_CHARS = 64 * 1024
#: Of the names of what one query found, beside which dates are kept. Without dates only
#: versions that count are known to have gone back.
_DATED_CHARS = 16 * 1024


def notes_of(values: Mapping[AnySource, Answer]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions and the dates of all that was read, as far as there is room.

    What is not noted is read once more at a start, and then is not known to have gone back.
    Dates go first, then what queries found, the largest first, then all that is left.
    """
    versions, dates = versions_of(values), dates_of(values)
    return versions, dates if _chars(versions) + _chars(dates) <= NOTED_CHARS else {}


def text_of(note: Mapping[str, str]) -> str:
    """Return notes as they stand in an annotation."""
    return json.dumps(dict(sorted(note.items())), separators=(",", ":"))


def versions_of(values: Mapping[AnySource, Answer]) -> dict[str, str]:
    """Return the version of everything that was read or generated, by its name."""
    parts = [_versions(source, answer) for source, answer in values.items()]
    merged = _merged(parts)
    if _chars(merged) <= NOTED_CHARS:
        return merged
    chars = sum(map(_chars, parts))
    answers = list(values.items())
    for at in sorted(range(len(parts)), key=lambda at: -len(parts[at])):
        source, answer = answers[at]
        if chars > NOTED_CHARS and isinstance(source, FindSource):
            brief = _of_many(source, answer) if isinstance(answer, FoundValues) else {}
            chars += _chars(brief) - _chars(parts[at])
            parts[at] = brief
    merged = _merged(parts)
    return merged if _chars(merged) <= NOTED_CHARS else _without_reads(values, merged)


def _versions(source: AnySource, answer: Answer) -> dict[str, str]:
    if isinstance(answer, GeneratedValues | KeptValues):
        return {version_key(source): answer.mark}
    read = {version_key(each): value.version for each, value in _read(source, answer)}
    if isinstance(source, FindSource) and isinstance(answer, FoundValues):
        return _of_query(source, answer, read)
    return read


def _without_reads(
    values: Mapping[AnySource, Answer], versions: Mapping[str, str]
) -> dict[str, str]:
    """Return a digest in place of what was read by name; marks of what was made stay."""
    by_name = {version_key(source) for source in values if isinstance(source, Source)}
    left = {name: version for name, version in versions.items() if name not in by_name}
    left[MANY_READ] = _digest({name: versions[name] for name in by_name & versions.keys()})
    # Without a mark, what was generated is not generated anew.
    return left if _chars(left) <= NOTED_CHARS else {MANY_READ: _digest(versions)}


def _merged(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {name: version for part in parts for name, version in part.items()}


def _digest(versions: Mapping[str, str]) -> str:
    return hashlib.sha256(text_of(versions).encode()).hexdigest()[:16]


def _chars(note: Mapping[str, str]) -> int:
    return len(text_of(note)) if note else 0


def _of_query(source: FindSource, answer: FoundValues, read: Mapping[str, str]) -> dict[str, str]:
    noted = {version_key(source): found_digest(found for found, _ in answer.values), **read}
    if sum(map(len, noted)) <= _FOUND_CHARS:
        return noted
    return _of_many(source, answer)


def _of_many(source: FindSource, answer: FoundValues) -> dict[str, str]:
    # Under the query's own name a digest would say that each version is known.
    return {many_key(source): names_digest(found for found, _ in answer.values)}


def dates_of(values: Mapping[AnySource, Answer]) -> dict[str, str]:
    """Return when the store made what was read, where the versions' ids tell no order."""
    dates: dict[str, str] = {}
    for source, answer in values.items():
        read = {
            version_key(each): value.created_at.isoformat()
            for each, value in _read(source, answer)
            if value.created_at is not None and not counts_up(value.version)
        }
        dates |= read if sum(map(len, read)) <= _DATED_CHARS else {}
    return dates


def _read(source: AnySource, answer: Answer) -> Iterator[tuple[Source, SecretValue]]:
    """Yield each value of an answer with what it was read by."""
    if isinstance(source, Source) and isinstance(answer, SecretValue):
        yield source, answer
    elif isinstance(source, FindSource) and isinstance(answer, FoundValues):
        for found, value in answer.values:
            if isinstance(value, SecretValue):
                yield Source(source.store, found.ref), value
