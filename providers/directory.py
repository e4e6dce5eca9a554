"""Directory: every file of a folder is a secret, named by its path below the folder.

For mounted volumes, and as the example that `docs/writing-a-provider.md` builds. Whoever
may create a store could name any folder of the machine that reads it: a folder is served
only below the roots that the process was started with (`directory_roots` in
`Credentials.context`), and no symbolic link leads out of the folder.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from providers import defaults
from providers.base import (
    AccessDenied,
    CallObserver,
    Capability,
    Changes,
    Credentials,
    FindQuery,
    FoundSecret,
    InvalidRef,
    MalformedSecret,
    Provider,
    ProviderError,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.metadata import content_version
from providers.parts import raise_first
from providers.showing import shown
from providers.spec import wire

__all__ = [
    "CONFIG",
    "DirectoryConfig",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]

#: As large as a Kubernetes Secret can be.
MAX_FILE_BYTES = 1024 * 1024
MAX_KEY_BYTES = 1024
MAX_FOUND = 10_000
#: Files of one group; more hold up whoever else waits for this store.
BATCH_FILES = 100


@dataclass(frozen=True, slots=True)
class DirectoryConfig:
    """`spec.provider.directory`."""

    path: str = field(metadata=wire(required=True, pattern="/.*", hint="an absolute path"))


CONFIG = DirectoryConfig
audiences = defaults.no_audiences
identity_names_namespace = defaults.same_for_every_namespace


def metric_name(config: DirectoryConfig) -> str:
    """Return the name that metrics report."""
    return "Directory"


def capability(config: DirectoryConfig) -> Capability:
    """Return what such stores are used for."""
    return Capability.READ


def open_provider(
    config: DirectoryConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Return the folder as a provider.

    Raises:
        InvalidRef: the folder is not below a root that the process allows.
    """
    root = os.path.realpath(config.path)
    roots = credentials.context.get("directory_roots", "").split(os.pathsep)
    if not any(_within(root, os.path.realpath(allowed)) for allowed in roots if allowed):
        raise InvalidRef(
            "this process may not read that folder for a store",
            remedy="have it allowed by --allow-directory-root",
        )
    return _Directory(root, observe)


class _Directory:
    """A folder.

    Args:
        root: its real path.
        observe: is told of each group that is read, and of each list.
    """

    def __init__(self, root: str, observe: CallObserver) -> None:
        self._root = root
        self._observe = observe

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs by the hundred."""
        distinct = list(dict.fromkeys(refs))
        return [distinct[at : at + BATCH_FILES] for at in range(0, len(distinct), BATCH_FILES)]

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        answers = {ref: self._read(ref) for ref in refs}
        failed = any(isinstance(answer, Unavailable) for answer in answers.values())
        self._observe("ReadFile", "error" if failed else "success")
        return answers

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List files by their path below the folder, which `path` begins.

        Raises:
            InvalidRef: it asks for tags, or finds too many.
            Unavailable: the folder cannot be listed.
        """
        if query.tags:
            raise InvalidRef("files have no tags to find by", remedy="find by name")
        found: list[FoundSecret] = []
        for key in self._keys():
            if key.startswith(query.path) and query.matches(key):
                found.append(FoundSecret(key, SecretRef(key, listed=True)))
            if len(found) > MAX_FOUND:
                raise InvalidRef(f"more than {MAX_FOUND} files match", remedy="narrow find.path")
        self._observe("ListFiles", "success")
        return sorted(found, key=lambda one: one.name)

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Read and compare: a file's dates are too coarse to prove that it is the same."""
        changed: dict[SecretRef, str] = {}
        unchanged, unknown = set(), set()
        for ref, version in known.items():
            answer = self._read(ref)
            if isinstance(answer, Unavailable):
                raise answer
            if isinstance(answer, ProviderError):
                unknown.add(ref)
            elif answer.version == version:
                unchanged.add(ref)
            else:
                changed[ref] = answer.version
        return Changes(changed, frozenset(unchanged), frozenset(unknown), "compared")

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Open the folder, and read `refs`.

        Raises:
            ProviderError: the first problem found.
        """
        try:
            os.close(self._open_root())
        except OSError as exc:
            raise self._failed("", exc) from None
        raise_first(self.fetch(refs))

    def close(self) -> None:
        """Nothing is kept open."""

    def _read(self, ref: SecretRef) -> SecretValue | ProviderError:
        refusal = _refused(ref)
        if refusal is not None:
            return refusal
        try:
            content = self._content(ref.key)
        except OSError as exc:
            return self._failed(ref.key, exc)
        except ProviderError as exc:
            return exc.with_traceback(None)
        # No date: a file put back keeps its old one, and no copy of the folder lags behind.
        return SecretValue(SecretBytes(content), content_version(content))

    def _content(self, key: str) -> bytes:
        """Return a file's bytes.

        Links inside of the folder are followed, as mounted Secrets are made of them. The
        way that they lead is opened step by step without links, so that nobody who
        changes one meanwhile leads out of the folder.
        """
        real = os.path.realpath(os.path.join(self._root, key))  # noqa: PTH118 - realpath takes no Path
        if real == self._root or not _within(real, self._root):
            raise InvalidRef(f'"{shown(key)}" leads out of the folder', remedy="name a file inside")
        folder = self._open_root()
        try:
            *folders, name = Path(real).relative_to(self._root).parts
            for part in folders:
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            descriptor = os.open(name, _FILE, dir_fd=folder)
        finally:
            os.close(folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise InvalidRef(f'"{shown(key)}" is no file', remedy="name a file")
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise MalformedSecret(f'"{shown(key)}" is larger than {MAX_FILE_BYTES} bytes')
        return content

    def _open_root(self) -> int:
        return os.open(self._root, _FOLDER)

    def _failed(self, key: str, exc: OSError) -> ProviderError:
        if exc.errno in (errno.EACCES, errno.EPERM):
            return AccessDenied(f'"{shown(key)}" may not be read', remedy="correct the file's mode")
        absent = exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
        if absent and key and Path(self._root).is_dir():
            # A volume that is updated swaps a link: what is there now was not absent.
            if os.path.lexists(os.path.join(self._root, key)):  # noqa: PTH118 - as above
                return Unavailable(f'"{shown(key)}" changed while it was read, or leads nowhere')
            return SecretNotFound(f'there is no file "{shown(key)}"', definite=True)
        return Unavailable(f"the folder cannot be read: {exc.strerror}")

    def _keys(self) -> Iterator[str]:
        """Yield the files of the folder; what begins with a dot is the system's own."""

        def fail(exc: OSError) -> None:
            raise self._failed("", exc)

        for folder, folders, names in os.walk(self._root, onerror=fail):
            folders[:] = [name for name in folders if not name.startswith(".")]
            inside = os.path.relpath(folder, self._root)
            for name in names:
                if not name.startswith("."):
                    yield name if inside == "." else f"{inside}/{name}"


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not blocking: a pipe that is in the way must not hold anybody up.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _within(path: str, folder: str) -> bool:
    """Return whether a real path is a folder's or below it; texts, as nothing is opened."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _refused(ref: SecretRef) -> InvalidRef | None:
    problem = ""
    if ref.metadata:
        problem = "a file has no metadata"
    elif ref.version:
        problem = "a file has one version"
    elif len(ref.key.encode(errors="replace")) > MAX_KEY_BYTES:
        problem = f"a key is longer than {MAX_KEY_BYTES} bytes"
    elif any(
        char < " " or "\x7f" <= char < "\xa0" or "\ud800" <= char < "\ue000" for char in ref.key
    ):
        problem = "a key holds a control character"
    elif any(part in ("", ".", "..") for part in ref.key.split("/")):
        problem = "a key is no plain path below the folder"
    return InvalidRef(problem, remedy="correct the reference") if problem else None
