"""Replacing a file all at once: whoever reads it sees the old content or the new."""

from __future__ import annotations

import contextlib
import os

__all__ = ["replace_file"]


def replace_file(path: str | os.PathLike[str], content: bytes, *, mode: int) -> None:
    """Write a file beside `path`, and give it that name once it is safely stored.

    Args:
        mode: permission bits of the new file, whatever the umask.

    Raises:
        OSError: it cannot be written; what was there is untouched.
    """
    # Not by pathlib: its loading takes longer than the rest of a short call.
    folder, name = os.path.split(path)
    staged = f"{folder}{os.sep if folder else ''}.{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    try:
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        # The name that was asked for says more than the one in between.
        exc.filename = os.fspath(path)
        raise
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)  # noqa: PTH105 - as above
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)  # noqa: PTH108 - as above
        raise
