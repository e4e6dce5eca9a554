"""Prints docs/compatibility.md: `python tests/compatibility/page.py > docs/compatibility.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.compatibility import fields
from tests.compatibility.behaviours import SECTIONS
from tests.compatibility.differences import DIFFERENCES
from tests.compatibility.fields import Field
from tests.compatibility.proofs import difference, proof, refusal, short_path
from tests.conformance.eso_rows import ROWS
from tests.conformance.eso_stores import STORES, Lack

__all__ = ["render"]

_INTRO = """\
# Compatibility with External Secrets Operator

What secretsync does with each field, provider, generator and behaviour of External Secrets
Operator 2.9 (ESO). This page is made from the tests that it names, and a test holds it to them.

| word | means |
|---|---|
| works | as in ESO; the test shows the effect |
| read | the field is read and handed on; no test of its own shows the effect |
| differs | on purpose, and why |
| refused | with an error that names the field; nothing is silently ignored |

Tests are below [`tests/`](../tests). `[name]` is one case of a test. ESO's own end-to-end cases
are rows of [test_eso_rows.py](../tests/conformance/test_eso_rows.py) and
[test_eso_rows_further.py](../tests/conformance/test_eso_rows_further.py) under the same names.
These run at """

_TITLES = {
    "SecretStore": "SecretStore and ClusterSecretStore",
}


def render() -> str:
    """Return the text of the page."""
    intro = f"{_INTRO}{', '.join(STORES)}: {', '.join(ROWS)}.\n"
    parts = [intro, _lacks(), _summary(), _differences()]
    parts += [_section(heading) for heading in SECTIONS]
    parts += [_table(table) for table in fields.tables()]
    parts.append(_refused())
    return "\n".join(parts)


def _lacks() -> str:
    """Return which of these cases a store has no means for, and why."""
    test = "conformance/test_eso_rows.py::test_what_a_store_lacks_is_refused_by_name"
    rows = [
        (store, ", ".join(names), why, f'refused: "{says}"' if says else "no effect, as in ESO")
        for store, service in STORES.items()
        for (why, says), names in _by_reason(service.lacks).items()
    ]
    return f"Where a store has no means for one ({_test(test)}):\n\n" + (
        "\n".join(_rows(("store", "cases", "why", ""), rows)) + "\n"
    )


def _by_reason(lacks: Mapping[str, Lack]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, lack in lacks.items():
        found.setdefault((lack.why, lack.says), []).append(name)
    return found


def _summary() -> str:
    rows = [
        (kind, *map(str, _counts(member for table in tables for member in fields.fields_of(table))))
        for kind, tables in _groups().items()
    ]
    head = ("fields of", "works", "read", "differs", "refused")
    return "## In numbers\n\n" + "\n".join(_rows(head, rows)) + "\n"


def _groups() -> dict[str, list[str]]:
    """Return the tables under the names that the summary counts them by."""
    groups: dict[str, list[str]] = {}
    for table in fields.tables():
        name = {"provider": "providers", "generator": "generators", "selector:": "selectors"}.get(
            table.partition(" ")[0], table
        )
        groups.setdefault(name, []).append(table)
    return groups


def _counts(members: Iterable[Field]) -> list[int]:
    words = [_word(_twin(field)) for field in members]
    return [words.count(word) for word in ("works", "read", "differs", "refused")]


def _twin(field: Field) -> Field:
    """Return the same field of the table that has the row."""
    twin = fields.twin_of(field.table)
    if not twin:
        return field
    path = short_path(field)
    same = (other for other in fields.fields_of(twin) if other.value == field.value)
    return next(other for other in same if short_path(other) == path)


def _word(field: Field) -> str:
    if refusal(field):
        return "refused"
    if difference(field):
        return "differs"
    return "read" if _only_read(proof(field)) else "works"


def _only_read(node: str) -> bool:
    """Say whether a test looks at the parsed object and no further."""
    file, _, name = node.partition("::")
    parsed = file.startswith("resources/") or "_config.py" in file
    return parsed and name.partition("[")[0].endswith(("_is_read", "_reads_each"))


def _table(table: str) -> str:
    title = _TITLES.get(table, table[:1].upper() + table[1:])
    if twin := fields.twin_of(table):
        return f"## {title}\n\nThe same fields as {twin}, by the same code.\n"
    rows = [(_name(field), _word(field), _says(field)) for field in fields.fields_of(table)]
    if not rows:
        return f"## {title}\n\nHas no fields.\n"
    return f"## {title}\n\n" + "\n".join(_rows(("field", "", "test, or what and why"), rows)) + "\n"


def _name(field: Field) -> str:
    name = f"`{short_path(field)}`"
    if field.value:
        return f"{name} = {field.value}"
    return f"{name} ({field.selector})" if field.selector else name


def _says(field: Field) -> str:
    if said := refusal(field):
        return f"“{said}”"
    if differs := difference(field):
        return f"{differs.here} ({differs.why}): {_test(differs.proof)}"
    return _test(proof(field))


def _test(node: str) -> str:
    file, _, name = node.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})"


def _differences() -> str:
    rows = [(row.subject, row.here, row.why, _test(row.proof)) for row in DIFFERENCES]
    return "## Differences\n\n" + "\n".join(_rows(("what", "here", "why", "test"), rows)) + "\n"


def _section(heading: str) -> str:
    rows = [(subject, says, _test(node)) for subject, says, node in SECTIONS[heading]]
    return f"## {heading}\n\n" + "\n".join(_rows(("what", "", "test"), rows)) + "\n"


def _refused() -> str:
    stores = ", ".join(fields.unserved_stores())
    generators = ", ".join(fields.unserved_generators())
    return (
        "## Refused by name\n\n"
        f"Providers (“provider … is not supported yet”): {stores}.\n\n"
        f"Generators (“generator … is not supported yet”): {generators}.\n"
    )


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        cells = [cell.replace("|", "\\|") for cell in row]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(render())
