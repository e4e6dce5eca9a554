"""Sources of an application → its objects, rendered anew only when what they read moved.

Neighbours: `fetching` has the files, `plain_source`, `kustomize_source` and
`helm_source` make objects of them, `engine` takes the result. What is kept is what was in
Git: references to secret values, never the values.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import tempfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from secretsync.cluster.base import Served
from secretsync.gitops.model import Object, ObjectKey, Rendered
from secretsync.gitops.objects.field_paths import Path
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.fetching import Fetcher, Permit, Verify, chart_of
from secretsync.gitops.render.helm_source import helm_key, helm_objects, makes_values_up
from secretsync.gitops.render.kustomize_closure import KUSTOMIZATIONS, RemoteBaseError
from secretsync.gitops.render.kustomize_remote import remote_closure
from secretsync.gitops.render.kustomize_source import kustomize_key, kustomize_objects
from secretsync.gitops.render.made_up import Fields, made_up_fields
from secretsync.gitops.render.plain_source import plain_key, plain_objects
from secretsync.gitops.sources.charts import Charts
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.sources.source_files import SourceFiles
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
    made_up: Fields = field(default_factory=dict)


class Renderer:
    """Renders applications; safe in threads.

    Args:
        served: what the cluster serves, for charts that ask.
        charts: those of chart repositories; None serves none.
        permit: asked before a repository is that only a chart or a base names.
        verify: asked before a commit of a base is used.
    """

    def __init__(
        self,
        repositories: Repositories,
        programs: Programs,
        *,
        served: Callable[[], Served] | None = None,
        charts: Charts | None = None,
        permit: Permit | None = None,
        verify: Verify | None = None,
    ) -> None:
        self._fetcher = Fetcher(repositories, charts, permit, verify)
        self._programs = programs
        self._served = served
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, _Made] = OrderedDict()
        #: How often a source was rendered, by type.
        self.renders: Counter[str] = Counter()

    def forget(self) -> None:
        """Begin a round: repositories are asked again what moved."""
        self._fetcher.forget()

    def refetch(self, app: Application) -> None:
        """Fetch the charts of an application anew when it is rendered next."""
        self._fetcher.refetch(app)

    def resolve(self, app: Application) -> tuple[str, ...]:
        """Return the commit of each source, of a chart its version.

        Raises:
            GitOpsError: there is none, or nobody answers.
        """
        return tuple(self._fetcher.resolve(app, source) for source in app.spec.all_sources)

    def folders(self, app: Application, revisions: Sequence[str]) -> tuple[str | None, ...]:
        """Return the ids of the folders of all sources; what they reach beside is not in it.

        Raises:
            GitOpsError: a revision is not to be had.
        """
        pairs = zip(app.spec.all_sources, revisions, strict=True)
        return tuple(self._fetcher.folder_id(app, *pair) for pair in pairs)

    def author(self, app: Application, commit: str) -> str:
        """Return the author of a commit of the first source."""
        return self._fetcher.author(app, commit)

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
        made_up: dict[ObjectKey, tuple[Path, ...]] = {}
        types: list[str] = []
        with contextlib.ExitStack() as stack:
            laid = [
                self._fetcher.files(app, source, commit, stack)
                for source, commit in zip(app.spec.all_sources, commits, strict=True)
            ]
            refs = {each.source.ref: each for each in laid if each.source.ref}
            for files in laid:
                kind = _type(files)
                types.append(kind)
                if _has_objects(files.source):
                    made = self._source(app, replace(files, refs=refs), kind, kube, stack)
                    objects += made.objects
                    made_up |= made.made_up
        self._fetcher.rendered(app)
        return Rendered(
            tuple(objects),
            commits,
            tuple(types),
            _digest(objects),
            tuple(_warnings(made_up)),
            made_up,
        )

    def _source(
        self,
        app: Application,
        files: SourceFiles,
        kind: str,
        kube: Served | None,
        stack: contextlib.ExitStack,
    ) -> _Made:
        files.id(files.folder)  # Says what is missing, before anything else does.
        if kind == "Directory":
            return self._once(("Directory", *plain_key(files)), lambda: plain_objects(files))
        if kind == "Kustomize":
            return self._kustomized(app, files, stack)
        known = kube or (self._served() if self._served is not None else None)
        release, namespace = app.meta.name, app.spec.destination.namespace
        added = self._fetcher.dependencies(app, files, stack)
        key = ("Helm", *helm_key(files, release, namespace, known))
        return self._once(
            (*key, *(each.id for each in added)),
            lambda: helm_objects(files, self._programs, release, namespace, known, added),
            twice=lambda: makes_values_up(files, added),
        )

    def _kustomized(
        self, app: Application, files: SourceFiles, stack: contextlib.ExitStack
    ) -> _Made:
        try:
            key = ("Kustomize", *kustomize_key(files))
        except RemoteBaseError:
            closure = remote_closure(files, lambda base: self._fetcher.base(app, base, stack))

            def build() -> list[Object]:
                with tempfile.TemporaryDirectory(prefix="secretsync-bases-") as room:
                    beside = closure.laid_out(pathlib.Path(room).resolve())
                    return kustomize_objects(beside, self._programs)

            return self._once(("Kustomize", *closure.key), build)
        return self._once(key, lambda: kustomize_objects(files, self._programs))

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
        made_up = made_up_fields(objects, make()) if twice() else {}
        made = _Made(tuple(objects), made_up)
        with self._lock:
            self.renders[key[0]] += 1
            self._kept[key] = made
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def _has_objects(source: Source) -> bool:
    """Return whether a source is rendered: one with a ref alone gives files to others."""
    ref = chart_of(source)
    return bool(source.path or source.chart or (ref is not None and not source.ref))


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


def _digest(objects: Sequence[Object]) -> str:
    text = json.dumps(objects, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _warnings(made_up: Collection[ObjectKey]) -> list[str]:
    if not made_up:
        return []
    names = ", ".join(sorted(map(str, made_up))[:5])
    remedy = "what was made first stays; give their values, or have a generator make them once"
    return [f"not deterministic: {names} come out differently each time; {remedy}"]
