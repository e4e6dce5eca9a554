"""Every field of an Application: it is served, or said to have no effect, or refused."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.resources.application import parse_application
from secretsync.resources.application_spec import ApplicationSpec
from secretsync.resources.documents import Document, Origin
from secretsync.resources.problems import Severity

ROOT = Path(__file__).resolve().parents[2] / "secretsync"

SERVED, WARNED, REFUSED = "served", "warned", "refused"
#: Fields that say something to people, or whose absence is what counts; nothing reads them.
LABELS = "label"

#: Field → a value, and what becomes of it.
FIELDS: dict[str, tuple[Any, str]] = {
    "project": ("shop", SERVED),
    "destination.server": ("https://kubernetes.default.svc", SERVED),
    "destination.name": ("in-cluster", SERVED),
    "destination.namespace": ("shop", SERVED),
    "source.repoURL": ("https://git.example.com/r.git", SERVED),
    "source.path": ("web", SERVED),
    "source.targetRevision": ("main", SERVED),
    "source.chart": ("web", SERVED),
    "source.ref": ("values", SERVED),
    "source.name": ("first", LABELS),
    "source.tagPrefix": ("web-", SERVED),
    "source.helm.releaseName": ("web", SERVED),
    "source.helm.valueFiles": (["a.yaml"], SERVED),
    "source.helm.values": ("a: 1", SERVED),
    "source.helm.valuesObject": ({"a": 1}, SERVED),
    "source.helm.parameters": ([{"name": "a", "value": "1", "forceString": True}], SERVED),
    "source.helm.fileParameters": ([{"name": "a", "path": "a.txt"}], SERVED),
    "source.helm.version": ("v3", LABELS),
    "source.helm.passCredentials": (True, SERVED),
    "source.helm.ignoreMissingValueFiles": (True, SERVED),
    "source.helm.skipCrds": (True, SERVED),
    "source.helm.skipTests": (True, SERVED),
    "source.helm.skipSchemaValidation": (True, SERVED),
    "source.helm.namespace": ("web", SERVED),
    "source.helm.kubeVersion": ("1.34.0", SERVED),
    "source.helm.apiVersions": (["v1"], SERVED),
    "source.kustomize.namePrefix": ("a-", SERVED),
    "source.kustomize.nameSuffix": ("-a", SERVED),
    "source.kustomize.namespace": ("web", SERVED),
    "source.kustomize.images": (["web=registry.example.com/web:1"], SERVED),
    "source.kustomize.replicas": ([{"name": "web", "count": 2}], SERVED),
    "source.kustomize.commonLabels": ({"a": "b"}, SERVED),
    "source.kustomize.commonAnnotations": ({"a": "b"}, SERVED),
    "source.kustomize.forceCommonLabels": (True, SERVED),
    "source.kustomize.forceCommonAnnotations": (True, SERVED),
    "source.kustomize.commonAnnotationsEnvsubst": (True, REFUSED),
    "source.kustomize.labelWithoutSelector": (True, SERVED),
    "source.kustomize.labelIncludeTemplates": (True, SERVED),
    "source.kustomize.patches": ([{"patch": "[]", "target": {}, "options": {}}], SERVED),
    "source.kustomize.components": (["../c"], SERVED),
    "source.kustomize.ignoreMissingComponents": (True, SERVED),
    "source.kustomize.version": ("v5.0.0", WARNED),
    "source.kustomize.kubeVersion": ("1.34.0", WARNED),
    "source.kustomize.apiVersions": (["v1"], WARNED),
    "source.directory.recurse": (True, SERVED),
    "source.directory.include": ("*.yaml", SERVED),
    "source.directory.exclude": ("b.yaml", SERVED),
    "source.directory.disableExtensionFilter": (True, SERVED),
    "source.directory.jsonnet": ({"libs": ["a"]}, REFUSED),
    "source.plugin": ({"name": "a"}, REFUSED),
    "sources": ([{"repoURL": "https://git.example.com/r.git", "path": "a"}], SERVED),
    "sourceHydrator": ({"drySource": {}}, REFUSED),
    "syncPolicy.automated.enabled": (False, SERVED),
    "syncPolicy.automated.prune": (True, SERVED),
    "syncPolicy.automated.selfHeal": (True, SERVED),
    "syncPolicy.automated.allowEmpty": (True, SERVED),
    "syncPolicy.retry.limit": (3, SERVED),
    "syncPolicy.retry.refresh": (True, LABELS),
    "syncPolicy.retry.backoff.duration": ("5s", SERVED),
    "syncPolicy.retry.backoff.factor": (2, SERVED),
    "syncPolicy.retry.backoff.maxDuration": ("3m", SERVED),
    "syncPolicy.managedNamespaceMetadata.labels": ({"a": "b"}, SERVED),
    "syncPolicy.managedNamespaceMetadata.annotations": ({"a": "b"}, SERVED),
    "syncPolicy.syncOptions": (["CreateNamespace=true"], SERVED),
    "ignoreDifferences": (
        [
            {
                "group": "apps",
                "kind": "Deployment",
                "name": "web",
                "namespace": "shop",
                "jsonPointers": ["/spec/replicas"],
                "jqPathExpressions": [".spec.replicas"],
                "managedFieldsManagers": ["hpa"],
            }
        ],
        SERVED,
    ),
    "info": ([{"name": "a", "value": "b"}], LABELS),
    "revisionHistoryLimit": (5, SERVED),
}


def parse(field: str, value: Any) -> Any:
    """Parse a good Application with one more field."""
    spec: dict[str, Any] = {
        "source": {"repoURL": "https://git.example.com/r.git", "path": "web"},
        "destination": {"server": "https://kubernetes.default.svc"},
    }
    *path, name = field.split(".")
    at = spec
    for each in path:
        at = at.setdefault(each, {})
    at[name] = value
    if field == "destination.name":
        del spec["destination"]["server"]
    if field == "source.chart":
        spec["source"] = {**spec["source"], "path": "", "targetRevision": "1.0.0"}
    if field == "sources":
        del spec["source"]
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": spec,
    }
    return parse_application(Document(document, Origin("a.yaml")), default_namespace="argocd")


@pytest.mark.parametrize("field", FIELDS)
def test_field_is_served_or_said_not_to_be(field: str) -> None:
    value, becomes = FIELDS[field]
    parsed = parse(field, value)
    about = [each for each in parsed.problems if each.field == f"spec.{field}"]
    assert len(about) == len(parsed.problems), parsed.problems
    if becomes == REFUSED:
        assert [each.severity for each in about] == [Severity.ERROR]
        assert parsed.value is None
    elif becomes == WARNED:
        assert [each.severity for each in about] == [Severity.WARNING]
        assert parsed.value.warnings == (f"spec.{field}: {about[0].message}",)
    else:
        assert about == []
    assert all(each.remedy for each in about)


@pytest.mark.parametrize("field", [name for name, (_, how) in FIELDS.items() if how == SERVED])
def test_field_that_is_served_is_read_by_the_loop(field: str) -> None:
    name = field.rpartition(".")[2]
    attribute = re.sub(r"([A-Z]+)", lambda found: f"_{found[0].lower()}", name)
    # These two are read by properties of the spec itself.
    attribute = {"sources": "all_sources", "enabled": "spec.automated"}.get(attribute, attribute)
    read = re.compile(rf"\.{attribute}\b")
    folders = (ROOT / "gitops", ROOT / "controller", ROOT / "cli" / "app")
    texts = (file.read_text() for folder in folders for file in folder.rglob("*.py"))
    assert any(read.search(text) for text in texts), attribute


def test_table_has_every_field_of_the_kind() -> None:
    known = {field.replace("sources.", "source.") for field in FIELDS}
    for field in _fields(ApplicationSpec, ()):
        assert field in known, field


def _fields(cls: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield each field of a dataclass by its path, down to those that hold values."""
    hints = typing.get_type_hints(cls)
    for item in dataclasses.fields(cls):
        wire = item.metadata.get("wire")
        head, *rest = item.name.split("_")
        name = (wire.name if wire else "") or head + "".join(part.capitalize() for part in rest)
        inner = (hints[item.name], *typing.get_args(hints[item.name]))
        nested = [each for each in inner if dataclasses.is_dataclass(each)]
        if nested and name != "sources" and not str(hints[item.name]).startswith("tuple"):
            yield from _fields(nested[0], (*path, name))
        else:
            yield ".".join((*path, name))
