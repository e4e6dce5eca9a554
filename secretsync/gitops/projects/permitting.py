"""Holds an application to its AppProject: before it is rendered, and object by object after.

The projects of a cluster are those of the control plane, whoever else writes some: an
Application of another namespace is let in by `sourceNamespaces` alone, and has the rules of
that project. A directory is one owner's: there a project beside the Application counts too.

Source: Argo CD 3.6, "Applications in any namespace".

Neighbours: `project_rules` has the rules, `engine` asks before it compares anything.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError, ConfigError
from secretsync.gitops.model import Object, ObjectKey, api_group
from secretsync.gitops.projects.project_rules import (
    allows_repository,
    allows_source_namespace,
    denied_application,
    denied_objects,
    is_here,
)
from secretsync.gitops.sources.integrity import Integrity
from secretsync.gitops.sources.repo_credentials import normal_url
from secretsync.gitops.sources.repo_logins import REPOSITORY_NAMESPACE
from secretsync.refresh.installkey import service_namespace
from secretsync.resources.app_project import AppProject, parse_app_project
from secretsync.resources.application import Application
from secretsync.resources.application_spec import Destination, Source
from secretsync.resources.documents import Document, Origin
from secretsync.resources.problems import Severity

__all__ = ["Permits", "Project", "Projects", "ProjectsOnce"]

_CLUSTER_SECRETS = "argocd.argoproj.io/secret-type=cluster"
_ASK = "have whoever keeps the AppProject allow it, or leave it out"


@dataclass(frozen=True, slots=True)
class Project:
    """The project of an application.

    Args:
        held: None is `default`, undeclared, which allows all.
        warnings: what of it has no effect.
    """

    held: AppProject | None
    warnings: tuple[str, ...] = ()


class Projects(Protocol):
    """The AppProjects of a cluster."""

    def project(self, namespace: str, name: str) -> Object | None:
        """Return an AppProject as it is, None where there is none."""
        ...


class ProjectsOnce:
    """Asks for each AppProject once, however many applications it has."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._known: dict[tuple[str, str], Object | None] = {}

    def project(self, namespace: str, name: str) -> Object | None:
        """Return an AppProject as it was when it was first asked for.

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        place = (namespace, name)
        if place not in self._known:
            self._known[place] = self._projects.project(namespace, name)
        return self._known[place]


class Permits:
    """Asks the AppProjects of one cluster; holds nothing.

    Args:
        store: has the projects.
        integrity: verifies commits, where a project demands that they are signed.
    """

    def __init__(
        self, cluster: Cluster, store: Projects, integrity: Integrity | None = None
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._integrity = integrity

    def project(self, app: Application) -> Project:
        """Return the project of an application.

        Raises:
            ConfigError: there is no such project, it cannot be understood, or it gives
                nothing to Applications of that namespace.
        """
        name, home = app.spec.project, app.meta.namespace
        local = self._cluster.name.startswith("dir:")
        if local or home in (REPOSITORY_NAMESPACE, service_namespace()):
            found = self._store.project(home, name)
            if found is not None:
                return self._read(found, home)
            if not local or home == REPOSITORY_NAMESPACE:
                return self._undeclared(app, home)
        return self._lent(app, local=local)

    def _lent(self, app: Application, *, local: bool) -> Project:
        """Return the control plane's project for an Application of another namespace."""
        name, home = app.spec.project, app.meta.namespace
        found = self._store.project(REPOSITORY_NAMESPACE, name)
        if found is None and (local or name != "default"):
            return self._undeclared(app, REPOSITORY_NAMESPACE)
        project = Project(None) if found is None else self._read(found, REPOSITORY_NAMESPACE)
        if project.held is None or not allows_source_namespace(project.held.spec, home):
            raise ConfigError(
                f"{app.ref}: the project {REPOSITORY_NAMESPACE}/{name} does not allow "
                f"Applications in the namespace {home}",
                remedy="have whoever keeps the AppProject add it to spec.sourceNamespaces, or "
                f"create the Application in {REPOSITORY_NAMESPACE}",
            )
        return project

    def _undeclared(self, app: Application, namespace: str) -> Project:
        if app.spec.project == "default":
            return Project(None)
        raise ConfigError(
            f"{app.ref}: there is no AppProject {namespace}/{app.spec.project}",
            remedy="create the AppProject, or correct spec.project",
        )

    def _read(self, found: Object, namespace: str) -> Project:
        return _read(Document(dict(found), Origin(self._cluster.name)), namespace)

    def check(self, project: Project, app: Application) -> None:
        """Refuse sources and destinations that the project does not give.

        Raises:
            ConfigError: with what is not allowed.
        """
        held = project.held
        if held is None:
            return
        denied = denied_application(held.spec, app)
        if not denied and held.spec.permit_only_project_scoped_clusters:
            denied = self._unscoped(held, app)
        if denied:
            raise ConfigError(f"{app.ref}: {denied}", remedy=_ASK)

    def check_revisions(self, project: Project, app: Application, revisions: Sequence[str]) -> None:
        """Refuse commits that are not signed as the project demands.

        Args:
            revisions: of the sources, in their order.

        Raises:
            SecretSyncError: what is not signed, or why it cannot be told.
        """
        for source, revision in zip(app.spec.all_sources, revisions, strict=True):
            self._check_signed(project, app, source, revision)

    def check_base(self, app: Application, base: Source, revision: str) -> None:
        """Refuse a commit of a base that is not signed as the project demands.

        Args:
            base: a repository that only a kustomization names.

        Raises:
            SecretSyncError: what is not signed, or why it cannot be told.
        """
        self._check_signed(self.project(app), app, base, revision)

    def _check_signed(
        self, project: Project, app: Application, source: Source, revision: str
    ) -> None:
        held = project.held
        if held is None or not (held.spec.signature_keys or held.spec.source_integrity):
            return
        if self._integrity is None:
            raise ConfigError(
                f"{app.ref}: the project demands signed commits, which nobody verifies"
            )
        self._integrity.check(held, app, source, revision)

    def check_objects(self, project: Project, app: Application, objects: Sequence[Object]) -> None:
        """Refuse an application with an object that the project does not give.

        Raises:
            ConfigError: with the first few; nothing of the application is applied.
        """
        if project.held is None:
            return
        keys = [place for obj in objects for place in self._places(app, obj)]
        denied = denied_objects(project.held.spec, app, keys)
        if denied:
            more = f" and {len(denied) - 3} more" if len(denied) > 3 else ""
            raise ConfigError(f"{app.ref}: {'; '.join(denied[:3])}{more}", remedy=_ASK)

    def denied_live(self, project: Project, app: Application, live: Object) -> str:
        """Return why a live object is not the project's to give, "" where it is."""
        if project.held is None:
            return ""
        denied = denied_objects(project.held.spec, app, self._places(app, live))
        return denied[0] if denied else ""

    def check_repository(self, app: Application, url: str) -> None:
        """Refuse a repository that only a chart or a base names.

        Raises:
            ConfigError: the project does not give it.
        """
        held = self.project(app).held
        if held is not None and not allows_repository(held.spec, url):
            raise ConfigError(
                f"{app.ref}: the project does not allow the repository {normal_url(url)[:200]}, "
                "which its sources need",
                remedy=_ASK,
            )

    def _unscoped(self, project: AppProject, app: Application) -> str:
        """Return why the destination is no cluster of the project's own, "" where it is."""
        page = self._cluster.list(
            KINDS["Secret"], project.meta.namespace, label_selector=_CLUSTER_SECRETS
        )
        for secret in page.items:
            server, name = _text(secret, "server").rstrip("/"), _text(secret, "name")
            own = _text(secret, "project") == project.meta.name
            if own and _same(Destination(server, name), app.spec.destination):
                return ""
        return "the project permits clusters of its own only, and the destination is none"

    def _places(self, app: Application, obj: Object) -> list[tuple[ObjectKey, bool]]:
        """Return an object's key where it would be, and whether its kind is namespaced.

        A kind that the cluster does not serve yet may turn out to be either, so that
        both must be allowed.
        """
        metadata = obj.get("metadata") or {}
        version, kind = str(obj.get("apiVersion") or ""), str(obj.get("kind") or "")
        try:
            scopes = [self._cluster.resolve(version, kind).namespaced]
        except ClusterError:
            scopes = [True, False]
        place = str(metadata.get("namespace") or app.spec.destination.namespace)
        name = str(metadata.get("name") or metadata.get("generateName") or "")
        return [
            (ObjectKey(api_group(version), kind, place if namespaced else "", name), namespaced)
            for namespaced in scopes
        ]


def _same(cluster: Destination, wanted: Destination) -> bool:
    if is_here(wanted):
        return is_here(cluster)
    by_server = bool(wanted.server) and cluster.server == wanted.server.rstrip("/")
    return by_server or (bool(wanted.name) and cluster.name == wanted.name)


def _read(document: Document, namespace: str) -> Project:
    """Return a project as it is; one that is not understood allows nothing.

    Raises:
        ConfigError: with the first of its errors.
    """
    parsed = parse_app_project(document, default_namespace=namespace)
    if parsed.value is None:
        bad = next(each for each in parsed.problems if each.severity is Severity.ERROR)
        raise ConfigError(f"{bad.object}: {bad.field}: {bad.message}", remedy=bad.remedy)
    ref = parsed.value.ref
    warnings = tuple(f"{ref}: {each.field}: {each.message}" for each in parsed.problems)
    return Project(parsed.value, warnings)


def _text(secret: Mapping[str, Any], field: str) -> str:
    """Return a field of a Secret; one that is no text names nothing."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(field) or "", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
