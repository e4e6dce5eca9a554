"""CRC32C (Castagnoli), which Google computes over every payload.

The client library takes whatever payload arrives; `reading` compares. Pure Python that
costs little beside a call: a checksum is linear, so the first half of a payload, advanced
by as many zero bytes as the second half has, can be added (XOR) to the second half. That
is done with whole strings until few bytes are left, and those go one by one.

Source: RFC 3720, appendix B.4, for the checksum and its published values.
"""

from __future__ import annotations

from functools import cache

__all__ = ["crc32c"]

#: The polynomial 0x1EDC6F41 with its bits reversed.
_POLYNOMIAL = 0x82F63B78
_WORD = 4
#: Bytes below which halving costs more than it saves.
_SHORT = 512

#: Images of the 32 bits of a word under a linear map.
_Map = tuple[int, ...]


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_entry(byte) for byte in range(256))


def crc32c(data: bytes) -> int:
    """Return the checksum of `data`, as an unsigned number of 32 bits."""
    whole = len(data) - len(data) % _WORD if len(data) > _SHORT else 0
    crc = _over(_folded(data[:whole]), 0) if whole else 0xFFFFFFFF
    return _over(data[whole:], crc) ^ 0xFFFFFFFF


def _over(data: bytes, crc: int) -> int:
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


def _folded(data: bytes) -> bytes:
    """Return few bytes that leave the same checksum, begun at 0, as `data` begun as usual."""
    size = _SHORT
    while size < len(data):
        size *= 2
    # The usual beginning is all ones in the first word; zeros before it count for nothing.
    begun = bytes(byte ^ 0xFF for byte in data[:_WORD]) + data[_WORD:]
    left = bytes(size - len(data)) + begun
    while size > _SHORT:
        size //= 2
        left = _xor(_advanced(left[:size], size // _WORD), left[size:])
    return left


def _advanced(data: bytes, words: int) -> bytes:
    """Return each word of `data` as it is after so many words of zeros."""
    planes = [data[start::_WORD] for start in range(_WORD)]
    out = bytearray(len(data))
    for at, tables in enumerate(_tables(words)):
        plane = bytes(len(planes[0]))
        for one, table in zip(planes, tables, strict=True):
            plane = _xor(plane, one.translate(table))
        out[at::_WORD] = plane
    return bytes(out)


def _xor(one: bytes, other: bytes) -> bytes:
    number = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return number.to_bytes(len(one), "little")


@cache
def _advance(words: int) -> _Map:
    """Return the map of so many words of zeros, a power of two."""
    if words == 1:
        return tuple(_over(bytes(_WORD), 1 << bit) for bit in range(32))
    half = _advance(words // 2)
    return tuple(_image(half, value) for value in half)


def _image(linear: _Map, value: int) -> int:
    image = 0
    for bit, one in enumerate(linear):
        if value >> bit & 1:
            image ^= one
    return image


@cache
def _tables(words: int) -> list[list[bytes]]:
    """Return, by byte of the result, what each byte of a word contributes to it."""
    linear = _advance(words)
    images = []
    for start in range(0, 32, 8):
        of_byte = [0]
        for one in linear[start : start + 8]:
            of_byte += [image ^ one for image in of_byte]
        images.append(of_byte)
    return [
        [bytes(image >> shift & 0xFF for image in of_byte) for of_byte in images]
        for shift in range(0, 32, 8)
    ]
