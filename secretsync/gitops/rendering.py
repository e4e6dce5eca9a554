"""Sources of an application → its objects, rendered anew only when what they read moved.

Neighbours: `repositories` has the files, `plain_source`, `kustomize_source` and
`helm_source` make objects of them, `engine` takes the result. What is kept is what was in
Git: references to secret values, never the values.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from secretsync.cluster.base import Served
from secretsync.gitops.errors import RenderError
from secretsync.gitops.helm_source import helm_key, helm_objects, makes_values_up
from secretsync.gitops.kustomize_source import KUSTOMIZATIONS, kustomize_key, kustomize_objects
from secretsync.gitops.model import Object, ObjectKey, Rendered
from secretsync.gitops.plain_source import plain_key, plain_objects
from secretsync.gitops.programs import Programs
from secretsync.gitops.repositories import Repositories
from secretsync.gitops.source_files import SourceFiles
from secretsync.resources.application import Application
from secretsync.resources.application_spec import Source

__all__ = ["Renderer"]

#: Rendered sources that are kept.
_KEPT = 4096

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """One rendered source."""

    objects: tuple[Object, ...]
    unstable: frozenset[ObjectKey] = frozenset()


class Renderer:
    """Renders applications; safe in threads.

    Args:
        served: what the cluster serves, for charts that ask.
    """

    def __init__(
        self,
        repositories: Repositories,
        programs: Programs,
        *,
        served: Callable[[], Served] | None = None,
    ) -> None:
        self._repositories = repositories
        self._programs = programs
        self._served = served
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, _Made] = OrderedDict()
        self.renders = 0

    def forget(self) -> None:
        """Begin a round: repositories are asked again what moved."""
        self._repositories.forget()

    def resolve(self, app: Application) -> tuple[str, ...]:
        """Return the commit of each source.

        Raises:
            GitOpsError: there is none, or nobody answers.
        """
        found = []
        for source in app.spec.all_sources:
            if source.chart:
                raise RenderError(
                    "charts of Helm repositories are not served yet",
                    remedy="commit the chart to a Git repository, and set path",
                )
            found.append(self._repositories.resolve(source.repo_url, source.target_revision))
        return tuple(found)

    def author(self, app: Application, commit: str) -> str:
        """Return the author of a commit of the first source."""
        return self._repositories.author(app.spec.all_sources[0].repo_url, commit)

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
            kube: what charts are told of the cluster; None asks the cluster itself.

        Raises:
            GitOpsError: what cannot be rendered, and why.
        """
        commits = tuple(revisions) if revisions else self.resolve(app)
        objects: list[Object] = []
        unstable: set[ObjectKey] = set()
        types: list[str] = []
        with contextlib.ExitStack() as stack:
            laid = [
                self._files(source, commit, stack)
                for source, commit in zip(app.spec.all_sources, commits, strict=True)
            ]
            refs = {each.source.ref: each for each in laid if each.source.ref}
            for files in laid:
                kind = _type(files)
                types.append(kind)
                if files.source.path:
                    made = self._source(app, replace(files, refs=refs), kind, kube)
                    objects += made.objects
                    unstable |= made.unstable
        return Rendered(
            tuple(objects),
            commits,
            tuple(types),
            _digest(objects),
            frozenset(unstable),
            tuple(_warnings(unstable)),
        )

    def _files(self, source: Source, commit: str, stack: contextlib.ExitStack) -> SourceFiles:
        tree = self._repositories.tree(source.repo_url, commit)
        root = stack.enter_context(self._repositories.laid_out(source.repo_url, commit))
        return SourceFiles(source, tree, root)

    def _source(
        self, app: Application, files: SourceFiles, kind: str, kube: Served | None
    ) -> _Made:
        files.id(files.folder)  # Says what is missing, before anything else does.
        if kind == "Directory":
            return self._once(("Directory", *plain_key(files)), lambda: plain_objects(files))
        if kind == "Kustomize":
            key = ("Kustomize", *kustomize_key(files))
            return self._once(key, lambda: kustomize_objects(files, self._programs))
        known = kube or (self._served() if self._served is not None else None)
        release, namespace = app.meta.name, app.spec.destination.namespace
        key = ("Helm", *helm_key(files, release, namespace, known))
        return self._once(
            key,
            lambda: helm_objects(files, self._programs, release, namespace, known),
            twice=lambda: makes_values_up(files),
        )

    def _once(
        self,
        key: Key,
        make: Callable[[], list[Object]],
        *,
        twice: Callable[[], bool] = lambda: False,
    ) -> _Made:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        objects = make()
        unstable = _different(objects, make()) if twice() else frozenset()
        made = _Made(tuple(objects), unstable)
        with self._lock:
            self.renders += 1
            self._kept[key] = made
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def _type(files: SourceFiles) -> str:
    """Return what a source is: as it says itself, else by the files in its folder."""
    source = files.source
    for name, block in (
        ("Helm", source.helm),
        ("Kustomize", source.kustomize),
        ("Directory", source.directory),
    ):
        if block is not None:
            return name
    start = f"{files.folder}/" if files.folder else ""
    if any(f"{start}{name}" in files.tree.entries for name in KUSTOMIZATIONS):
        return "Kustomize"
    return "Helm" if f"{start}Chart.yaml" in files.tree.entries else "Directory"


def _different(first: list[Object], second: list[Object]) -> frozenset[ObjectKey]:
    before = {ObjectKey.of(obj): obj for obj in first}
    after = {ObjectKey.of(obj): obj for obj in second}
    return frozenset(
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    )


def _digest(objects: Sequence[Object]) -> str:
    text = json.dumps(objects, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _warnings(unstable: set[ObjectKey]) -> list[str]:
    if not unstable:
        return []
    names = ", ".join(sorted(map(str, unstable))[:5])
    remedy = "give their values, or have a generator make them once"
    return [f"not deterministic: {names} come out differently each time; {remedy}"]
