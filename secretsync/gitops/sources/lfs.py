"""Files of Git LFS: which of a tree are kept elsewhere, and their content from the server.

`enableLfs: "true"` in the repository Secret asks for them, as in Argo CD; no program is
needed. Only the repository's own server is asked: `.lfsconfig`, which whoever writes the
repository writes, would lead its login elsewhere. Neighbours: `whole_files` lays out,
`chart_downloads` sends.

Source: Git LFS specification, "The pointer" and "Git LFS Batch API", transfer `basic`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from providers.base import MalformedSecret
from providers.http_answers import HttpAnswer
from secretsync.gitops.errors import SourceError, SourceForbidden
from secretsync.gitops.sources.chart_downloads import Downloads, basic, checked, origin
from secretsync.gitops.sources.git_tree import GitTree
from secretsync.gitops.sources.repo_credentials import RepoCredentials, normal_url

__all__ = ["Lfs", "Pointer", "access_of", "marked", "pointers_of"]

#: Of one file; it is in memory while it is verified.
MAX_OBJECT_BYTES = 64 * 1024 * 1024
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
#: A longer file is no pointer.
_MAX_POINTER_BYTES = 1024
_AT_ONCE = 100
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n"
)
_TYPE = "application/vnd.git-lfs+json"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What stands in Git for a file.

    Args:
        oid: SHA-256 of the content, as hex digits.
    """

    oid: str
    size_bytes: int

    def is_of(self, content: bytes) -> bool:
        """Whether that is the file."""
        found = hashlib.sha256(content).hexdigest()
        return len(content) == self.size_bytes and found == self.oid


def pointers_of(tree: GitTree, root: Path) -> dict[str, Pointer]:
    """Return the files of a tree that Git LFS has, by their paths.

    Args:
        root: where the files of the tree are.
    """
    found = {}
    for path, entry in tree.entries.items():
        if entry.is_folder or entry.is_link or entry.is_submodule:
            continue
        if not 0 < entry.size_bytes <= _MAX_POINTER_BYTES:
            continue
        pointer = _POINTER.fullmatch((root / path).read_bytes())
        if pointer is not None:
            found[path] = Pointer(pointer[1].decode(), int(pointer[2]))
    return found


def access_of(url: str, login: RepoCredentials) -> str:
    """Return what stands for who may read a repository's files of Git LFS.

    Git itself shows that somebody may read what has an id; a pointer shows nothing.
    """
    return hashlib.sha256(f"{login.project}\0{normal_url(url)}".encode()).hexdigest()[:24]


def marked(tree: GitTree, access: str) -> GitTree:
    """Return a tree whose ids tell that pointers are files: what is made of them is another.

    Args:
        access: whose files, see `access_of`; it is what others may not have.
    """
    entries = {
        path: entry if entry.is_submodule else replace(entry, id=f"{entry.id}+lfs.{access}")
        for path, entry in tree.entries.items()
    }
    return GitTree(tree.commit, entries)


class Lfs:
    """Fetches files; safe in threads.

    Args:
        trusted: returns whom to trust at another server, which a repository's names.
    """

    def __init__(
        self, downloads: Downloads, trusted: Callable[[str, str], RepoCredentials]
    ) -> None:
        self._downloads = downloads
        self._trusted = trusted

    def contents(
        self, url: str, login: RepoCredentials, pointers: Sequence[Pointer], *, project: str
    ) -> Iterator[tuple[Pointer, bytes]]:
        """Yield the content of each.

        Raises:
            SourceForbidden: the repository is not over HTTPS, or refuses the login.
            SourceError: one is too large, is not there, or not what its pointer says.
            SourceUnavailable: nobody answers.
        """
        if not url.lower().startswith("https://"):
            raise SourceForbidden(
                "files of Git LFS are fetched over https:// alone",
                remedy="use https:// in repoURL, or leave enableLfs out",
            )
        large = next((each for each in pointers if each.size_bytes > MAX_OBJECT_BYTES), None)
        if large is not None:
            raise SourceError(
                f"a file of Git LFS is larger than {MAX_OBJECT_BYTES // 2**20} MiB",
                remedy="use a repository of manifests alone",
            )
        for start in range(0, len(pointers), _AT_ONCE):
            asked = pointers[start : start + _AT_ONCE]
            places = self._places(url, login, asked)
            for pointer in asked:
                place = places.get(pointer.oid) or {}
                yield pointer, self._content(url, login, pointer, place, project)

    def _places(
        self, url: str, login: RepoCredentials, pointers: Sequence[Pointer]
    ) -> dict[str, Mapping[str, Any]]:
        """Ask where the files are."""
        parts = urlsplit(url)
        place = f"https://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        place = place if place.endswith(".git") else f"{place}.git"
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "objects": [{"oid": each.oid, "size": each.size_bytes} for each in pointers],
        }
        answer = self._downloads.get(
            f"{place}/info/lfs/objects/batch",
            login,
            what="lfs",
            limit_bytes=_MAX_ANSWER_BYTES,
            headers={"Accept": _TYPE, "Content-Type": _TYPE},
            secret_headers=basic(_named(login)),
            method="POST",
            body=json.dumps(body).encode(),
        )
        found = _json(checked(answer, "Git LFS of the repository")).get("objects")
        listed = found if isinstance(found, list) else []
        return {str(each.get("oid")): each for each in listed if isinstance(each, dict)}

    def _content(
        self,
        url: str,
        login: RepoCredentials,
        pointer: Pointer,
        place: Mapping[str, Any],
        project: str,
    ) -> bytes:
        actions = place.get("actions")
        download = actions.get("download") if isinstance(actions, dict) else None
        if not isinstance(download, dict) or not isinstance(download.get("href"), str):
            raise SourceError(
                f"the server has no file {pointer.oid[:12]} of Git LFS",
                remedy="push it: git lfs push --all",
            )
        href, given = download["href"], download.get("header")
        shown = {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
        scheme, host, port = origin(href)
        if (scheme, host, port) != origin(url):
            login = RepoCredentials(ca_pem=self._trusted(f"https://{host}:{port}", project).ca_pem)
        elif not any(name.lower() == "authorization" for name in shown):
            shown |= basic(_named(login))
        answer = self._downloads.get(
            href, login, what="lfs file", limit_bytes=MAX_OBJECT_BYTES, secret_headers=shown
        )
        body = checked(answer, "a file of Git LFS").body
        if not pointer.is_of(body):
            raise SourceError(
                f"the file {pointer.oid[:12]} of Git LFS is not what its pointer says",
                remedy="push it anew, and see who changed it",
            )
        return body


def _named(login: RepoCredentials) -> RepoCredentials:
    """Return a login with some name: servers of tokens want one, and do not care which."""
    return replace(login, username="git") if login.password and not login.username else login


def _json(answer: HttpAnswer) -> Mapping[str, Any]:
    try:
        found = answer.json("the answer of Git LFS")
    except MalformedSecret as exc:
        raise SourceError(exc.message, remedy=exc.remedy) from None
    return found if isinstance(found, dict) else {}
