"""`git+URL//FOLDER?ref=REV` as PATH: a folder of a repository at a revision.

Neighbours: `inputs` reads the files, `gitops.sources.repositories` fetches them, with the logins
that the cluster of the command has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from secretsync.cli.cache_folder import cache_folder
from secretsync.cluster.base import Cluster
from secretsync.errors import InputError

__all__ = [
    "PREFIX",
    "Checkout",
    "RepositoryPath",
    "checkout_with",
    "no_checkout",
    "repository_path",
]

PREFIX = "git+"
_FORM = "write git+URL//FOLDER?ref=REV, such as git+https://example.com/shop.git//apps?ref=main"


@dataclass(frozen=True, slots=True)
class RepositoryPath:
    """A folder or file of a repository.

    Args:
        folder: from the root, "" for all of it.
        revision: a branch, tag or commit; "" for the newest.
    """

    url: str
    folder: str
    revision: str

    @property
    def identity(self) -> str:
        """What stays the same when another revision is asked for."""
        return f"{PREFIX}{self.url}//{self.folder}"


#: Gives where the files are, and what they are called in messages.
Checkout = Callable[[RepositoryPath], AbstractContextManager[tuple[Path, str]]]


def repository_path(path: str) -> RepositoryPath | None:
    """Return what a PATH means in a repository; None for any other PATH.

    Raises:
        InputError: it is meant for a repository, and is not of the form.
    """
    if not path.startswith(PREFIX):
        return None
    url, _, query = path.removeprefix(PREFIX).partition("?")
    scheme, separator, rest = url.partition("://")
    if not separator or not urlsplit(url).scheme:
        raise InputError(f"{path[:200]}: this names no repository", remedy=_FORM)
    given = parse_qsl(query, keep_blank_values=True)
    if (query and not given) or any(name != "ref" for name, _ in given) or len(given) > 1:
        raise InputError(f"{path[:200]}: only ref= may follow the question mark", remedy=_FORM)
    # Of a file the address has three slashes, and the first two are no end of it.
    repository, _, folder = rest.lstrip("/").partition("//")
    before = rest[: len(rest) - len(rest.lstrip("/"))]
    return RepositoryPath(
        f"{scheme}://{before}{repository}", folder.strip("/"), given[0][1] if given else ""
    )


def checkout_with(cluster: Cluster, *, local: bool) -> Checkout:
    """Return what lays out repositories for one command.

    Args:
        cluster: has the logins.
        local: `file://` is allowed.
    """

    @contextlib.contextmanager
    def checkout(path: RepositoryPath) -> Iterator[tuple[Path, str]]:
        # Imported here: most commands read files, and need no git.
        from secretsync.gitops.sources.cache_use import CacheUse  # noqa: PLC0415 - see above
        from secretsync.gitops.sources.git_program import GitProgram  # noqa: PLC0415 - see above
        from secretsync.gitops.sources.git_tree import inside  # noqa: PLC0415 - see above
        from secretsync.gitops.sources.repo_logins import RepoLogins  # noqa: PLC0415 - see above
        from secretsync.gitops.sources.repositories import Repositories  # noqa: PLC0415 - see above

        cache = cache_folder("")
        with CacheUse(cache):
            repositories = Repositories(
                cache / "git",
                GitProgram(local=local),
                local=local,
                logins=RepoLogins(cluster),
            )
            folder = inside(path.folder)
            commit = repositories.resolve(path.url, path.revision)
            if repositories.tree(path.url, commit).id(folder) is None:
                raise InputError(
                    f"{path.identity}: {folder} does not exist at {commit[:7]}",
                    remedy="correct the folder, or ref=",
                )
            with repositories.laid_out(path.url, commit) as root:
                yield root / folder, f"{path.identity}@{commit[:7]}"

    return checkout


def no_checkout(path: RepositoryPath) -> AbstractContextManager[tuple[Path, str]]:
    """Refuse repositories, where a command asks no network.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{path.identity}: this command reads files alone, and nothing from a repository",
        remedy="check the repository out and give the folder, or use plan",
    )
