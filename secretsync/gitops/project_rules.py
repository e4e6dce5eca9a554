"""What an AppProject allows its applications: sources, destinations, kinds. Pure.

Default-deny, as Argo CD has it: what no rule names is refused, and `!` denies. Objects
are checked one by one after rendering, so that nothing that a chart or a base brings in
is more than the project gives. Neighbour: `engine` asks before anything is compared.

Source: Argo CD 3.6's type `AppProject`; https://pkg.go.dev/path#Match for globs.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from secretsync.gitops.model import ObjectKey
from secretsync.resources.application import Application

__all__ = ["denied_application", "denied_objects"]

_IN_CLUSTER = ("https://kubernetes.default.svc", "in-cluster")

Rules = Mapping[str, Any]


def denied_application(project: Rules, app: Application) -> str:
    """Return why a project does not allow an application, "" where it does.

    Args:
        project: `spec` of the AppProject.
    """
    if project.get("destinationServiceAccounts"):
        return "the project has destinationServiceAccounts: impersonation is not supported"
    if project.get("signatureKeys") or project.get("sourceIntegrity"):
        return "the project demands signed commits, which are not verified here"
    if project.get("syncWindows"):
        return "the project has syncWindows, which are not evaluated here"
    for source in app.spec.all_sources:
        if not _one_of(source.repo_url, project.get("sourceRepos") or (), separator="/"):
            return f"the project does not allow the repository {source.repo_url}"
    namespace = app.spec.destination.namespace
    if not _destination(project, app, namespace):
        return f"the project does not allow the destination namespace {namespace or '(none)'}"
    return ""


def denied_objects(
    project: Rules, app: Application, objects: Iterable[tuple[ObjectKey, bool]]
) -> list[str]:
    """Return what of an application a project does not allow.

    Args:
        project: `spec` of the AppProject.
        objects: each with whether its kind is namespaced.
    """
    found = []
    for key, namespaced in objects:
        if namespaced and not _destination(project, app, key.namespace):
            found.append(f"{key}: the project does not allow this namespace")
        elif not _kind(project, key, namespaced=namespaced):
            found.append(f"{key}: the project does not allow this kind")
    return found


def _kind(project: Rules, key: ObjectKey, *, namespaced: bool) -> bool:
    level = "namespace" if namespaced else "cluster"
    denied = project.get(f"{level}ResourceBlacklist") or ()
    allowed = project.get(f"{level}ResourceWhitelist")
    if any(_names(rule, key) for rule in denied):
        return False
    if namespaced and allowed is None:
        return True  # Without a list, every namespaced kind that is not denied.
    return any(_names(rule, key) for rule in allowed or ())


def _names(rule: Rules, key: ObjectKey) -> bool:
    parts = (("group", key.group), ("kind", key.kind))
    if not all(fnmatch.fnmatchcase(text, str(rule.get(name) or "")) for name, text in parts):
        return False
    name = str(rule.get("name") or "")
    return not name or fnmatch.fnmatchcase(key.name, name)


def _destination(project: Rules, app: Application, namespace: str) -> bool:
    destination = app.spec.destination
    allowed = False
    for rule in project.get("destinations") or ():
        server, name = str(rule.get("server") or ""), str(rule.get("name") or "")
        wanted = str(rule.get("namespace") or "")
        denies = server.startswith("!") or name.startswith("!") or wanted.startswith("!")
        where = _where(server.lstrip("!"), name.lstrip("!"), destination.server, destination.name)
        if not where or not fnmatch.fnmatchcase(namespace, wanted.lstrip("!")):
            continue
        if denies:
            return False
        allowed = True
    return allowed


def _where(server: str, name: str, wanted_server: str, wanted_name: str) -> bool:
    """Return whether a rule means the cluster; the one of here has two names."""
    here = wanted_server == _IN_CLUSTER[0] or wanted_name == _IN_CLUSTER[1]
    servers = [wanted_server] if wanted_server else []
    names = [wanted_name] if wanted_name else []
    if here:
        servers, names = [_IN_CLUSTER[0]], [_IN_CLUSTER[1]]
    by_server = bool(server) and any(fnmatch.fnmatchcase(each, server) for each in servers)
    return by_server or (bool(name) and any(fnmatch.fnmatchcase(each, name) for each in names))


def _one_of(text: str, patterns: Iterable[str], *, separator: str) -> bool:
    """Return whether a pattern allows a text and none denies it."""
    found = [pattern for pattern in patterns if _glob(text, pattern.lstrip("!"), separator)]
    denied = any(pattern.startswith("!") for pattern in found)
    return bool(found) and not denied


def _glob(text: str, pattern: str, separator: str) -> bool:
    """Match; `*` stays within a part, but `*` alone is everything."""
    if pattern == "*" or "**" in pattern:
        return fnmatch.fnmatchcase(text, pattern.replace("**", "*"))
    texts, patterns = text.split(separator), pattern.split(separator)
    pairs = zip(texts, patterns, strict=False)
    same = len(texts) == len(patterns)
    return same and all(fnmatch.fnmatchcase(part, wanted) for part, wanted in pairs)
