"""`rewrite`: how the keys that a source gave are renamed, or their values merged.

Neighbours: ExternalSecrets and PushSecrets hold these; `secretsync.core.rewrite`
carries them out.

Source: External Secrets Operator 2.9, ExternalSecretRewrite.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.spec import wire
from secretsync.resources.composer import Path
from secretsync.resources.findings import Findings
from secretsync.resources.regexes import RegexError, compile_regex

__all__ = [
    "MergeRewrite",
    "RegexpRewrite",
    "Rewrite",
    "RewriteSpec",
    "TransformRewrite",
    "chosen_rewrites",
]


@dataclass(frozen=True, slots=True)
class RegexpRewrite:
    """`regexp`: replaces what matches in each key, as Go's ReplaceAllString does.

    Args:
        source: a Go regular expression.
        target: the replacement; `$1`, `${1}` and `${name}` stand for groups.
    """

    source: str = field(metadata=wire(required=True))
    target: str = ""


@dataclass(frozen=True, slots=True)
class TransformRewrite:
    """`transform`: renders a Go template for each key, which is `.value` in it."""

    template: str = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class MergeRewrite:
    """`merge`: makes one map of all values, each of which is a JSON object.

    Args:
        into: the key that gets the merged object under strategy JSON.
        priority: keys whose members win, the last one over all others.
        priority_policy: whether each of `priority` must be there.
        conflict_policy: whether two values may have the same member.
        strategy: Extract puts the merged members in place of all keys.
    """

    into: str = ""
    priority: tuple[str, ...] = ()
    priority_policy: str = field(
        default="Strict", metadata=wire(choices=("Strict", "IgnoreNotFound"))
    )
    conflict_policy: str = field(default="Error", metadata=wire(choices=("Error", "Ignore")))
    strategy: str = field(default="Extract", metadata=wire(choices=("Extract", "JSON")))


Rewrite = RegexpRewrite | TransformRewrite | MergeRewrite


@dataclass(frozen=True, slots=True)
class RewriteSpec:
    """One entry of `rewrite`: exactly one of its fields."""

    regexp: RegexpRewrite | None = None
    transform: TransformRewrite | None = None
    merge: MergeRewrite | None = None

    def given(self) -> tuple[Rewrite, ...]:
        """Return what the entry says; a good one says one thing."""
        fields = (self.regexp, self.transform, self.merge)
        return tuple(each for each in fields if each is not None)


def chosen_rewrites(
    specs: tuple[RewriteSpec, ...], path: Path, findings: Findings
) -> tuple[Rewrite, ...]:
    """Return the rewrites of a list, checked.

    Args:
        specs: the entries as decoded.
        path: of the list, for problems.
        findings: takes the problems.
    """
    chosen: list[Rewrite] = []
    for index, spec in enumerate(specs):
        given = spec.given()
        if len(given) != 1:
            findings.error(
                (*path, index),
                "exactly one of regexp, transform and merge is needed",
                "use one entry for each",
            )
            continue
        _check(given[0], (*path, index), findings)
        chosen.append(given[0])
    return tuple(chosen)


def _check(rewrite: Rewrite, path: Path, findings: Findings) -> None:
    if isinstance(rewrite, RegexpRewrite) and rewrite.source:
        try:
            compile_regex(rewrite.source)
        except RegexError as exc:
            findings.error(
                (*path, "regexp", "source"),
                f"not a regular expression that Go takes: {exc}",
                "correct the expression (RE2 syntax)",
            )
    if isinstance(rewrite, MergeRewrite) and rewrite.strategy == "JSON" and not rewrite.into:
        findings.error(
            (*path, "merge", "into"),
            "strategy JSON needs into: the key that gets the merged object",
            "set into",
        )
