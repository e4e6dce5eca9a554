"""Rules of a store that no single field can check.

Source: the validating webhook of External Secrets Operator 2.9.
"""

from __future__ import annotations

from typing import Any

from providers.base import (
    CaProvider,
    ConfigMapKeySelector,
    SecretKeySelector,
    ServiceAccountSelector,
    WholeSecretSelector,
)
from secretsync.resources.composer import Path
from secretsync.resources.decode import walk_dataclasses
from secretsync.resources.durations import parse_duration
from secretsync.resources.findings import Findings
from secretsync.resources.names import check_label, check_label_key, check_label_value
from secretsync.resources.regexes import RegexError, compile_regex
from secretsync.resources.secret_store_spec import (
    ConditionSpec,
    SelectorSpec,
    StoreSpec,
)

__all__ = ["check_conditions", "check_selector", "check_selectors", "read_interval_s"]

_PROVIDER: Path = ("spec", "provider")
_CA_PROVIDERS = ("Secret", "ConfigMap")


def check_selectors(config: Any, provider: str, namespace: str, findings: Findings) -> None:
    """Check every reference to a Secret, ConfigMap or ServiceAccount in a provider block.

    Args:
        config: the decoded block.
        provider: its key under `spec.provider`.
        namespace: of a SecretStore, which may not reach beyond it; "" for a
            ClusterSecretStore, whose selectors may name one or none.
        findings: takes the problems.
    """
    for path, selector in walk_dataclasses(config, (*_PROVIDER, provider)):
        required: tuple[tuple[str, str], ...]
        if isinstance(selector, SecretKeySelector | ConfigMapKeySelector | CaProvider):
            required = (("name", selector.name), ("key", selector.key))
        elif isinstance(selector, ServiceAccountSelector | WholeSecretSelector):
            required = (("name", selector.name),)
        else:
            continue
        if isinstance(selector, CaProvider) and selector.type not in _CA_PROVIDERS:
            findings.error((*path, "type"), "must be one of Secret, ConfigMap", "correct type")
        for name, value in required:
            if not value:
                findings.error((*path, name), f"{name} is required", f"set {name}")
        if namespace and selector.namespace not in ("", namespace):
            findings.error(
                (*path, "namespace"),
                "a SecretStore cannot use credentials of another namespace",
                "remove namespace, or use a ClusterSecretStore",
            )
        elif selector.namespace and (wanted := check_label(selector.namespace)):
            where = (*path, "namespace")
            findings.error(where, "the namespace is not valid", f"it must be {wanted}")


def read_interval_s(written: str | int, path: Path, findings: Findings) -> float | None:
    """Return the seconds of an interval: a number of them, or a Go duration.

    Returns:
        None where nothing or 0 is given: the default applies.
    """
    if written in ("", 0):
        return None
    seconds = parse_duration(written) if isinstance(written, str) else float(written)
    if seconds is None or seconds < 0:
        findings.error(path, "not a duration", 'write a Go duration such as "5m" or "10s"')
        return None
    return seconds or None


def check_conditions(spec: StoreSpec, kind: str, findings: Findings) -> None:
    """Check `conditions`: names, expressions and selectors."""
    path: Path = ("spec", "conditions")
    if spec.conditions and kind == "SecretStore":
        findings.warning(
            path,
            "conditions have no effect on a SecretStore: only its own namespace can use it",
            "remove them, or use a ClusterSecretStore",
        )
    for index, condition in enumerate(spec.conditions):
        _check_condition(condition, (*path, index), findings)


def _check_condition(condition: ConditionSpec, path: Path, findings: Findings) -> None:
    for index, namespace in enumerate(condition.namespaces):
        if wanted := check_label(namespace):
            where = (*path, "namespaces", index)
            findings.error(where, "the namespace is not valid", f"it must be {wanted}")
    for index, pattern in enumerate(condition.namespace_regexes):
        try:
            compile_regex(pattern)
        except RegexError as exc:
            where = (*path, "namespaceRegexes", index)
            findings.error(
                where, f"the regular expression cannot be used: {exc}", "write it in RE2 syntax"
            )
    if condition.namespace_selector is not None:
        check_selector(condition.namespace_selector, (*path, "namespaceSelector"), findings)


def check_selector(selector: SelectorSpec, path: Path, findings: Findings) -> None:
    """Check a label selector: its keys, values and operators."""
    for key, value in selector.match_labels:
        _check_label((*path, "matchLabels", key), key, (value,), findings)
    for index, item in enumerate(selector.match_expressions):
        where = (*path, "matchExpressions", index)
        if item.key:
            _check_label(where, item.key, item.values, findings)
        wants_values = item.operator in ("In", "NotIn")
        if item.operator and wants_values != bool(item.values):
            wanted = "at least one value" if wants_values else "no values"
            findings.error(
                (*where, "values"),
                f"operator {item.operator} needs {wanted}",
                "correct values or operator",
            )


def _check_label(path: Path, key: str, values: tuple[str, ...], findings: Findings) -> None:
    if wanted := check_label_key(key):
        findings.error(path, "the label's key is not valid", f"it must be {wanted}")
    for value in values:
        if wanted := check_label_value(value):
            findings.error(path, "the label's value is not valid", f"it must be {wanted}")
