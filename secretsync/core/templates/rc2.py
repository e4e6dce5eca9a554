"""RC2 in CBC mode, for decrypting: old PKCS #12 files hide their certificates with it.

No library at hand has RC2 with 40 bits any more. Neighbour: `templates.pkcs12_ciphers`.

Source: RFC 2268.
"""

from __future__ import annotations

__all__ = ["decrypt_rc2_cbc"]

_PI = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)
_BLOCK = 8
_WORD = 0xFFFF
_TURNS = (1, 2, 3, 5)
#: After these rounds of mixing, counted from the end, words are mashed.
_MASHED = (5, 11)


def decrypt_rc2_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Decrypt whole blocks; the padding stays.

    Args:
        key: 5 or 16 bytes, all bits of which count.
        iv: 8 bytes.
        data: a multiple of 8 bytes.
    """
    words = _expanded(key)
    plain = bytearray()
    before = iv
    for at in range(0, len(data), _BLOCK):
        block = data[at : at + _BLOCK]
        opened = _opened(block, words)
        plain += bytes(a ^ b for a, b in zip(opened, before, strict=True))
        before = block
    return bytes(plain)


def _expanded(key: bytes) -> list[int]:
    """The 64 words that a key becomes."""
    size = len(key)
    octets = bytearray(key)
    for at in range(size, 128):
        octets.append(_PI[(octets[at - 1] + octets[at - size]) & 0xFF])
    octets[128 - size] = _PI[octets[128 - size]]
    for at in range(127 - size, -1, -1):
        octets[at] = _PI[octets[at + 1] ^ octets[at + size]]
    return [octets[2 * at] | octets[2 * at + 1] << 8 for at in range(64)]


def _opened(block: bytes, words: list[int]) -> bytes:
    r = [int.from_bytes(block[at : at + 2], "little") for at in range(0, _BLOCK, 2)]
    key = 63
    for turn in range(16):
        for at in (3, 2, 1, 0):
            word = (r[at] >> _TURNS[at] | r[at] << (16 - _TURNS[at])) & _WORD
            mixed = words[key] + (r[at - 1] & r[at - 2]) + (~r[at - 1] & _WORD & r[at - 3])
            r[at] = (word - mixed) & _WORD
            key -= 1
        if turn + 1 in _MASHED:
            for at in (3, 2, 1, 0):
                r[at] = (r[at] - words[r[at - 1] & 63]) & _WORD
    return b"".join(word.to_bytes(2, "little") for word in r)
