"""The Secrets of a manifest file as SealedSecrets, in the same file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sealing import Certificate, Scope, SealingError, seal_secret
from secretsync.cli.seal.manifest_text import ManifestText, parse_manifest_text
from secretsync.cli.seal.sealed_objects import Placed, walk_objects
from secretsync.cli.seal.sealed_with import SEALED_WITH
from secretsync.cli.seal.spans import yaml_trees
from secretsync.cli.seal.yaml_text import yaml_text
from secretsync.errors import ConfigError, InputError

__all__ = ["SealPlan", "is_secret", "sealed_text", "secret_count"]

_BOM = "\ufeff"
_BREAK = re.compile("\r\n|\n")


@dataclass(frozen=True, slots=True)
class SealPlan:
    """How Secrets are to be sealed.

    Args:
        now: aware; what the certificate's end is compared with.
        scope: of all values; None for what each Secret says.
        namespace: of Secrets that name none.
    """

    certificate: Certificate
    now: datetime = field(kw_only=True)
    scope: str | None = field(kw_only=True)
    namespace: str = field(kw_only=True)
    allow_empty_data: bool = field(kw_only=True)


def is_secret(value: Mapping[str, Any]) -> bool:
    """Return whether an object is a Secret."""
    return value.get("apiVersion") == "v1" and value.get("kind") == "Secret"


def secret_count(text: ManifestText) -> int:
    """Return how many Secrets a file holds.

    Raises:
        ConfigError: some are entries of a List, which cannot be sealed where they are.
    """
    found = [placed for placed in walk_objects(text) if is_secret(placed.value)]
    for placed in found:
        if placed.prefix:
            raise ConfigError(
                f"{placed.place}: {placed}: is an entry of a List",
                remedy="write each Secret as a document of its own",
            )
    return len(found)


def sealed_text(text: ManifestText, plan: SealPlan) -> tuple[ManifestText, int]:
    """Return the file with every Secret sealed, and the number of values.

    Other documents, and what stands between documents, stay as they are.

    Raises:
        ConfigError: a Secret cannot be sealed; the message names file and object.
    """
    sealed = {
        placed.document: _sealed(placed, plan)
        for placed in walk_objects(text)
        if is_secret(placed.value)
    }
    after = parse_manifest_text(_spliced(text, sealed).encode("utf-8"), file=text.file)
    meant = [sealed.get(at, document.value) for at, document in enumerate(text.documents)]
    if meant != [document.value for document in after.documents]:
        raise InputError(
            f"{text.file}: the file cannot be sealed as it is written",
            remedy="separate its documents by lines of --- and nothing else",
        )
    values = sum(len(value["spec"]["encryptedData"]) for value in sealed.values())
    return after, values


def _sealed(placed: Placed, plan: SealPlan) -> dict[str, Any]:
    try:
        sealed = seal_secret(
            placed.value,
            plan.certificate,
            now=plan.now,
            scope=Scope(plan.scope) if plan.scope else None,
            default_namespace=plan.namespace,
            allow_empty_data=plan.allow_empty_data,
        )
    except SealingError as exc:
        raise ConfigError(f"{placed.place}: {placed}: {exc}") from exc
    annotations = dict(sealed["metadata"].get("annotations", {}))
    if sealed["spec"]["encryptedData"]:
        annotations[SEALED_WITH] = plan.certificate.fingerprint
    metadata = {**sealed["metadata"], "annotations": annotations}
    return {**sealed, "metadata": {key: value for key, value in metadata.items() if value}}


def _spliced(text: ManifestText, sealed: Mapping[int, Mapping[str, Any]]) -> str:
    if text.is_json:
        return json.dumps(sealed[0], indent=2) + "\n"
    bom = _BOM if text.text.startswith(_BOM) else ""
    body = text.text.removeprefix(_BOM)
    found = _BREAK.search(body)
    eol = found.group() if found else "\n"
    trees = yaml_trees(body)
    for document in sorted(sealed, reverse=True):
        root = trees[document]
        if root is None:
            continue
        start = body.rfind("\n", 0, root.start) + 1
        lead = body[start : root.start].strip()
        start, opening = (root.start, eol) if lead else (start, "")
        end = _BREAK.search(body, root.content_end(body))
        shown = opening + yaml_text(sealed[document]).rstrip("\n").replace("\n", eol)
        body = body[:start] + shown + body[end.start() if end else len(body) :]
    return bom + body
