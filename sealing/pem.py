"""Finding a block in a PEM text, in time that grows with its length only."""

from __future__ import annotations

__all__ = ["first_block"]


def first_block(text: bytes, *labels: str) -> bytes | None:
    """Return the first block with one of the labels, lines of its borders included.

    What stands around it is skipped, other blocks too.

    Args:
        labels: e.g. `CERTIFICATE`.

    Source: RFC 7468 §2.
    """
    begins = {label: text.find(f"-----BEGIN {label}-----".encode()) for label in labels}
    found = [(at, label) for label, at in begins.items() if at >= 0]
    if not found:
        return None
    start, label = min(found)
    border = f"-----END {label}-----".encode()
    # Not from `start`: the dashes that end the first border do not begin the second.
    end = text.find(border, start + len(border) + len("BEGIN") - len("END"))
    return text[start : end + len(border)] + b"\n" if end >= 0 else None
