"""A nondeterministic automaton: patterns matched in time linear in the text.

Neighbour: `regexes` parses patterns into the nodes that are built here.

Source: Thompson's construction, as RE2 uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = [
    "Automaton",
    "Choice",
    "Condition",
    "Node",
    "One",
    "Repeat",
    "Sequence",
    "TooLargeError",
    "build",
]

#: A pattern of manifests needs some dozens of states; counted repetitions multiply.
_MAX_STEPS = 20_000


class TooLargeError(ValueError):
    """The automaton would have too many states."""


@dataclass(frozen=True, slots=True)
class One:
    """One character that `test` accepts."""

    test: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Condition:
    """No character: `start`, `end`, `line-start`, `line-end`, `word` or `no-word`."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """All parts, one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of the branches."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The body, `least` to `most` times; None is without end."""

    body: Node
    least: int
    most: int | None


Node = One | Condition | Sequence | Choice | Repeat


@dataclass(slots=True)
class _State:
    """Where to go next, and what that needs: a character, a condition, or nothing."""

    next: list[int] = field(default_factory=list)
    test: Callable[[str], object] | None = None
    condition: str = ""


class Automaton:
    """A pattern, ready to be searched for. Immutable after it is built."""

    __slots__ = ("_start", "_states")

    def __init__(self, states: list[_State], start: int) -> None:
        self._states = states
        self._start = start

    def search(self, text: str) -> bool:
        """Return whether the pattern matches anywhere in the text."""
        active: set[int] = set()
        for position in range(len(text) + 1):
            active.add(self._start)
            reached = self._reach(active, text, position)
            if _ACCEPT in reached:
                return True
            active = self._advance(reached, text[position : position + 1])
        return False

    def _advance(self, reached: set[int], char: str) -> set[int]:
        following: set[int] = set()
        for index in reached:
            state = self._states[index]
            if char and state.test is not None and state.test(char):
                following.update(state.next)
        return following

    def _reach(self, active: set[int], text: str, position: int) -> set[int]:
        """Return the states that are reached without reading a character."""
        reached: set[int] = set()
        pending = list(active)
        while pending:
            index = pending.pop()
            if index in reached:
                continue
            reached.add(index)
            state = self._states[index]
            holds = not state.condition or _holds(state.condition, text, position)
            if state.test is None and holds:
                pending.extend(state.next)
        return reached


_ACCEPT = 0


def build(node: Node) -> Automaton:
    """Return the automaton of a pattern.

    Raises:
        TooLargeError: its repetitions multiply to more than the limit.
    """
    builder = _Builder()
    return Automaton(builder.states, builder.add(node, _ACCEPT))


class _Builder:
    def __init__(self) -> None:
        self.states = [_State()]  # the first one accepts
        self._steps = 0

    def add(self, node: Node, following: int) -> int:
        """Add the states of a node that leads to `following`; return its first."""
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise TooLargeError
        match node:
            case One(test):
                return self._state(_State([following], test=test))
            case Condition(name):
                return self._state(_State([following], condition=name))
            case Choice(branches):
                return self._state(_State([self.add(item, following) for item in branches]))
            case Sequence(parts):
                for part in reversed(parts):
                    following = self.add(part, following)
                return following
            case Repeat():
                return self._repeat(node, following)

    def _repeat(self, node: Repeat, following: int) -> int:
        first = following
        if node.most is None:
            first = self._state(_State())
            self.states[first].next = [self.add(node.body, first), following]
        else:
            for _ in range(node.most - node.least):
                first = self._state(_State([self.add(node.body, first), following]))
        for _ in range(node.least):
            first = self.add(node.body, first)
        return first

    def _state(self, state: _State) -> int:
        self.states.append(state)
        return len(self.states) - 1


def _holds(condition: str, text: str, position: int) -> bool:
    before, after = text[max(position - 1, 0) : position], text[position : position + 1]
    match condition:
        case "start":
            return not before
        case "end":
            return not after
        case "line-start":
            return before in ("", "\n")
        case "line-end":
            return after in ("", "\n")
    boundary = _is_word(before) != _is_word(after)
    return boundary if condition == "word" else not boundary


def _is_word(char: str) -> bool:
    return char == "_" or (char.isascii() and char.isalnum())
