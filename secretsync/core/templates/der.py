"""Just enough DER for PKCS #12: reading and writing tagged values.

Neighbour: `templates.pkcs12`. Source: ITU-T X.690.
"""

from __future__ import annotations

from typing import NamedTuple

from secretsync.core.templates.errors import FunctionProblem

__all__ = [
    "Node",
    "children",
    "expect",
    "integer",
    "oid",
    "parsed",
    "read_integer",
    "sequence",
    "tagged",
]

INTEGER, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31
_BROKEN = "the PKCS #12 data is not valid DER"
_MANY_OCTETS = 0x80
_LENGTH_OCTETS = 4


class Node(NamedTuple):
    """One value: its tag, its content, and all of it with tag and length."""

    tag: int
    body: bytes
    whole: bytes


def parsed(data: bytes, at: int = 0) -> tuple[Node, int]:
    """Read the value at an offset; returns it and where it ends.

    Raises:
        FunctionProblem: there is none.
    """
    if at + 2 > len(data):
        raise FunctionProblem(_BROKEN)
    tag, size = data[at], data[at + 1]
    start = at + 2
    if size >= _MANY_OCTETS:
        count = size - _MANY_OCTETS
        if not 0 < count <= _LENGTH_OCTETS:
            raise FunctionProblem(_BROKEN)
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    end = start + size
    if end > len(data):
        raise FunctionProblem(_BROKEN)
    return Node(tag, data[start:end], data[at:end]), end


def children(node: Node) -> list[Node]:
    """Read the values that one is made of.

    Raises:
        FunctionProblem: it is not made of values.
    """
    found, at = [], 0
    while at < len(node.body):
        child, at = parsed(node.body, at)
        found.append(child)
    return found


def expect(node: Node, tag: int) -> Node:
    """Return the value, if it has that tag.

    Raises:
        FunctionProblem: it has another.
    """
    if node.tag != tag:
        raise FunctionProblem(_BROKEN)
    return node


def read_integer(node: Node) -> int:
    """Return the value of a small integer.

    Raises:
        FunctionProblem: it is none.
    """
    body = expect(node, INTEGER).body
    if not 0 < len(body) <= 8:
        raise FunctionProblem(_BROKEN)
    return int.from_bytes(body, "big", signed=True)


def tagged(tag: int, *parts: bytes) -> bytes:
    """Write a value."""
    body = b"".join(parts)
    size = len(body)
    if size < _MANY_OCTETS:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _MANY_OCTETS + len(octets))) + octets + body


def sequence(*parts: bytes) -> bytes:
    """Write a SEQUENCE."""
    return tagged(SEQUENCE, *parts)


def integer(value: int) -> bytes:
    """Write an INTEGER that is not negative."""
    return tagged(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    """Write an OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    body = bytes((40 * first + second,))
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        body += bytes(reversed(groups))
    return tagged(OID, body)
