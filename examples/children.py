"""Servers of the tour as child processes: a wait until it answers, an end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["serving"]

READY_WITHIN_S = 60.0
ENDS_WITHIN_S = 10.0


@contextlib.contextmanager
def serving(
    command: Sequence[str], port: int, *, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server until the block ends.

    Args:
        command: what to start.
        port: of loopback, on which it will listen.
        env: on top of our own environment.

    Raises:
        RuntimeError: it ended while starting, or does not listen in time.
    """
    process = subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, port, command[0])
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended while starting")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{name} was not ready in {READY_WITHIN_S:.0f} s")
