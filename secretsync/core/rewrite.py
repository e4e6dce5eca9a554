"""`rewrite`: keys renamed by expression or template, values merged into one map. Pure.

Neighbours: `taking` calls this for dataFrom, the pushing of Secrets for `dataTo`;
`resources.rewrite_spec` has the rules as written.

Source: External Secrets Operator 2.9, RewriteMap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from secretsync.core.errors import KeyCollision, RewriteProblem
from secretsync.core.go_json import marshal, member_text, unmarshal
from secretsync.resources.regexes import RegexError, compile_regex
from secretsync.resources.rewrite_spec import (
    MergeRewrite,
    RegexpRewrite,
    Rewrite,
    TransformRewrite,
)

__all__ = ["rewrite"]

_SHOWN_NAMES = 5


def rewrite(values: Mapping[str, bytes], rules: Sequence[Rewrite]) -> dict[str, bytes]:
    """Carry out rewrites, one after the other.

    Args:
        values: any keys, any bytes.
        rules: in their order; none changes nothing.

    Returns:
        The new keys and values. Keys are not converted or checked here.

    Raises:
        RewriteProblem: a rule does not fit what it is given.
        KeyCollision: two keys become one though their values differ. ESO keeps either of
            them, by chance, and another one next time.
        TemplateProblem: a template is broken, fails or costs too much.
    """
    for rule in rules:
        if isinstance(rule, RegexpRewrite):
            values = _renamed(values, _by_regexp(values, rule))
        elif isinstance(rule, TransformRewrite):
            values = _renamed(values, _by_template(values, rule))
        else:
            values = _merged(values, rule)
    return dict(values)


def _by_regexp(keys: Iterable[str], rule: RegexpRewrite) -> dict[str, str]:
    try:
        regexp = compile_regex(rule.source)
        return {key: regexp.replace_all(key, rule.target) for key in keys}
    except RegexError as exc:
        raise RewriteProblem(
            f"rewrite.regexp: {exc}", remedy="correct the expression (RE2 syntax) or its target"
        ) from None


def _by_template(keys: Iterable[str], rule: TransformRewrite) -> dict[str, str]:
    # Few ExternalSecrets have one, and it loads the whole template engine.
    from secretsync.core.templating import rendering  # noqa: PLC0415 - see above

    # One budget for all keys: a costly template must not cost that once a key.
    shared = rendering({})
    return {
        key: shared.over({"value": key.encode("utf-8", "surrogatepass")})
        .render("rewrite.transform", rule.template)
        .decode("utf-8", "replace")
        for key in keys
    }


def _renamed(values: Mapping[str, bytes], names: Mapping[str, str]) -> dict[str, bytes]:
    renamed: dict[str, bytes] = {}
    for key, value in values.items():
        name = names[key]
        if renamed.setdefault(name, value) != value:
            raise KeyCollision(
                "two keys with different values become one key by rewrite",
                remedy="keep apart in the target what differs in the keys",
            )
    return renamed


def _merged(values: Mapping[str, bytes], rule: MergeRewrite) -> dict[str, bytes]:
    merged: dict[str, object] = {}
    conflicts: dict[str, None] = {}
    for key in _merge_order(values, rule):
        for name, member in _object(values[key], key).items():
            if name in merged:
                conflicts[name] = None
            merged[name] = member
    if conflicts and rule.conflict_policy != "Ignore":
        shown = ", ".join(list(conflicts)[:_SHOWN_NAMES])
        raise RewriteProblem(
            f"merge failed with conflicts: {shown}",
            remedy="give each member one source, or set conflictPolicy: Ignore",
        )
    try:
        if rule.strategy == "JSON":
            return {**values, rule.into: marshal(merged, floats=True, html=False)}
        return {name: member_text(member, floats=True) for name, member in merged.items()}
    except ValueError as exc:
        raise RewriteProblem(f"merge failed: {exc}") from None


def _merge_order(values: Mapping[str, bytes], rule: MergeRewrite) -> list[str]:
    """Alphabetic, then the priority keys: whoever comes last wins."""
    order = sorted(key for key in values if key not in rule.priority)
    for key in rule.priority:
        if key in values:
            order.append(key)
        elif rule.priority_policy != "IgnoreNotFound":
            raise RewriteProblem(
                f"merge failed: the priority key {key} is not there",
                remedy="correct priority, or set priorityPolicy: IgnoreNotFound",
            )
    return order


def _object(raw: bytes, key: str) -> dict[str, object]:
    try:
        value = unmarshal(raw)
    except ValueError as exc:
        raise RewriteProblem(
            f"merge failed: {exc} (key {key})", remedy="merge needs a JSON object in each key"
        ) from None
    if not isinstance(value, dict):
        raise RewriteProblem(
            f"merge failed: the value of key {key} is JSON but not an object",
            remedy="merge needs a JSON object in each key",
        )
    return value
