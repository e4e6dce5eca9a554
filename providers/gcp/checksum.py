"""CRC32C (Castagnoli), which Google computes over every payload.

The client library takes whatever payload arrives; `reading` compares. By table: a payload
has at most 64 KiB, and most have a few hundred bytes. Pure.

Source: RFC 3720, appendix B.4.
"""

from __future__ import annotations

__all__ = ["crc32c"]

#: The polynomial 0x1EDC6F41 with its bits reversed.
_POLYNOMIAL = 0x82F63B78


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_entry(byte) for byte in range(256))


def crc32c(data: bytes) -> int:
    """Return the checksum of `data`, as an unsigned number of 32 bits."""
    table = _TABLE
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF
