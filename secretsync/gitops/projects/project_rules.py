"""What an AppProject allows its applications: sources, destinations, kinds. Pure.

Default-deny, as Argo CD has it: what no rule names is refused, and `!` denies. Objects
are checked one by one after rendering, so that nothing that a chart or a base brings in
is more than the project gives. Neighbours: `permitting` asks before anything is compared,
`project_windows` says when, `integrity` whose commits.

Source: Argo CD 3.6's type `AppProject`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secretsync.gitops.model import ObjectKey
from secretsync.gitops.sources.repo_credentials import is_ambiguous, normal_url, plainest
from secretsync.resources.app_project_spec import (
    AppProjectSpec,
    ResourceRule,
    ServiceAccountRule,
)
from secretsync.resources.application import Application
from secretsync.resources.application_spec import Destination
from secretsync.resources.globs import glob_matches
from secretsync.resources.patterns import pattern_matches

__all__ = [
    "allows_repository",
    "allows_source_namespace",
    "cluster_names",
    "denied_application",
    "denied_objects",
    "is_here",
]

_IN_CLUSTER = ("https://kubernetes.default.svc", "in-cluster")


def denied_application(project: AppProjectSpec, app: Application) -> str:
    """Return why a project does not allow an application, "" where it does."""
    for source in app.spec.all_sources:
        if not allows_repository(project, source.repo_url):
            return f"the project does not allow the repository {normal_url(source.repo_url)}"
    destination = app.spec.destination
    if not _destination(project, app, destination.namespace):
        where = destination.namespace or "(none)"
        return f"the project does not allow the destination namespace {where}"
    for rule in project.destination_service_accounts:
        if _impersonates(rule, destination):
            account = rule.default_service_account[:100]
            return (
                "the project's destinationServiceAccounts has this destination synced as the "
                f"service account {account!r}: impersonation is not supported"
            )
    return ""


def allows_repository(project: AppProjectSpec, url: str) -> bool:
    """Return whether a project's `sourceRepos` give a repository, of Git or of charts."""
    return not is_ambiguous(url) and _one_of(url, project.source_repos)


def allows_source_namespace(project: AppProjectSpec, namespace: str) -> bool:
    """Return whether a project serves Applications of a namespace that is not its own."""
    return any(pattern_matches(namespace, each) for each in project.source_namespaces)


def is_here(destination: Destination) -> bool:
    """Return whether a destination is the cluster that the Application is in."""
    return destination.server == _IN_CLUSTER[0] or destination.name == _IN_CLUSTER[1]


def cluster_names(destination: Destination) -> tuple[str, str]:
    """Return the server and the name of a destination: the cluster of here has both."""
    return _IN_CLUSTER if is_here(destination) else (destination.server, destination.name)


def denied_objects(
    project: AppProjectSpec, app: Application, objects: Iterable[tuple[ObjectKey, bool]]
) -> list[str]:
    """Return what of an application a project does not allow.

    Args:
        objects: each with whether its kind is namespaced.
    """
    found = []
    for key, namespaced in objects:
        if namespaced and not _destination(project, app, key.namespace):
            found.append(f"{key}: the project does not allow this namespace")
        elif not _kind(project, key, namespaced=namespaced):
            found.append(f"{key}: the project does not allow this kind")
    return found


def _kind(project: AppProjectSpec, key: ObjectKey, *, namespaced: bool) -> bool:
    denied, allowed = project.cluster_resource_blacklist, project.cluster_resource_whitelist
    if namespaced:
        denied = project.namespace_resource_blacklist
        if project.namespace_resource_whitelist is None:
            # Without a list, every namespaced kind that is not denied.
            return not any(_names(rule, key) for rule in denied)
        allowed = project.namespace_resource_whitelist
    if any(_names(rule, key) for rule in denied):
        return False
    return any(_names(rule, key) for rule in allowed)


def _names(rule: ResourceRule, key: ObjectKey) -> bool:
    pairs = ((key.group, rule.group), (key.kind, rule.kind), (key.name, rule.name or "*"))
    return all(glob_matches(text, pattern) for text, pattern in pairs)


def _destination(project: AppProjectSpec, app: Application, namespace: str) -> bool:
    destination = app.spec.destination
    allowed = False
    for rule in project.destinations:
        denies = any(each.startswith("!") for each in (rule.server, rule.name, rule.namespace))
        where = _where(rule.server.lstrip("!"), rule.name.lstrip("!"), destination)
        if not where or not glob_matches(namespace, rule.namespace.lstrip("!")):
            continue
        if denies:
            return False
        allowed = True
    return allowed


def _where(server: str, name: str, wanted: Destination) -> bool:
    """Return whether a rule means the cluster; the one of here has two names."""
    pairs = zip(cluster_names(wanted), (server, name), strict=True)
    return any(bool(text and glob) and glob_matches(text, glob) for text, glob in pairs)


def _impersonates(rule: ServiceAccountRule, destination: Destination) -> bool:
    here = _where(rule.server, rule.name, destination)
    return here and glob_matches(destination.namespace, rule.namespace or "*")


def _one_of(url: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern allows a repository and none denies it."""
    found = [pattern for pattern in patterns if _is_for(url, pattern.removeprefix("!"))]
    denies = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    denied = any(_is_for(url.lower(), each.lower()) or _is_nearly(url, each) for each in denies)
    return bool(found) and not denied and not any(each.startswith("!") for each in found)


def _is_for(url: str, pattern: str) -> bool:
    """Match, however the URL is written; `*` stays within a part, but alone is everything."""
    if pattern == "*":
        return True
    # Without its scheme, `oci://**` would be everything.
    plain = pattern.rstrip("/") if _in_registry(pattern) else normal_url(pattern)
    pairs = ((url, pattern), (normal_url(url), plain))
    return any(glob_matches(text, each, separator="/") for text, each in pairs)


def _is_nearly(url: str, pattern: str) -> bool:
    """Match what servers take for the same."""
    if _in_registry(pattern):
        return False
    return glob_matches(plainest(url), plainest(pattern), separator="/")


def _in_registry(pattern: str) -> bool:
    return pattern.lower().startswith("oci://")
