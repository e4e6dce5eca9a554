"""Runs linked templates, instruction by instruction.

A run stops at the first error, and then still says where it was. What it prints, and each
turn of a loop, is paid from the budget; functions pay for themselves.

Neighbours: `templates.steps` has the instructions, `templates.engine` says what went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from secretsync.core.templates.limits import Budget
from secretsync.core.templates.linking import set_variable

__all__ = ["Linked", "Loop", "Run", "Step"]


class Loop(NamedTuple):
    """A range that is not at its end, and what a `break` or `continue` goes back to."""

    items: Iterator[tuple[object, object]]
    dot: object
    scopes: int
    withs: int


class Run:
    """One rendering, and where it is.

    Args:
        dot: what the template is run on.
        budget: pays.
        turn_steps: what a turn of a loop, and a call of a template, costs.
    """

    __slots__ = (
        "budget",
        "depth",
        "dot",
        "loops",
        "position",
        "root",
        "scopes",
        "template",
        "turn_steps",
        "withs",
        "written",
    )

    def __init__(self, dot: object, budget: Budget, turn_steps: int) -> None:
        self.budget = budget
        self.turn_steps = turn_steps
        self.written: list[str] = []
        #: In bytes, from the start of the source, and in which template.
        self.position = 0
        self.template = ""
        self.depth = 0
        self.root = self.dot = dot
        self.scopes: list[dict[str, object]] = [{}]
        self.withs: list[object] = []
        self.loops: list[Loop] = []

    def write(self, text: str) -> None:
        """Print, and pay for it.

        Raises:
            TemplateLimit: it prints too much.
        """
        self.budget.write(len(text))
        self.written.append(text)

    def execute(self, linked: Linked) -> None:
        """Run a template on the dot.

        Raises:
            TemplateExecutionError, TemplateLimit: it fails; or what a function raises.
        """
        self.template = linked.name
        steps = linked.steps
        at, end = 0, len(steps)
        while at < end:
            at = steps[at](self)

    def call(self, linked: Linked, dot: object) -> None:
        """Run another template on a dot of its own, without this one's variables.

        Raises:
            TemplateExecutionError, TemplateLimit: as `execute`; they call each other too deeply.
        """
        kept = (self.template, self.root, self.dot, self.scopes, self.withs, self.loops)
        self.root = self.dot = dot
        self.scopes, self.withs, self.loops = [{}], [], []
        self.depth += 1
        self.execute(linked)
        self.depth -= 1
        self.template, self.root, self.dot, self.scopes, self.withs, self.loops = kept

    def enter_turn(self, names: tuple[str, ...], item: tuple[object, object], *, old: bool) -> None:
        """Begin a turn of the innermost loop, whose variables are `names`."""
        self.budget.step(self.turn_steps)
        self.dot = item[1]
        if names:
            for name, value in zip(names, item[-len(names) :], strict=True):
                set_variable(self, name, value, is_assignment=old)


Step = Callable[[Run], int]


class Linked(NamedTuple):
    """A template that can be run."""

    name: str
    steps: tuple[Step, ...]
