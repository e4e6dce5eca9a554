"""Finds the proof of a field, and what a proof's test is.

Neighbours: the tables themselves are in `proofs_kinds`, `proofs_providers`, `behaviours`
and `differences`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.compatibility.behaviours import SECTIONS
from tests.compatibility.differences import DIFFERENCES
from tests.compatibility.field_differences import FIELD_DIFFERENCES, REFUSED_BY_RULE, Difference
from tests.compatibility.fields import Field, tables
from tests.compatibility.proofs_kinds import KINDS
from tests.compatibility.proofs_providers import GENERATORS, PROVIDERS

__all__ = ["PROOFS", "all_proofs", "difference", "problem_of", "proof", "refusal", "short_path"]

TESTS = Path(__file__).parents[1]
PROOFS = {**KINDS, **PROVIDERS, **GENERATORS}
#: Cases of these files are named by the keys of a table elsewhere.
_ROW_FILES = {"conformance/test_eso_rows.py": "conformance/eso_rows.py"}


def short_path(field: Field) -> str:
    """Return a field's path as proofs and the page have it: a provider's, below its block."""
    base = tables()[field.table][1]
    return (
        field.path.removeprefix(f"{base}.") if field.table.startswith("provider ") else field.path
    )


def refusal(field: Field) -> str:
    """Return why a field is refused, "" where it is not; of what is inside of one too."""
    if field.refusal:
        return field.refusal
    for name, rule in REFUSED_BY_RULE.items():
        if field.id == name or field.id.startswith(f"{name}."):
            return rule.said
    return ""


def difference(field: Field) -> Difference | None:
    """Return how a field differs, None where it does not."""
    return FIELD_DIFFERENCES.get(f"{field.table}: {short_path(field)}")


def proof(field: Field) -> str:
    """Return the test of a served field; the row that fits it best counts; "" for none."""
    rows = PROOFS.get(field.table, {})
    path = short_path(field)
    if path in rows:
        return rows[path]
    fitting = [name for name in rows if name.endswith("*") and path.startswith(name[:-1])]
    return rows[max(fitting, key=len)] if fitting else ""


def all_proofs() -> Iterator[tuple[str, str]]:
    """Yield every proof with the row that names it."""
    for table, rows in PROOFS.items():
        for path, node in rows.items():
            yield f"{table}: {path}", node
    for name, row in FIELD_DIFFERENCES.items():
        yield name, row.proof
    for row in DIFFERENCES:
        yield row.subject, row.proof
    for heading, entries in SECTIONS.items():
        for subject, _, node in entries:
            yield f"{heading}: {subject}", node


def problem_of(node: str) -> str:
    """Return why a proof is none, "" where its test is there and runs."""
    name, _, case = node.partition("[")
    file, _, function = name.partition("::")
    if not (TESTS / file).is_file():
        return f"{file} is not there"
    found = _functions(file).get(function)
    if found is None:
        return f"{file} has no {function}"
    if _skips(found):
        return f"{function} is skipped"
    case = case.removesuffix("]")
    text = (TESTS / _ROW_FILES.get(file, file)).read_text()
    if case and f'"{case}"' not in text:
        return f"{function} has no case {case}"
    return ""


@cache
def _functions(file: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((TESTS / file).read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _skips(function: ast.FunctionDef) -> bool:
    """Say whether a mark or the body skips the test, or expects it to fail."""
    called = [ast.unparse(each) for each in function.decorator_list]
    body = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
    marks = ("pytest.mark.skip", "pytest.mark.xfail")
    calls = ("pytest.skip", "pytest.xfail", "pytest.importorskip")
    return any(each.startswith(marks) for each in called) or any(each in calls for each in body)
