"""`seal completion`: tried in the shells themselves, as far as they are there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

from secretsync.cli.seal.completion_words import command_words
from secretsync.cli.seal.dropin_flags import FLAGS
from secretsync.cli.seal.verbs import VERBS
from tests.seal.dropin_kit import Here, seal

ASK_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_seal
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        ended = seal("completion", shell)
        assert (ended.code, ended.err) == (0, "")
        (folder / shell).write_bytes(ended.out)
    return folder


def shell(*command, folder):
    run = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.split("\n")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "a secret.yaml").touch()
    (tmp_path / "sub").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param(["ro"], ["rotate"], id="verb"),
        pytest.param(["--sco"], ["--scope"], id="flag"),
        pytest.param(["--rec"], ["--recovery-private-key", "--recovery-unseal"], id="flags"),
        pytest.param(["--scope", ""], ["cluster-wide", "namespace-wide", "strict"], id="scope"),
        pytest.param(["--scope", "=", "na"], ["namespace-wide"], id="scope-assigned"),
        pytest.param(["--scope", "="], ["cluster-wide", "namespace-wide", "strict"], id="assigned"),
        pytest.param(["-o", "y"], ["yaml"], id="format"),
        pytest.param(["-f", ""], ["a secret.yaml", "sub"], id="files"),
        pytest.param(["--cert", "a"], ["a secret.yaml"], id="file"),
        pytest.param(["--name", ""], [""], id="free-text"),
        pytest.param(["--raw", ""], [""], id="no-file-without-a-flag"),
        pytest.param(["set", "a"], ["a secret.yaml"], id="file-of-a-verb"),
        pytest.param(["check", "-o", "s"], ["sarif"], id="words-of-a-verb"),
        pytest.param(["check", "--sealing-key", "s"], ["sub"], id="file-flag-of-a-verb"),
        pytest.param(["keys", "cr"], ["create"], id="verb-of-a-verb"),
        pytest.param(["completion", ""], ["bash", "fish", "zsh"], id="shells"),
        pytest.param(["--scope", "strict", "rotate", "--so"], [""], id="verb-comes-first"),
    ],
)  # fmt: skip
def test_bash_offers_what_fits(scripts, place, words, offered):
    found = shell(
        "bash", "-c", ASK_BASH, "bash", str(scripts / "bash"), "seal", *words, folder=place
    )
    assert sorted(filter(None, found)) == sorted(filter(None, offered))


@pytest.mark.parametrize("verb", VERBS)
def test_bash_offers_every_flag_of_a_verb(scripts, place, verb, monkeypatch, capsysbinary):
    found = shell(
        "bash", "-c", ASK_BASH, "bash", str(scripts / "bash"), "seal", verb, "--", folder=place
    )
    shown = Here(monkeypatch, capsysbinary)(verb, "--help").out.decode()
    assert "--help" in found
    assert set(filter(None, found)) == {
        word.strip(",") for line in shown.splitlines() for word in line.split()
        if line.startswith("  -") and word.startswith("--")
    }  # fmt: skip


def test_every_flag_of_kubeseals_form_is_known_with_its_kind():
    form = command_words()[0]
    assert {name[2:] for flag in form.flags for name in flag.names if name[:2] == "--"} == (
        set(FLAGS) - {"rotate"}
    )
    files = {flag.names[-1] for flag in form.flags if flag.takes == "file"}
    assert {"--secret-file", "--cert", "--kubeconfig", "--recovery-private-key"} <= files
    assert all(flag.text for command in command_words() for flag in command.flags)


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_script_of_another_shell_is_one(scripts, name):
    """By the shell itself where it is; by its quotes everywhere."""
    text = (scripts / name).read_text()
    for verb in VERBS:
        assert verb in text
    for line in text.splitlines():
        if line.lstrip().startswith(("complete ", "'*")):
            # In fish, a backslash keeps a quote inside quotes; in others it does not.
            plain = line.replace("\\'", "") if name == "fish" else line
            assert shlex.split(plain.removesuffix("\\").rstrip())
    if shutil.which(name):
        assert shell(name, "-n", str(scripts / name), folder=scripts) == [""]


def test_fish_offers_what_fits(scripts, place):
    """Where there is no fish, its script is held to the lines that offer it."""
    text = (scripts / "fish").read_text()
    assert "-l scope -x -a 'strict namespace-wide cluster-wide'" in text
    if not shutil.which("fish"):
        return
    for line, offered in (
        ("seal --scope na", "namespace-wide"),
        ("seal ro", "rotate"),
        ("seal completion zs", "zsh"),
        ("seal check --sealing-k", "--sealing-key"),
    ):
        asked = f"source {scripts / 'fish'}; complete -C '{line}'"
        run = subprocess.run(
            ["fish", "--no-config", "-c", asked],
            cwd=place,
            env={"PATH": os.environ["PATH"], "HOME": str(place)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert offered in {found.split("\t")[0] for found in run.stdout.splitlines()}, run.stderr


def test_shell_that_is_not_known_is_a_usage_error():
    ended = seal("completion", "tcsh")
    assert (ended.code, ended.out) == (2, b"")
    assert "bash" in ended.err
