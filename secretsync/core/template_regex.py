"""What a regular expression costs: the pattern when it is read, the text as it is walked.

The engine's expressions are Go's, without backtracking, in Python code: each character
may be looked at by every state of the pattern, and finding all matches starts anew
after each. Only that walk itself knows how long it is, so the text does the counting.

Neighbours: `template_costs` calls this, `template_calls` hands in watched texts.
"""

from __future__ import annotations

import re

from secretsync.core.template_limits import Budget, TemplateLimit

__all__ = [
    "REGEX_FUNCTIONS",
    "REGEX_REPLACERS",
    "WALKING_FUNCTIONS",
    "Watched",
    "pay_pattern",
    "regex_steps",
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


class Watched(str):
    """A text that pays for each look at one of its characters.

    The engine's regular expressions walk the text in Python code, once for each state
    of the pattern: this is the one place where that walk can be stopped.

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

    def __getitem__(self, index: object) -> str:
        part = str.__getitem__(self, index)  # type: ignore[index] # as str has it
        if isinstance(index, slice):
            self._budget.allocate(len(part))
        self._budget.step(self._steps)
        return part


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


def regex_steps(pattern: str) -> int:
    """Return what reading one character costs: every state of the pattern may look at it."""
    return 12 + 2 * (len(pattern) + _repeats(pattern))
