"""Repositories over SSH, as `git-upload-pack` serves them behind a real SSH server.

The server is asyncssh's, on a free loopback port, in a thread with a loop of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

__all__ = ["SshServer", "ssh_server"]


@dataclass
class SshServer:
    """Serves the repositories of a folder to whoever has the key.

    Args:
        logins: whose keys came in.
        commands: that were run.
    """

    folder: Path
    host_key: asyncssh.SSHKey
    user_key: asyncssh.SSHKey
    port: int = 0
    logins: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        """Return the address of a repository."""
        return f"ssh://git@127.0.0.1:{self.port}/{name}"

    @property
    def private_key(self) -> str:
        """The key that may log in."""
        return self.user_key.export_private_key().decode()

    @property
    def known_hosts(self) -> str:
        """The line of this server in a file of known hosts."""
        return f"[127.0.0.1]:{self.port} {self.host_key.export_public_key().decode().strip()}\n"

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run one command of a client: that which git sends to fetch, and no other."""
        command = process.command or ""
        self.commands.append(command)
        program, *rest = shlex.split(command)
        if program != "git-upload-pack" or len(rest) != 1:
            process.stderr.write(b"not served\n")
            process.exit(1)
            return
        place = (self.folder / rest[0].lstrip("/")).resolve()
        protocol = process.env.get("GIT_PROTOCOL", "")
        env = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_PROTOCOL": protocol}
        env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory"}
        child = await asyncio.create_subprocess_exec(
            *("git", "upload-pack", str(place)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**env, "GIT_CONFIG_VALUE_0": "*"},
        )
        assert child.stdin is not None
        assert child.stdout is not None
        feeding = asyncio.create_task(_pump(process.stdin, child.stdin))
        with contextlib.suppress(OSError):
            await _pump(child.stdout, process.stdout)
        feeding.cancel()
        process.exit(await child.wait())


async def _pump(source: Any, sink: Any) -> None:
    """Hand on what arrives until it ends."""
    while chunk := await source.read(65536):
        sink.write(chunk)
        await sink.drain()
    sink.write_eof()


class _Door(asyncssh.SSHServer):
    def __init__(self, server: SshServer) -> None:
        self._server = server

    def public_key_auth_supported(self) -> bool:
        return True

    def begin_auth(self, username: str) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._server.logins.append(username)
        wanted = self._server.user_key.export_public_key()
        return username == "git" and key.export_public_key() == wanted


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Serve the repositories of a folder."""
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    server = SshServer(folder, *keys)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="ssh-server", daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: _Door(server),
            "127.0.0.1",
            0,
            server_host_keys=[server.host_key],
            process_factory=server.run,
            encoding=None,
        )

    async def close(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(close(acceptor), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
