"""What renders a source cannot reach the network, this machine's own services included."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from secretsync.gitops.processes.children import ChildLimits, Finished, run_child
from secretsync.gitops.processes.confinement import unconfined_because

CONNECT = """
import socket, sys
try:
    made = {made}
    made.connect({address!r})
except OSError as exc:
    sys.exit(exc.errno)
"""
EACCES = 13


@pytest.fixture
def listener() -> Iterator[tuple[str, int]]:
    """A port of loopback that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def run(tmp_path: Path, script: str, *, network: bool) -> Finished:
    limits = ChildLimits(time_s=30, network=network)
    return run_child([sys.executable, "-c", script], cwd=tmp_path, env={}, limits=limits)


def test_programs_are_confined_on_this_machine() -> None:
    assert unconfined_because() == ""


@pytest.mark.parametrize(
    "made",
    [
        "socket.socket(socket.AF_INET)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()[0]",
    ],
)
def test_child_without_network_makes_no_socket(
    tmp_path: Path, listener: tuple[str, int], made: str
) -> None:
    script = CONNECT.format(made=made, address=listener)
    assert run(tmp_path, script, network=False).code == EACCES


def test_child_of_a_child_is_confined_too(tmp_path: Path, listener: tuple[str, int]) -> None:
    inner = CONNECT.format(made="socket.socket()", address=listener)
    script = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {inner!r}]))"
    assert run(tmp_path, script, network=False).code == EACCES


def test_child_with_network_connects(tmp_path: Path, listener: tuple[str, int]) -> None:
    script = CONNECT.format(made="socket.socket()", address=listener)
    assert run(tmp_path, script, network=True).code == 0


def test_service_itself_keeps_its_sockets(tmp_path: Path, listener: tuple[str, int]) -> None:
    run(tmp_path, "", network=False)
    with socket.create_connection(listener, timeout=60):
        pass


def test_program_that_is_missing_is_told_to_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_child([str(tmp_path / "none")], cwd=tmp_path, env={}, limits=ChildLimits())
