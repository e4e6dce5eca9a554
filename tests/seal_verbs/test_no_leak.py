"""The plaintext of every verb: in no argument, stream, error or file that stays."""

from __future__ import annotations

import base64
import fcntl
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.cli.kit import write
from tests.cli.leaks import CANARY, assert_not_in_output
from tests.seal_verbs.kit import COMMAND, environment, manifest, opened, run_seal

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}}


def holds(path):
    content = path.read_bytes()
    needles = (CANARY.encode(), base64.b64encode(CANARY.encode()), CANARY.encode().hex().encode())
    return any(needle in content for needle in needles)


def leaks(*folders):
    return [
        path
        for folder in folders
        for path in Path(folder).rglob("*")
        if path.is_file() and holds(path)
    ]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Home, temporary files and memory of the test's own."""
    places = {}
    for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        places[name] = tmp_path / "places" / name
        places[name].mkdir(parents=True)
        monkeypatch.setenv(name, str(places[name]))
    return tmp_path / "places"


def test_value_on_stdin_is_in_no_argument_and_no_file(tmp_path, files, home):
    file = write(tmp_path / "s.yaml", manifest({"k": b"v"}))
    command = [*COMMAND, "set", str(file), "k", "--cert", files.cert]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    process.stdin.write(CANARY.encode())
    process.stdin.flush()
    until_read(process.stdin)
    shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    shown += Path(f"/proc/{process.pid}/environ").read_bytes()
    assert CANARY.encode() not in shown
    assert leaks(tmp_path) == []
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert CANARY.encode() not in out + err
    assert opened(file) == {"k": CANARY.encode()}
    assert leaks(tmp_path) == []


def until_read(pipe, patience_s=120.0):
    """Wait until the process has taken all that was written, and waits for the end."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        left = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
        if not left:
            return
        time.sleep(0.02)
    raise AssertionError("it does not read")


def editor(tmp_path, monkeypatch, script):
    path = tmp_path / "editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(path))


FAILED_EDITS = {
    "fails": "exit 1",
    "not-yaml": 'echo "x: [" >> "$1"',
    "a-list": f'echo "x: [{CANARY}]" >> "$1"',
    "repeated": f'echo "k: {CANARY}" >> "$1"',
    "key-is-a-value": f'echo "{CANARY} : x" > "$1"; echo "a {CANARY}: x" >> "$1"',
    "leftovers": 'cp "$1" "$1~"; cp "$1" "$(dirname "$1")/.values.yaml.swp"; cp "$1" "$TMPDIR/x"',
}


@pytest.mark.parametrize("script", FAILED_EDITS.values(), ids=FAILED_EDITS)
def test_edit_leaves_no_plaintext_however_it_ends(tmp_path, files, home, monkeypatch, script):
    file = write(tmp_path / "s.yaml", manifest({"k": CANARY.encode()}))
    (tmp_path / "bin").mkdir()
    editor(tmp_path / "bin", monkeypatch, script)
    ended = run_seal("edit", file, "--sealing-key", files.key, "--cert", files.cert)
    assert_not_in_output(ended)
    assert leaks(home) == []
    assert not list((home / "XDG_RUNTIME_DIR").iterdir())
    assert not list((home / "TMPDIR").iterdir())
    assert not holds(file)


def test_check_quotes_nothing_of_what_it_finds(tmp_path, files):
    write(tmp_path / "a.yaml", {**SECRET, "stringData": {"k": CANARY}})
    write(tmp_path / "b.yaml", f"kind: Secret\nstringData:\n  k: {CANARY}: x\n")
    broken = manifest({})
    broken["spec"]["encryptedData"] = {"k": CANARY, "l": [CANARY], "m": {"a": CANARY}}
    broken["metadata"]["annotations"] = {"sealedsecrets.bitnami.com/cluster-wide": CANARY}
    write(tmp_path / "c.yaml", broken)
    (tmp_path / ".env").write_text(f"A={CANARY}")
    for form in ("text", "json", "sarif"):
        ended = run_seal("check", tmp_path, "--sealing-key", files.key, "-o", form)
        assert ended.code == 1
        assert_not_in_output(ended)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"stringData": {"k": CANARY}}, id="good"),
        pytest.param({"stringData": {"k": [CANARY]}}, id="a-list"),
        pytest.param({"data": {"k": CANARY}}, id="not-base64"),
        pytest.param({"type": [CANARY], "stringData": {"k": CANARY}}, id="type"),
    ],
)
def test_files_shows_nothing_of_what_it_seals(tmp_path, files, home, fields):
    write(tmp_path / "in" / "s.yaml", {**SECRET, **fields})
    out = tmp_path / "out"
    arguments = ("files", tmp_path / "in", "--output-dir", out, "--cert", files.cert, "-o", "json")
    assert_not_in_output(run_seal(*arguments))
    assert leaks(home) == []
    assert not out.exists() or leaks(out) == []


def test_rotate_shows_nothing_of_what_it_opens(tmp_path, files, home):
    good = write(tmp_path / "r" / "a.yaml", manifest({"k": CANARY.encode()}))
    bad = manifest({"k": CANARY.encode(), "l": CANARY.encode()})
    bad["spec"]["encryptedData"]["l"] = CANARY
    write(tmp_path / "r" / "b.yaml", bad)
    arguments = ("--sealing-key", files.key, "--cert", files.new_cert, "-o", "json")
    ended = run_seal("rotate", tmp_path / "r", *arguments)
    assert ended.code == 1
    assert_not_in_output(ended)
    assert leaks(home) == []
    assert not holds(good)
