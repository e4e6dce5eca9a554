"""Choices from random bytes, without bias. Pure: the bytes come in as an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["below", "chosen", "shuffled"]

Entropy = Callable[[int], bytes]


def below(limit: int, entropy: Entropy) -> int:
    """Return a number from 0 to `limit` - 1, each as likely as any other.

    Numbers that would make some more likely are thrown away and drawn again.
    """
    size_bytes = (limit.bit_length() + 7) // 8
    fair = 256**size_bytes // limit * limit
    while True:
        drawn = int.from_bytes(entropy(size_bytes), "big")
        if drawn < fair:
            return drawn % limit


def chosen(alphabet: str, count: int, entropy: Entropy, *, repeat: bool) -> list[str]:
    """Choose `count` characters; without `repeat` each at most once.

    Raises:
        ValueError: there are not enough characters to choose from.
    """
    if count and (not alphabet or (not repeat and count > len(set(alphabet)))):
        raise ValueError("not enough characters")
    if repeat:
        return [alphabet[below(len(alphabet), entropy)] for _ in range(count)]
    left = list(dict.fromkeys(alphabet))
    return [left.pop(below(len(left), entropy)) for _ in range(count)]


def shuffled(items: Sequence[str], entropy: Entropy) -> list[str]:
    """Return the items in an order of which each is as likely as any other.

    Source: Fisher and Yates, in Durstenfeld's form.
    """
    order = list(items)
    for last in range(len(order) - 1, 0, -1):
        other = below(last + 1, entropy)
        order[last], order[other] = order[other], order[last]
    return order
