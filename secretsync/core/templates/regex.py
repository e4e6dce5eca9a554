"""What a regular expression costs: the pattern when it is read, the text as it is walked.

The engine's expressions are Go's, without backtracking, in Python code: each character
may be looked at by every state of the pattern, and finding all matches starts anew
after each. Only that walk itself knows how long it is, so the text does the counting.
A pattern of one atom is walked by Python's own expressions: its matches are counted first.

Neighbours: `templates.costs` calls this, `templates.calls` hands in watched texts,
`templates.regex_states` knows how many states a pattern has.
"""

from __future__ import annotations

import re

from gotpl._compat.goregexp._engine import AtomicPattern
from gotpl._compat.goregexp.go import _compile

from secretsync.core.templates.limits import Budget, TemplateLimit
from secretsync.core.templates.regex_states import check_states, look_steps

__all__ = [
    "REGEX_FUNCTIONS",
    "REGEX_REPLACERS",
    "WALKING_FUNCTIONS",
    "Watched",
    "pay_pattern",
    "watched",
]

_PATTERN_CHARS = 1000
#: `a{1000}` is a thousand states, and a class such as `\pL` is hundreds of ranges in each.
_PATTERN_REPEATS = 1000
_PATTERN_REPEATED_CLASSES = 50
_STATE_STEPS = 40
_CLASS_STEPS = 25_000
_REPEAT = re.compile(r"\{(\d+)(?:,(\d*))?\}", re.ASCII)
REGEX_REPLACERS = (
    "regexReplaceAll",
    "mustRegexReplaceAll",
    "regexReplaceAllLiteral",
    "mustRegexReplaceAllLiteral",
)
REGEX_FUNCTIONS = (
    "regexMatch",
    "mustRegexMatch",
    "regexFind",
    "mustRegexFind",
    "regexFindAll",
    "mustRegexFindAll",
    "regexSplit",
    "mustRegexSplit",
)
#: Their second argument is the text to walk.
WALKING_FUNCTIONS = frozenset(REGEX_FUNCTIONS + REGEX_REPLACERS)
_ONE_MATCH = frozenset({"regexMatch", "mustRegexMatch", "regexFind", "mustRegexFind"})
_EXPANDING = frozenset({"regexReplaceAll", "mustRegexReplaceAll"})
#: For a match of one atom: the object, two numbers and a dictionary for it.
_MATCH_STEPS = 8
_MATCH_BYTES = 250
_PART_STEPS = 4
#: For a character of a replacement that has a `$`.
_EXPAND_STEPS = 3


class Watched(str):
    """A text that pays for each look at one of its characters.

    The engine's regular expressions walk the text in Python code, once for each state
    of the pattern: this is the one place where that walk can be stopped. They ask for
    the text's length at each character and before each match, also of nothing.

    Args:
        text: the text.
        budget: pays.
        steps: for each character read.
    """

    __slots__ = ("_budget", "_steps")

    _budget: Budget
    _steps: int

    @classmethod
    def of(cls, text: str, budget: Budget, steps: int) -> Watched:
        """Return the text, watched."""
        watched = cls(text)
        watched._budget = budget
        watched._steps = steps
        return watched

    def __len__(self) -> int:
        self._budget.step(self._steps)
        return str.__len__(self)

    def __getitem__(self, index: object) -> str:
        part = str.__getitem__(self, index)  # type: ignore[index] # as str has it
        if isinstance(index, slice):
            self._budget.step(_PART_STEPS)
            self._budget.allocate(len(part))
        return part


def watched(name: str, arguments: list[object], budget: Budget) -> None:
    """Have the texts that a function walks pay for it, or pay before it begins.

    Args:
        name: the function's, one of `WALKING_FUNCTIONS`.
        arguments: the function's; its texts are replaced by watched ones.
        budget: pays.

    Raises:
        TemplateLimit: the pattern is too large, or costs more than is left.
    """
    texts = [argument for argument in arguments[:2] if isinstance(argument, str)]
    if len(texts) < 2:
        return
    pattern, text = str(texts[0]), str(texts[1])
    try:
        check_states(pattern)
        compiled = _compile(pattern)
    except re.error:
        # The function says so itself, in its own way.
        return
    steps = 0
    if not isinstance(compiled, AtomicPattern):
        steps = look_steps(compiled)
    elif name not in _ONE_MATCH:
        for _ in re.finditer(compiled.pattern, text):
            budget.step(_MATCH_STEPS)
            budget.allocate(_MATCH_BYTES)
    arguments[1] = Watched.of(text, budget, steps)
    # Anew for each match, and its length is asked for at each character.
    if name in _EXPANDING and len(arguments) > 2 and _expands(arguments[2]):
        arguments[2] = Watched.of(str(arguments[2]), budget, _EXPAND_STEPS)


def _expands(replacement: object) -> bool:
    return isinstance(replacement, str) and "$" in replacement


def pay_pattern(pattern: str, budget: Budget) -> None:
    """Pay for reading a pattern; the text that it walks is `Watched`.

    Raises:
        TemplateLimit: it is too large, or costs more than is left.
    """
    repeats = _repeats(pattern)
    if len(pattern) > _PATTERN_CHARS or repeats > _PATTERN_REPEATS:
        raise TemplateLimit("a regular expression is too large")
    classes = pattern.lower().count("\\p")
    if classes and repeats > _PATTERN_REPEATED_CLASSES:
        raise TemplateLimit("a regular expression repeats a class of characters too often")
    budget.step((len(pattern) + repeats) * _STATE_STEPS + classes * _CLASS_STEPS)


def _repeats(pattern: str) -> int:
    """The sum of the counts in braces; nested ones multiply, so they count as that."""
    counts = [int((high or low)[:5]) for low, high in _REPEAT.findall(pattern)]
    if "){" not in pattern:
        return sum(counts)
    product = 1
    for count in counts:
        product = min(product * max(count, 1), _PATTERN_REPEATS + 1)
    return product
