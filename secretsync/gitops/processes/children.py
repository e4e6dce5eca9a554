"""Runs a program with limits: time, memory, output, nothing of our environment.

Neighbours: `git_program` and `programs` say what to run, `confinement` keeps it from the
network.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secretsync.gitops.processes.confinement import start_confined

__all__ = ["ChildLimits", "Finished", "run_child"]

_CHUNK_BYTES = 65536
_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a child may use.

    Args:
        time_s: wall-clock seconds until it is killed.
        memory_bytes: of address space; 0 for no limit (Go programs reserve much of it).
        output_bytes: on standard output.
        file_bytes: of each file that it writes.
        network: whether it may open sockets.
    """

    time_s: float = 60.0
    memory_bytes: int = 0
    output_bytes: int = 64 * 1024 * 1024
    file_bytes: int = 1024 * 1024 * 1024
    network: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended.

    Args:
        code: its exit code; below 0 the signal that ended it.
        out: its standard output, as far as it was read.
        err: the end of its standard error; it may repeat what it was given.
        exceeded: `time` or `output` where it was killed for that.
    """

    code: int
    out: bytes = field(repr=False)
    err: str = field(repr=False)
    exceeded: str = ""


def run_child(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limits: ChildLimits,
    given: bytes = b"",
) -> Finished:
    """Run a program to its end, or to its limits; its whole process group goes with it.

    Args:
        env: all that it sees of an environment, PATH included.
        given: its standard input.

    Raises:
        OSError: it cannot be started.
    """

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - no shell; callers name the program
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    child = start() if limits.network else start_confined(start)
    try:
        _limit(child.pid, limits)
        out, err, exceeded = _collect(child, given, limits)
    finally:
        _end(child)
    return Finished(child.returncode, out, err.decode(errors="replace"), exceeded)


def _limit(pid: int, limits: ChildLimits) -> None:
    # After the start: a function between fork and exec may hang where there are threads.
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        if limits.memory_bytes:
            both = (limits.memory_bytes, limits.memory_bytes)
            resource.prlimit(pid, resource.RLIMIT_AS, both)


def _collect(
    child: subprocess.Popen[bytes], given: bytes, limits: ChildLimits
) -> tuple[bytes, bytes, str]:
    ends_at_s = time.monotonic() + limits.time_s
    out, err, left = bytearray(), bytearray(), memoryview(given)
    with selectors.DefaultSelector() as selector:
        for stream, event in (
            (child.stdout, selectors.EVENT_READ),
            (child.stderr, selectors.EVENT_READ),
            (child.stdin, selectors.EVENT_WRITE),
        ):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, event)
        while selector.get_map():
            wait_s = ends_at_s - time.monotonic()
            if wait_s <= 0:
                return bytes(out), bytes(err), "time"
            for key, _ in selector.select(wait_s):
                if key.fileobj is child.stdin:
                    left = _fed(child, selector, left)
                    continue
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stdout:
                    out += chunk
                else:
                    err = (err + chunk)[-_ERROR_BYTES:]
            if len(out) > limits.output_bytes:
                return bytes(out), bytes(err), "output"
    try:
        child.wait(max(0.0, ends_at_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(out), bytes(err), "time"
    return bytes(out), bytes(err), ""


def _fed(
    child: subprocess.Popen[bytes], selector: selectors.BaseSelector, left: memoryview
) -> memoryview:
    stdin = child.stdin
    if stdin is None:
        raise AssertionError("only asked where the child reads")
    try:
        left = left[os.write(stdin.fileno(), left[:_CHUNK_BYTES]) :]
    except BrokenPipeError:
        left = left[len(left) :]  # It read enough, or has ended.
    if not left:
        selector.unregister(stdin)
        stdin.close()
    return left


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group, and reap the child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
