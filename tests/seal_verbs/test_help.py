"""`--help` of each verb: golden, complete, and light.

`SECRETSYNC_REWRITE_GOLDEN=1 pytest tests/seal_verbs/test_help.py` writes golden/ anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from secretsync.cli.seal.verbs import VERBS
from tests.seal_verbs.kit import environment, run_seal

GOLDEN = Path(__file__).parent / "golden"
OURS = ("edit", "set", "unset", "files", "check", "rotate")
HEAVY = ("cryptography", "yaml", "kubernetes", "urllib3", "click", "msgspec", "sealing.envelope")
each_verb = pytest.mark.parametrize("verb", OURS)


@each_verb
def test_help_is_as_the_golden_file_says(verb):
    ended = run_seal(verb, "--help")
    golden = GOLDEN / f"{verb}.txt"
    if os.environ.get("SECRETSYNC_REWRITE_GOLDEN"):
        golden.write_text(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == golden.read_text()


@each_verb
def test_help_names_exit_status_and_an_example_that_parses(verb):
    text = run_seal(verb, "--help").out
    *_, status, example = text.rstrip().splitlines()
    assert status.startswith("exit status: 0 ")
    words = example.partition(f"seal {verb} ")[2].split()
    assert words, example
    import_module(VERBS[verb][0])._parser().parse_args(words)


@each_verb
def test_every_option_is_explained(verb):
    parser = import_module(VERBS[verb][0])._parser()
    assert [action.dest for action in parser._actions if not action.help] == []


@each_verb
def test_help_imports_nothing_heavy(verb):
    program = (
        "import sys; from secretsync.cli.seal import main\n"
        f"try: main([{verb!r}, '--help'])\n"
        "except SystemExit: pass\n"
        f"print(*sorted(set({HEAVY!r}) & sys.modules.keys()), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment(), check=True
    )
    assert ended.stderr.decode().split() == []


def test_golden_folder_has_a_file_for_each_verb_and_no_other():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(OURS)
