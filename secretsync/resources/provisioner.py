"""ClusterExternalSecret and ClusterPushSecret: one object in each of many namespaces.

Neighbours: `external_secret` and `push_secret` read the spec of what they make;
`controller.provisioning` makes it.

Source: the published CRDs of External Secrets Operator 2.9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secretsync.resources.api_versions import V1, check_api_version, read_spec
from secretsync.resources.decode import decode
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import parse_external_secret
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.names import check_label
from secretsync.resources.object_meta import object_findings, read_meta
from secretsync.resources.parsed import Parsed
from secretsync.resources.problems import Problem
from secretsync.resources.provisioner_spec import (
    ChildMetadata,
    ClusterExternalSecretSpec,
    ClusterPushSecretSpec,
)
from secretsync.resources.push_secret import (
    PUSH_VERSION,
    check_push_version,
    parse_push_secret,
    read_interval,
)
from secretsync.resources.secret_store import LabelSelector, label_selector
from secretsync.resources.secret_store_rules import check_selector
from secretsync.resources.secret_store_spec import SelectorSpec
from secretsync.resources.status import ready_condition

__all__ = ["FORCE_SYNC", "ProvisionStatus", "Provisioner", "child_origin", "parse_provisioner"]

#: An annotation that is handed down: whoever changes it wants everything refreshed.
FORCE_SYNC = "external-secrets.io/force-sync"

_NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
#: Stands for the namespaces that the children go to while their spec is checked.
_ANY_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the two kinds differ.

    Args:
        child: what they make.
        prefix: of the fields that concern it.
    """

    child: str
    child_version: str
    prefix: str
    parse: Callable[..., Parsed[Any]]


_KINDS = {
    "ClusterExternalSecret": _Kind("ExternalSecret", V1, "externalSecret", parse_external_secret),
    "ClusterPushSecret": _Kind("PushSecret", PUSH_VERSION, "pushSecret", parse_push_secret),
}


@dataclass(frozen=True, slots=True)
class ProvisionStatus:
    """`status` as last written, as far as decisions use it."""

    child_name: str = ""
    provisioned: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()  # namespace, reason
    ready: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provisioner:
    """One validated ClusterExternalSecret or ClusterPushSecret.

    Args:
        kind: of the object itself.
        child_kind: ExternalSecret or PushSecret.
        child_spec: as written; it was found good.
        selectors: any one of them selects a namespace.
        namespaces: selected by name.
        refresh_interval_s: seconds between looks that nothing asked for.
    """

    meta: ObjectMeta
    kind: str
    child_kind: str
    child_version: str
    child_name: str
    child_spec: Mapping[str, Any] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    selectors: tuple[LabelSelector, ...] = ()
    namespaces: tuple[str, ...] = ()
    refresh_interval_s: float = 3600.0
    status: ProvisionStatus = field(default_factory=ProvisionStatus)
    live: bool = False

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef(self.kind, "", self.meta.name)

    def selects(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Return whether a namespace gets a child."""
        named = {**labels, _NAMESPACE_NAME_LABEL: namespace}
        return namespace in self.namespaces or any(each.matches(named) for each in self.selectors)

    def child(self, namespace: str) -> dict[str, Any]:
        """Return the child of a namespace as it should be, without an owner."""
        annotations = dict(self.annotations)
        if FORCE_SYNC in self.meta.annotations:
            annotations[FORCE_SYNC] = self.meta.annotations[FORCE_SYNC]
        metadata: dict[str, Any] = {"name": self.child_name, "namespace": namespace}
        if self.labels:
            metadata["labels"] = dict(self.labels)
        if annotations:
            metadata["annotations"] = annotations
        return {
            "apiVersion": self.child_version,
            "kind": self.child_kind,
            "metadata": metadata,
            "spec": dict(self.child_spec),
        }


def parse_provisioner(document: Document) -> Parsed[Provisioner]:
    """Parse, default and validate one ClusterExternalSecret or ClusterPushSecret.

    Returns:
        The object, or None where a problem is an error; all problems at once, those of
        the spec of what it makes among them.
    """
    findings = object_findings(document)
    kind = str(document.value.get("kind"))
    about = _KINDS[kind]
    if kind == "ClusterExternalSecret":
        check_api_version(document, findings, kind)
    else:
        check_push_version(document, findings)
    meta = read_meta(document, findings, default_namespace="")
    raw = read_spec(document, findings)
    if not raw and findings.failed:
        return Parsed(None, findings.problems)
    item = _decoded(document, kind, about, meta, raw, findings)
    inherited = _child_problems(document, about, item, findings) if item.child_spec else ()
    problems = (*findings.problems, *inherited)
    bad = findings.failed or any(each.severity == "error" for each in inherited)
    return Parsed(None if bad else item, problems)


def _decoded(
    document: Document,
    kind: str,
    about: _Kind,
    meta: ObjectMeta,
    raw: dict[str, Any],
    findings: Findings,
) -> Provisioner:
    metadata: ChildMetadata
    single: tuple[SelectorSpec, ...] = ()
    namespaces: tuple[str, ...] = ()
    if kind == "ClusterExternalSecret":
        external = decode(ClusterExternalSecretSpec, raw, ("spec",), findings)
        name, spec = external.external_secret_name, external.external_secret_spec
        metadata, many = external.external_secret_metadata, external.namespace_selectors
        single = (external.namespace_selector,) if external.namespace_selector else ()
        namespaces, interval = external.namespaces, external.refresh_time
    else:
        push = decode(ClusterPushSecretSpec, raw, ("spec",), findings)
        name, spec = push.push_secret_name, push.push_secret_spec
        metadata, many = push.push_secret_metadata, push.namespace_selectors
        interval = push.refresh_time
    _check_selection(many, single, namespaces, findings)
    return Provisioner(
        meta,
        kind,
        about.child,
        about.child_version,
        name or meta.name,
        spec if isinstance(spec, dict) else {},
        dict(metadata.labels),
        dict(metadata.annotations),
        tuple(label_selector(each) for each in (*many, *single)),
        namespaces,
        read_interval(interval, ("spec", "refreshTime"), findings),
        _status(document.value, about),
        live=bool(meta.uid),
    )


def _check_selection(
    many: tuple[SelectorSpec, ...],
    single: tuple[SelectorSpec, ...],
    namespaces: tuple[str, ...],
    findings: Findings,
) -> None:
    for index, selector in enumerate(many):
        check_selector(selector, ("spec", "namespaceSelectors", index), findings)
    for selector in single:
        check_selector(selector, ("spec", "namespaceSelector"), findings)
    for index, namespace in enumerate(namespaces):
        if wanted := check_label(namespace):
            where = ("spec", "namespaces", index)
            findings.error(where, "the namespace is not valid", f"it must be {wanted}")
    if not many and not single and not namespaces:
        findings.warning(
            ("spec",), "no namespace is selected: nothing is made", "set namespaceSelectors"
        )


def _child_problems(
    document: Document, about: _Kind, item: Provisioner, findings: Findings
) -> tuple[Problem, ...]:
    """Parse what would be made, and say where in this object its problems are."""
    version = document.value.get("apiVersion")
    child = item.child(_ANY_NAMESPACE) | {"apiVersion": version}
    origin = child_origin(item.kind, document.origin)
    parsed = about.parse(Document(child, origin), default_namespace=_ANY_NAMESPACE)
    fields = _fields(about)
    return tuple(_moved(problem, fields, findings) for problem in parsed.problems)


def child_origin(kind: str, origin: Origin) -> Origin:
    """Return where the fields of a child were written: in its maker.

    Args:
        kind: of the maker.
        origin: of the maker.
    """
    lines = {
        (own, *path[2:]): line
        for own, name in _fields(_KINDS[kind]).items()
        for path, line in origin.lines.items()
        if path[:2] == ("spec", name)
    }
    return Origin(origin.file, {(): origin.line_of(()), **lines} if origin.lines else {})


def _fields(about: _Kind) -> dict[str, str]:
    return {"spec": f"{about.prefix}Spec", "metadata": f"{about.prefix}Metadata"}


def _moved(problem: Problem, fields: Mapping[str, str], findings: Findings) -> Problem:
    head, dot, rest = problem.field.partition(".")
    where = f"spec.{fields[head]}{dot}{rest}" if head in fields else problem.field
    line = problem.line or findings.origin.line_of(("spec",))
    return replace(problem, object=findings.object, field=where, line=line)


def _status(obj: Mapping[str, Any], about: _Kind) -> ProvisionStatus:
    """Read `status`; what is malformed counts as absent, since no user writes it."""
    value = obj.get("status")
    if not isinstance(value, dict):
        return ProvisionStatus()
    name, provisioned = value.get(f"{about.prefix}Name"), value.get("provisionedNamespaces")
    failed = value.get("failedNamespaces")
    return ProvisionStatus(
        name if isinstance(name, str) else "",
        tuple(each for each in provisioned if isinstance(each, str))
        if isinstance(provisioned, list)
        else (),
        tuple(
            (str(each.get("namespace", "")), str(each.get("reason", "")))
            for each in failed
            if isinstance(each, dict)
        )
        if isinstance(failed, list)
        else (),
        ready_condition(obj),
    )
