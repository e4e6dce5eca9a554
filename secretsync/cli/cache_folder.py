"""Where commands and the service keep what they fetched: repositories and charts."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder(given: str) -> Path:
    """Return the folder.

    Args:
        given: by the command line; "" takes `secretsync` below the user's cache folder.
    """
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    home = os.environ.get("HOME") or "/tmp"  # noqa: S108 - a container may have no home
    return (Path(base) if base else Path(home) / ".cache") / "secretsync"
