"""What a fuzz target is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.properties import run_in_time

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """A parser, what must hold of it, and inputs to start from.

    Args:
        name: of the command line and of the corpus folder.
        check: takes any bytes; raises where a property does not hold.
        seeds: makes real inputs.
        words: what mutations are to be made of besides bytes.
        max_bytes: longest input.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...] = ()
    max_bytes: int = 4096

    def run(self, data: bytes) -> None:
        """Check one input, its time included."""
        run_in_time(lambda: self.check(data[: self.max_bytes]))
