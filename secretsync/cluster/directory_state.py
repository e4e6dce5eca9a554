"""What a directory cluster keeps for itself in ROOT/.secretsync: install key, events."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from datetime import datetime
from pathlib import Path

from secretsync.cluster.base import Event
from secretsync.cluster.directory_files import (
    PRIVATE_FILE,
    TEMPORARY_PREFIX,
    make_folders,
    open_to_others,
    os_errors,
    read_regular,
    sync_folder,
)
from secretsync.cluster.directory_lock import STATE_FOLDER
from secretsync.errors import Rejected

__all__ = ["INSTALL_KEY_BYTES", "EventLog", "load_or_create_install_key", "rfc3339"]

INSTALL_KEY_BYTES = 32
MAX_EVENTS_BYTES = 1024 * 1024


def rfc3339(moment: datetime) -> str:
    """Return a time as the API writes it; `moment` is aware and in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def load_or_create_install_key(root: Path, *, read_only: bool) -> bytes | None:
    """Return the key of this directory's fingerprints: 32 random bytes.

    Args:
        root: the directory cluster.
        read_only: create nothing.

    Returns:
        The key, or None where there is none and `read_only` is set.

    Raises:
        Rejected: the file is damaged, or others may read it.
        ClusterError: it cannot be read or written.
    """
    path = root / STATE_FOLDER / "install-key"
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return _install_key(path)
    if read_only:
        return None
    make_folders(root, path.parent, private_from=0)
    with os_errors(str(path)):
        _create_once(path, secrets.token_bytes(INSTALL_KEY_BYTES))
    return _install_key(path)


def _install_key(path: Path) -> bytes:
    key, found = read_regular(path, max_bytes=MAX_EVENTS_BYTES)
    if open_to_others(found):
        raise Rejected(
            f"{path}: group or others may read the install key",
            remedy=f"run: chmod 600 {path}",
        )
    if len(key) != INSTALL_KEY_BYTES:
        raise Rejected(
            f"{path}: an install key has {INSTALL_KEY_BYTES} bytes, this file has {len(key)}",
            remedy="put the file back from a backup, or remove it: fingerprints will then differ",
        )
    return key


def _create_once(path: Path, content: bytes) -> None:
    """Create a file with its whole content; of several who try, one succeeds."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor has no Path
            file.write(content)
            file.flush()
            os.fsync(fd)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
        sync_folder(path.parent)
    finally:
        temporary.unlink()


class EventLog:
    """`ROOT/.secretsync/events.jsonl`, at most 1 MiB and the 1 MiB before it."""

    def __init__(self, root: Path) -> None:
        self._path = root / STATE_FOLDER / "events.jsonl"
        self._lock = threading.Lock()

    def append(self, event: Event, at: datetime) -> None:
        """Add an event; a full disk must not fail the work that it reports.

        Args:
            event: what happened.
            at: when, aware and in UTC.
        """
        metadata = event.about.get("metadata") or {}
        line = json.dumps(
            {
                "time": rfc3339(at),
                "type": str(event.type),
                "component": event.component,
                "reason": event.reason,
                "message": event.message,
                "kind": event.about.get("kind", ""),
                "namespace": metadata.get("namespace", ""),
                "name": metadata.get("name", ""),
                "uid": metadata.get("uid", ""),
            }
        )
        with self._lock, contextlib.suppress(OSError):
            self._append(f"{line}\n".encode())

    def _append(self, line: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._path, flags, PRIVATE_FILE)
        try:
            os.write(fd, line)
            size_bytes = os.fstat(fd).st_size
        finally:
            os.close(fd)
        if size_bytes >= MAX_EVENTS_BYTES:
            self._path.replace(self._path.with_suffix(".jsonl.1"))
