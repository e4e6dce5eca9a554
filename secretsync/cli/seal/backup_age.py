"""age files, through pyrage, which this module alone imports.

Source: C2SP age.md (age-encryption.org/v1): X25519, SSH and scrypt recipients.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Any

from secretsync.errors import ConfigError, InputError

__all__ = ["decrypt", "encrypt_to_passphrase", "encrypt_to_recipients", "opens_by_passphrase"]

_HEADER = b"age-encryption.org/v1\n"
_SCRYPT_HEADER = _HEADER + b"-> scrypt "
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_SSH_RECIPIENT = ("ssh-ed25519 ", "ssh-rsa ")


def encrypt_to_passphrase(plaintext: bytes, passphrase: str) -> bytes:
    """Return an age file that opens with the passphrase; takes about a second."""
    sealed: bytes = _pyrage().passphrase.encrypt(plaintext, passphrase)
    return sealed


def encrypt_to_recipients(plaintext: bytes, recipients: Sequence[str]) -> bytes:
    """Return an age file that each of the recipients can open.

    Args:
        recipients: `age1…`, or an SSH public key.

    Raises:
        ConfigError: one is no recipient.
    """
    pyrage = _pyrage()

    parsed: list[Any] = []
    for text in recipients:
        try:
            if text.startswith(_SSH_RECIPIENT):
                parsed.append(pyrage.ssh.Recipient.from_str(text))
            else:
                parsed.append(pyrage.x25519.Recipient.from_str(text))
        except pyrage.RecipientError:
            # Not quoted: people paste the wrong half of the pair.
            raise ConfigError(
                "a --recipient is no age recipient",
                remedy="give the public half that `age-keygen` prints: age1…",
            ) from None
    sealed: bytes = pyrage.encrypt(plaintext, parsed)
    return sealed


def decrypt(ciphertext: bytes, *, passphrase: str = "", identities: bytes = b"") -> bytes:
    """Return what an age file holds; its every byte has been authenticated.

    Args:
        passphrase: used where it is not empty.
        identities: content of an identity file, as `age-keygen` writes it, or an SSH
            private key.

    Raises:
        InputError: the file does not open, whatever the reason.
        ConfigError: there is no usable identity.
    """
    pyrage = _pyrage()

    try:
        opened: bytes = (
            pyrage.passphrase.decrypt(ciphertext, passphrase)
            if passphrase
            else pyrage.decrypt(ciphertext, _identities(identities))
        )
    except pyrage.DecryptError:
        what = "passphrase" if passphrase else "identity"
        raise InputError(
            f"the backup does not open: it is damaged, or for another {what}",
            remedy="nothing was changed",
        ) from None
    return opened


def opens_by_passphrase(ciphertext: bytes) -> bool:
    """Whether an age file asks for a passphrase.

    Raises:
        InputError: it is no age file.
    """
    start = ciphertext[: len(_SCRYPT_HEADER)]
    if ciphertext.startswith(_ARMOR):
        line = ciphertext[len(_ARMOR) :].split(maxsplit=1)[:1]
        try:
            start = binascii.a2b_base64(line[0]) if line else b""
        except binascii.Error:
            start = b""
    if not start.startswith(_HEADER):
        raise InputError("the backup is no age file", remedy="give a file that `seal backup` wrote")
    return start.startswith(_SCRYPT_HEADER)


def _identities(content: bytes) -> list[Any]:
    pyrage = _pyrage()

    try:
        if content.lstrip().startswith(b"-----BEGIN "):
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode("ascii").splitlines()]
        found = [line for line in lines if line and not line.startswith("#")]
        parsed: list[Any] = [pyrage.x25519.Identity.from_str(line) for line in found]
    except (pyrage.IdentityError, UnicodeDecodeError):
        parsed = []
    if not parsed:
        raise ConfigError(
            "the --identity file holds no identity that can be used",
            remedy="give the file that `age-keygen` wrote, or an SSH private key "
            "without a passphrase",
        )
    return parsed


def _pyrage() -> Any:
    import pyrage  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy, and ships no types

    return pyrage
