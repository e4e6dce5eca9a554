"""Passphrases: from a file or from a terminal, never from arguments or the environment."""

from __future__ import annotations

import getpass
import os
import stat
from pathlib import Path

from secretsync.cli.seal.console import warn
from secretsync.errors import ConfigError, InputError

__all__ = ["ask_passphrase", "read_passphrase", "read_private_file"]

MAX_FILE_BYTES = 64 * 1024
_OTHERS = 0o077


def read_private_file(path: str, what: str) -> bytes:
    """Return a small file with a secret in it; say so where others may read it.

    Args:
        what: how an error names it.

    Raises:
        InputError: it cannot be read, or is too large to be one.
    """
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise InputError(f"{path}: {(exc.strerror or 'cannot be read').lower()}") from exc
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{path}: is too large to be {what}")
    if stat.S_ISREG(mode) and mode & _OTHERS:
        warn(f"{path}: others than its owner have access to {what}; chmod 600 it")
    return content


def read_passphrase(path: str) -> str:
    """Return the passphrase in a file, without the line break at its end.

    Raises:
        InputError: the file cannot be read, is empty, or is no text.
    """
    content = read_private_file(path, "the passphrase")
    try:
        passphrase = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InputError(f"{path}: the passphrase is not UTF-8") from None
    if not passphrase:
        raise InputError(f"{path}: the passphrase is empty")
    if "\n" in passphrase:
        raise InputError(f"{path}: holds more than one line", remedy="keep the passphrase alone")
    return passphrase


def ask_passphrase(*, confirm: bool, remedy: str) -> str:
    """Ask for a passphrase on the terminal; it is not shown.

    Args:
        confirm: ask twice, for a new one.
        remedy: what to do where there is no terminal.

    Raises:
        ConfigError: there is no terminal, it is empty, or the two differ.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise ConfigError("there is no terminal to ask for a passphrase", remedy=remedy) from None
    try:
        passphrase = getpass.getpass("Passphrase: ")
        again = getpass.getpass("Passphrase again: ") if confirm else passphrase
    except EOFError:
        raise ConfigError("no passphrase was given", remedy=remedy) from None
    if not passphrase:
        raise ConfigError("the passphrase is empty", remedy="give one that nobody guesses")
    if passphrase != again:
        raise ConfigError("the two passphrases differ", remedy="try again")
    return passphrase
