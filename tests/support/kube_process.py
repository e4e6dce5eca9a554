"""A child program of a test: its log, whether it lives, and its end with ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ChildProcess"]

TERMINATE_S = 10.0
LOG_TAIL_LINES = 25

# Linux ends the child when its parent goes, also when the parent is killed: the
# launcher asks for that (PR_SET_PDEATHSIG = 1) and then becomes the program. A
# preexec_fn would do the same but may deadlock in a process with threads.
_LAUNCHER = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the test run is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class ChildProcess:
    """One running program with its output in a file; `env` comes on top of ours.

    Start it from a thread that outlives it: the kernel counts the thread, not the
    process, as the parent whose end it reports.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._log = log
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*launcher, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                env={**os.environ, **(env or {})},
            )

    @property
    def pid(self) -> int:
        """The process id; the launcher keeps it across exec."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    def log_tail(self) -> str:
        """The last lines of its output, for failure messages."""
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"--- {self.name}, last lines of its log", *lines])

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after pause()."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self, *, kill: bool = False) -> None:
        """End it and wait for that; `kill` gives it no chance to say goodbye."""
        if self.is_running:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self.resume()
        try:
            self._process.wait(timeout=TERMINATE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
