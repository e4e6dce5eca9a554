"""Application, `argoproj.io/v1alpha1`: what of Git should be where in the cluster.

Neighbours: `application_spec` has the shape of `spec`; `gitops` reads and writes status.

Source: Argo CD 3.6's CRD `applications.argoproj.io`, and the checks that its controller
makes before it compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.resources.application_spec import ApplicationSpec, Source
from secretsync.resources.composer import Path, quoted
from secretsync.resources.decode import decode, warn_unknown_fields
from secretsync.resources.documents import Document
from secretsync.resources.durations import parse_duration
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta, type_name
from secretsync.resources.parsed import Parsed

__all__ = ["ARGO_GROUP", "ARGO_VERSION", "Application", "parse_application"]

ARGO_GROUP = "argoproj.io"
ARGO_VERSION = f"{ARGO_GROUP}/v1alpha1"

_SWITCH = ("true", "false")
#: Each sync option, and the values that it takes; anything else does nothing.
SYNC_OPTIONS = {
    "ApplyOutOfSyncOnly": _SWITCH,
    "ClientSideApplyMigration": _SWITCH,
    "CreateNamespace": _SWITCH,
    "Delete": (*_SWITCH, "confirm"),
    "FailOnSharedResource": _SWITCH,
    "Force": _SWITCH,
    "Prune": (*_SWITCH, "confirm"),
    "PruneLast": _SWITCH,
    "PrunePropagationPolicy": ("foreground", "background", "orphan"),
    "Replace": _SWITCH,
    "RespectIgnoreDifferences": _SWITCH,
    "ServerSideApply": _SWITCH,
    "SkipDryRunOnMissingResource": _SWITCH,
    "Validate": _SWITCH,
}

_TOP_LEVEL = ("apiVersion", "kind", "metadata", "spec", "status", "operation")


@dataclass(frozen=True, slots=True)
class Application:
    """One validated Application.

    Args:
        status: as the object holds it; `gitops.status.app_status` reads it.
        operation: what somebody asked for by the live field `operation`, or None.
        live: the object lives in the cluster; False for an object read from a file.
        warnings: what of it has no effect, field first.
    """

    meta: ObjectMeta
    spec: ApplicationSpec
    status: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operation: Mapping[str, Any] | None = field(default=None, repr=False)
    live: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("Application", self.meta.namespace, self.meta.name)


def parse_application(document: Document, *, default_namespace: str) -> Parsed[Application]:
    """Parse, default and validate one Application.

    Args:
        document: an object of a file, or of a cluster (then it has a uid).
        default_namespace: of an object that names none.

    Returns:
        The object, or None where a problem is an error; all problems at once.
    """
    findings = object_findings(document, default_namespace=default_namespace)
    _check_version(document, findings)
    meta = read_meta(document, findings, default_namespace=default_namespace)
    value = document.value
    warn_unknown_fields(value, _TOP_LEVEL, (), findings)
    raw = value.get("spec")
    if not isinstance(raw, dict):
        what = "is missing" if raw is None else f"is {type_name(raw)}, not an object"
        findings.error(("spec",), f"spec {what}", "add a spec")
        return Parsed(None, findings.problems)
    spec = decode(ApplicationSpec, raw, ("spec",), findings)
    if not findings.failed:
        _check(spec, findings)
    if findings.failed:
        return Parsed(None, findings.problems)
    status, operation = value.get("status"), value.get("operation")
    app = Application(
        meta,
        spec,
        status if isinstance(status, dict) else {},
        operation if isinstance(operation, dict) else None,
        live=bool(meta.uid),
        raw=value,
        warnings=tuple(f"{each.field}: {each.message}" for each in findings.problems),
    )
    return Parsed(app, findings.problems)


def _check_version(document: Document, findings: Findings) -> None:
    if document.value.get("kind") != "Application":
        findings.error(("kind",), "kind must be Application", "correct the kind")
    if document.value.get("apiVersion") != ARGO_VERSION:
        findings.error(("apiVersion",), "apiVersion is not one that is read", f"use {ARGO_VERSION}")


def _check(spec: ApplicationSpec, findings: Findings) -> None:
    destination: Path = ("spec", "destination")
    if spec.destination.server and spec.destination.name:
        findings.error(
            destination, "server and name exclude each other", "keep the one that is meant"
        )
    elif not spec.destination.server and not spec.destination.name:
        findings.error(
            destination,
            "the destination names no cluster",
            "set server: https://kubernetes.default.svc, or name: in-cluster",
        )
    _check_sources(spec, findings)
    _check_retry(spec, findings)
    _warn_of_options(spec, findings)


def _check_sources(spec: ApplicationSpec, findings: Findings) -> None:
    if not spec.all_sources:
        findings.error(("spec", "source"), "there is no source", "set source, or sources")
    if spec.sources and spec.source is not None:
        findings.warning(
            ("spec", "source"), "source has no effect beside sources", "remove one of them"
        )
    refs: set[str] = set()
    for index, source in enumerate(spec.all_sources):
        path: Path = ("spec", "sources", index) if spec.sources else ("spec", "source")
        _check_source(source, path, findings)
        if source.ref and source.ref in refs:
            findings.error(
                (*path, "ref"), f"ref {quoted(source.ref)} is used twice", "name each ref once"
            )
        refs.add(source.ref)


def _check_source(source: Source, path: Path, findings: Findings) -> None:
    blocks = [name for name in ("helm", "kustomize", "directory") if getattr(source, name)]
    if len(blocks) > 1:
        findings.error(
            path, f"{' and '.join(blocks)} exclude each other", "a source is of one type: keep one"
        )
    if source.chart and source.path:
        findings.error(path, "chart and path exclude each other", "remove one of them")
    if not source.chart and not source.path and not source.ref:
        findings.error(path, "the source names no path", "set path, or chart, or ref")
    if source.chart and not source.target_revision:
        findings.error((*path, "targetRevision"), "a chart needs a version", "set targetRevision")
    _warn_without_effect(source, path, findings)
    if source.path.startswith("/"):
        findings.error(
            (*path, "path"), "the path is absolute", "write it relative to the repository's root"
        )


def _warn_without_effect(source: Source, path: Path, findings: Findings) -> None:
    """Warn of what Argo CD reads and has no meaning here: nothing is left out in silence."""
    kustomize = source.kustomize
    if kustomize is not None and kustomize.version:
        findings.warning(
            (*path, "kustomize", "version"),
            "version has no effect: there is one kustomize",
            "remove it, and see that the objects are the same",
        )
    for name, set_ in (
        ("kubeVersion", kustomize is not None and kustomize.kube_version),
        ("apiVersions", kustomize is not None and kustomize.api_versions),
    ):
        if set_:
            findings.warning(
                (*path, "kustomize", name),
                f"{name} has no effect: helmCharts, which would read it, are refused",
                "remove it",
            )


def _warn_of_options(spec: ApplicationSpec, findings: Findings) -> None:
    """Warn of sync options that do nothing, which Argo CD passes by in silence."""
    for index, option in enumerate(spec.sync_policy.sync_options):
        name, _, value = option.partition("=")
        if value in SYNC_OPTIONS.get(name, ()):
            continue
        known = SYNC_OPTIONS.get(name)
        findings.warning(
            ("spec", "syncPolicy", "syncOptions", index),
            f"{quoted(option)} is no sync option, and has no effect",
            f"write {' or '.join(f'{name}={each}' for each in known)}"
            if known
            else f"name one of {', '.join(SYNC_OPTIONS)}",
        )


def _check_retry(spec: ApplicationSpec, findings: Findings) -> None:
    retry = spec.sync_policy.retry
    if retry is None or retry.backoff is None:
        return
    path: Path = ("spec", "syncPolicy", "retry", "backoff")
    for name, written in (
        ("duration", retry.backoff.duration),
        ("maxDuration", retry.backoff.max_duration),
    ):
        if written and not written.isdigit() and parse_duration(written) is None:
            findings.error(
                (*path, name), "not a duration", 'write a Go duration such as "5s" or "3m"'
            )
    if retry.backoff.factor is not None and retry.backoff.factor < 1:
        findings.error((*path, "factor"), "must be at least 1")
