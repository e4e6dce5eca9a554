"""Every row of the conformance list has a test, and no test of a row is empty."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROWS = range(1, 101)
#: An id is `row-007`, with more behind it where a row has several cases.
_ID = re.compile(r"::(test_\w+)\[(?:.*-)?row-(\d{3})(?!\d)[^\]]*\]")
#: External Secrets Operator's common cases, then its providers' extras.
ESO_ROWS = (
    *("SimpleDataSync", "SyncWithoutTargetName", "JSONDataWithProperty"),
    *("JSONDataWithoutTargetName", "JSONDataWithTemplate", "JSONDataWithTemplateFromLiteral"),
    *("TemplateFromConfigmaps", "JSONDataFromSync", "JSONDataFromExtractProperty"),
    *("JSONDataFromRewrite", "NestedJSONWithGJSON", "DockerJSONConfig"),
    *("DataPropertyDockerconfigJSON", "SSHKeySync", "SSHKeySyncDataProperty"),
    *("DeletionPolicyDelete", "DecodingPolicySync", "FindByName"),
    *("FindByNameAndRewrite", "FindByNameWithPath", "FindByTag"),
    *("FindByTagWithPath", "StatusNotUpdatedAfterSuccessfulSync"),
)
ESO_EXTRAS = (
    *("should read versioned secrets", "tagged simple secrets"),
    *("template v1", "template v2", "push+delete", "crd"),
)
#: How a test says something without `assert`: pytest's own, or a helper that asserts.
_CHECKS = ("raises", "check_", "assert_", "wait_", "refused", "unsealed")


@pytest.fixture(scope="module")
def collected():
    """The tests of this folder, as pytest itself collects them."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", HERE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    return run.stdout


@pytest.fixture(scope="module")
def rows(collected):
    """Row number → tests that carry it."""
    found: dict[int, set[str]] = {}
    for test, number in _ID.findall(collected):
        found.setdefault(int(number), set()).add(test)
    return found


def functions():
    """Every function of this folder's files, by name."""
    trees = [ast.parse(file.read_text()) for file in sorted(HERE.glob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


def says_something(function):
    """Whether something in the function can fail because of what is tested."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name.startswith(_CHECKS):
                return True
    return False


def test_every_row_has_a_test_and_no_test_has_another_number(rows):
    assert sorted(set(ROWS) - set(rows)) == [], "rows without a test"
    assert sorted(set(rows) - set(ROWS)) == [], "tests of no row"


@pytest.mark.parametrize("name", [*ESO_ROWS, *ESO_EXTRAS])
def test_every_row_of_external_secrets_operator_has_a_test_of_its_name(collected, name):
    ids = re.findall(r"::test_\w+\[(.+)\]", collected)
    assert any(found == name or found.endswith(f"-{name}") for found in ids)


def test_no_test_of_a_row_is_empty(rows):
    known = functions()
    tests = {test for names in rows.values() for test in names}
    assert tests
    assert {test for test in tests if not says_something(known[test])} == set()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f():\n    pass", False),
        ("def f():\n    assert True", False),
        ("def f():\n    print(1)", False),
        ("def f(x):\n    assert x", True),
        ("def f(x):\n    with pytest.raises(E):\n        x()", True),
        ("def f(x):\n    check_live(x)", True),
    ],
)
def test_empty_tests_are_told_from_others(source, says):
    assert says_something(ast.parse(source).body[0]) is says
