"""A network of a test's own: an API server takes no endpoint on loopback.

`run_inside` starts a program in a new user and network namespace, where it is root over
nothing but that network; `add_address` gives the network an address that is not
loopback's. No right on the machine is needed, but some machines forbid user namespaces
(containers without CAP_SYS_ADMIN, AppArmor's restriction in Ubuntu 24.04).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

__all__ = ["add_address", "require_namespace", "run_inside"]

ROOT = Path(__file__).parents[2]
_UNSHARE = ("unshare", "--map-root-user", "--net")

# Requests of netdevice(7).
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR = 0x8913, 0x8914, 0x8916
_IFF_UP = 1


def require_namespace() -> None:
    """Go on only where a namespace can be made.

    Under CI (the variable that every CI service sets) its absence is a failure, so that
    nobody takes an untried service proxy for a tried one. On a developer's machine it is
    a skip whose reason pytest's summary shows.
    """
    try:
        run = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, check=False)
        problem = run.stderr.strip() if run.returncode else ""
    except FileNotFoundError:
        problem = "no program `unshare` (util-linux)"
    if not problem:
        return
    reason = f"no network namespace can be made here, so the service proxy is not tried: {problem}"
    if os.environ.get("CI"):
        pytest.fail(
            f"{reason}. Allow it, e.g. by sysctl kernel.apparmor_restrict_unprivileged_userns=0 "
            "or in a container by --security-opt seccomp=unconfined"
        )
    pytest.skip(reason)


def run_inside(
    module: str, arguments: Sequence[str | Path], *, within_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests in a namespace of its own and return what it wrote."""
    command = [*_UNSHARE, sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=within_s, check=False
    )


def add_address(address: str) -> None:
    """Bring loopback up and give it a further IPv4 address; call it inside only."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        request = fcntl.ioctl(kernel, _SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0))
        (flags,) = struct.unpack_from("H", request, 16)
        fcntl.ioctl(kernel, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
        # sockaddr_in: family, port, address, padding.
        name = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(kernel, _SIOCSIFADDR, struct.pack("16s16s", b"lo:1", name))
