"""PATH arguments → documents: files, folders, standard input, folders of repositories.

A file that cannot be read or does not parse stops only itself. Neighbour:
`repository_paths` gives the files of repositories.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from secretsync.cli.repository_paths import Checkout, no_checkout, repository_path
from secretsync.resources.documents import MAX_FILE_BYTES, Document, load_documents
from secretsync.resources.problems import Problem, Severity

__all__ = ["Inputs", "inventory_id", "read_paths"]

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
STDIN = "-"

_LIVE_ONLY = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What PATH gave.

    Args:
        unreadable: files or folders that could not be opened at all.
    """

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    unreadable: tuple[Problem, ...]


def read_paths(paths: Sequence[str], checkout: Checkout = no_checkout) -> Inputs:
    """Read every PATH; the order does not matter.

    Args:
        checkout: lays out a repository.

    Raises:
        InputError: a form of PATH that is not served.
        GitOpsError: a repository cannot be had.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    unreadable: list[Problem] = []
    for name, text in _texts(paths, unreadable, checkout):
        found, wrong = load_documents(text, file=name)
        documents += [_detached(document) for document in found]
        problems += wrong
        if any(doc.value.get("kind") == "Secret" for doc in found):
            problems += _permissions(name)
    return Inputs(tuple(documents), tuple(problems), tuple(unreadable))


def _detached(document: Document) -> Document:
    """Drop what only a live object has: PATH objects are not stored in the cluster.

    A dump of `kubectl get -o yaml` is then read as the manifest it once was.
    """
    metadata = document.value.get("metadata")
    value = {key: item for key, item in document.value.items() if key != "status"}
    if isinstance(metadata, dict):
        value["metadata"] = {key: item for key, item in metadata.items() if key not in _LIVE_ONLY}
    return Document(value, document.origin)


def _texts(
    paths: Sequence[str], unreadable: list[Problem], checkout: Checkout
) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for path in paths:
        if path == STDIN:
            yield "<stdin>", sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        elif (wanted := repository_path(path)) is not None:
            with checkout(wanted) as (root, called):
                for name, text in _texts_below(root, unreadable, seen):
                    yield name.replace(str(root), called, 1), text
        else:
            yield from _texts_below(Path(path), unreadable, seen)


def _texts_below(
    path: Path, unreadable: list[Problem], seen: set[str]
) -> Iterator[tuple[str, bytes]]:
    for file in _files(path, unreadable):
        real = os.path.realpath(file)  # Path.resolve() fails on a link to itself
        if real not in seen:
            seen.add(real)
            text = _read(file, unreadable)
            if text is not None:
                yield str(file), text


def _files(path: Path, unreadable: list[Problem]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return

    def note(error: OSError) -> None:
        unreadable.append(_unreadable(Path(error.filename or path), error))

    for folder, folders, names in os.walk(path, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder) / name
            if file.suffix not in SUFFIXES or name.startswith("."):
                continue
            if file.is_fifo():
                # Nobody may ever write into it; one that is named is waited for.
                unreadable.append(_unreadable(file, OSError(0, "it is a pipe")))
            else:
                yield file


def _read(file: Path, unreadable: list[Problem]) -> bytes | None:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        unreadable.append(_unreadable(file, exc))
        return None


def _unreadable(file: Path, error: OSError) -> Problem:
    return Problem(
        f"cannot be read: {error.strerror or type(error).__name__}",
        remedy="check that the path exists and that you may read it",
        file=str(file),
    )


def _permissions(name: str) -> list[Problem]:
    """Warn of a file of Secrets that others may read."""
    try:
        mode = Path(name).stat().st_mode
    except OSError:
        return []  # Standard input, or gone by now: there is nothing to warn of.
    if not mode & (stat.S_IRGRP | stat.S_IROTH):
        return []
    return [
        Problem(
            "holds a Secret and may be read by others",
            remedy=f"chmod 600 {name}",
            file=name,
            severity=Severity.WARNING,
        )
    ]


def inventory_id(paths: Sequence[str], *, name: str, namespace: str) -> str:
    """Return the label value that stands for this set of PATHs, "" for none.

    Args:
        name: chosen by the user; without it the absolute paths decide, so that equal
            relative paths of two repositories are never taken for one another.
    """
    if not name and STDIN in paths:
        return ""
    parts = [name] if name else sorted(set(map(_identity, paths)))
    digest = hashlib.sha256("\0".join([namespace, *parts]).encode()).hexdigest()
    return digest[:16]


def _identity(path: str) -> str:
    """Return what a PATH is; of a repository whatever revision is asked for."""
    wanted = repository_path(path)
    return os.path.realpath(path) if wanted is None else wanted.identity
