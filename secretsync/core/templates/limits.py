"""How much one template may cost, so that none can stop a worker or fill its memory.

Templates come from whoever may write a SealedSecret or an ExternalSecret. Costs are
counted and not timed: a template that passes on one machine passes on every other.
Neighbours: `templates.costs` knows what each function costs, `templates.engine` spends.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["CURRENT", "TURN_STEPS", "Budget", "Limits", "TemplateLimit", "weigh"]

#: A turn of a loop, a call of a template, an action that prints.
TURN_STEPS = 20
_LOOK_STEPS = 4
#: Of a short text all of it counts.
_SHORT_CHARS = 256
_ACTION = re.compile(r"\{\{.*?(?:\}\}|\Z)", re.DOTALL)
#: No limit is lower than what a short text weighs.
_SMALL_BYTES = 256
_CONTAINER_BYTES = 64
_POINTER_BYTES = 8
#: A dict's entry: key and value pointer, hash, and the share of free room.
_ENTRY_BYTES = 100


class TemplateLimit(Exception):
    """The template asks for more than it may have; the text holds no value."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one rendering may use; the defaults allow any real configuration file.

    Args:
        source_bytes: of the template's text.
        tokens: of the template's text.
        action_chars: between braces, in all templates of one object: reading them takes
            ten microseconds a character.
        nesting: of blocks and of parentheses; each level costs frames of Python's stack.
        output_bytes: a Secret holds at most 1 MiB.
        value_bytes: of one value, with all that it refers to.
        slow_chars: of one text given to a function that works a character at a time.
        memory_bytes: made by all functions together, whether still in use or not.
        steps: about a quarter of a microsecond each.
        template_depth: of `template` calls.
        data_depth: of lists and dictionaries in each other.
        crypto: a password hash is 5, which takes about 80 ms.
    """

    source_bytes: int = 128 * 1024
    tokens: int = 30_000
    action_chars: int = 64 * 1024
    nesting: int = 40
    output_bytes: int = 1024 * 1024
    value_bytes: int = 5 * 1024 * 1024
    slow_chars: int = 256 * 1024
    memory_bytes: int = 24 * 1024 * 1024
    steps: int = 1_200_000
    template_depth: int = 100
    data_depth: int = 50
    crypto: int = 40


class Budget:
    """What is left for one rendering.

    Args:
        limits: what it starts with.
    """

    __slots__ = ("_actions", "_crypto", "_memory", "_output", "_steps", "limits", "opened")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._steps = limits.steps
        self._memory = limits.memory_bytes
        self._output = limits.output_bytes
        self._crypto = limits.crypto
        self._actions = limits.action_chars
        #: Keystores that are open, so that their key and their certificates cost one opening.
        self.opened: dict[tuple[str, str], object] = {}

    def step(self, count: int = 1) -> None:
        """Take `count` steps.

        Raises:
            TemplateLimit: nothing is left.
        """
        self._steps -= count
        if self._steps < 0:
            raise TemplateLimit("the template needs too many steps")

    def read(self, text: str) -> None:
        """Take a template's text, before it is compiled.

        Raises:
            TemplateLimit: its object's templates are too large together.
        """
        short = len(text) <= _SHORT_CHARS
        self._actions -= len(text) if short else sum(map(len, _ACTION.findall(text)))
        if self._actions < 0:
            raise TemplateLimit("the templates are too large together")

    def allocate(self, count: int) -> None:
        """Take `count` bytes of memory, before they are made.

        Raises:
            TemplateLimit: nothing is left.
        """
        self._memory -= count
        if self._memory < 0:
            raise TemplateLimit("the template needs too much memory")

    def write(self, count: int) -> None:
        """Take `count` characters of output.

        Raises:
            TemplateLimit: nothing is left.
        """
        self._output -= count
        if self._output < 0:
            raise TemplateLimit(f"the template writes more than {self.limits.output_bytes} bytes")

    def crypto(self, count: int) -> None:
        """Take `count` fortieths of what keys and password hashes may cost.

        Raises:
            TemplateLimit: nothing is left.
        """
        self._crypto -= count
        if self._crypto < 0:
            raise TemplateLimit("the template makes too many keys or password hashes")


#: The budget of the rendering that runs in this thread.
CURRENT: ContextVar[Budget] = ContextVar("template budget")


#: What holds no other values.
_SCALARS = frozenset({str, bytes, int, float, bool, type(None)})
_LISTS = (list, tuple)


def weigh(value: object, budget: Budget) -> int:
    """Count the bytes that a value takes, shared parts as often as they show.

    A value that contains itself, or doubles at each level, is as large as its print
    would be: without end. Looking takes steps, too.

    Args:
        value: strings, numbers, lists, dictionaries, or what a function returned.
        budget: pays for looking.

    Raises:
        TemplateLimit: more than `value_bytes`, or deeper than `data_depth`.
    """
    if isinstance(value, str):
        size = sys.getsizeof(value)
        return size if size <= _SMALL_BYTES else _checked(size, budget)
    total = depth = 0
    level: list[object] = [value]
    most, size_of = budget.limits.value_bytes, sys.getsizeof
    while level:
        deeper: list[object] = []
        for item in level:
            # Told by its exact type where it can be: asking whether it is a mapping takes
            # longer than weighing it.
            if type(item) is dict or (not isinstance(item, _LISTS) and isinstance(item, Mapping)):
                total += _CONTAINER_BYTES + len(item) * _ENTRY_BYTES
                parts: Sequence[object] = (*item, *item.values())
            elif isinstance(item, _LISTS):
                total += _CONTAINER_BYTES + len(item) * _POINTER_BYTES
                parts = item
            else:
                total += size_of(item)
                continue
            if total > most:
                _checked(total, budget)
            if not parts:
                continue
            if depth == budget.limits.data_depth:
                raise TemplateLimit(f"a value has more than {depth} levels")
            budget.step(len(parts) * _LOOK_STEPS)
            for part in parts:
                # Most parts, which need no look of their own.
                if type(part) in _SCALARS:
                    total += size_of(part)
                else:
                    deeper.append(part)
        if total > most:
            _checked(total, budget)
        level = deeper
        depth += 1
    return total


def _checked(size: int, budget: Budget) -> int:
    if size > budget.limits.value_bytes:
        raise TemplateLimit("a value in the template is too large")
    return size
