"""Packed charts and layers on disk: within limits, nothing but files, nothing outside.

Neighbour: `charts` decides what is unpacked, and for how long.

Source: Helm 3.19, package loader: an archive has one folder, which is the chart.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from secretsync.gitops.errors import SourceError
from secretsync.gitops.sources.git_tree import GitTree, TreeEntry, inside

__all__ = ["MAX_UNPACKED_BYTES", "tree_of", "unpack_archive"]

#: Of all files together, as Helm limits a chart.
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
_MAX_FILES = 20_000
_GZIP = 16 + zlib.MAX_WBITS


def unpack_archive(archive: bytes, root: Path, *, name: str) -> None:
    """Write the files of a packed chart, without the folder that holds them all.

    Args:
        archive: tar, packed with gzip.
        root: an empty folder.
        name: what messages call it.

    Raises:
        SourceError: it is no such archive, too large, or has a file where none may be.
    """
    try:
        members = list(_members(_unpacked(archive, name), name))
    except (tarfile.TarError, zlib.error, ValueError, EOFError, OverflowError):
        raise SourceError(
            f"{name} is no archive of a chart", remedy="have its repository packed anew"
        ) from None
    tops = {path.partition("/")[0] for path, _ in members}
    strip = len(tops) == 1 and all("/" in path for path, _ in members)
    for path, content in members:
        target = root / (path.partition("/")[2] if strip else path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def tree_of(root: Path, *, version: str, digest: str) -> GitTree:
    """Return what an unpacked archive holds; its digest stands for every file of it."""
    entries = {"": TreeEntry("040000", digest, 0)}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        folder = path.is_dir()
        mode = "040000" if folder else "100644"
        size = 0 if folder else path.stat().st_size
        entries[name] = TreeEntry(mode, f"{digest}:{name}", size)
    return GitTree(version, entries)


def _unpacked(archive: bytes, name: str) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    found = reader.decompress(archive, MAX_UNPACKED_BYTES + 1)
    if len(found) > MAX_UNPACKED_BYTES:
        raise SourceError(
            f"{name} holds more than {MAX_UNPACKED_BYTES // 2**20} MiB",
            remedy="leave out of the chart what is none of it",
        )
    if not reader.eof:
        raise EOFError("half an archive")
    return found


def _members(tar: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as opened:
        for number, member in enumerate(opened):
            if number >= _MAX_FILES:
                raise SourceError(
                    f"{name} holds more than {_MAX_FILES} files", remedy="split the chart"
                )
            if member.isdir():
                continue
            path = inside(member.name)
            # A sparse one may be said to be larger than any memory.
            if not member.isfile() or member.issparse() or member.name.startswith("/") or not path:
                raise SourceError(
                    f"{name} holds {member.name[:100]!r}, which is no plain file",
                    remedy="leave links and devices out of the chart",
                )
            content = opened.extractfile(member)
            yield path, content.read() if content is not None else b""
