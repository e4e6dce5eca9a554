"""Rules of `target.manifest`: a target that is not a Secret.

Neighbours: `external_secret_rules` asks, `core.manifest_target` makes the object,
`refresh.manifest_targets` writes it where the service's switch allows it.

Source: External Secrets Operator 2.9, guide "Targeting Custom Resources".
"""

from __future__ import annotations

import re

from secretsync.resources.composer import Path
from secretsync.resources.external_secret_spec import (
    ExternalSecretSpec,
    ManifestTarget,
)
from secretsync.resources.findings import Findings
from secretsync.resources.source_spec import SourceRefSpec

__all__ = ["check_manifest", "path_segments"]

_MANIFEST: Path = ("spec", "target", "manifest")
_API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9][a-z0-9]*", re.ASCII)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*", re.ASCII)
_SEGMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)((\[[0-9]{1,3}\])*)", re.ASCII)
#: Whoever writes one of these gives rights away.
_RIGHTS = "rbac.authorization.k8s.io"
_TARGETS = frozenset({"", "data", "labels", "annotations"})


def check_manifest(spec: ExternalSecretSpec, manifest: ManifestTarget, findings: Findings) -> None:
    """Report what a target that is not a Secret cannot be, or cannot have."""
    _check_kind(manifest, findings)
    target: Path = ("spec", "target")
    if spec.target.deletion_policy != "Retain":
        findings.error(
            (*target, "deletionPolicy"),
            f"deletionPolicy {spec.target.deletion_policy} is for Secrets only",
            "use Retain: the object stays as it was last written",
        )
    if spec.target.immutable:
        findings.error((*target, "immutable"), "immutable is for Secrets only", "remove immutable")
    for index, entry in enumerate(spec.data_from):
        if _generates(entry.source_ref):
            findings.error(
                ("spec", "dataFrom", index, "sourceRef", "generatorRef"),
                "a generator's values are kept in a Secret, and manifest makes none",
                "have a Secret made, and read that one through a store of provider kubernetes",
            )
    template = spec.target.template
    for index, source in enumerate(template.template_from if template is not None else ()):
        if source.target.lower() not in _TARGETS and path_segments(source.target) is None:
            findings.error(
                (*target, "template", "templateFrom", index, "target"),
                "not a path",
                "write a path such as spec.database or spec.rules[0].value",
            )


def _check_kind(manifest: ManifestTarget, findings: Findings) -> None:
    if manifest.api_version and not _API_VERSION.fullmatch(manifest.api_version):
        findings.error(
            (*_MANIFEST, "apiVersion"), "not an apiVersion", "write one such as v1 or apps/v1"
        )
    if manifest.kind and not _KIND.fullmatch(manifest.kind):
        findings.error((*_MANIFEST, "kind"), "not a kind", "write one such as ConfigMap")
    if (manifest.api_version, manifest.kind) == ("v1", "Secret"):
        findings.error(_MANIFEST, "a Secret needs no manifest", "remove manifest")
    if manifest.api_version.startswith(f"{_RIGHTS}/"):
        findings.error(
            _MANIFEST,
            f"objects of {_RIGHTS} are refused: their writer would give rights away",
            "have them made by Git",
        )


def _generates(source: SourceRefSpec | None) -> bool:
    return source is not None and source.generator_ref is not None


def path_segments(path: str) -> tuple[str | int, ...] | None:
    """Return the names and indices of `spec.rules[0].value`; None where it is no path.

    Paths that could change what the object is, or whose it is, are none: `metadata`,
    `apiVersion`, `kind` and `status`.
    """
    segments: list[str | int] = []
    for part in path.split("."):
        match = _SEGMENT.fullmatch(part)
        if match is None:
            return None
        segments.append(match[1])
        segments.extend(int(index) for index in re.findall(r"[0-9]+", match[2]))
    return None if segments[0] in {"metadata", "apiVersion", "kind", "status"} else tuple(segments)
