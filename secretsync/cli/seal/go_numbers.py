"""Numbers as Go writes them; pure."""

from __future__ import annotations

import math
import struct

__all__ = ["float_text"]

#: Digits after which any float of this size is known exactly.
_DIGITS = {32: 9, 64: 17}
#: From this exponent on, and below 1e-4, Go's shortest form has an `e`.
_EXPONENT = 6


def float_text(value: float, *, bits: int) -> str:
    """Return the shortest text that reads as the same float, in Go's `g` form.

    Args:
        bits: 32 loses what a float of that size cannot hold, as Kubernetes' YAML
            library does where a text was wanted; or 64.

    Source: Go strconv.FormatFloat(value, 'g', -1, bits).
    """
    if math.isnan(value):
        return "NaN"
    kept = _rounded(value, bits)
    if math.isinf(kept):
        return "-Inf" if kept < 0 else "+Inf"
    for digits in range(1, _DIGITS[bits] + 1):
        text = f"{kept:.{digits - 1}e}"
        if _rounded(float(text), bits) == kept:
            break
    return _g_form(text)


def _rounded(value: float, bits: int) -> float:
    if bits == 64:
        return value
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return single


def _g_form(text: str) -> str:
    """From `d.ddde±xx` to Go's choice between that and plain digits."""
    mantissa, _, exponent_text = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0") or "0"
    exponent = int(exponent_text)
    if exponent < -4 or exponent >= _EXPONENT:
        shown = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
        return f"{sign}{shown}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{whole}" + (f".{digits[exponent + 1 :]}" if digits[exponent + 1 :] else "")
