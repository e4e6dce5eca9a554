"""Rules of an ExternalSecret that no single field can check.

Source: the validating webhook of External Secrets Operator 2.9. Neighbour:
`external_secret_template` has the rules of templates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secretsync.resources.api_versions import V1BETA1, only_in_v1
from secretsync.resources.composer import Path
from secretsync.resources.external_secret_manifest import check_manifest
from secretsync.resources.external_secret_spec import (
    ExternalSecretSpec,
    TargetSpec,
)
from secretsync.resources.external_secret_template import check_template
from secretsync.resources.findings import Findings, field_path
from secretsync.resources.regexes import RegexError, compile_regex

__all__ = ["check_spec"]

_V1_ONLY = (
    "syncWindows",
    "target.manifest",
    "target.template.metadata.finalizers",
    "target.template.templateFrom[].valuesDecodingStrategy",
    "data[].remoteRef.nullBytePolicy",
    "data[].remoteRef.emptyResultPolicy",
    "dataFrom[].extract.nullBytePolicy",
    "dataFrom[].extract.emptyResultPolicy",
    "dataFrom[].find.nullBytePolicy",
    "dataFrom[].find.emptyResultPolicy",
    "dataFrom[].rewrite[].merge",
)
#: Kinds of generators that came after v1beta1 was closed.
_V1_GENERATORS = (
    "BeyondtrustWorkloadCredentialsDynamicSecret",
    "CloudsmithAccessToken",
    "GitlabDeployToken",
    "MFA",
)
_GENERATOR_KINDS = (
    "data[].sourceRef.generatorRef.kind",
    "dataFrom[].sourceRef.generatorRef.kind",
)
_NOT_OWNED = ("Merge", "None", "CreateOrMerge")


def check_spec(
    spec: ExternalSecretSpec, raw: dict[str, Any], api_version: str, findings: Findings
) -> None:
    """Report what the fields say only together.

    Args:
        spec: the decoded spec; faulty fields hold their defaults.
        raw: the spec as written, to tell "absent" from "faulty".
        api_version: v1beta1 lacks some fields.
        findings: takes the problems.
    """
    if api_version == V1BETA1:
        only_in_v1(raw, _V1_ONLY, findings)
        if spec.target.creation_policy == "CreateOrMerge":
            only_in_v1(raw, ("target.creationPolicy",), findings)
        only_in_v1(raw, _GENERATOR_KINDS, findings, values=_V1_GENERATORS)
    _check_sources(spec, raw, findings)
    _check_policies(spec.target, findings)
    if spec.target.manifest is not None:
        check_manifest(spec, spec.target.manifest, findings)
    if spec.target.template is not None:
        check_template(spec.target.template, findings, generic=spec.target.manifest is not None)


def _check_sources(spec: ExternalSecretSpec, raw: dict[str, Any], findings: Findings) -> None:
    if not raw.get("data") and not raw.get("dataFrom"):
        findings.error(
            ("spec",),
            "either data or dataFrom should be specified",
            "name at least one key to read under data or dataFrom",
        )
    for path, entry in _entries(raw, "dataFrom"):
        _check_one_source(entry, path, findings)
        if entry.get("find") == {}:
            findings.error(
                (*path, "find"),
                "find names nothing to look for",
                "set name.regexp, tags or path; a regexp of .* finds everything",
            )
    for path, entry in _entries(raw, "data"):
        if _source(entry, "generatorRef") is not None:
            findings.error(
                (*path, "sourceRef", "generatorRef"),
                "a generator makes several keys, which data cannot take",
                "use dataFrom with sourceRef.generatorRef",
            )
    for index, item in enumerate(spec.data_from):
        if item.find is not None:
            _check_expression(item.find.name_regexp, index, findings)
    if spec.target.deletion_policy == "Retain":
        _check_duplicates(spec, findings)
    _check_stores(spec, raw, findings)


def _entries(raw: dict[str, Any], *names: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the well-formed entries of these lists, as written."""
    for name in names:
        entries = raw.get(name)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                yield ("spec", name, index), entry


def _source(entry: dict[str, Any], name: str) -> Any:
    source = entry.get("sourceRef")
    return source.get(name) if isinstance(source, dict) else None


def _check_one_source(entry: dict[str, Any], path: Path, findings: Findings) -> None:
    given = [entry.get("extract"), entry.get("find"), _source(entry, "generatorRef")]
    count = sum(item is not None for item in given)
    if count > 1:
        findings.error(
            path,
            "extract, find and sourceRef.generatorRef exclude each other",
            "use one dataFrom entry for each",
        )
    if given[2] is not None and _source(entry, "storeRef") is not None:
        findings.error(
            (*path, "sourceRef"),
            "storeRef and generatorRef exclude each other",
            "remove storeRef: a generator reads from no store",
        )
    if count == 0:
        findings.error(
            path,
            "one of extract, find and sourceRef.generatorRef is needed",
            "add extract with the key to read",
        )


def _check_expression(expression: str, index: int, findings: Findings) -> None:
    try:
        compile_regex(expression)
    except RegexError as exc:
        findings.error(
            ("spec", "dataFrom", index, "find", "name", "regexp"),
            f"not a regular expression that Go takes: {exc}",
            "correct the expression (RE2 syntax)",
        )


def _check_duplicates(spec: ExternalSecretSpec, findings: Findings) -> None:
    first: dict[str, int] = {}
    for index, item in enumerate(spec.data):
        seen = first.setdefault(item.secret_key, index)
        if seen != index and item.secret_key:
            findings.error(
                ("spec", "data", index, "secretKey"),
                f"duplicate secretKey: data[{seen}] has the same",
                "give each entry of data its own secretKey",
            )


def _check_stores(spec: ExternalSecretSpec, raw: dict[str, Any], findings: Findings) -> None:
    """Without `secretStoreRef` every entry names its own store."""
    storeless = ""
    for path, entry in _entries(raw, "data", "dataFrom"):
        own = [_source(entry, name) for name in ("storeRef", "generatorRef")]
        if own == [None, None]:
            storeless = storeless or field_path(path[1:])
            if entry.get("sourceRef") == {}:
                where = (*path, "sourceRef")
                findings.error(where, "sourceRef names nothing", "set storeRef, or remove it")
    if spec.secret_store_ref is None and storeless:
        findings.error(
            ("spec", "secretStoreRef"),
            f"secretStoreRef is required, because {storeless} names no store of its own",
            "set secretStoreRef with the name of a store",
        )


def _check_policies(target: TargetSpec, findings: Findings) -> None:
    path = ("spec", "target", "deletionPolicy")
    if target.deletion_policy == "Delete" and target.creation_policy in _NOT_OWNED:
        findings.error(
            path,
            f"deletionPolicy Delete cannot be used with creationPolicy {target.creation_policy}: "
            "the Secret is not the ExternalSecret's own",
            "use creationPolicy Owner, or deletionPolicy Retain",
        )
    if target.deletion_policy == "Merge" and target.creation_policy == "None":
        findings.error(
            path,
            "deletionPolicy Merge cannot be used with creationPolicy None: there is no Secret",
            "use another creationPolicy, or deletionPolicy Retain",
        )
