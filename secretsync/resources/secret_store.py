"""SecretStore and ClusterSecretStore, `external-secrets.io/v1` and `v1beta1`.

The block under `spec.provider.<key>` is described by the provider's own `CONFIG`
dataclass; this file knows only what all stores share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers import registry
from secretsync.resources.api_versions import check_api_version, read_spec
from secretsync.resources.composer import Path, quoted
from secretsync.resources.decode import closest, decode
from secretsync.resources.documents import Document
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta, type_name
from secretsync.resources.parsed import Parsed
from secretsync.resources.regexes import compile_regex
from secretsync.resources.secret_store_rules import (
    check_conditions,
    check_selectors,
    read_interval_s,
)
from secretsync.resources.secret_store_spec import (
    PUBLISHED_PROVIDERS,
    ConditionSpec,
    RetrySpec,
    SelectorSpec,
    StoreSpec,
)
from secretsync.resources.status import ready_condition

__all__ = [
    "LabelSelector",
    "NamespaceCondition",
    "RetrySettings",
    "SecretStore",
    "admits_namespace",
    "label_selector",
    "parse_secret_store",
]

#: The API server gives every namespace this label, with its name.
_NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
_PROVIDER_PATH: Path = ("spec", "provider")


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """`retrySettings`: how often a failed call is repeated, and after how long."""

    max_retries: int
    retry_interval_s: float


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A Kubernetes label selector, as parsed."""

    match_labels: tuple[tuple[str, str], ...] = ()
    match_expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()  # key, operator, values

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether the labels satisfy every requirement.

        As in Kubernetes, a selector without requirements matches everything, and NotIn
        is satisfied by an absent label.
        """
        return all(labels.get(key) == value for key, value in self.match_labels) and all(
            _satisfies(labels, key, operator, values)
            for key, operator, values in self.match_expressions
        )

    def keys(self) -> frozenset[str]:
        """Return the label keys that it looks at."""
        expressions = (key for key, _, _ in self.match_expressions)
        return frozenset((*(key for key, _ in self.match_labels), *expressions))


def _satisfies(labels: Mapping[str, str], key: str, operator: str, values: tuple[str, ...]) -> bool:
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    raise ValueError(f"a label selector has no operator {operator!r}")


@dataclass(frozen=True, slots=True)
class NamespaceCondition:
    """One entry of `spec.conditions`; the entries, and the parts of one, are ORed."""

    namespaces: tuple[str, ...] = ()
    namespace_regexes: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True)
class SecretStore:
    """One validated store of either kind.

    Args:
        kind: SecretStore or ClusterSecretStore.
        provider: key of `spec.provider`, e.g. `aws`.
        config: instance of that provider's `CONFIG` dataclass.
        refresh_interval_s: how often the store is validated again; None = the default.
        ready: the Ready condition as last written, {} for none.
    """

    meta: ObjectMeta
    api_version: str
    kind: str
    controller: str
    provider: str
    config: Any
    retry: RetrySettings | None = None
    refresh_interval_s: float | None = None
    conditions: tuple[NamespaceCondition, ...] = ()
    live: bool = False
    ready: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef(self.kind, self.meta.namespace, self.meta.name)


def admits_namespace(
    store: SecretStore, namespace: str, namespace_labels: Mapping[str, str] | None
) -> bool:
    """Return whether the store's conditions let objects of `namespace` use it.

    Args:
        store: of either kind; a SecretStore admits its own namespace only.
        namespace: of the object that uses the store.
        namespace_labels: None where they are not known; a selector then matches only
            if it asks for nothing but the namespace's name.
    """
    if store.kind != "ClusterSecretStore":
        return namespace == store.meta.namespace
    if not store.conditions:
        return True
    return any(_admits(condition, namespace, namespace_labels) for condition in store.conditions)


def _admits(
    condition: NamespaceCondition, namespace: str, labels: Mapping[str, str] | None
) -> bool:
    if namespace in condition.namespaces:
        return True
    if any(compile_regex(item).search(namespace) for item in condition.namespace_regexes):
        return True
    selector = condition.namespace_selector
    if selector is None or (labels is None and not selector.keys() <= {_NAMESPACE_NAME_LABEL}):
        return False
    return selector.matches({**(labels or {}), _NAMESPACE_NAME_LABEL: namespace})


def parse_secret_store(document: Document, *, default_namespace: str) -> Parsed[SecretStore]:
    """Parse, default and validate one SecretStore or ClusterSecretStore.

    Args:
        document: an object of a file, or of a cluster (then it has a uid).
        default_namespace: of a SecretStore that names none.

    Returns:
        The object, or None where a problem is an error; all problems at once.
    """
    kind = document.value.get("kind")
    namespace = "" if kind == "ClusterSecretStore" else default_namespace
    findings = object_findings(document, default_namespace=namespace)
    api_version = check_api_version(document, findings, "SecretStore", "ClusterSecretStore")
    meta = read_meta(document, findings, default_namespace=namespace)
    raw = read_spec(document, findings)
    if not raw and findings.failed:
        return Parsed(None, findings.problems)
    spec = decode(StoreSpec, raw, ("spec",), findings)
    store = SecretStore(
        meta,
        api_version,
        str(kind),
        spec.controller,
        *_provider(spec, meta.namespace, findings),
        retry=_retry(spec.retry_settings, findings),
        refresh_interval_s=read_interval_s(
            spec.refresh_interval, ("spec", "refreshInterval"), findings
        ),
        conditions=_conditions(spec, str(kind), findings),
        live=bool(meta.uid),
        ready=ready_condition(document.value),
    )
    return Parsed(None if findings.failed else store, findings.problems)


def _provider(spec: StoreSpec, namespace: str, findings: Findings) -> tuple[str, Any]:
    provider, config = _read_provider(spec.provider, findings)
    check_selectors(config, provider, namespace, findings)
    return provider, config


def _read_provider(value: Any, findings: Findings) -> tuple[str, Any]:
    """Return the key and the decoded block of `spec.provider`.

    Returns:
        ("", None) where there is not exactly one provider that is served here.
    """
    if not isinstance(value, dict):
        what = "is required" if value is None else f"is {type_name(value)}, not an object"
        findings.error(_PROVIDER_PATH, f"provider {what}", "name one provider, such as aws")
        return "", None
    given = [key for key, block in value.items() if block is not None]
    if len(given) != 1:
        what = "names no provider" if not given else "names more than one provider"
        findings.error(_PROVIDER_PATH, f"provider {what}", "name exactly one, such as aws")
        return "", None
    key = given[0]
    path = (*_PROVIDER_PATH, key)
    if key in registry.PROVIDERS:
        return key, decode(registry.load(key).CONFIG, value[key], path, findings)
    served = ", ".join(sorted(registry.PROVIDERS))
    if key in PUBLISHED_PROVIDERS:
        findings.error(path, f"provider {key} is not supported yet", f"use one of: {served}")
    else:
        meant = closest(key, PUBLISHED_PROVIDERS)
        remedy = f"did you mean {meant}?" if meant else f"use one of: {served}"
        findings.error(path, f"unknown provider {quoted(key)}", remedy)
    return "", None


def _retry(spec: RetrySpec | None, findings: Findings) -> RetrySettings | None:
    if spec is None:
        return None
    path = ("spec", "retrySettings", "retryInterval")
    interval_s = read_interval_s(spec.retry_interval, path, findings)
    return RetrySettings(spec.max_retries, interval_s or 0.0)


def _conditions(spec: StoreSpec, kind: str, findings: Findings) -> tuple[NamespaceCondition, ...]:
    check_conditions(spec, kind, findings)
    return tuple(_condition(item) for item in spec.conditions)


def _condition(spec: ConditionSpec) -> NamespaceCondition:
    selector = spec.namespace_selector
    return NamespaceCondition(
        spec.namespaces,
        spec.namespace_regexes,
        None if selector is None else label_selector(selector),
    )


def label_selector(spec: SelectorSpec) -> LabelSelector:
    """Return the selector of a spec that `check_selector` found nothing wrong with."""
    return LabelSelector(
        spec.match_labels,
        tuple((item.key, item.operator, item.values) for item in spec.match_expressions),
    )
