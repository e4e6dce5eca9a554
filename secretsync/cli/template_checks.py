"""What is wrong with the templates of manifests, as far as no value is needed to tell.

A template that cannot be parsed, or names a function that there is not, fails at every
sync; here its author learns it before. Templates that Secrets hold are not looked at.

Neighbours: `validate` shows it; `core.templating` compiles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from secretsync.core.errors import TemplateProblem
from secretsync.core.templates.dialect import Dialect
from secretsync.core.templating import check_template
from secretsync.resources.composer import Path
from secretsync.resources.documents import Document
from secretsync.resources.external_secret_template import Template
from secretsync.resources.manifests import Manifests
from secretsync.resources.object_meta import object_findings
from secretsync.resources.problems import Problem

__all__ = ["template_problems"]

#: Stands for every key of an object, and every item of a list.
_EACH = "*"
_TEMPLATE: tuple[Path, ...] = (
    ("data", _EACH),
    ("metadata", "labels", _EACH),
    ("metadata", "annotations", _EACH),
    ("templateFrom", _EACH, "literal"),
)
_REWRITE: Path = (_EACH, "rewrite", _EACH, "transform", "template")
_EXTERNAL: tuple[Path, ...] = (
    *(("target", "template", *path) for path in _TEMPLATE),
    ("dataFrom", *_REWRITE),
)
_PUSH: tuple[Path, ...] = (
    *(("template", *path) for path in _TEMPLATE),
    ("dataTo", *_REWRITE),
)
_WEBHOOK: tuple[Path, ...] = (("url",), ("headers", _EACH), ("body",), ("result", "jsonPath"))


def _below(*start: str, paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple((*start, *path) for path in paths)


_STORE = _below("spec", "provider", "webhook", paths=_WEBHOOK)
#: Kind → where its templates are.
_PLACES: dict[str, tuple[Path, ...]] = {
    "ExternalSecret": _below("spec", paths=_EXTERNAL),
    "ClusterExternalSecret": _below("spec", "externalSecretSpec", paths=_EXTERNAL),
    "PushSecret": _below("spec", paths=_PUSH),
    "ClusterPushSecret": _below("spec", "pushSecretSpec", paths=_PUSH),
    "SealedSecret": _below("spec", "template", paths=(("data", _EACH),)),
    "SecretStore": _STORE,
    "ClusterSecretStore": _STORE,
    "Webhook": _below("spec", paths=_WEBHOOK),
    "ClusterGenerator": _below("spec", "generator", "webhookSpec", paths=_WEBHOOK),
}


def template_problems(
    documents: Sequence[Document], manifests: Manifests, *, default_namespace: str
) -> tuple[Problem, ...]:
    """Return an error for every template that cannot work, whatever the values are.

    Args:
        documents: all that was read.
        manifests: what they are. Objects that are broken anyway are passed over.
        default_namespace: of objects that name none.
    """
    good = {str(ref) for ref in manifests.origins}
    asked = _asked(manifests)
    problems: list[Problem] = []
    for document in documents:
        kind = str(document.value.get("kind"))
        namespace = "" if kind.startswith("Cluster") else default_namespace
        findings = object_findings(document, default_namespace=namespace)
        if findings.object not in good:
            continue
        dialect = Dialect.SEALED_SECRETS if kind == "SealedSecret" else Dialect.EXTERNAL_SECRETS
        places = _PLACES.get(kind, ())
        if kind == "ConfigMap":
            places = tuple(("data", key) for key in asked.get(findings.object, ()))
        for path, text in _found(document.value, places):
            try:
                check_template(str(path[-1]), text, dialect=dialect)
            except TemplateProblem as exc:
                findings.error(path, str(exc), exc.remedy or "correct the template")
        problems.extend(findings.problems)
    return tuple(problems)


def _asked(manifests: Manifests) -> dict[str, set[str]]:
    """ConfigMap → its keys that an object takes templates from."""
    found: dict[str, set[str]] = {}
    owners: list[tuple[str, Template | None]] = [
        *((item.meta.namespace, item.target.template) for item in manifests.external_secrets),
        *((item.meta.namespace, item.template) for item in manifests.push_secrets),
    ]
    for namespace, template in owners:
        for entry in template.template_from if template else ():
            if entry.source is not None and entry.source.kind == "ConfigMap":
                keys = {item.key for item in entry.items}
                found.setdefault(f"ConfigMap {namespace}/{entry.source.name}", set()).update(keys)
    return found


def _found(value: Any, places: Collection[Path]) -> Iterator[tuple[Path, str]]:
    for place in places:
        yield from _at(value, place, ())


def _at(value: Any, place: Path, path: Path) -> Iterator[tuple[Path, str]]:
    if not place:
        if isinstance(value, str):
            yield path, value
        return
    step, rest = place[0], place[1:]
    if step == _EACH and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _at(item, rest, (*path, index))
    elif isinstance(value, dict):
        for key in value if step == _EACH else (step,):
            if key in value:
                yield from _at(value[key], rest, (*path, key))
