"""What stands beside a Secret of the versions it was made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from providers.base import FindQuery, FoundSecret, SecretBytes, SecretNotFound, SecretRef
from providers.base import SecretValue as Value
from secretsync.core.materialize import (
    FindSource,
    FoundValues,
    GeneratedValues,
    GeneratorSource,
)
from secretsync.core.noting import NOTED_CHARS, dates_of, notes_of, text_of, versions_of
from secretsync.core.sources import is_many, many_key, version_key
from secretsync.resources.source_spec import GeneratorRef
from tests.core.secret_cases import STORE, source

MADE = datetime(2026, 1, 1, tzinfo=UTC)
DATE = "2026-01-01T00:00:00+00:00"
FIND = FindSource(STORE, FindQuery(name_regexp="^db"))
FIND_KEY = version_key(FIND)


def value(version: str, made: datetime | None = MADE) -> Value:
    return Value(SecretBytes(b"x"), version, made)


def found(*names: str) -> FoundValues:
    return FoundValues(
        tuple(
            (FoundSecret(name, SecretRef(name, "uuid/1", listed=True)), value("uuid-1"))
            for name in names
        )
    )


@pytest.mark.parametrize(
    ("answer", "date"),
    [
        pytest.param(value("uuid-1"), DATE, id="id-without-order"),
        pytest.param(value("uuid-1", None), None, id="nobody-knows-when"),
        pytest.param(value("7"), None, id="counts-up"),
        pytest.param(value("7@2026-01-01T00:00:00+00:00"), None, id="counts-up-with-its-date"),
        pytest.param(SecretNotFound("gone"), None, id="no-value"),
    ],
)
def test_date_is_noted_where_the_version_does_not_tell_the_order(
    answer: Any, date: str | None
) -> None:
    noted = dates_of({source("db"): answer})
    assert noted == ({} if date is None else {"SecretStore/aws:db": date})


def test_each_secret_that_a_query_found_has_its_version_and_its_date() -> None:
    values: dict[Any, Any] = {FIND: found("db-a", "db-b")}
    dates, versions = dates_of(values), versions_of(values)
    assert set(dates.values()) == {DATE}
    assert len(dates) == 2
    # One more: the digest of the query.
    assert dates.keys() < versions.keys()
    assert len(versions) == 3


def test_notes_of_a_query_that_found_very_much_are_left_out() -> None:
    many: dict[Any, Any] = {FIND: found(*(f"db-{number:060}" for number in range(300)))}
    assert len(versions_of(many)) == 301
    assert FIND_KEY in versions_of(many)
    assert dates_of(many) == {}
    assert dates_of({**many, source("db"): value("uuid-7")}) == {"SecretStore/aws:db": DATE}
    very_many: dict[Any, Any] = {FIND: found(*(f"db-{number:060}" for number in range(1200)))}
    noted = versions_of({**very_many, source("db"): value("7")})
    assert noted.keys() == {"SecretStore/aws:db", many_key(FIND)}
    assert FIND_KEY not in noted, "it would say that nothing need be read"
    assert [name for name in noted if is_many(name)] == [many_key(FIND)]


def refs(count: int, name: str = "db") -> dict[Any, Any]:
    """Return what many entries of `data` read: AWS keys and ids of usual length."""
    return {source(f"{name}-{number:050}"): value("v" * 36) for number in range(count)}


def finds(count: int, keys: int) -> dict[Any, Any]:
    return {
        FindSource(STORE, FindQuery(name_regexp=f"^q{at}")): found(
            *(f"q{at}-{number:050}" for number in range(keys))
        )
        for at in range(count)
    }


MADE_BY = GeneratorSource(GeneratorRef("Password", "pw"), 0)
MARK: dict[Any, Any] = {MADE_BY: GeneratedValues({}, "2026-01-01T00:00:00Z/1-abc")}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(finds(6, 340), id="six-queries"),
        pytest.param(finds(1, 1100), id="one-query"),
        pytest.param(refs(3000), id="references"),
        pytest.param({**finds(6, 340), **refs(3000), **MARK}, id="all"),
        pytest.param(finds(3000, 1), id="queries"),
    ],
)
def test_notes_of_very_much_stay_far_below_what_an_api_server_takes(values: Any) -> None:
    versions, dates = notes_of(values)
    assert versions
    assert len(text_of(versions)) + len(text_of(dates)) <= NOTED_CHARS < 262_144 / 1.5


def test_what_is_not_noted_is_not_taken_for_known() -> None:
    """A start reads where one name is not among the versions."""
    for values in (finds(6, 340), refs(3000)):
        versions, _ = notes_of(values)
        assert any(version_key(each) not in versions for each in values)


def test_dates_go_first_then_the_largest_query_then_what_was_read_by_name() -> None:
    some = {**finds(2, 150), **refs(20)}
    assert all(notes_of(some))
    largest = {FIND: found(*(f"db-{number:050}" for number in range(500)))}
    without_dates = {**some, **largest, **refs(250)}
    versions, dates = notes_of(without_dates)
    assert not dates
    assert FIND_KEY in versions
    versions, _ = notes_of({**without_dates, **refs(600)})
    assert FIND_KEY not in versions
    assert all(version_key(each) in versions for each in some)
    versions, _ = notes_of({**without_dates, **refs(3000), **MARK})
    assert versions[version_key(MADE_BY)] == MARK[MADE_BY].mark
    assert many_key(FIND) in versions
    assert not any(version_key(each) in versions for each in refs(3000))


def test_digest_in_place_of_many_references_moves_with_each_of_them() -> None:
    """Guards ask whether the store gave something new, and none may be left out."""
    many = refs(3000)
    before, _ = notes_of(many)
    after, _ = notes_of({**many, source("db-" + "0" * 50): value("w" * 36)})
    assert [name for name in before if is_many(name)] == [*before]
    assert before != after
