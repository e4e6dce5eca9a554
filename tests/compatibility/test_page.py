"""The page of compatibility says what the code and its tests say, and nothing else."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path
from typing import Any

import pytest

from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import parse_external_secret
from secretsync.resources.generator import parse_generator
from secretsync.resources.problems import Problem
from secretsync.resources.provisioner import parse_provisioner
from secretsync.resources.push_secret import parse_push_secret
from secretsync.resources.secret_store import parse_secret_store
from tests.compatibility import fields
from tests.compatibility.field_differences import FIELD_DIFFERENCES, REFUSED_BY_RULE
from tests.compatibility.fields import Field
from tests.compatibility.page import render
from tests.compatibility.proofs import (
    PROOFS,
    all_proofs,
    difference,
    problem_of,
    proof,
    refusal,
    short_path,
)

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
FIELDS = [field for field in fields.fields() if not field.table.startswith("selector: ")]
REFUSED = [field for field in FIELDS if field.refusal or field.id in REFUSED_BY_RULE]
DEPRECATED = [field for field in FIELDS if field.wire.deprecated]


def parse(kind: str, manifest: dict[str, Any]) -> tuple[Problem, ...]:
    """Return all problems of a manifest whose kind is that of a table."""
    document = Document(manifest, Origin("app.yaml"))
    match kind:
        case "ExternalSecret":
            return parse_external_secret(document, default_namespace="web").problems
        case "SecretStore":
            return parse_secret_store(document, default_namespace="web").problems
        case "PushSecret":
            return parse_push_secret(document, default_namespace="web").problems
        case "ClusterExternalSecret" | "ClusterPushSecret":
            return parse_provisioner(document).problems
    return parse_generator(document, default_namespace="web").problems


def problems_of(field: Field, value: object) -> list[Problem]:
    """Return what is said of a field that holds `value`, and of what is inside of it."""
    kind = field.table.removeprefix("generator ")
    kind = "SecretStore" if kind.startswith("provider ") else kind
    group = "generators.external-secrets.io" if kind.startswith(field.table[10:]) else ""
    group = group if field.table.startswith("generator ") else "external-secrets.io"
    alpha = field.table.startswith("generator ") or kind in ("PushSecret", "ClusterPushSecret")
    manifest: dict[str, Any] = {
        "apiVersion": f"{group}/{'v1alpha1' if alpha else 'v1'}",
        "kind": kind,
        "metadata": {"name": "a"},
    }
    held = value
    for name in reversed(field.path.split(".")):
        held = {name.removesuffix("[]"): [held] if name.endswith("[]") else held}
    manifest |= typing.cast("dict[str, Any]", held)
    path = field.path.replace("[]", "[0]")
    listed = path.removesuffix("[0]")
    return [
        each
        for each in parse(kind, manifest)
        if each.field in (path, listed) or each.field.startswith(f"{path}.")
    ]


def sample(field: Field) -> object:
    """Return a value of the field's type that is not empty."""
    if field.id in REFUSED_BY_RULE:
        return REFUSED_BY_RULE[field.id].value
    if field.value:
        return field.value
    text = str(field.annotation)
    if text.startswith("tuple[tuple[str"):
        return {"a": "b"}
    inner, _ = fields._inner(field.annotation)
    if dataclasses.is_dataclass(inner) or inner is typing.Any:
        return {}
    if field.wire.choices:
        return next(
            each for each in field.wire.choices if each not in field.wire.unsupported_choices
        )
    if inner is bool:
        return True
    if inner is int or inner == int | None:
        return field.wire.minimum or 1
    return "a"


def test_page_is_what_the_tests_make_it() -> None:
    assert PAGE.read_text() == render(), "run python tests/compatibility/page.py"


def test_every_proof_is_a_test_that_runs() -> None:
    broken = [f"{row}: {why}" for row, node in all_proofs() if (why := problem_of(node))]
    assert broken == []


def test_every_served_field_has_a_proof() -> None:
    served = (field for field in fields.fields() if not fields.twin_of(field.table))
    assert [
        field.id for field in served if not (refusal(field) or difference(field) or proof(field))
    ] == []


def test_every_row_speaks_of_fields_that_are_there() -> None:
    known = {f"{field.table}: {short_path(field)}" for field in fields.fields()}
    assert set(FIELD_DIFFERENCES) <= known
    assert set(REFUSED_BY_RULE) <= known
    unused = [
        f"{table}: {path}"
        for table, rows in PROOFS.items()
        for path in rows
        if not any(
            proof(field) == rows[path] and not refusal(field) and not difference(field)
            for field in fields.fields_of(table)
        )
    ]
    assert unused == []


def test_openbao_has_the_fields_of_vault() -> None:
    ours = [short_path(field) for field in fields.fields_of("provider openBao")]
    assert ours == [short_path(field) for field in fields.fields_of("provider vault")]


@pytest.mark.parametrize("field", REFUSED, ids=lambda field: field.id)
def test_refused_field_is_an_error_that_names_it(field: Field) -> None:
    value = {"a": "b"} if sample(field) == {} else sample(field)
    said = [each.message for each in problems_of(field, value) if each.severity == "error"]
    assert any(message.startswith(refusal(field)) for message in said), said


@pytest.mark.parametrize("field", DEPRECATED, ids=lambda field: field.id)
def test_deprecated_field_is_a_warning_that_says_its_sentence(field: Field) -> None:
    problems = problems_of(field, {"a": "b"} if sample(field) == {} else sample(field))
    assert field.wire.deprecated in [
        each.message for each in problems if each.severity == "warning"
    ]


@pytest.mark.parametrize("table", [name for name in fields.tables() if "selector: " not in name])
def test_served_field_is_neither_unknown_nor_refused(table: str) -> None:
    for field in fields.fields_of(table):
        if refusal(field):
            continue
        said = [f"{each.message}" for each in problems_of(field, sample(field))]
        assert not [text for text in said if "unknown" in text or "not supported" in text], field.id


@pytest.mark.parametrize("provider", fields.unserved_stores())
def test_provider_that_is_not_served_is_refused_by_name(provider: str) -> None:
    manifest = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "a"},
        "spec": {"provider": {provider: {}}},
    }
    said = [each.message for each in parse("SecretStore", manifest)]
    assert f"provider {provider} is not supported yet" in said


@pytest.mark.parametrize("kind", fields.unserved_generators())
def test_generator_that_is_not_served_is_refused_by_name(kind: str) -> None:
    manifest = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "a"},
        "spec": {},
    }
    said = [each.message for each in parse(kind, manifest)]
    assert f"generator {kind} is not supported yet" in said
