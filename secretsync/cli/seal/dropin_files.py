"""What the form without a verb reads and writes: files, standard input and output."""

from __future__ import annotations

import os
import stat
import sys

from secretsync.cli.seal.dropin_flags import Options
from secretsync.cli.seal.replacing import replace_file
from secretsync.errors import InputError

__all__ = [
    "FILE_MODE",
    "content_of",
    "give",
    "open_input",
    "read_file",
    "read_input",
    "write_file",
    "write_stdout",
]

#: What kubeseal gives to the files it makes.
FILE_MODE = 0o600
STDIN = "<stdin>"
TTY_WANTS_MANIFEST = "(tty detected: expecting json/yaml k8s resource in stdin)"


def open_input(options: Options) -> None:
    """See that the input file can be read, or tell whoever sits at a terminal to type.

    Raises:
        InputError: the file cannot be read.
    """
    if options.secret_file:
        try:
            os.close(os.open(options.secret_file, os.O_RDONLY))
        except OSError as exc:
            raise _unreadable_input(options, exc) from exc
    elif not (options.raw or options.fetch_cert) and sys.stdin.isatty():
        sys.stderr.write(f"{TTY_WANTS_MANIFEST}\n")


def read_input(options: Options) -> tuple[bytes, str]:
    """Return --secret-file or standard input, and what errors call it.

    Raises:
        InputError: the file cannot be read.
    """
    if not options.secret_file:
        return sys.stdin.buffer.read(), STDIN
    try:
        return content_of(options.secret_file), options.secret_file
    except OSError as exc:
        raise _unreadable_input(options, exc) from exc


def content_of(path: str) -> bytes:
    """Return a file's content; without pathlib, whose loading is felt at each call.

    Raises:
        OSError: it cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY), "rb") as file:
        return file.read()


def _unreadable_input(options: Options, exc: OSError) -> InputError:
    return InputError(
        "Could not read file specified with --secret-file",
        remedy=f"{options.secret_file}: {(exc.strerror or 'unreadable').lower()}",
    )


def read_file(path: str) -> bytes:
    """Return a file's content.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return content_of(path)
    except OSError as exc:
        raise InputError(f"open {path}: {(exc.strerror or 'unreadable').lower()}") from exc


def give(options: Options, content: bytes) -> None:
    """Write the result where it is wanted: --sealed-secret-file, or standard output."""
    if options.sealed_secret_file:
        write_file(options.sealed_secret_file, content)
    else:
        write_stdout(content)


def write_stdout(content: bytes) -> None:
    """Write all of it to standard output.

    Where Python runs unbuffered, one write may take a part and say how much.

    Raises:
        OSError: it cannot be written; BrokenPipeError where nobody reads any more.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.buffer.flush()


def write_file(path: str, content: bytes, *, mode: int = FILE_MODE) -> None:
    """Put a file in place all at once; a device or a pipe is written to as it is.

    Raises:
        OSError: it cannot be written; what was there is untouched.
    """
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - pathlib loads for 5 ms
    except FileNotFoundError:
        is_file = True
    if is_file:
        replace_file(path, content, mode=mode)
    else:
        with os.fdopen(os.open(path, os.O_WRONLY), "wb") as file:
            file.write(content)
