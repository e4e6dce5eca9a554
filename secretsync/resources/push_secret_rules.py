"""Rules of a PushSecret that no single field can check.

Source: the published CRD of External Secrets Operator 2.9, and the rules that its
controller enforces while it pushes.
"""

from __future__ import annotations

from typing import Any

from secretsync.resources.composer import Path
from secretsync.resources.external_secret_template import check_template
from secretsync.resources.findings import Findings
from secretsync.resources.object_meta import type_name
from secretsync.resources.push_secret_spec import (
    DataToSpec,
    PushSecretSpec,
    SelectorSourceSpec,
    StoreRefSpec,
)
from secretsync.resources.regexes import RegexError, compile_regex
from secretsync.resources.secret_store_rules import check_selector

__all__ = ["TEMPLATE_PATH", "check_push_spec"]

TEMPLATE_PATH: Path = ("spec", "template")


def check_push_spec(spec: PushSecretSpec, raw: dict[str, Any], findings: Findings) -> None:
    """Report what the fields say only together.

    Args:
        spec: the decoded spec; faulty fields hold their defaults.
        raw: the spec as written, to tell "absent" from "faulty".
        findings: takes the problems.
    """
    for index, store in enumerate(spec.secret_store_refs):
        _check_store(store, ("spec", "secretStoreRefs", index), findings)
    if isinstance(raw.get("selector"), dict):
        _check_source(spec.selector, raw["selector"], findings)
    if not raw.get("data") and not raw.get("dataTo"):
        findings.warning(
            ("spec",),
            "nothing is pushed: neither data nor dataTo has an entry",
            "name at least one key under data, or take many by dataTo",
        )
    for index, entry in enumerate(spec.data):
        _check_metadata(entry.metadata, ("spec", "data", index, "metadata"), findings)
    _check_places(spec, findings)
    for index, many in enumerate(spec.data_to):
        _check_data_to(many, spec.secret_store_refs, ("spec", "dataTo", index), findings)
    if spec.template is not None:
        check_template(spec.template, findings, path=TEMPLATE_PATH)


def _check_store(store: StoreRefSpec, path: Path, findings: Findings) -> None:
    if store.name and store.label_selector is not None:
        findings.error(path, "name and labelSelector exclude each other", "use one entry for each")
    elif not store.name and store.label_selector is None:
        findings.error(path, "the entry names no store", "set name, or labelSelector")
    if store.label_selector is not None:
        check_selector(store.label_selector, (*path, "labelSelector"), findings)


def _check_source(spec: SelectorSourceSpec, raw: dict[str, Any], findings: Findings) -> None:
    path: Path = ("spec", "selector")
    given = [name for name in ("secret", "generatorRef") if raw.get(name) is not None]
    if len(given) != 1:
        findings.error(
            path,
            "exactly one of secret and generatorRef is needed",
            "name the Secret, or the generator, that the values come from",
        )
    secret = spec.secret
    if secret is None:
        return
    if secret.name and secret.selector is not None:
        findings.error(
            (*path, "secret"), "name and selector exclude each other", "remove one of them"
        )
    elif not secret.name and secret.selector is None:
        findings.error((*path, "secret"), "no Secret is named", "set name, or selector")
    if secret.selector is not None:
        check_selector(secret.selector, (*path, "secret", "selector"), findings)


def _check_metadata(metadata: Any, path: Path, findings: Findings) -> None:
    if metadata is not None and not isinstance(metadata, dict):
        findings.error(path, f"expected an object, found {type_name(metadata)}")


def _check_places(spec: PushSecretSpec, findings: Findings) -> None:
    """Two entries for one place would overwrite each other for ever."""
    first: dict[tuple[str, str], int] = {}
    wholes: dict[str, int] = {}
    for index, entry in enumerate(spec.data):
        ref = entry.match.remote_ref
        path: Path = ("spec", "data", index, "match", "remoteRef")
        if not ref.remote_key:
            continue
        seen = first.setdefault((ref.remote_key, ref.property), index)
        if seen != index:
            findings.error(
                path,
                f"data[{seen}] goes to the same place",
                "give each entry a remoteKey, or a property of it, of its own",
            )
        if not ref.property:
            wholes.setdefault(ref.remote_key, index)
    for index, entry in enumerate(spec.data):
        ref = entry.match.remote_ref
        whole = wholes.get(ref.remote_key)
        if ref.property and whole is not None:
            findings.error(
                ("spec", "data", index, "match", "remoteRef"),
                f"data[{whole}] replaces the whole value that this property would be part of",
                "push the properties, or the whole value",
            )


def _check_data_to(
    entry: DataToSpec, stores: tuple[StoreRefSpec, ...], path: Path, findings: Findings
) -> None:
    _check_metadata(entry.metadata, (*path, "metadata"), findings)
    if entry.remote_key and entry.rewrite:
        findings.error(
            path,
            "remoteKey and rewrite exclude each other: remoteKey sends all keys to one place",
            "remove one of them",
        )
    for index, rewrite in enumerate(entry.rewrite):
        if rewrite.merge is not None:
            findings.error(
                (*path, "rewrite", index, "merge"),
                "merge is not for dataTo",
                "use remoteKey, which sends all keys as one JSON object",
            )
    _check_expression(entry, path, findings)
    if entry.store_ref == StoreRefSpec():
        return  # Reported as a required field, or as an empty one below.
    _check_store(entry.store_ref, (*path, "storeRef"), findings)
    named = {(store.kind, store.name) for store in stores if store.name}
    selects = any(store.label_selector is not None for store in stores)
    ref = entry.store_ref
    if ref.name and (ref.kind, ref.name) not in named and not selects:
        findings.error(
            (*path, "storeRef"),
            f"{ref.kind} {ref.name} is not among secretStoreRefs",
            "add it there, or name one that is",
        )


def _check_expression(entry: DataToSpec, path: Path, findings: Findings) -> None:
    if entry.match is None or not entry.match.regexp:
        return
    try:
        compile_regex(entry.match.regexp)
    except RegexError as exc:
        findings.error(
            (*path, "match", "regexp"),
            f"not a regular expression that Go takes: {exc}",
            "correct the expression (RE2 syntax)",
        )
