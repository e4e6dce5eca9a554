"""Go durations (`1h30m0s`, `500ms`), as every interval of a manifest is written.

Source: Go's time.ParseDuration and Duration.String.
"""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["format_duration", "parse_duration"]

_NS_PER_S = 1_000_000_000
_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5
    "μs": 1_000,  # U+03BC, which Go accepts too
    "ms": 1_000_000,
    "s": _NS_PER_S,
    "m": 60 * _NS_PER_S,
    "h": 3600 * _NS_PER_S,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
#: Go holds a duration in a signed 64-bit count of nanoseconds: about 292 years.
_MAX_NS = 2**63 - 1
#: Digits beyond a billionth of the largest unit change nothing.
_FRACTION_DIGITS = 30


def parse_duration(text: str) -> float | None:
    """Return the seconds of a Go duration, or None where it is none.

    Negative durations are allowed, as in Go; fractions of a nanosecond are cut.
    """
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0.0
    total_ns = _total_ns(body)
    if total_ns is None or total_ns > _MAX_NS:
        return None
    return (-total_ns if text[0] == "-" else total_ns) / _NS_PER_S


def _total_ns(body: str) -> int | None:
    total_ns, position = 0, 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None:
            return None
        whole, fraction, unit = part.groups()
        if (not whole and not fraction) or len(whole) > _FRACTION_DIGITS:
            return None
        total_ns += int(whole or 0) * _UNIT_NS[unit]
        if fraction:
            digits = fraction[:_FRACTION_DIGITS]
            total_ns += int(digits) * _UNIT_NS[unit] // 10 ** len(digits)
        position = part.end()
    return total_ns if body else None


def format_duration(seconds: float) -> str:
    """Return seconds as Go prints them: `1h0m0s`, `1.5s`, `500ms`, `0s`.

    Raises:
        ValueError: not finite, or beyond what Go can hold (292 years).
    """
    if not abs(seconds) < _MAX_NS / _NS_PER_S:
        raise ValueError("a duration must be finite and shorter than 292 years")
    total_ns = round(Fraction(abs(seconds)) * _NS_PER_S)
    if total_ns == 0:
        return "0s"
    sign = "-" if seconds < 0 else ""
    for unit, unit_ns in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if total_ns < unit_ns * 1_000:
            return f"{sign}{_decimal(total_ns, unit_ns)}{unit}"
    minutes, rest_ns = divmod(total_ns, _UNIT_NS["m"])
    text = f"{_decimal(rest_ns, _NS_PER_S)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"
    return sign + text


def _decimal(amount_ns: int, unit_ns: int) -> str:
    whole, rest = divmod(amount_ns, unit_ns)
    if not rest:
        return str(whole)
    width = len(str(unit_ns)) - 1
    return f"{whole}.{str(rest).zfill(width).rstrip('0')}"
