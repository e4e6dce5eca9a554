"""Starts programs that can open no socket, whatever a repository makes them run.

Linux keeps a seccomp filter per thread, and a child has that of the thread which starts it.
So one thread forbids itself sockets, and starts the programs: no privilege is needed, it
works in a container, and a start costs nothing more. Neighbours: `children` has the rest.

Source: seccomp(2), PR_SET_NO_NEW_PRIVS in prctl(2), linux/audit.h and the syscall tables.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

__all__ = ["start_confined", "unconfined_because"]

_Child: TypeAlias = subprocess.Popen[bytes]
_Work: TypeAlias = tuple[Callable[[], _Child], Future[_Child]]

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_REFUSE = 0x00050000 | 13  # EACCES
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
#: A process of x86-64 reaches the same calls by numbers from here on.
_X32_BIT = 0x40000000
_IO_URING_SETUP = 425
#: Of each machine: its number in linux/audit.h, and those of socket and socketpair.
_MACHINES = {"x86_64": (0xC000003E, 41, 53), "aarch64": (0xC00000B7, 198, 199)}


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


def unconfined_because() -> str:
    """Return why programs are not confined on this machine; "" where they are."""
    return _starter().reason


def start_confined(start: Callable[[], _Child]) -> _Child:
    """Call `start` where what it starts has no sockets, if the machine can do that.

    Raises:
        OSError: as `start` does.
    """
    starter = _starter()
    return start() if starter.reason else starter.call(start)


class _Starter:
    """The thread that starts programs; it lives as long as the process."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._confined: Future[str] = Future()
        threading.Thread(target=self._run, name="confined", daemon=True).start()
        self.reason = self._confined.result()

    def call(self, start: Callable[[], _Child]) -> _Child:
        done: Future[_Child] = Future()
        self._work.put((start, done))
        return done.result()

    def _run(self) -> None:
        reason = _forbid_sockets()
        self._confined.set_result(reason)
        while not reason:
            start, done = self._work.get()
            try:
                done.set_result(start())
            except BaseException as exc:  # noqa: BLE001 - it is the caller's, who gets it
                done.set_exception(exc)


# One for the process: threads are forbidden sockets for good.
@functools.cache
def _starter() -> _Starter:
    return _Starter()


def _forbid_sockets() -> str:
    """Forbid this thread, and all that it starts, to make sockets; returns why it failed."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return f"seccomp filters are not known for {sys.platform} on {platform.machine()}"
    program = _program(*machine)
    libc = ctypes.CDLL(None, use_errno=True)
    given = _Filter(len(program) // 8, program)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(given)),
    ):
        if libc.prctl(ctypes.c_int(arguments[0]), *_longs(arguments[1:]), 0, 0):
            return f"the kernel refuses a seccomp filter: {os.strerror(ctypes.get_errno())}"
    return ""


def _longs(arguments: tuple[object, ...]) -> list[object]:
    return [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]


def _program(architecture: int, socket: int, pair: int) -> bytes:
    """Return a filter that refuses sockets, and io_uring, which makes them unseen.

    Each instruction is (code, jump if true, jump if false, value); jumps count from the next.
    """
    instructions = (
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 0, 6, architecture),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 5, 0, _X32_BIT),
        (_EQUAL, 4, 0, socket),
        (_EQUAL, 3, 0, pair),
        (_EQUAL, 2, 0, _IO_URING_SETUP),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_RETURN, 0, 0, _REFUSE),
    )
    return b"".join(struct.pack("HBBI", *each) for each in instructions)
