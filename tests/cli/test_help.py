"""`--help`: golden, complete, and light.

`SECRETSYNC_REWRITE_GOLDEN=1 pytest tests/cli/test_help.py` writes tests/cli/golden anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from secretsync.cli.root import COMMANDS
from tests.cli.kit import ROOT, run_process

GOLDEN = Path(__file__).parent / "golden"
VERBS = ["", *COMMANDS]
HEAVY = (
    *("apscheduler", "boto3", "botocore", "cryptography", "kubernetes", "msgspec"),
    *("prometheus_client", "rich", "yaml"),
)
each_verb = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb or "root")


def arguments(verb: str) -> list[str]:
    return [verb, "--help"] if verb else ["--help"]


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Help is wrapped at the terminal's width: give it one."""
    monkeypatch.setenv("COLUMNS", "100")


@each_verb
def test_help_is_as_the_golden_file_says(cli, verb):
    golden = GOLDEN / f"{verb or 'root'}.txt"
    ended = cli(*arguments(verb))
    if os.environ.get("SECRETSYNC_REWRITE_GOLDEN"):
        golden.write_text(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == golden.read_text()


@each_verb
def test_help_names_exit_status_and_an_example_that_parses(cli, verb):
    text = cli(*arguments(verb)).out
    assert "\n  Exit status: " in text
    _, found, example = text.partition("\n  Example:\n    secretsync ")
    assert found
    example_verb = example.split()[0]
    assert example_verb == (verb or "plan")
    assert cli(*example.split(), "--help").code == 0


@each_verb
def test_every_option_of_a_help_is_explained(verb):
    command = __import__("secretsync.cli.root", fromlist=["cli"]).cli
    if verb:
        command = command.get_command(None, verb)
    unexplained = [
        parameter.name
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.help
    ]
    assert unexplained == []


def test_golden_folder_has_a_file_for_each_verb_and_no_other():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {verb or "root" for verb in VERBS}


@each_verb
def test_help_imports_nothing_heavy(verb):
    program = (
        "import sys; from secretsync.cli import main; "
        f"code = main({arguments(verb)!r}); "
        f"print(code, *sorted(set({HEAVY!r}) & sys.modules.keys()), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ended.stderr == "0\n"


def test_no_arguments_shows_the_help_and_is_a_usage_error():
    ended = run_process()
    assert (ended.code, ended.out) == (2, "")
    assert "Usage: secretsync" in ended.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(["frobnicate"], "No such command 'frobnicate'", id="unknown verb"),
        pytest.param(["sync", "x"], "Missing option '--to'", id="no cluster"),
        pytest.param(["sync", "--to", "dir:x"], "Missing argument 'PATH...'", id="no path"),
        pytest.param(["plan", "x", "--to", "dir:x", "--bad"], "No such option", id="option"),
        pytest.param(["validate", "x", "-o", "xml"], "'xml' is not one of", id="output form"),
        pytest.param(["sync", "x", "--to", "nowhere"], "'nowhere' names no cluster", id="cluster"),
        pytest.param(["sync", "x", "--to", "dir:"], "'dir:' names no cluster", id="no directory"),
        pytest.param(["validate", "x", "-n", "Not_One"], "a namespace is", id="namespace"),
        pytest.param(["sync", "x", "--to", "dir:x", "-n", "../y"], "a namespace is", id="escape"),
        pytest.param(["validate", "git+https://host/r"], "from a repository", id="git"),
        pytest.param(["plan", "git+host", "--to", "dir:x"], "names no repository", id="git form"),
        pytest.param(
            ["plan", "git+https://host/r?rev=1", "--to", "dir:x"], "only ref=", id="git query"
        ),
        pytest.param(
            ["run", "git+https://host/r", "--to", "dir:x"], "cannot follow a", id="run git"
        ),
        pytest.param(["status", "db", "--to", "dir:x"], "'db' is not KIND/NAME", id="reference"),
        pytest.param(["status", "pod/db", "--to", "dir:x"], "kind 'pod' is not served", id="kind"),
        pytest.param(["run", "-", "--to", "dir:x"], "cannot follow standard input", id="run stdin"),
        pytest.param(
            ["run", "--to", "dir:x", "--metrics-addr", "no"], "is not an address", id="address"
        ),
    ],
)
def test_unusable_arguments_exit_2_with_a_message_and_no_output(given, said, tmp_path):
    ended = run_process(*given, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_version_is_printed():
    ended = run_process("--version")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("secretsync, version ")
