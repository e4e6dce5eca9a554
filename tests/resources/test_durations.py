"""Go durations, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.resources.durations import format_duration, parse_duration

#: A busy machine is slow; what is checked here is the answer, not the time.
LAW = settings(deadline=None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("1h", 3600, id="hour"),
        pytest.param("1h30m0s", 5400, id="go-form"),
        pytest.param("500ms", 0.5, id="milliseconds"),
        pytest.param("1.5h", 5400, id="fraction"),
        pytest.param(".5s", 0.5, id="point-first"),
        pytest.param("1.s", 1, id="point-last"),
        pytest.param("0", 0, id="zero"),
        pytest.param("-0", 0, id="minus-zero"),
        pytest.param("-1m", -60, id="negative"),
        pytest.param("+1m", 60, id="plus"),
        pytest.param("1us", 1e-6, id="us"),
        pytest.param("1\u00b5s", 1e-6, id="micro-sign"),
        pytest.param("1\u03bcs", 1e-6, id="mu"),
        pytest.param("1ns", 1e-9, id="nanosecond"),
        pytest.param("1s1h", 3601, id="any-order"),
        pytest.param("2562047h", 2562047 * 3600, id="longest"),
    ],
)
def test_duration_is_read_as_go_reads_it(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "h", ".", ".s", "1d", "1h30", " 1h", "1h ", "-", "--1h", "1e3s", "1,5h"),
        *("\u0661s", "2562048h", "9" * 40 + "h", "1H", "1 h", "forever"),
    ],
)
def test_text_that_is_no_duration_gives_none(text):
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (3600, "1h0m0s"),
        (90, "1m30s"),
        (1.5, "1.5s"),
        (0.5, "500ms"),
        (0.0015, "1.5ms"),
        (1.5e-6, "1.5\u00b5s"),
        (1e-9, "1ns"),
        (-5400, "-1h30m0s"),
    ],
)
def test_seconds_are_written_as_go_writes_them(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [float("inf"), float("-inf"), float("nan"), 1e10])
def test_seconds_that_go_cannot_hold_are_refused(seconds):
    with pytest.raises(ValueError, match="292 years"):
        format_duration(seconds)


@LAW
@given(st.integers(-(2**53), 2**53))
def test_duration_round_trips(nanoseconds):
    seconds = nanoseconds / 1_000_000_000
    assert parse_duration(format_duration(seconds)) == seconds


@LAW
@given(st.text())
def test_parse_duration_is_total(text):
    assert isinstance(parse_duration(text), float | None)


@LAW
@given(st.text("0123456789.hmsnu+-", max_size=30))
def test_parsed_duration_can_be_written(text):
    seconds = parse_duration(text)
    if seconds is not None and abs(seconds) < 9e9:
        assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-6)
