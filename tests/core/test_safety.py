"""The rules that keep good secrets: blank values, confirmed absences, mass deletions."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.safety import (
    CONFIRMATION_GAP_S,
    Absence,
    absence_confirmed,
    blanked_keys,
    is_blank,
    mass_deletion,
    observe_absence,
)
from secretsync.resources.meta import ObjectRef
from tests.core.secret_cases import secret_bytes


def _refs(count: int, prefix: str = "es") -> list[ObjectRef]:
    return [ObjectRef("ExternalSecret", "web", f"{prefix}-{index:04}") for index in range(count)]


@pytest.mark.parametrize(
    ("doomed", "total", "stopped"),
    [
        pytest.param(0, 0, False, id="nothing"),
        pytest.param(0, 10, False, id="none-of-10"),
        pytest.param(1, 1, False, id="1-of-1"),
        pytest.param(1, 2, False, id="1-of-2"),
        pytest.param(2, 2, True, id="2-of-2"),
        pytest.param(5, 5, True, id="5-of-5"),
        pytest.param(5, 6, False, id="5-of-6"),
        pytest.param(6, 6, True, id="6-of-6"),
        pytest.param(6, 7, True, id="6-of-7"),
        pytest.param(5, 20, False, id="5-of-20"),
        pytest.param(6, 20, True, id="6-of-20"),
        pytest.param(5, 25, False, id="5-of-25"),
        pytest.param(6, 25, True, id="6-of-25"),
        pytest.param(6, 30, False, id="6-of-30"),
        pytest.param(7, 30, True, id="7-of-30"),
        pytest.param(5, 100, False, id="5-of-100"),
        pytest.param(20, 100, False, id="20-of-100"),
        pytest.param(21, 100, True, id="21-of-100"),
        pytest.param(2000, 10_000, False, id="a-fifth-of-10000"),
        pytest.param(2001, 10_000, True, id="more-than-a-fifth-of-10000"),
    ],
)
def test_mass_deletion_stops_all_of_many_or_more_than_a_share(
    doomed: int, total: int, stopped: bool
) -> None:
    universe = _refs(total)
    found = mass_deletion(universe[:doomed], universe)
    assert (found is not None) is stopped
    if found is not None:
        assert (len(found.objects), found.total) == (doomed, total)


@given(
    st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, min(n, 5000)), st.just(n)))
)
def test_mass_deletion_counts_without_rounding(sizes: tuple[int, int]) -> None:
    doomed, total = sizes
    expected = (total > 1 and doomed == total) or (doomed > 5 and doomed * 5 > total)
    assert (mass_deletion(_refs(doomed), _refs(total)) is not None) is expected


def test_the_token_is_of_exactly_these_objects() -> None:
    universe = _refs(20)
    token = mass_deletion(universe[:6], universe).token
    assert mass_deletion(reversed(universe[:6]), universe).token == token
    assert mass_deletion([*universe[:6], universe[0]], universe).token == token
    assert mass_deletion(universe[:6], _refs(21)).token == token
    assert mass_deletion(universe[:7], universe).token != token
    assert mass_deletion(universe[1:7], universe).token != token
    assert len(token) == 12


@pytest.mark.parametrize(
    ("last_s", "confirmed"),
    [
        pytest.param(0.0, False, id="one-look"),
        pytest.param(CONFIRMATION_GAP_S - 1, False, id="59-s"),
        pytest.param(CONFIRMATION_GAP_S, True, id="60-s"),
        pytest.param(3600.0, True, id="an-hour"),
    ],
)
def test_absence_needs_two_looks_a_minute_apart(last_s: float, confirmed: bool) -> None:
    first = observe_absence(None, 1000.0)
    seen = observe_absence(first, 1000.0 + last_s)
    assert seen == Absence(1000.0, 1000.0 + last_s)
    assert absence_confirmed(seen, one_shot=False) is confirmed
    assert absence_confirmed(seen, one_shot=True)


def test_a_look_between_neither_restarts_nor_confirms() -> None:
    absence = None
    for now_s in (0.0, 30.0, 59.0):
        absence = observe_absence(absence, now_s)
        assert not absence_confirmed(absence, one_shot=False)
    assert absence_confirmed(observe_absence(absence, 60.0), one_shot=False)


@pytest.mark.parametrize(
    "value", [b"", b" ", b"\r\n\t", b"{}", b" {} ", b"{ \n}", b"null", b" null"]
)
def test_blank_values_say_nothing(value: bytes) -> None:
    assert is_blank(value)


@pytest.mark.parametrize(
    "value",
    [b"0", b"[]", b'""', b"{{}}", b'{"a":1}', b"nullnull", b"NULL", b"{}{}", b"\0", b"none", b"{"],
)
def test_other_values_say_something(value: bytes) -> None:
    assert not is_blank(value)


def test_a_long_run_of_white_space_is_judged_in_one_pass() -> None:
    started_s = time.monotonic()
    assert not is_blank(b" " * 1_000_000 + b"x")
    assert is_blank(b"{" + b" " * 1_000_000 + b"}")
    assert time.monotonic() - started_s < 2


@pytest.mark.parametrize(
    ("desired", "live", "expected"),
    [
        pytest.param({"a": ""}, {"a": "1"}, ("a",), id="good-replaced"),
        pytest.param({"b": "{}", "a": " "}, {"a": "1", "b": "1"}, ("a", "b"), id="sorted"),
        pytest.param({"a": ""}, {}, (), id="new-key"),
        pytest.param({"a": ""}, {"a": "null"}, (), id="blank-already"),
        pytest.param({"a": "1"}, {"a": "2"}, (), id="good-for-good"),
        pytest.param({}, {"a": "1"}, (), id="key-not-wanted"),
    ],
)
def test_blanked_keys(
    desired: dict[str, str], live: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert blanked_keys(secret_bytes(desired), secret_bytes(live)) == expected
