"""Plain folders of a Git repository → objects: the smallest renderer that works.

Neighbours: `engine` renders through whatever has these two methods.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from secretsync.cluster.base import Served
from secretsync.errors import ConfigError
from secretsync.gitops.model import Object, Rendered
from secretsync.resources.application import Application
from secretsync.resources.application_spec import DirectoryOptions, Source
from secretsync.resources.documents import load_documents

__all__ = ["FolderRenderer"]

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_TIMEOUT_S = 60.0


class FolderRenderer:
    """Renders plain folders; keeps bare repositories and what it rendered. Safe in threads.

    Args:
        cache_dir: where repositories are kept.
        local: `file://` repositories are allowed.
    """

    def __init__(self, cache_dir: Path, *, local: bool) -> None:
        self._cache = cache_dir
        self._local = local
        self._lock = threading.RLock()
        self._refs: dict[str, dict[str, str]] = {}
        self._rendered: dict[tuple[str, str, str, str], tuple[Object, ...]] = {}
        self.renders = 0

    def forget(self) -> None:
        """Ask each repository again for its refs, once."""
        with self._lock:
            self._refs.clear()

    def resolve(self, app: Application) -> tuple[str, ...]:
        """Return the commit of each source.

        Raises:
            ConfigError: there is no such revision, or the repository cannot be asked.
        """
        return tuple(self._resolve(source) for source in app.spec.all_sources)

    def render(
        self,
        app: Application,
        *,
        revisions: Sequence[str] | None = None,
        kube: Served | None = None,
    ) -> Rendered:
        """Return the objects of an application.

        Args:
            revisions: commits to render at; None resolves the sources.
            kube: unused: plain folders do not depend on the cluster.

        Raises:
            ConfigError: what cannot be rendered, and why.
        """
        del kube
        found = tuple(revisions) if revisions else self.resolve(app)
        objects: list[Object] = []
        for source, commit in zip(app.spec.all_sources, found, strict=True):
            if source.path:
                objects += self._folder(source, commit)
        text = json.dumps(objects, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Rendered(tuple(objects), found, ("Directory",) * len(found), digest)

    def author(self, app: Application, commit: str) -> str:
        """Return the author of a commit of the first source."""
        source = app.spec.all_sources[0]
        return self._git(source.repo_url, "show", "-s", "--format=%an <%ae>", commit).strip()

    def _resolve(self, source: Source) -> str:
        wanted = source.target_revision or "HEAD"
        with self._lock:
            refs = self._refs.get(source.repo_url)
            if refs is None:
                refs = self._refs[source.repo_url] = self._ls_remote(source.repo_url)
        for name in (
            wanted,
            f"refs/heads/{wanted}",
            f"refs/tags/{wanted}^{{}}",
            f"refs/tags/{wanted}",
        ):
            if name in refs:
                return refs[name]
        if len(wanted) == 40 and all(sign in "0123456789abcdef" for sign in wanted):
            return wanted
        raise ConfigError(
            f"{source.repo_url}: there is no revision {wanted}", remedy="correct targetRevision"
        )

    def _ls_remote(self, url: str) -> dict[str, str]:
        self._check(url)
        lines = _run(["git", "ls-remote", url], Path("/")).decode().splitlines()
        return {name: sha for sha, _, name in (line.partition("\t") for line in lines)}

    def _folder(self, source: Source, commit: str) -> tuple[Object, ...]:
        options = source.directory or DirectoryOptions()
        key = (source.repo_url, commit, source.path, repr(options))
        with self._lock:
            if key not in self._rendered:
                self._rendered[key] = self._read(source, commit, options)
                self.renders += 1
            return self._rendered[key]

    def _read(self, source: Source, commit: str, options: DirectoryOptions) -> tuple[Object, ...]:
        url, folder = source.repo_url, source.path.strip("/").removeprefix("./")
        prefix = "" if folder in ("", ".") else f"{folder}/"
        listed = self._git(url, "ls-tree", "-r", "-z", "--name-only", commit, "--", prefix or ".")
        names = [name for name in listed.split("\0") if name]
        if not names:
            raise ConfigError(
                f"{url}: {source.path} is not in {commit[:7]}", remedy="correct source.path"
            )
        objects: list[Object] = []
        for name in names:
            below = PurePosixPath(name.removeprefix(prefix))
            if below.suffix not in _SUFFIXES or (len(below.parts) > 1 and not options.recurse):
                continue
            if options.include and not fnmatch.fnmatch(str(below), options.include):
                continue
            if options.exclude and fnmatch.fnmatch(str(below), options.exclude):
                continue
            text = self._git(url, "show", f"{commit}:{name}").encode()
            documents, problems = load_documents(text, file=name)
            if problems:
                first = problems[0]
                raise ConfigError(f"{name}:{first.line}: {first.message}", remedy=first.remedy)
            objects += [document.value for document in documents]
        return tuple(objects)

    def _git(self, url: str, *arguments: str) -> str:
        with self._lock:
            bare = self._bare(url, arguments[-1])
            return _run(["git", *arguments], bare).decode()

    def _bare(self, url: str, _: str) -> Path:
        """Return the bare repository, with every commit that ls-remote spoke of."""
        self._check(url)
        bare = self._cache / hashlib.sha256(url.encode()).hexdigest()[:16]
        if not (bare / "HEAD").exists():
            bare.mkdir(parents=True, exist_ok=True)
            _run(["git", "init", "-q", "--bare", "."], bare)
        refs = sorted(set((self._refs.get(url) or self._ls_remote(url)).items()))
        stamp = hashlib.sha256(repr(refs).encode()).hexdigest()
        mark = bare / "secretsync-refs"
        if not mark.exists() or mark.read_text() != stamp:
            _run(["git", "fetch", "-q", "--prune", url, "+refs/*:refs/remote/*"], bare)
            mark.write_text(stamp)
        return bare

    def _check(self, url: str) -> None:
        if url.startswith("-") or "::" in url:
            raise ConfigError(f"{url!r} is no repository", remedy="correct repoURL")
        if url.startswith("file://") and not self._local:
            raise ConfigError(
                f"{url}: file:// repositories are for directory clusters",
                remedy="use https:// or ssh://",
            )


def _run(command: list[str], cwd: Path) -> bytes:
    env = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": "/nonexistent",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file:https:ssh",
    }
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the program is git
            command, cwd=cwd, env=env, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ConfigError(f"git: {type(exc).__name__}", remedy="check that git works") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigError(f"git {command[1]}: {said[-1] if said else 'failed'}"[:300])
    return done.stdout
