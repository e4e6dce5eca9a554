"""`seal edit` with real editor programs: what they may do, and what must never be left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from secretsync.cli.seal import private_folder as module
from tests.cli.kit import write
from tests.seal_verbs.kit import (
    COMMAND,
    encrypted,
    environment,
    fingerprint,
    manifest,
    opened,
    run_seal,
    seal_process,
)

CANARY = "cAnArY-edit-5150"


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "db.yaml", manifest({"password": b"old", "user": b"root"}))


@pytest.fixture
def shm(tmp_path, monkeypatch):
    """A folder of the test's own in memory: what is left in it came from the test."""
    memory = Path("/dev/shm")  # noqa: S108 - the place that is tested
    if memory.is_dir():
        folder = memory / f"seal-test-{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder
        assert list(folder.iterdir()) == [], "plaintext was left"
        folder.rmdir()
    else:
        yield tmp_path


@pytest.fixture
def editor(tmp_path, monkeypatch, shm):
    """Make a shell script the editor; `$1` is the form."""
    monkeypatch.delenv("VISUAL", raising=False)

    def make(script):
        path = tmp_path / "editor with blank.sh"
        path.write_text(f"#!/bin/sh\nset -e\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("EDITOR", f"'{path}'")
        return path

    return make


def test_changed_value_is_sealed_and_others_keep_their_bytes(file, files, editor, tmp_path):
    editor(f'cp "$1" {tmp_path}/seen; sed -i "s/old/{CANARY}/" "$1"')
    before = encrypted(file)
    ended = seal_process("edit", file, "--sealing-key", files.key, "--cert", files.cert)
    assert (ended.code, ended.out) == (0, "")
    assert "1 set, 0 removed" in ended.err
    assert encrypted(file)["user"] == before["user"]
    assert opened(file) == {"password": CANARY.encode(), "user": b"root"}
    assert yaml.safe_load((tmp_path / "seen").read_text()) == {"password": "old", "user": "root"}


def test_lines_added_and_removed_add_and_remove_keys(file, files, editor):
    editor('sed -i "/^user/d" "$1"; printf "extra: !!binary /w==\\nport: 5432\\n" >> "$1"')
    assert run_seal("edit", file, "--sealing-key", files.key, "--cert", files.cert).code == 0
    assert opened(file) == {"password": b"old", "extra": b"\xff", "port": b"5432"}


def test_untouched_form_leaves_the_file_untouched(file, files, editor):
    editor("true")
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    ended = run_seal("edit", file, "--sealing-key", files.key, "--cert", files.cert)
    assert ended.code == 0
    assert "nothing was changed" in ended.err
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_without_a_key_values_are_set_unseen(file, files, editor, tmp_path):
    editor(f'cp "$1" {tmp_path}/seen; sed -i "s/^password:.*/password: new/" "$1"')
    before = encrypted(file)
    assert run_seal("edit", file, "--cert", files.cert).code == 0
    assert yaml.safe_load((tmp_path / "seen").read_text()) == {"password": None, "user": None}
    assert encrypted(file)["user"] == before["user"]
    assert opened(file) == {"password": b"new", "user": b"root"}


def test_value_that_no_key_opens_is_kept_and_said(tmp_path, files, editor):
    file = write(tmp_path / "s.yaml", manifest({"a": b"1"}, namespace="dev"))
    file.write_text(file.read_text().replace("namespace: dev", "namespace: moved"))
    before = encrypted(file)
    editor('echo "b: two" >> "$1"')
    ended = run_seal("edit", file, "--sealing-key", files.key, "--cert", files.cert)
    assert ended.code == 0
    assert "no key opens a; can be set, not seen" in ended.err
    assert encrypted(file)["a"] == before["a"]


def test_annotation_tells_what_each_private_key_opened(file, files, editor):
    editor('sed -i "s/old/new/" "$1"')
    arguments = ("--sealing-key", files.key, "--sealing-key", files.new_key)
    assert run_seal("edit", file, *arguments, "--cert", files.new_cert).code == 0
    note = yaml.safe_load(file.read_text())["metadata"]["annotations"]["secretsync.io/sealed-with"]
    assert note == ",".join(sorted((fingerprint(files.cert), fingerprint(files.new_cert))))


def test_folder_is_private_in_memory_and_takes_what_the_editor_leaves(
    file, files, editor, shm, monkeypatch
):
    editor(
        'd=$(dirname "$1"); stat -c "%a %n" "$d" "$1" > "$LOG"; echo "$TMPDIR" >> "$LOG"\n'
        'cp "$1" "$1~"; cp "$1" "$d/.values.yaml.swp"; mkdir "$d/more"; cp "$1" "$d/more/x"'
    )
    log = file.with_name("log")
    monkeypatch.setenv("LOG", str(log))
    assert run_seal("edit", file, "--cert", files.cert).code == 0
    folder, form, temporary = log.read_text().splitlines()
    assert folder.startswith(f"700 {shm}/")
    assert form.startswith("600 ")
    assert folder == f"700 {temporary}"
    assert list(shm.iterdir()) == []


FAILING = {
    "exit-code": ("exit 3", "exit code 3"),
    "killed": ("kill -9 $$", "signal 9"),
    "removed": ('rm "$1"', "removed the file"),
    "emptied": (': > "$1"', "no key is left"),
    "not-yaml": (f'echo "{CANARY}: [" >> "$1"', "not valid YAML"),
    "twice": ('echo "user: x" >> "$1"', "the key user is given twice"),
    "blanked": ('sed -i "s/^user:.*/user:/" "$1"', "nothing stands behind the colon"),
    "nested": (f'echo "m: {{a: {CANARY}}}" >> "$1"', "m: the value is a map or a list"),
    "not-base64": (f'echo "m: !!binary {CANARY}!" >> "$1"', "is not base64"),
    "bad-key": ('echo "a b: x" >> "$1"', "none that a Secret can have"),
    "not-utf-8": ('printf "k: \\377\\n" >> "$1"', "did not save UTF-8"),
}


@pytest.mark.parametrize(("script", "reason"), FAILING.values(), ids=FAILING)
def test_failed_edit_changes_nothing_and_leaves_nothing(file, files, editor, script, reason):
    editor(script)
    before = file.read_bytes()
    ended = run_seal("edit", file, "--sealing-key", files.key, "--cert", files.cert)
    assert (ended.code, ended.out) == (1, "")
    assert reason in ended.err
    assert CANARY not in ended.err
    assert file.read_bytes() == before


def test_file_that_changed_meanwhile_is_not_overwritten(file, files, editor):
    editor(f'echo "# theirs" >> {file}; sed -i "s/old/new/" "$1"')
    ended = run_seal("edit", file, "--sealing-key", files.key, "--cert", files.cert)
    assert ended.code == 1
    assert "somebody changed the file" in ended.err
    assert file.read_text().endswith("# theirs\n")
    assert opened(file)["password"] == b"old"


def test_editor_that_is_not_there_is_named_as_the_cause(file, files, shm, monkeypatch):
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    ended = run_seal("edit", file, "--cert", files.cert)
    assert ended.code == 1
    assert "the editor was not found" in ended.err


def test_certificate_is_looked_at_before_the_editor_opens(file, files, editor, tmp_path):
    editor(f"touch {tmp_path}/opened")
    assert run_seal("edit", file, "--cert", "/nope").code == 1
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGKILL"])
def test_signal_ends_editor_and_plaintext(file, files, editor, tmp_path, shm, number):
    editor(f'echo $$ > {tmp_path}/pid; echo "k: {CANARY}" >> "$1"; exec sleep 60')
    before = file.read_bytes()
    command = [*COMMAND, "edit", str(file), "--sealing-key", files.key, "--cert", files.cert]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as process:
        pid = int(until(lambda: (tmp_path / "pid").read_text().strip()))
        until(lambda: any(CANARY in form.read_text() for form in shm.glob("*/values.yaml")))
        process.send_signal(getattr(signal, number))
        try:
            assert process.wait(120) == -getattr(signal, number)
            # Nobody can end the editor of a command that was killed but its user.
            assert number == "SIGKILL" or until(lambda: not alive(pid))
        finally:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
    until(lambda: not list(shm.iterdir()))
    assert file.read_bytes() == before


def until(condition, patience_s=120.0):
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (OSError, ValueError):
            pass  # not there yet
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_without_memory_a_temporary_folder_is_used_and_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "_mounted", lambda: {"/": "ext4"})
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    with module.private_folder() as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "form").write_text(CANARY)
    assert not folder.exists()
    assert "no memory-backed folder" in capsys.readouterr().err


def test_runtime_folder_on_a_disk_is_not_taken_for_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    memory = "/dev/shm"  # noqa: S108 - the place that is tested
    monkeypatch.setattr(module, "_mounted", lambda: {"/": "ext4", memory: "tmpfs"})
    assert str(module._memory()) in (memory, "None")


@pytest.mark.skipif(shutil.which("vim") is None, reason="no vim on this machine")
def test_vim_keeps_no_history_and_no_swap_file(file, files, shm, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (home / ".vimrc").write_text("set undofile backup viminfo='100\n")
    # Deleting a line puts it into a register, which vim would keep in ~/.viminfo.
    script = f"vim -es -c '/password/normal! ddP' -c '%s/old/{CANARY}/' -c 'silent! !ls -a' -c wq"
    monkeypatch.setenv("VISUAL", script)
    ended = seal_process("edit", file, "--sealing-key", files.key, "--cert", files.cert)
    assert ended.code == 0, ended.err
    assert opened(file)["password"] == CANARY.encode()
    assert [path.name for path in home.rglob("*")] == [".vimrc"]


def test_a_signal_while_the_editor_starts_comes_once_the_editor_is_known():
    order = []
    before = signal.signal(signal.SIGTERM, lambda *_: order.append("the signal"))
    try:
        with module.signals_held():
            signal.raise_signal(signal.SIGTERM)
            order.append("the editor is known")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert order == ["the editor is known", "the signal"]
