"""Repositories over SSH: the key of a repository Secret, and which hosts are trusted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from providers.base import SecretBytes
from secretsync.gitops.errors import SourceForbidden
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repo_credentials import RepoCredentials
from secretsync.gitops.sources.repositories import Repositories
from tests.support.git_repository import GitRepository
from tests.support.ssh_server import SshServer, ssh_server


class Logins:
    """One login for every URL."""

    def __init__(self, login: RepoCredentials) -> None:
        self.login = login

    def find(self, url: str, project: str = "") -> RepoCredentials:
        return self.login

    def forget(self) -> None:
        pass


class Scene:
    """A repository behind an SSH server, and the login that fits."""

    def __init__(self, folder: Path, server: SshServer) -> None:
        self.server = server
        self.repository = GitRepository(folder / "served" / "shop")
        self.commit = self.repository.commit({"app/a.yaml": "a: 1"})
        self.logins = Logins(
            RepoCredentials(
                ssh_private_key=SecretBytes(server.private_key.encode()),
                known_hosts=server.known_hosts,
            )
        )
        self.repositories = Repositories(
            folder / "cache", GitProgram(local=False), local=False, logins=self.logins
        )

    def resolve(self) -> str:
        self.repositories.forget()
        url = self.server.url("shop")
        commit = self.repositories.resolve(url, "main")
        assert self.repositories.tree(url, commit).id("app/a.yaml") is not None
        return commit


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "served").mkdir()
    with ssh_server(tmp_path / "served") as server:
        yield Scene(tmp_path, server)


def test_key_of_a_repository_secret_fetches_over_ssh(scene: Scene) -> None:
    assert scene.resolve() == scene.commit
    assert set(scene.server.logins) == {"git"}
    assert {command.split()[0] for command in scene.server.commands} == {"git-upload-pack"}


def test_another_key_is_refused(scene: Scene, tmp_path: Path) -> None:
    with ssh_server(tmp_path) as other:
        wrong = SecretBytes(other.private_key.encode())
    scene.logins.login = replace(scene.logins.login, ssh_private_key=wrong)
    with pytest.raises(SourceForbidden, match="refuses the login"):
        scene.resolve()
    assert scene.server.commands == []


@pytest.mark.parametrize("known", ["", "other key"])
def test_host_that_is_not_known_gets_no_command(scene: Scene, tmp_path: Path, known: str) -> None:
    if known:
        with ssh_server(tmp_path) as other:
            key = other.known_hosts.split(" ", 1)[1]
        known = f"[127.0.0.1]:{scene.server.port} {key}"
    scene.logins.login = replace(scene.logins.login, known_hosts=known)
    with pytest.raises(SourceForbidden):
        scene.resolve()
    assert scene.server.logins == []


def test_host_is_not_checked_where_the_secret_says_so(scene: Scene) -> None:
    scene.logins.login = replace(scene.logins.login, known_hosts=None, insecure=True)
    assert scene.resolve() == scene.commit


def test_key_file_is_gone_after_each_call(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    scene.resolve()
    assert list((tmp_path / "temporary").iterdir()) == []
    line = scene.server.private_key.splitlines()[2].encode()
    held = [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    assert held
    assert not any(line in file.read_bytes() for file in held)
