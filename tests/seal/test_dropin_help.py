"""`seal --help`: golden, complete, and light.

`SECRETSYNC_REWRITE_GOLDEN=1 pytest tests/seal/test_dropin_help.py` writes it anew.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from secretsync.cli.seal import flag_values, main
from secretsync.cli.seal.certificate_options import variable
from secretsync.cli.seal.dropin_flags import FLAGS, LOGGING, SHORTHANDS, parse_flags
from secretsync.cli.seal.dropin_help import help_text
from secretsync.cli.seal.verbs import VERBS
from tests.seal.dropin_kit import ROOT, key_files, kubeseal, secret_yaml

GOLDEN = Path(__file__).parent / "golden" / "help.txt"
#: What must not be loaded where it is not needed; each costs more than all of `--help`.
CRYPTO = ("cryptography", "_cffi_backend")
NEVER = ("argparse", "dataclasses", "email", "hashlib", "http", "kubernetes", "msgspec", "ssl")
LIST_MODULES = """
import sys
from secretsync.cli.seal import main
code = main(sys.argv[1:])
sys.stderr.write(" ".join([str(code), *sorted(sys.modules)]))
"""


def loaded(*arguments, given=b""):
    """Exit code and modules of a process that ran one call."""
    run = subprocess.run(
        [sys.executable, "-S", "-c", LIST_MODULES, *map(str, arguments)],
        input=given,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        timeout=60,
        check=False,
    )
    code, *modules = run.stderr.decode().splitlines()[-1].split()
    return int(code), {name.partition(".")[0] for name in modules} | set(modules)


def test_help_is_as_the_golden_file_says(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr()
    if os.environ.get("SECRETSYNC_REWRITE_GOLDEN"):
        GOLDEN.write_text(shown.out)
    assert shown.err == ""
    assert shown.out == GOLDEN.read_text()


def test_help_names_every_flag_every_verb_and_what_the_codes_mean():
    text = help_text()
    for flag in FLAGS.keys() - {"rotate"}:
        assert f"--{flag}" in text
    for verb, (_, line) in VERBS.items():
        assert f"  {verb:<12} {line}" in text
    for part in ("Usage:", "Environment:", "Exit status:", "Examples:"):
        assert f"\n{part}\n" in text


def test_examples_of_the_help_are_command_lines_that_seal_takes():
    examples = help_text().partition("Examples:\n")[2].replace("\\\n", " ").splitlines()
    calls = [line.rpartition("|")[2] for line in examples]
    assert len(calls) == 3
    for call in calls:
        words = shlex.split(call.partition(">")[0])
        assert words[0] == "seal"
        assert parse_flags(words[1:], {}).given


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",), ("--bogus",)])
def test_what_needs_nothing_loads_nothing(arguments):
    _, modules = loaded(*arguments)
    without = {"collections", "datetime", "json", "re", "typing", "yaml"}
    assert not modules & {*NEVER, *CRYPTO, *without}


@pytest.mark.parametrize(
    ("flags", "given", "unneeded"),
    [
        pytest.param(("-o", "yaml"), secret_yaml(), {"json"}, id="yaml"),
        pytest.param(
            (), b'{"metadata":{"name":"n","namespace":"a"},"data":{"k":""}}', {"yaml"}, id="json"
        ),
    ],
)
def test_sealing_offline_loads_no_network_and_no_other_form(tmp_path, flags, given, unneeded):
    code, modules = loaded("--cert", key_files(tmp_path)[0], *flags, given=given)
    assert code == 0
    assert not modules & ({*NEVER, "cryptography.x509", "pathlib", "urllib"} | unneeded)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("cert", "SEALED_SECRETS_CERT"), ("controller-name", "SEALED_SECRETS_CONTROLLER_NAME")],
)
def test_variable_of_a_flag_is_kubeseals(name, shown):
    assert variable(name) == shown


@pytest.fixture(scope="module")
def kubeseals_help():
    ended = kubeseal("--help")
    return ended.err or ended.out.decode()


@pytest.mark.built("kubeseal")
def test_every_flag_of_the_real_kubeseal_is_taken_by_its_names_and_in_its_form(kubeseals_help):
    lines = re.findall(
        r"^ +(?:-(\w), )?--([\w-]+)(?: (\w+))?(?: {2,}|$)", kubeseals_help, re.MULTILINE
    )
    theirs = {name: (short, bool(value)) for short, name, value in lines}
    assert len(theirs) > 50
    taken = {**FLAGS, **LOGGING}
    shorthands = {name: letter for letter, name in SHORTHANDS.items()}
    ours = {
        name: (shorthands.get(name, ""), taken[name] is not flag_values.switch)
        for name in theirs
        if name in taken
    }
    assert ours == theirs


@pytest.mark.built("kubeseal")
def test_defaults_are_those_of_the_real_kubeseal(kubeseals_help):
    theirs = dict(re.findall(r'--([\w-]+) .*\(default "(.*)"\)$', kubeseals_help, re.MULTILINE))
    options = parse_flags([], {})
    assert {name: getattr(options, name.replace("-", "_")) for name in theirs} == theirs
    assert {"controller-name", "format", "scope"} <= theirs.keys()
