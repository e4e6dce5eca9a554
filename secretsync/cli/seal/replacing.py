"""Replacing a file all at once: whoever reads it sees the old content or the new."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file beside `path`, and give it that name once it is safely stored.

    Args:
        mode: permission bits of the new file, whatever the umask.

    Raises:
        OSError: it cannot be written; what was there is untouched.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
