"""AppProject, `argoproj.io/v1alpha1`: what its Applications may do, and when.

A project that cannot be understood allows nothing: a limit with a typing error in it
must not become no limit. Neighbour: `app_project_spec` has the shape of `spec`.

Source: Argo CD 3.6's CRD `appprojects.argoproj.io`, and its checks of windows and keys.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

from secretsync.resources.app_project_spec import AppProjectSpec, ProjectWindow
from secretsync.resources.application import ARGO_VERSION
from secretsync.resources.composer import Path
from secretsync.resources.cron import parse_schedule
from secretsync.resources.decode import decode, warn_unknown_fields
from secretsync.resources.documents import Document
from secretsync.resources.durations import parse_duration
from secretsync.resources.findings import Findings
from secretsync.resources.globs import is_glob
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta, type_name
from secretsync.resources.parsed import Parsed
from secretsync.resources.patterns import pattern_problem

__all__ = ["AppProject", "parse_app_project"]

_TOP_LEVEL = ("apiVersion", "kind", "metadata", "spec", "status")
_RULE = ("group", "kind", "name")
_KEY = re.compile(r"(?:0[xX])?[0-9a-fA-F]{16,64}|SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
_ORPHANS = "orphanedResources has no effect: nobody looks for orphaned objects"


@dataclass(frozen=True, slots=True)
class AppProject:
    """One validated AppProject."""

    meta: ObjectMeta
    spec: AppProjectSpec

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("AppProject", self.meta.namespace, self.meta.name)


def parse_app_project(document: Document, *, default_namespace: str) -> Parsed[AppProject]:
    """Parse, default and validate one AppProject.

    Args:
        document: an object of a file, or of a cluster.
        default_namespace: of an object that names none.

    Returns:
        The object, or None where a problem is an error; all problems at once.
    """
    findings = object_findings(document, default_namespace=default_namespace)
    value = document.value
    if value.get("kind") != "AppProject":
        findings.error(("kind",), "kind must be AppProject", "correct the kind")
    if value.get("apiVersion") != ARGO_VERSION:
        findings.error(("apiVersion",), "apiVersion is not one that is read", f"use {ARGO_VERSION}")
    meta = read_meta(document, findings, default_namespace=default_namespace)
    warn_unknown_fields(value, _TOP_LEVEL, (), findings)
    raw = value.get("spec", {})
    if not isinstance(raw, dict):
        findings.error(("spec",), f"spec is {type_name(raw)}, not an object", "correct spec")
        return Parsed(None, findings.problems)
    spec = decode(AppProjectSpec, raw, ("spec",), findings)
    if not findings.failed:
        _check(spec, findings)
    found = None if findings.failed else AppProject(meta, spec)
    return Parsed(found, findings.problems)


def _check(spec: AppProjectSpec, findings: Findings) -> None:
    for path, pattern in _globs(spec):
        if not is_glob(pattern.removeprefix("!")):
            findings.error(path, "not a pattern", "close what it opens: [...] and {...}")
    for index, pattern in enumerate(spec.source_namespaces):
        if problem := pattern_problem(pattern):
            findings.warning(
                ("spec", "sourceNamespaces", index),
                f"{problem}; it allows no namespace",
                "write a glob, or an expression of RE2 between slashes",
            )
    for index, window in enumerate(spec.sync_windows):
        _check_window(window, ("spec", "syncWindows", index), findings)
    if spec.signature_keys and spec.source_integrity is not None:
        findings.error(
            ("spec", "signatureKeys"),
            "signatureKeys and sourceIntegrity exclude each other",
            "move the keys to a policy of sourceIntegrity.git",
        )
    for index, each in enumerate(spec.destinations):
        if not each.server and not each.name:
            findings.warning(
                ("spec", "destinations", index),
                "the destination names no cluster, and so allows none",
                'set server, or name: "*" for any',
            )
    _check_keys(spec, findings)
    if spec.orphaned_resources is not None:
        findings.warning(("spec", "orphanedResources"), _ORPHANS, "remove it, or look for yourself")


def _check_keys(spec: AppProjectSpec, findings: Findings) -> None:
    """Warn of ids that name no key: commits signed by it would be refused."""
    places: list[tuple[Path, str]] = [
        (("spec", "signatureKeys", index, "keyID"), each.key_id)
        for index, each in enumerate(spec.signature_keys)
    ]
    git = spec.source_integrity.git if spec.source_integrity is not None else None
    for index, policy in enumerate(git.policies if git is not None else ()):
        for number, key in enumerate(policy.gpg.keys):
            policies: Path = ("spec", "sourceIntegrity", "git", "policies")
            places.append(((*policies, index, "gpg", "keys", number), key))
    for path, key in places:
        if not _KEY.fullmatch(key.replace(" ", "")):
            findings.warning(
                path,
                "not the id of a key, and so of none",
                "write 16 digits or more of a GPG key, or SHA256:… of an SSH key",
            )


def _globs(spec: AppProjectSpec) -> Iterator[tuple[Path, str]]:
    """Yield every pattern with its path."""
    for index, text in enumerate(spec.source_repos):
        yield ("spec", "sourceRepos", index), text
    for name, entries, fields in (
        ("destinations", spec.destinations, ("server", "name", "namespace")),
        ("clusterResourceWhitelist", spec.cluster_resource_whitelist, _RULE),
        ("clusterResourceBlacklist", spec.cluster_resource_blacklist, _RULE),
        ("namespaceResourceWhitelist", spec.namespace_resource_whitelist or (), _RULE),
        ("namespaceResourceBlacklist", spec.namespace_resource_blacklist, _RULE),
        ("destinationServiceAccounts", spec.destination_service_accounts, ("server", "namespace")),
    ):
        for index, entry in enumerate(entries):
            for field in fields:
                yield ("spec", name, index, field), getattr(entry, field)
    for index, window in enumerate(spec.sync_windows):
        for field in ("applications", "namespaces", "clusters"):
            for number, text in enumerate(getattr(window, field)):
                yield ("spec", "syncWindows", index, field, number), text
    git = spec.source_integrity.git if spec.source_integrity is not None else None
    for index, policy in enumerate(git.policies if git is not None else ()):
        for number, repo in enumerate(policy.repos):
            place = ("spec", "sourceIntegrity", "git", "policies", index, "repos", number, "url")
            yield place, repo.url


def _check_window(window: ProjectWindow, path: Path, findings: Findings) -> None:
    # Argo CD's windows take the five fields alone, no words.
    if window.schedule.lstrip().startswith("@") or parse_schedule(window.schedule) is None:
        findings.error(
            (*path, "schedule"), "not a schedule", 'write five fields of cron: "0 22 * * *"'
        )
    duration = parse_duration(window.duration)
    if duration is None or duration <= 0:
        findings.error((*path, "duration"), "not a duration", 'write a Go duration such as "1h"')
    if _zone(window.time_zone) is None:
        findings.error(
            (*path, "timeZone"), "not a time zone that is known here", "use Europe/Paris, or UTC"
        )
    if not (window.applications or window.namespaces or window.clusters):
        findings.warning(
            path, "the window is of no application", "set applications, namespaces or clusters"
        )


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
