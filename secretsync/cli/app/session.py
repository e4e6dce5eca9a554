"""What every verb of `app` needs: the cluster, the engine, the Application that is meant."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from secretsync.cli.app.finishing import finishing
from secretsync.cli.cache_folder import cache_folder
from secretsync.cli.inputs import read_paths
from secretsync.cli.problems import show_problems
from secretsync.cli.session import fingerprinter, stored_key
from secretsync.cluster.base import Cluster
from secretsync.cluster.opening import ClusterSpec, open_cluster, parse_cluster
from secretsync.core.fingerprints import Fingerprinter
from secretsync.errors import ConfigError, InputError
from secretsync.gitops.assembly import build_engine
from secretsync.gitops.engine import Engine
from secretsync.gitops.look import Look
from secretsync.gitops.sources.repo_logins import REPOSITORY_NAMESPACE
from secretsync.gitops.status.app_store import AppStore
from secretsync.refresh.clock import Clock
from secretsync.resources.application import Application, parse_application
from secretsync.resources.problems import errors

__all__ = ["AppRequest", "AppSession", "opened", "user"]

_OURS = "secretsync.io/"


@dataclass(frozen=True, slots=True)
class AppRequest:
    """What the command line says about one application.

    Args:
        app: a file, or [NAMESPACE/]NAME.
        cluster: CLUSTER.
        namespace: of an application that names none.
        output: `text` or `json`.
        cache_dir: "" is the user's.
        hard_refresh: charts are fetched anew.
    """

    app: str
    cluster: str
    namespace: str
    output: str
    cache_dir: str
    hard_refresh: bool = False


@dataclass(frozen=True)
class AppSession:
    """A cluster that was opened for one command."""

    cluster: Cluster
    spec: ClusterSpec
    engine: Engine
    store: AppStore
    prints: Fingerprinter
    install_key: bytes | None
    clock: Clock
    request: AppRequest

    @property
    def directory(self) -> bool:
        """Whether the cluster is a folder, which nobody serves."""
        return self.spec.type == "dir"

    def find(self, *, put: bool = False) -> Application:
        """Return the Application that the command is about, as it now is.

        Args:
            put: store one that comes from a file; its status stays.

        Raises:
            ConfigError: there is no such Application, or it is no good one.
            ClusterError: the cluster cannot be asked, or refused it.
        """
        namespace = self.request.namespace or self.cluster.default_namespace
        if not _is_file(self.request.app):
            return self._named(namespace)
        app = _read(self.request.app, namespace)
        if put:
            return self.store.put(app)
        stored = self.store.get(app.meta.namespace, app.meta.name)
        return app if stored is None else _merged(app, stored)

    def look(self, app: Application, *, revision: str = "", tokens: Iterable[str] = ()) -> Look:
        """Render and compare.

        Args:
            revision: instead of targetRevision of the first source; "" for the newest.
            tokens: acknowledgements of the command line.

        Raises:
            SecretSyncError: nothing can be known.
        """
        if self.request.hard_refresh:
            self.engine.refresh(app, hard=True)
        if not revision:
            return self.engine.look(app, tokens=tokens)
        return self.engine.look(app, revisions=self.resolved(app, revision), tokens=tokens)

    def resolved(self, app: Application, revision: str) -> tuple[str, ...]:
        """Return the revisions of all sources, the first one at what was asked for.

        Raises:
            SecretSyncError: there is no such revision.
        """
        first, *others = app.spec.all_sources
        asked = (replace(first, target_revision=revision), *others)
        spec = replace(app.spec, source=None, sources=asked)
        return self.engine.resolve(replace(app, spec=spec))

    def again(self, app: Application) -> Application:
        """Return the Application as the cluster has it now.

        Raises:
            ConfigError: it is gone.
        """
        found = self.store.get(app.meta.namespace, app.meta.name)
        if found is None:
            raise ConfigError(f"{app.ref} is gone", remedy="somebody deleted it meanwhile")
        return found

    def _named(self, default: str) -> Application:
        namespace, slash, name = self.request.app.rpartition("/")
        places = [namespace] if slash else [default]
        if not slash and not self.request.namespace:
            places.append(REPOSITORY_NAMESPACE)
        for place in places:
            found = self.store.get(place, name)
            if found is not None:
                return found
        where = " and ".join(f"{place}/{name}" for place in dict.fromkeys(places))
        raise ConfigError(
            f"Application {where} does not exist in {self.cluster.name}",
            remedy="check the name and -n, or give its manifest file",
        )


@contextlib.contextmanager
def opened(request: AppRequest, *, writes: bool, values: bool = True) -> Iterator[AppSession]:
    """Open the cluster for a command.

    Args:
        writes: False promises to write nothing.
        values: False where nothing that it shows stands for a value.

    Raises:
        SecretSyncError: it cannot be opened.
    """
    spec = parse_cluster(request.cluster)
    cluster = open_cluster(spec, read_only=not writes)
    clock = Clock()
    try:
        key = stored_key(cluster, spec, create=writes) if values else None
        prints = fingerprinter(key) if values else Fingerprinter(secrets.token_bytes(32))
        built = build_engine(
            cluster,
            prints,
            cache_dir=cache_folder(request.cache_dir),
            local=spec.type == "dir",
            now=clock.now,
            wait=clock.wait if spec.type != "dir" else finishing(cluster, clock.wait),
            served=spec.type != "dir",
        )
        with contextlib.closing(built):
            store = built.engine.store
            yield AppSession(cluster, spec, built.engine, store, prints, key, clock, request)
    finally:
        cluster.close()


def user() -> str:
    """Return who runs the command, for the history."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _is_file(text: str) -> bool:
    return text == "-" or text.endswith((".yaml", ".yml", ".json")) or Path(text).is_file()


def _read(path: str, namespace: str) -> Application:
    """Return the one Application of a file.

    Raises:
        InputError: there is none, or several, or it is no good one.
    """
    inputs = read_paths([path])
    apps = [each for each in inputs.documents if each.value.get("kind") == "Application"]
    problems = [*inputs.unreadable, *inputs.problems]
    found = None
    if len(apps) == 1:
        parsed = parse_application(apps[0], default_namespace=namespace)
        problems += parsed.problems
        found = parsed.value
    show_problems(problems)
    if found is None or errors(problems):
        what = f"{len(apps)} Applications" if len(apps) != 1 else "no usable Application"
        raise InputError(f"{path}: {what}", remedy="give a file that holds one good Application")
    return found


def _merged(app: Application, stored: Application) -> Application:
    """Give an Application of a file what only the cluster knows of it."""
    ours = {k: v for k, v in stored.meta.annotations.items() if k.startswith(_OURS)}
    meta = replace(app.meta, annotations={**ours, **app.meta.annotations}, uid=stored.meta.uid)
    return replace(app, meta=meta, status=stored.status, operation=stored.operation, live=True)
