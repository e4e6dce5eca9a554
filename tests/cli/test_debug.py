"""`--debug`: frames of what failed, never the texts of foreign exceptions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from secretsync.cli import main
from tests.cli.kit import ROOT, external_secret, run_process, write
from tests.cli.leaks import CANARY, assert_not_in_files

pytestmark = pytest.mark.usefixtures("_logging")


def fail(*_: object, **__: object) -> None:
    """Stand in for a bug whose exception quotes a value."""
    raise KeyError(CANARY)


def test_debug_shows_the_frames_of_an_error_of_ours(tmp_path):
    file = write(tmp_path / "file", "x")
    quiet = run_process("status", "--to", f"dir:{file}")
    loud = run_process("--debug", "status", "--to", f"dir:{file}")
    assert (quiet.code, loud.code) == (2, 2)
    assert 'File "' not in quiet.err
    assert loud.err.startswith(quiet.err)
    frames = loud.err.removeprefix(quiet.err).splitlines()
    assert all(line.startswith('  File "') for line in frames[:-1])
    assert len(frames) > 3
    assert frames[-1] == f"ClusterError: {file} is not a directory"


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["quiet", "debug"])
def test_bug_of_one_object_is_its_failure_and_shows_no_value(
    api, manifests, out, monkeypatch, capfd, options
):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", CANARY)
    monkeypatch.setattr("secretsync.refresh.pipeline.materialize", fail)
    code = main([*options, "sync", str(manifests), "--to", f"dir:{out}"])
    shown = capfd.readouterr()
    assert code == 1
    assert "error: could not update secret: internal error (KeyError)" in shown.err
    assert "remedy: run with --debug for the traceback, and report it" in shown.err
    assert (", in fail\nKeyError\n" in shown.err) == bool(options)
    assert CANARY not in shown.out + shown.err
    assert_not_in_files(out)


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["quiet", "debug"])
def test_bug_of_the_command_is_exit_2_and_shows_no_value(manifests, monkeypatch, capfd, options):
    monkeypatch.setattr("secretsync.resources.manifests.load_manifests", fail)
    code = main([*options, "validate", str(manifests)])
    shown = capfd.readouterr()
    assert (code, shown.out) == (2, "")
    assert shown.err.startswith("secretsync: internal error: KeyError\n")
    assert (", in fail\nKeyError\n" in shown.err) == bool(options)
    assert ("hint: run with --debug" in shown.err) != bool(options)
    assert CANARY not in shown.err


def test_reader_that_goes_away_is_no_traceback(tmp_path):
    """`secretsync ... | head` closes the pipe early."""
    write(tmp_path / "a.yaml", *(external_secret(f"s{number}") for number in range(3)))
    child = subprocess.Popen(
        [sys.executable, "-m", "secretsync", "validate", str(tmp_path), "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert (child.wait(timeout=30), errors) == (2, b"")
