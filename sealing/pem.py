"""Finding blocks in a PEM text, in time that grows with its length only."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["first_block", "pem_blocks"]


def first_block(text: bytes, *labels: str) -> bytes | None:
    """Return the first block with one of the labels, lines of its borders included.

    What stands around it is skipped, other blocks and those without an end too.

    Args:
        labels: e.g. `CERTIFICATE`.

    Source: RFC 7468 §2.
    """
    return next(pem_blocks(text, *labels), None)


def pem_blocks(text: bytes, *labels: str) -> Iterator[bytes]:
    """Yield every block with one of the labels, in their order, as `first_block` does."""
    begins = re.compile(f"-----BEGIN ({'|'.join(map(re.escape, labels))})-----".encode())
    at = 0
    unended: set[bytes] = set()
    while begin := begins.search(text, at):
        border = b"-----END %b-----" % begin[1]
        end = -1 if begin[1] in unended else text.find(border, begin.end())
        if end < 0:
            # Nor is there one for a later block: the text is not searched again.
            unended.add(begin[1])
            # The dashes that end this border may begin another.
            at = begin.start() + 1
            continue
        at = end + len(border)
        yield text[begin.start() : at] + b"\n"
