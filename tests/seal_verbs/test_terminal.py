"""What a person at a terminal sees, and a program does not: progress, and a second chance."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.cli.kit import write
from tests.seal_verbs.kit import COMMAND, environment, manifest, opened, run_seal


def at_terminal(*arguments, **extra):
    """Run the command on a terminal of its own; return code and everything it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *(str(argument) for argument in arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(**extra),
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass  # how Linux says that nobody is at the other end any more
    finally:
        os.close(ours)
    return process.wait(120), shown.decode()


@pytest.mark.parametrize("verb", ["rotate", "files"])
def test_progress_is_drawn_on_a_terminal_only(tmp_path, files, verb):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}}
    for number in range(3):
        one = manifest({"k": b"v"}) if verb == "rotate" else {**secret, "data": {"k": "dg=="}}
        write(tmp_path / "in" / f"{number}.yaml", one)
    more = {
        "rotate": ["--sealing-key", files.key],
        "files": ["--output-dir", tmp_path / "out"],
    }
    arguments = (verb, tmp_path / "in", *more[verb], "--cert", files.cert)
    code, shown = at_terminal(*arguments)
    assert code == 0, shown
    assert "3/3 files" in shown
    assert shown.rindex("\x1b[K") < shown.index("values sealed"), "the bar goes before the report"
    assert "3/3 files" not in run_seal(*arguments).err


def test_form_with_a_mistake_is_opened_again_with_the_reason(tmp_path, files):
    file = write(tmp_path / "s.yaml", manifest({"k": b"old"}))
    editor = tmp_path / "editor.sh"
    log = tmp_path / "log"
    editor.write_text(
        f'#!/bin/sh\nhead -n 1 "$1" >> {log}\n'
        'if grep -q "^#! " "$1"; then sed -i "s/^k: .*/k: good/" "$1"\n'
        'else sed -i "s/^k: .*/k: [bad]/" "$1"; fi\n'
    )
    editor.chmod(0o755)
    arguments = ("--sealing-key", files.key, "--cert", files.cert)
    code, shown = at_terminal("edit", file, *arguments, VISUAL=str(editor))
    assert code == 0, shown
    assert opened(file) == {"k": b"good"}
    first, second = log.read_text().splitlines()
    assert first.startswith("# SealedSecret shop/db")
    assert second == "#! k: the value is a map or a list"


def test_form_whose_mistake_stays_ends_the_edit(tmp_path, files):
    file = write(tmp_path / "s.yaml", manifest({"k": b"old"}))
    before = file.read_bytes()
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/^k: .*/k: [bad]/" "$1"\n')
    editor.chmod(0o755)
    arguments = ("--sealing-key", files.key, "--cert", files.cert)
    code, shown = at_terminal("edit", file, *arguments, VISUAL=str(editor))
    assert code == 1
    assert "k: the value is a map or a list; nothing was changed" in shown
    assert file.read_bytes() == before


def test_set_asks_for_the_value_on_a_terminal(tmp_path, files):
    file = write(tmp_path / "s.yaml", manifest({}))
    ours, theirs = pty.openpty()
    command = [*COMMAND, "set", str(file), "k", "--cert", files.cert]
    with subprocess.Popen(
        command, stdin=theirs, stderr=subprocess.PIPE, env=environment(), start_new_session=True
    ) as process:
        os.close(theirs)
        os.write(ours, b"typed\n\x04")
        _, err = process.communicate(timeout=120)
    os.close(ours)
    assert process.returncode == 0, err
    assert b"type the value" in err
    assert opened(file) == {"k": b"typed\n"}
