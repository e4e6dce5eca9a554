"""The files of a commit on disk, and where its links lead.

Neighbour: `repositories` decides what is laid out, and for how long.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from secretsync.gitops.errors import SourceError
from secretsync.gitops.sources.git_tree import GitTree, inside

__all__ = ["check_links", "unpack"]


def unpack(archive: bytes, root: Path) -> None:
    """Write the files, folders and links of an archive that git made.

    Args:
        root: an empty folder.

    Raises:
        SourceError: a link is absolute.
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            _extract(tar, member, root)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    """Write one file, folder or link of an archive that git made."""
    path = root / inside(member.name)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
    elif member.issym():
        if member.linkname.startswith("/"):
            raise _leads_out(member.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(member.linkname)
    elif member.isfile():
        content = tar.extractfile(member)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read() if content is not None else b"")


def check_links(tree: GitTree, root: Path) -> None:
    """Follow each link to its end, which only the disk knows: one may lead through others.

    Args:
        root: where the files of the tree are.

    Raises:
        SourceError: one leads out, where it would read the machine's own files.
    """
    top = os.path.realpath(root)
    for path, entry in tree.entries.items():
        if not entry.is_link:
            continue
        end = os.path.realpath(root / path)  # Path.resolve() fails on a link to itself
        if end != top and not end.startswith(f"{top}{os.sep}"):
            raise _leads_out(path)


def _leads_out(path: str) -> SourceError:
    return SourceError(
        f"the symbolic link {path[:200]!r} leads out of the repository",
        remedy="replace the link by a file",
    )
