"""Free ports of loopback for servers that are told theirs on the command line."""

from __future__ import annotations

import functools
import itertools
import socket
from collections.abc import Iterator

__all__ = ["free_port"]

LOOPBACK = "127.0.0.1"
# Below every range that a kernel takes the ports of outgoing connections from (Linux
# 32768 and up, others 49152): one of those would be gone before the server listens.
_PORTS = range(20_000, 32_000)
_PORTS_A_PROCESS = 200


def free_port() -> int:
    """Return a port of loopback that nobody listens on and no other process gets from here.

    It comes again only after all others of this process.

    Raises:
        RuntimeError: all are taken.
    """
    for port in itertools.islice(_ours(), _PORTS_A_PROCESS):
        with socket.socket() as probe:
            if _binds(probe, port):
                return port
    raise RuntimeError(f"no port of {_PORTS} is free")


@functools.cache
def _ours() -> Iterator[int]:
    """Return the ports of this process in turn, without end.

    It holds the first one of them for as long as it lives, which keeps others away.
    """
    for first in _PORTS[::_PORTS_A_PROCESS]:
        claim = socket.socket()
        if _binds(claim, first):
            _CLAIMS.append(claim)
            return itertools.cycle(range(first + 1, first + _PORTS_A_PROCESS))
        claim.close()
    raise RuntimeError(f"other processes hold all of {_PORTS}")


_CLAIMS: list[socket.socket] = []


def _binds(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind((LOOPBACK, port))
    except OSError:
        return False
    return True
