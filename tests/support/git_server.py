"""Repositories over HTTPS, as Git's own server program serves them, behind a login."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.kube_certs import CertificateAuthority
from tests.support.web import Reply, Request, WebServer

__all__ = ["GitServer", "git_server"]


@dataclass
class GitServer:
    """Serves the repositories of a folder.

    Args:
        expected: the Authorization header that is taken; "" takes any request.
        command_lines: those of every process, as they were while a request was served.
        watched: these are kept.
    """

    folder: Path
    web: WebServer = field(init=False)
    expected: str = ""
    command_lines: list[bytes] = field(default_factory=list)
    watched: bool = True

    def basic(self, username: str, password: str) -> None:
        """Take this login alone."""
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        self.expected = f"Basic {pair}"

    def url(self, name: str) -> str:
        """Return the address of a repository."""
        return f"{self.web.url}/{name}"

    def count(self, ending: str) -> int:
        """Return how many requests, let in or not, had a path with this text."""
        return sum(ending in request.path for request in self.web.requests)

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.watched:
            self.command_lines += _command_lines()
        if self.expected and request.headers.get("authorization", "") != self.expected:
            return Reply(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        path, _, query = request.path.partition("?")
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=request.body, env=env, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        status = int(headers.pop("Status", "200").split()[0])
        return Reply(status, headers, body)


def _command_lines() -> list[bytes]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.append((process / "cmdline").read_bytes())
    return found


@contextlib.contextmanager
def git_server(folder: Path) -> Iterator[GitServer]:
    """Serve the repositories of a folder."""
    server = GitServer(folder)
    server.web = WebServer(server.answer, authority=CertificateAuthority())
    try:
        yield server
    finally:
        server.web.close()
