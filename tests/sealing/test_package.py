"""What importing sealing costs and brings."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sealing

FOLDER = Path(sealing.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
HEAVY = {"cryptography", "yaml", "secretsync", "providers"}
#: All that modules may name at their top or inside functions.
ALLOWED = {"sealing", "cryptography", "__future__"}
PURE_STDLIB = {
    *("binascii", "collections", "dataclasses", "datetime", "enum", "importlib"),
    *("functools", "json", "re", "types", "typing"),
}


def python(code):
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, cwd=FOLDER.parent).stdout


@pytest.mark.parametrize("statement", ["import sealing", "from sealing import seal_value"])
def test_import_of_sealing_loads_nothing_heavy(statement):
    code = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    output = python(code)
    assert HEAVY & {name.partition(".")[0] for name in json.loads(output)} == set()


def test_import_of_sealing_alone_loads_none_of_its_modules():
    code = "import sealing, sys\nprint([name for name in sys.modules if 'sealing.' in name])"
    output = python(code)
    assert output.strip() == b"[]"


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_itself_cryptography_and_what_does_no_io(module):
    tree = ast.parse((FOLDER / f"{module}.py").read_text())
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= ALLOWED | PURE_STDLIB


@pytest.mark.parametrize("name", sealing.__all__)
def test_public_name_loads_from_the_module_that_offers_it(name):
    value = getattr(sealing, name)
    assert name in import_module(sealing._MODULE_OF[name]).__all__
    assert value is getattr(import_module(sealing._MODULE_OF[name]), name)


def test_public_names_are_the_lazy_ones_and_listed_by_dir():
    assert sorted(sealing._MODULE_OF) == sorted(sealing.__all__)
    assert set(sealing.__all__) <= set(dir(sealing))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'sealing' has no attribute 'nope'"):
        _ = sealing.nope


@pytest.mark.parametrize("module", MODULES)
def test_all_of_a_module_names_what_it_defines(module):
    loaded = import_module(f"sealing.{module}")
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []
    assert (FOLDER / "py.typed").is_file()


def test_every_error_has_the_one_root_and_stands_in_the_tree():
    errors = import_module("sealing.errors")
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), sealing.SealingError)
        assert name in errors.__doc__
