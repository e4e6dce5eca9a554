"""What one render needs from elsewhere: the files of its sources, charts, and their dependencies.

Everything is fetched before a program starts, under the rules of the application's project,
and stays on disk until the render is done. Neighbours: `repositories` and `charts` have the
files, `rendering` makes objects of them.
"""

from __future__ import annotations

import contextlib
import posixpath
import threading
from pathlib import Path

from secretsync.gitops.errors import RenderError, about
from secretsync.gitops.render.kustomize_remote import RemoteBase
from secretsync.gitops.sources.chart_dependencies import (
    AddedChart,
    Dependency,
    missing_dependencies,
)
from secretsync.gitops.sources.chart_downloads import Downloads
from secretsync.gitops.sources.charts import ChartRef, Charts
from secretsync.gitops.sources.git_tree import GitTree, inside
from secretsync.gitops.sources.repo_credentials import normal_url
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.sources.source_files import SourceFiles
from secretsync.gitops.sources.whole_files import Permit, Verify, WholeFiles
from secretsync.resources.application import Application
from secretsync.resources.application_spec import HelmOptions, Source
from secretsync.resources.meta import ObjectRef

__all__ = ["Fetcher", "Permit", "Verify", "chart_of"]

_LOCAL = "file://"


class Fetcher:
    """Fetches for renders; safe in threads.

    Args:
        charts: None serves none.
        permit: asked before a repository is, that the Application itself does not name.
        verify: asked before a commit of it is used; None where nothing is verified.
    """

    def __init__(
        self,
        repositories: Repositories,
        charts: Charts | None,
        permit: Permit | None,
        verify: Verify | None = None,
    ) -> None:
        self._repositories = repositories
        self._charts = charts
        self._permit = permit
        self._verify = verify
        downloads = charts.downloads if charts is not None else Downloads()
        self._lock = threading.Lock()
        #: Whose charts are to be fetched anew, and those that were.
        self._anew: dict[ObjectRef, set[tuple[ChartRef, str]]] = {}
        self._whole = WholeFiles(repositories, downloads, permit, verify)

    def forget(self) -> None:
        """Begin a round: repositories are asked again what moved."""
        self._repositories.forget()
        if self._charts is not None:
            self._charts.forget()

    def refetch(self, app: Application) -> None:
        """Fetch the charts of an application anew when it is rendered next."""
        with self._lock:
            self._anew[app.ref] = set()

    def rendered(self, app: Application) -> None:
        """Note that an application was rendered: all that it needs was fetched."""
        with self._lock:
            self._anew.pop(app.ref, None)

    def resolve(self, app: Application, source: Source) -> str:
        """Return the commit of a source, or the version of a chart.

        Raises:
            GitOpsError: there is none, or nobody answers.
        """
        wanted, project = source.target_revision, app.spec.project
        ref = chart_of(source)
        if ref is not None:
            return self._served().resolve(ref, wanted, project=project)
        return self._repositories.resolve(
            source.repo_url, wanted, project=project, tag_prefix=source.tag_prefix
        )

    def author(self, app: Application, revision: str) -> str:
        """Return the author of a commit of the first source; charts have none."""
        source = app.spec.all_sources[0]
        if chart_of(source) is not None:
            return ""
        return self._repositories.author(source.repo_url, revision, project=app.spec.project)

    def folder_id(self, app: Application, source: Source, revision: str) -> str | None:
        """Return the id of a source's folder at a revision; of a chart its version.

        Raises:
            GitOpsError: the revision is not to be had.
        """
        if chart_of(source) is not None:
            return revision
        tree = self._repositories.tree(source.repo_url, revision, project=app.spec.project)
        return tree.id(tree.submodule(source.path) or source.path)

    def files(
        self, app: Application, source: Source, revision: str, stack: contextlib.ExitStack
    ) -> SourceFiles:
        """Return a source at a revision.

        Args:
            stack: keeps the files until it ends.

        Raises:
            GitOpsError: it is not to be had.
        """
        ref = chart_of(source)
        if ref is not None:
            tree, root = self._chart(app, ref, revision, stack)
            return SourceFiles(source, tree, root)
        whole = self._whole.laid_out(app, source.repo_url, revision)
        tree, root = stack.enter_context(whole)
        return SourceFiles(source, tree, root)

    def dependencies(
        self, app: Application, files: SourceFiles, stack: contextlib.ExitStack
    ) -> list[AddedChart]:
        """Return the charts that a chart needs and does not hold.

        Raises:
            GitOpsError: one is not to be had.
            ConfigError: the project does not give its repository.
        """
        return [self._added(app, files, each, stack) for each in missing_dependencies(files)]

    def base(self, app: Application, base: RemoteBase, stack: contextlib.ExitStack) -> SourceFiles:
        """Return the repository of a kustomization's base, at its revision.

        Raises:
            GitOpsError: it is not to be had.
            ConfigError: the project does not give it.
        """
        if self._permit is None:
            raise RenderError(
                f"the remote base {normal_url(base.url)} is not fetched while rendering"
            )
        self._permit(app, base.url)
        source = Source(base.url, base.folder, base.revision)
        with about(f"base {normal_url(base.url)}"):
            revision = self.resolve(app, source)
            if self._verify is not None:
                self._verify(app, source, revision)
            return self.files(app, source, revision, stack)

    def _added(
        self,
        app: Application,
        files: SourceFiles,
        wanted: Dependency,
        stack: contextlib.ExitStack,
    ) -> AddedChart:
        if wanted.repository.startswith(_LOCAL):
            relative = wanted.repository.removeprefix(_LOCAL)
            path = inside(posixpath.join(files.folder, relative))
            return AddedChart(wanted.name, files.disk(path), files.id(path))
        if "://" not in wanted.repository:
            raise RenderError(
                f"the dependency {wanted.name[:100]} has the repository "
                f"{wanted.repository[:100]!r}, which is a name on somebody's machine",
                remedy="write its URL, or commit the chart to charts/",
            )
        if self._permit is not None:
            self._permit(app, wanted.repository)
        ref, project = ChartRef(wanted.repository, wanted.name), app.spec.project
        with about(f"dependency {wanted.name[:100]}"):
            version = self._served().resolve(ref, wanted.version, project=project)
            tree, root = self._chart(app, ref, version, stack)
        return AddedChart(wanted.name, root, tree.entries[""].id)

    def _chart(
        self, app: Application, ref: ChartRef, version: str, stack: contextlib.ExitStack
    ) -> tuple[GitTree, Path]:
        with self._lock:
            done = self._anew.get(app.ref)
            anew = done is not None and (ref, version) not in done
        project = app.spec.project
        laid_out = self._served().laid_out(ref, version, project=project, anew=anew)
        found = stack.enter_context(laid_out)
        if done is not None:
            with self._lock:
                done.add((ref, version))
        return found

    def _served(self) -> Charts:
        if self._charts is None:
            raise RenderError("charts of repositories are not served here")
        return self._charts


def chart_of(source: Source) -> ChartRef | None:
    """Return the chart that a source is; None for one of Git."""
    if source.chart:
        options = source.helm or HelmOptions()
        return ChartRef(source.repo_url, source.chart, pass_credentials=options.pass_credentials)
    if source.repo_url.startswith("oci://"):
        return ChartRef(source.repo_url, "")
    return None
