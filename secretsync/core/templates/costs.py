"""What a template function costs, worked out before it runs.

Most functions give back about what they got, and are paid by the size of that. The
ones in `_AHEAD` make much out of little, or take long over it: `repeat`, a width in
`printf`. Each is a pure function of the arguments.

Neighbours: `templates.limits` has the budget, `templates.regex` the price of regular
expressions, `templates.calls` calls this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from secretsync.core.templates.costs_keys import KEY_PRICES
from secretsync.core.templates.limits import Budget, TemplateLimit, weigh
from secretsync.core.templates.regex import REGEX_FUNCTIONS, REGEX_REPLACERS, pay_pattern

__all__ = ["AMPLE", "pay_result", "price"]

#: Steps for a call, whatever it does: finding it, checking types, weighing.
_CALL_STEPS = 40
#: Bytes that native code reads in the time of a step.
_BYTES_A_STEP = 256
#: Steps that Python code takes over one character.
_CHAR_STEPS = 3
_SLOW_CHAR_STEPS = 16
_COPY_BYTES_A_STEP = 4
_CIPHER_STEPS = 400
_NUMBER_BYTES = 40
_PART_BYTES = 60
#: No such text weighs as much as a step reads: in Python, up to four bytes a character.
_SHORT_CHARS = 40
_MAP_PART_BYTES = 250
_RANDOM_STEPS = 16

#: Functions in native code, which take long texts; all others work by the character.
_AMPLE_NAMES = """
adler32sum all any append b32enc b64dec b64enc cat coalesce concat contains default
dict empty eq fail first ge get gt has hasKey hasPrefix hasSuffix hexdec indent index join
keys kindIs kindOf last le len list lt merge mergeOverwrite mustToJson
mustToPrettyJson mustToRawJson ne nindent not omit pick pluck prepend print printf
println push quote repeat replace set sha1sum sha256sum sha512sum squote substr
ternary toJson toPrettyJson toRawJson toString toYaml trimAll trimPrefix trimSuffix trimall
trunc tuple typeIs typeIsLike typeOf unset values
"""
AMPLE = frozenset(_AMPLE_NAMES.split())

_JSON_FUNCTIONS = (
    "toJson",
    "toPrettyJson",
    "toRawJson",
    "toYaml",
    "mustToJson",
    "mustToPrettyJson",
    "mustToRawJson",
)

#: Python code for each part, and indentation for each level of each part.
_PART_STEPS = dict.fromkeys(_JSON_FUNCTIONS, _CHAR_STEPS)

_Ahead = Callable[[Sequence[object], Budget], None]
_DIRECTIVE = re.compile(r"%[-+# 0]*(?:\[\d*\])?(\d+|\*)?(?:\.(?:\[\d*\])?(\d+|\*)?)?", re.ASCII)
#: Longer numbers are not read: their size is their own limit.
_WIDTH_DIGITS = 7


def price(name: str) -> Callable[[Sequence[object], Budget], bool]:
    """Return what pays for a call of a function before it is made.

    It takes the arguments and the budget, says whether all of them are plain texts, and
    raises TemplateLimit where the call costs more than is left.

    Args:
        name: the function's.
    """
    ahead = _AHEAD.get(name)
    slow = name not in AMPLE
    part_steps = _PART_STEPS.get(name, 0)

    def pay(arguments: Sequence[object], budget: Budget) -> bool:
        steps = _CALL_STEPS
        texts = True
        for argument in arguments:
            if type(argument) is str:
                # Short texts are most of all: of those nothing is to be refused.
                if (chars := len(argument)) > _SHORT_CHARS:
                    steps += weigh(argument, budget) // _BYTES_A_STEP
            else:
                texts = False
                size = weigh(argument, budget)
                steps += size // _BYTES_A_STEP + size // _PART_BYTES * part_steps
                if not isinstance(argument, str):
                    continue
                chars = len(argument)
            if slow:
                if chars > budget.limits.slow_chars:
                    most = budget.limits.slow_chars
                    raise TemplateLimit(f"a text for {name} is longer than {most} characters")
                steps += chars * _CHAR_STEPS
        budget.step(steps)
        if ahead is not None:
            ahead(arguments, budget)
        return texts

    return pay


def pay_result(result: object, budget: Budget) -> None:
    """Pay for what a call gave.

    Raises:
        TemplateLimit: it is larger than what is left.
    """
    budget.allocate(weigh(result, budget))


def _repeat(arguments: Sequence[object], budget: Budget) -> None:
    count, text = _int(arguments, 0), _text(arguments, 1)
    _makes(max(count, 0) * _size(text), budget)


def _indent(arguments: Sequence[object], budget: Budget) -> None:
    spaces, text = _int(arguments, 0), _text(arguments, 1)
    _makes(max(spaces, 0) * (text.count("\n") + 1) + _size(text), budget)


def _replace(arguments: Sequence[object], budget: Budget) -> None:
    old, new, text = (_text(arguments, index) for index in range(3))
    _makes(text.count(old) * _size(new) + _size(text), budget)


def _until(arguments: Sequence[object], budget: Budget) -> None:
    _numbers(abs(_int(arguments, 0)), budget)


def _until_step(arguments: Sequence[object], budget: Budget) -> None:
    start, stop, step = (_int(arguments, index) for index in range(3))
    _numbers(abs(stop - start) // max(abs(step), 1) + 1, budget)


def _seq(arguments: Sequence[object], budget: Budget) -> None:
    ends = [_int(arguments, index) for index in range(len(arguments))]
    span = max(ends, default=0) - min([*ends, 0])
    _numbers(span // max(abs(ends[1]), 1) + 1 if len(ends) == 3 else span + 1, budget)


def _numbers(count: int, budget: Budget) -> None:
    _makes(count * _NUMBER_BYTES, budget)
    budget.step(count)


def _join(arguments: Sequence[object], budget: Budget) -> None:
    parts = arguments[1] if len(arguments) > 1 else ()
    count = len(parts) if isinstance(parts, list | tuple) else 1
    budget.step(count * _CHAR_STEPS)
    _makes(count * _size(_text(arguments, 0)), budget)


def _printf(arguments: Sequence[object], budget: Budget) -> None:
    """The widths in the format, and those that come as arguments."""
    total = stars = 0
    directives = 0
    for directive in _DIRECTIVE.finditer(_text(arguments, 0)):
        directives += 1
        for width in directive.groups():
            if width == "*":
                stars += 1
            elif width:
                total += int(width[:_WIDTH_DIGITS]) if len(width) <= _WIDTH_DIGITS else 10**9
    if stars:
        widest = max((abs(arg) for arg in arguments[1:] if isinstance(arg, int)), default=0)
        total += stars * widest
    budget.step(directives * _CALL_STEPS)
    _makes(total, budget)
    # `%[1]v` many times over prints one argument as often.
    if directives > len(arguments):
        largest = max((weigh(arg, budget) for arg in arguments[1:]), default=0)
        _makes(directives * largest, budget)


def _wrap(arguments: Sequence[object], budget: Budget) -> None:
    _makes(_size(_text(arguments, 2)) * (1 + len(_text(arguments, 1))), budget)


def _split(arguments: Sequence[object], budget: Budget) -> None:
    separator, text = _text(arguments, 0), _text(arguments, -1)
    _makes((text.count(separator) + 1) * _MAP_PART_BYTES, budget)


def _split_list(arguments: Sequence[object], budget: Budget) -> None:
    separator, text = _text(arguments, 0), _text(arguments, -1)
    _makes((text.count(separator) + 1) * _PART_BYTES, budget)


def _pairwise(arguments: Sequence[object], budget: Budget) -> None:
    """Each element is compared with each other, all the way down."""
    size = sum(weigh(argument, budget) for argument in arguments)
    count = sum(len(arg) if isinstance(arg, list | tuple) else 1 for arg in arguments)
    budget.step(count * count + count * size // _BYTES_A_STEP)


def _has(arguments: Sequence[object], budget: Budget) -> None:
    size = sum(weigh(argument, budget) for argument in arguments)
    budget.step(size // _PART_BYTES)


def _sorted(arguments: Sequence[object], budget: Budget) -> None:
    count = max((len(arg) for arg in arguments if isinstance(arg, list | tuple)), default=0)
    budget.step(count * _CHAR_STEPS)


def _random(arguments: Sequence[object], budget: Budget) -> None:
    count = max(_int(arguments, 0), 0)
    _makes(count, budget)
    budget.step(count * _RANDOM_STEPS)


def _random_bytes(arguments: Sequence[object], budget: Budget) -> None:
    _makes(2 * max(_int(arguments, 0), 0), budget)


def _regex(arguments: Sequence[object], budget: Budget) -> None:
    pay_pattern(_text(arguments, 0), budget)


def _regex_replace(arguments: Sequence[object], budget: Budget) -> None:
    _regex(arguments, budget)
    # A replacement at each character would be more than any real one makes.
    _makes((len(_text(arguments, 1)) + 1) * len(_text(arguments, 2)) // 4, budget)


def _copy(arguments: Sequence[object], budget: Budget) -> None:
    for argument in arguments:
        budget.step(weigh(argument, budget) // _COPY_BYTES_A_STEP)


def _words(arguments: Sequence[object], budget: Budget) -> None:
    budget.step(len(_text(arguments, 0)) * _SLOW_CHAR_STEPS)


def _cipher(_arguments: Sequence[object], budget: Budget) -> None:
    budget.step(_CIPHER_STEPS)


def _makes(size: int, budget: Budget) -> None:
    """Refuse a result that would be too large; what it is in truth is paid afterwards."""
    if size > budget.limits.value_bytes:
        raise TemplateLimit("a value in the template is too large")


def _size(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


def _int(arguments: Sequence[object], index: int) -> int:
    """The argument, or 0: a wrong type is the function's own error."""
    value = arguments[index] if index < len(arguments) else 0
    return value if isinstance(value, int) else 0


def _text(arguments: Sequence[object], index: int) -> str:
    value = arguments[index] if index < len(arguments) else ""
    return value if isinstance(value, str) else ""


_AHEAD: Mapping[str, _Ahead] = {
    **KEY_PRICES,
    "repeat": _repeat,
    "indent": _indent,
    "nindent": _indent,
    "replace": _replace,
    "until": _until,
    "untilStep": _until_step,
    "seq": _seq,
    "join": _join,
    "printf": _printf,
    "wrapWith": _wrap,
    "split": _split,
    "splitn": _split,
    "splitList": _split_list,
    "sortAlpha": _sorted,
    "randBytes": _random_bytes,
    **dict.fromkeys(("randAlpha", "randAlphaNum", "randAscii", "randNumeric"), _random),
    **dict.fromkeys(("uniq", "mustUniq", "without", "mustWithout"), _pairwise),
    **dict.fromkeys(("has", "mustHas", "deepEqual"), _has),
    **dict.fromkeys(("deepCopy", "mustDeepCopy", "toStrings"), _copy),
    **dict.fromkeys(("snakecase", "kebabcase"), _words),
    **dict.fromkeys(("encryptAES", "decryptAES"), _cipher),
    **dict.fromkeys(REGEX_FUNCTIONS, _regex),
    **dict.fromkeys(REGEX_REPLACERS, _regex_replace),
}
