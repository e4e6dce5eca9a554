"""`target.template` of an ExternalSecret: as the manifest writes it, as a value, its rules.

Neighbours: `external_secret_spec` holds the spec around it, `core.target_template` renders
the value and enforces again what only the rendered text can tell.

Source: the published CRD of External Secrets Operator 2.9, its validating webhook, and its
rules for templates (GHSA-fq7h-9x26-6j22).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from providers.spec import wire
from secretsync.resources.composer import Path
from secretsync.resources.findings import Findings
from secretsync.resources.names import (
    SUBDOMAIN_HINT,
    SUBDOMAIN_PATTERN,
    check_annotation_key,
    check_label_key,
    check_label_value,
    check_secret_key,
)

__all__ = [
    "SERVICE_ACCOUNT_NAME",
    "SERVICE_ACCOUNT_TOKEN",
    "TARGETS",
    "Template",
    "TemplateFrom",
    "TemplateFromSpec",
    "TemplateItem",
    "TemplateMetadata",
    "TemplateRefSpec",
    "TemplateSource",
    "TemplateSpec",
    "check_template",
    "template_of",
]

_PATH: Path = ("spec", "target", "template")
_BOOTSTRAP_TOKEN = "bootstrap.kubernetes.io/token"  # noqa: S105 - a type, not a password
SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - as above
SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name"
#: What `templateFrom[].target` may name for a Secret.
TARGETS = ("Data", "Annotations", "Labels")
_TARGET_BY_LOWER = {target.lower(): target for target in TARGETS}
_OPENS_ACTION = "{{"


@dataclass(frozen=True, slots=True)
class TemplateMetadata:
    """`template.metadata`: what the target carries instead of the object's own."""

    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateItem:
    """One key of a ConfigMap or Secret that holds a template.

    Args:
        template_as: Values makes one key of the same name; KeysAndValues makes what the
            rendered YAML map names.
    """

    key: str = field(metadata=wire(required=True))
    template_as: str = field(default="Values", metadata=wire(choices=("Values", "KeysAndValues")))


@dataclass(frozen=True, slots=True)
class TemplateRefSpec:
    """`configMap` and `secret` of an entry: where the templates are."""

    name: str = field(metadata=wire(required=True, pattern=SUBDOMAIN_PATTERN, hint=SUBDOMAIN_HINT))
    items: tuple[TemplateItem, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateFromSpec:
    """One entry of `templateFrom`."""

    config_map: TemplateRefSpec | None = None
    secret: TemplateRefSpec | None = None
    literal: str | None = None
    target: str = "Data"
    values_decoding_strategy: str = field(
        default="None", metadata=wire(choices=("Auto", "Base64", "Base64URL", "None"))
    )


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """`spec.target.template`."""

    type: str = ""
    engine_version: str = field(default="v2", metadata=wire(choices=("v2",)))
    merge_policy: str = field(default="Replace", metadata=wire(choices=("Replace", "Merge")))
    metadata: TemplateMetadata = field(default_factory=TemplateMetadata)
    data: tuple[tuple[str, str], ...] = ()
    template_from: tuple[TemplateFromSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """A ConfigMap or a Secret beside the ExternalSecret whose texts are templates.

    Args:
        kind: ConfigMap or Secret.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class TemplateFrom:
    """One source of templates: the items of an object, or a literal.

    Args:
        field: path of the source in the manifest, for messages.
        source: None for a literal.
        target: Data, Annotations or Labels; a path as written where the target is not a
            Secret.
    """

    field: str
    source: TemplateSource | None = None
    items: tuple[TemplateItem, ...] = ()
    literal: str = ""
    target: str = "Data"
    values_decoding_strategy: str = "None"


@dataclass(frozen=True, slots=True)
class Template:
    """`target.template` as it is used.

    Args:
        data: key → template of its value.
        template_from: in the order in which they are rendered; later ones win.
        merge_policy: Merge keeps the provider's keys beside the rendered ones.
    """

    type: str = ""
    metadata: TemplateMetadata = field(default_factory=TemplateMetadata)
    data: tuple[tuple[str, str], ...] = ()
    template_from: tuple[TemplateFrom, ...] = ()
    merge_policy: str = "Replace"

    def sources(self) -> tuple[TemplateSource, ...]:
        """Return every ConfigMap and Secret that it takes templates from, each once."""
        found = (entry.source for entry in self.template_from if entry.source is not None)
        return tuple(dict.fromkeys(found))


def template_of(spec: TemplateSpec, *, path: Path = _PATH) -> Template:
    """Return the value of a spec that `check_template` found nothing wrong with."""
    where = ".".join(str(part) for part in path)
    entries = tuple(
        part
        for index, entry in enumerate(spec.template_from)
        for part in _parts(f"{where}.templateFrom[{index}]", entry)
    )
    return Template(spec.type, spec.metadata, spec.data, entries, spec.merge_policy)


def _parts(path: str, spec: TemplateFromSpec) -> Iterator[TemplateFrom]:
    """An entry may name a ConfigMap, a Secret and a literal; they are taken in this order."""
    target = _TARGET_BY_LOWER.get(spec.target.lower() or "data", spec.target)
    strategy = spec.values_decoding_strategy
    for kind, name, ref in (
        ("ConfigMap", "configMap", spec.config_map),
        ("Secret", "secret", spec.secret),
    ):
        if ref is not None:
            source = TemplateSource(kind, ref.name)
            yield TemplateFrom(f"{path}.{name}", source, ref.items, "", target, strategy)
    if spec.literal is not None:
        yield TemplateFrom(f"{path}.literal", None, (), spec.literal, target, strategy)


def check_template(
    spec: TemplateSpec, findings: Findings, *, generic: bool = False, path: Path = _PATH
) -> None:
    """Report what is wrong with a template before anything is rendered.

    Args:
        path: of the template, which a PushSecret has elsewhere.
        generic: the target is not a Secret (`target.manifest`); `templateFrom[].target`
            may then be any path.
    """
    _check_type(spec, path, findings)
    for key, _ in spec.data:
        if not generic and (wanted := check_secret_key(key)):
            findings.error((*path, "data", key), "the key is not valid", f"it must be {wanted}")
    for index, entry in enumerate(spec.template_from):
        _check_entry(entry, (*path, "templateFrom", index), findings, generic=generic)
    _check_metadata(spec.metadata, (*path, "metadata"), findings)


def _check_type(spec: TemplateSpec, path: Path, findings: Findings) -> None:
    where = (*path, "type")
    if spec.type == _BOOTSTRAP_TOKEN:
        findings.error(
            where,
            f"Secrets of type {_BOOTSTRAP_TOKEN} are refused: they let machines join the cluster",
            "use another type",
        )
    if spec.type != SERVICE_ACCOUNT_TOKEN:
        return
    if SERVICE_ACCOUNT_NAME in dict(spec.metadata.annotations):
        findings.error(
            where,
            f"a Secret of type {SERVICE_ACCOUNT_TOKEN} with the annotation "
            f"{SERVICE_ACCOUNT_NAME} is refused: Kubernetes would put a token into it",
            "remove the annotation, or use another type",
        )
    for index, entry in enumerate(spec.template_from):
        if entry.target.lower() == "annotations":
            findings.error(
                (*path, "templateFrom", index, "target"),
                f"a Secret of type {SERVICE_ACCOUNT_TOKEN} with rendered annotations is refused: "
                "one of them may have Kubernetes put a token into it",
                "use another target, or another type",
            )


def _check_entry(entry: TemplateFromSpec, path: Path, findings: Findings, *, generic: bool) -> None:
    if entry.config_map is None and entry.secret is None and entry.literal is None:
        findings.warning(
            path, "the entry names no configMap, secret or literal", "remove it: it has no effect"
        )
    if not generic and entry.target and entry.target.lower() not in _TARGET_BY_LOWER:
        findings.error(
            (*path, "target"),
            f"a Secret's templateFrom target must be one of {', '.join(TARGETS)}",
            "use an allowed value; other paths are for target.manifest",
        )


def _check_metadata(metadata: TemplateMetadata, path: Path, findings: Findings) -> None:
    pairs = (("labels", metadata.labels), ("annotations", metadata.annotations))
    for name, entries in pairs:
        check_key = check_label_key if name == "labels" else check_annotation_key
        for key, value in entries:
            where = (*path, name, key)
            if wanted := check_key(key):
                findings.error(where, "the key is not valid", f"it must be {wanted}")
            if name != "labels" or _OPENS_ACTION in value:
                continue  # what a template renders to is checked when it is
            if wanted := check_label_value(value):
                findings.error(where, "the label's value is not valid", f"it must be {wanted}")
    for index, finalizer in enumerate(metadata.finalizers):
        if wanted := check_label_key(finalizer):
            where = (*path, "finalizers", index)
            findings.error(where, "the finalizer is not valid", f"it must be {wanted}")
