"""Scopes: how far a sealed value may travel, as RSA-OAEP label and as annotation.

The label binds a value to its place: it opens only under the label that sealed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = [
    "CLUSTER_WIDE_ANNOTATION",
    "NAMESPACE_WIDE_ANNOTATION",
    "SEPARATOR",
    "Scope",
    "encryption_label",
    "parse_scope",
    "scope_annotations",
    "scope_of",
]

CLUSTER_WIDE_ANNOTATION = "sealedsecrets.bitnami.com/cluster-wide"
NAMESPACE_WIDE_ANNOTATION = "sealedsecrets.bitnami.com/namespace-wide"

#: Stands between namespace and name in a label. A namespace that held one would have,
#: as namespace-wide, the label of a strict value elsewhere.
SEPARATOR = "/"

#: The only value that counts; "True" and "1" mean nothing.
_TRUE = "true"


class Scope(StrEnum):
    """Where a sealed value opens."""

    STRICT = "strict"
    NAMESPACE_WIDE = "namespace-wide"
    CLUSTER_WIDE = "cluster-wide"


def parse_scope(text: str) -> Scope:
    """Return the scope of that name; "" is strict.

    Raises:
        ValueError: no scope has that name.
    """
    try:
        return Scope(text or Scope.STRICT)
    except ValueError:
        raise ValueError("must be one of: strict, namespace-wide, cluster-wide") from None


def encryption_label(scope: Scope, *, namespace: str, name: str) -> bytes:
    """Return the RSA-OAEP label: `<namespace>/<name>`, `<namespace>` or nothing."""
    match scope:
        case Scope.STRICT:
            return f"{namespace}{SEPARATOR}{name}".encode()
        case Scope.NAMESPACE_WIDE:
            return namespace.encode()
        case Scope.CLUSTER_WIDE:
            return b""


def scope_of(annotations: Mapping[str, str]) -> Scope:
    """Return the scope that an object's own annotations ask for; the widest wins."""
    if annotations.get(CLUSTER_WIDE_ANNOTATION) == _TRUE:
        return Scope.CLUSTER_WIDE
    if annotations.get(NAMESPACE_WIDE_ANNOTATION) == _TRUE:
        return Scope.NAMESPACE_WIDE
    return Scope.STRICT


def scope_annotations(annotations: Mapping[str, str], scope: Scope) -> dict[str, str]:
    """Return `annotations` with those of the scope set, and those of others gone."""
    ours = (CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION)
    kept = {key: value for key, value in annotations.items() if key not in ours}
    if scope is Scope.NAMESPACE_WIDE:
        kept[NAMESPACE_WIDE_ANNOTATION] = _TRUE
    if scope is Scope.CLUSTER_WIDE:
        kept[CLUSTER_WIDE_ANNOTATION] = _TRUE
    return kept
