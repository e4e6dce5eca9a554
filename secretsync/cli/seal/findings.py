"""The rules of `seal check`, and what a finding is. Ids are stable: users filter by them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["RULES", "Finding", "Level", "Rule"]


class Level(StrEnum):
    """How bad it is, in SARIF's words."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for.

    Args:
        title: what it finds, one line.
        remedy: what to do about a finding.
    """

    title: str
    remedy: str
    level: Level = Level.ERROR


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that breaks a rule.

    Args:
        rule: id, a key of RULES.
        message: what is wrong; never quotes a value.
        line: 1-based, 0 where unknown.
        object: `Kind namespace/name`, or "".
        field: path in the object, or "".
    """

    rule: str
    message: str
    file: str
    line: int = 0
    object: str = ""
    field: str = ""


RULES: dict[str, Rule] = {
    "unparsable-manifest": Rule(
        "A manifest with Secrets or SealedSecrets cannot be parsed", "correct the YAML or JSON"
    ),
    "malformed-object": Rule(
        "A part of the SealedSecret has the wrong type", "correct the manifest by hand"
    ),
    "unknown-version": Rule(
        "The apiVersion is none that a controller serves", "write bitnami.com/v1alpha1"
    ),
    "malformed-value": Rule(
        "A value is no sealed value: not base64, or cut short",
        "seal it anew with `seal set`, or take the text from the history",
    ),
    "invalid-key": Rule(
        "The key of an item is none that a Secret can have",
        "use letters, digits, '-', '_' and '.'",
    ),
    "missing-name": Rule("The SealedSecret has no name", "write metadata.name"),
    "missing-namespace": Rule(
        "The namespace, which the values are bound to, is missing",
        "write metadata.namespace, or check with -n NAMESPACE",
    ),
    "scope-value": Rule(
        "A scope annotation has a value that means nothing",
        'write "true", in quotes, or remove the annotation',
    ),
    "both-scopes": Rule(
        "Both scope annotations are set; cluster-wide wins",
        "keep the one that the values were sealed with",
    ),
    "scope-in-template": Rule(
        "The template's scope is not the object's, which alone counts",
        "move the annotation to the SealedSecret's own metadata, or remove it",
    ),
    "template-place": Rule(
        "The template names another place than the object, whose place counts",
        "rename the copy by sealing the Secret anew for its new place",
    ),
    "last-applied": Rule(
        "An annotation holds a copy of a whole object, for a Secret its plaintext",
        "remove the annotation, and change the values that it shows",
    ),
    "old-form": Rule(
        "All values are one blob under spec.data, which kubeseal no longer reads",
        "seal the Secret anew",
        Level.WARNING,
    ),
    "certificate-expired": Rule(
        "The certificate's time is over", "get the current one with `seal --fetch-cert`"
    ),
    "other-certificate": Rule(
        "Values are sealed for another certificate", "run `seal rotate` with the new certificate"
    ),
    "does-not-open": Rule(
        "No private key opens the value in its place",
        "seal it anew for this scope, namespace and name",
    ),
    "plaintext-secret": Rule(
        "A Secret in plaintext", "seal it with `seal files`, and change the values it shows"
    ),
    "plaintext-file": Rule(
        "A file of the kind that holds secrets lies beside SealedSecrets",
        "move it out of the repository, or let Git ignore it",
    ),
    "editor-leftover": Rule(
        "An editor or a merge left a copy of a manifest beside SealedSecrets",
        "remove it, or let Git ignore it",
        Level.WARNING,
    ),
}
