"""However a verb fails: a sentence, an exit code, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from sealing import InvalidKey
from secretsync.cli.seal.replacing import replace_file
from secretsync.cli.seal.running import EXIT_INTERRUPTED, guarded
from secretsync.errors import InputError
from tests.seal.dropin_kit import START, key_files, seal, secret_yaml


def raising(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(
            InputError("wrong", remedy="do right"),
            "seal: error: wrong\nseal: hint: do right\n",
            id="with-remedy",
        ),
        pytest.param(InvalidKey("bad key"), "seal: error: bad key\n", id="of-the-library"),
        pytest.param(
            PermissionError(13, "Permission denied", "x"),
            "seal: error: x: permission denied\n",
            id="of-the-system",
        ),
    ],
)
def test_error_becomes_a_sentence_and_exit_1(capsys, error, said):
    assert guarded(raising(error)) == 1
    assert capsys.readouterr() == ("", said)


def test_interrupt_ends_without_a_word(capsys):
    assert guarded(raising(KeyboardInterrupt())) == EXIT_INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_mistake_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 // 0)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_reads_is_a_failure_without_traceback(tmp_path, unbuffered):
    certificate, _ = key_files(tmp_path)
    # More than any pipe holds.
    (tmp_path / "large.yaml").write_bytes(secret_yaml(k="v" * 4_000_000))
    process = subprocess.Popen(
        [sys.executable, "-c", START, "--cert", certificate, "-f", tmp_path / "large.yaml"],
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.read(1) == b"{"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 1


def test_interrupt_while_waiting_for_input_leaves_nothing_behind(tmp_path):
    certificate, _ = key_files(tmp_path)
    flags = ["--cert", str(certificate), "-w", str(tmp_path / "out.yaml")]
    # A shell that runs the tests in the background has them ignore it.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", heeding + START, *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 120
        # It sleeps in a read once all is loaded; before that, an interrupt is Python's.
        while "pipe" not in wait_channel(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == EXIT_INTERRUPTED
        assert process.stderr.read() == b""
        assert not (tmp_path / "out.yaml").exists()
    finally:
        process.kill()
        process.communicate()


def wait_channel(pid):
    """What a process sleeps in, by the kernel's name for it."""
    with open(f"/proc/{pid}/wchan", encoding="ascii") as file:  # noqa: PTH123 - procfs
        return file.read()


def test_file_is_replaced_whole_with_the_mode_asked_for(tmp_path):
    target = tmp_path / "f"
    target.write_bytes(b"old")
    target.chmod(0o644)
    replace_file(target, b"new", mode=0o600)
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path):
    (tmp_path / "f").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "f", b"new", mode=0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("target", ["missing/out.yaml", "folder"])
def test_output_that_cannot_be_written_is_named(tmp_path, target):
    (tmp_path / "folder").mkdir()
    certificate, _ = key_files(tmp_path)
    ended = seal("--cert", certificate, "-w", target, given=secret_yaml(), cwd=tmp_path)
    assert (ended.code, ended.out) == (1, b"")
    assert ended.err.startswith("error: ")
    assert target in ended.err


def test_output_may_be_a_device(tmp_path):
    certificate, _ = key_files(tmp_path)
    ended = seal("--cert", certificate, "-w", "/dev/stdout", given=secret_yaml())
    assert (ended.code, ended.err) == (0, "")
    assert b'"kind": "SealedSecret"' in ended.out
