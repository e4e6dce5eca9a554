"""How a name that a stranger wrote may stand in a message: short, and nothing a terminal obeys.

Neighbours: every adapter whose errors name a key, a version or a property of a manifest.
Standard library only.
"""

from __future__ import annotations

__all__ = ["MAX_SHOWN", "shown"]

#: Characters of a name that a message repeats. Longer than most names, so that nearly all
#: of them stand there whole, and short enough for a condition.
MAX_SHOWN = 80


def shown(name: str) -> str:
    """Return a key, version or property as an error may show it.

    Args:
        name: as a manifest writes it: of any length, with any characters.

    Returns:
        str: at most `MAX_SHOWN` characters and three dots, all printable.
    """
    # Cut first: a name of a megabyte costs no more than a short one.
    short = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
    return "".join(char if char.isprintable() else "?" for char in short)
