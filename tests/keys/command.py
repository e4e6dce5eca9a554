"""Running `seal` as a command, and as a process with a terminal of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass

from secretsync.cli.seal import main
from secretsync.cluster.opening import open_cluster, parse_cluster
from tests.contract.cluster_cases import Arena

__all__ = ["Ran", "RingPlace", "process", "ran_on_terminal", "seal_command"]

PROGRAM = "import sys; from secretsync.cli.seal import main; sys.exit(main())"
WAIT_S = 180


@dataclass(frozen=True)
class Ran:
    """Exit code, standard output and standard error of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class RingPlace:
    """A ring that the command works on: its cluster as `--to` names it, its namespace."""

    to: str
    namespace: str

    @property
    def flags(self):
        return ("--to", self.to, "-n", self.namespace)

    @contextlib.contextmanager
    def opened(self):
        """The cluster, while the command does not run."""
        cluster = open_cluster(parse_cluster(self.to))
        try:
            yield Arena(cluster, self.namespace, "elsewhere")
        finally:
            cluster.close()


def seal_command(capsys):
    """Return a function that runs the command in this process."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exc:
            code = exc.code
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


def ran_on_terminal(command, answers, *, env=None):
    """Run a program that has a terminal, and answer each of its questions in turn.

    Args:
        answers: pairs of what the program asks and what is typed then.

    Returns:
        Exit code, and everything that was to be seen.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], [str(part) for part in command], env or dict(os.environ))  # noqa: S606 - as meant
    seen = b""
    deadline = time.monotonic() + WAIT_S
    try:
        for question, answer in answers:
            seen += _read_until(terminal, question.encode(), deadline)
            os.write(terminal, answer.encode() + b"\n")
        seen += _read_until(terminal, None, deadline)
        _pid, status = os.waitpid(pid, 0)
    except BaseException:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen.decode()


def _read_until(terminal, wanted, deadline):
    """What is written until `wanted` is there, or to the end."""
    seen = b""
    while wanted is None or wanted not in seen:
        assert time.monotonic() < deadline, seen
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux: the other end is closed
            chunk = b""
        if not chunk:
            assert wanted is None, seen
            break
        seen += chunk
    return seen


def process(*arguments, **options):
    """Run `seal` as a process without a terminal."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        capture_output=True,
        check=False,
        start_new_session=True,
        **options,
    )
