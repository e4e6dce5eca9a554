"""Commits and tags signed by keys of GPG and of SSH, and who verifies them."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.integrity import KEYRING, Integrity
from secretsync.gitops.sources.repositories import Repositories
from secretsync.resources.app_project import parse_app_project
from secretsync.resources.documents import Document, Origin
from tests.gitops.comparing_kit import application
from tests.support.git_repository import GitRepository

__all__ = ["GpgHome", "Signed", "gpg_home", "ssh_key"]

START = datetime(2026, 7, 1, 12, tzinfo=UTC)


@dataclass
class GpgHome:
    """A home with secret keys of people."""

    folder: Path
    keys: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> str:
        """Run gpg in it."""
        command = ["gpg", f"--homedir={self.folder}", "--batch", "--no-tty", *arguments]
        done = subprocess.run(command, capture_output=True, check=True, timeout=120)
        return (done.stdout + done.stderr).decode()

    def make(self, name: str, *, expires: str = "never", faked: str = "") -> str:
        """Make a key that signs; return its fingerprint."""
        clock = [f"--faked-system-time={faked}!"] if faked else []
        who = f"{name} <{name}@example.invalid>"
        quick = ["--passphrase=", "--quick-generate-key", who, "ed25519", "sign", expires]
        self.run(*clock, *quick)
        listed = self.run("--with-colons", "--list-keys", who)
        found = re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.MULTILINE)
        assert found is not None, listed
        self.keys[name] = found[1]
        return found[1]

    def public(self, *names: str) -> dict[str, str]:
        """Return the data of a ConfigMap of public keys."""
        return {
            self.keys[name][-16:]: self.run("--armor", "--export", self.keys[name])
            for name in names
        }


@contextlib.contextmanager
def gpg_home() -> Iterator[GpgHome]:
    """Give a home for keys; its agent ends with it."""
    # Short: the agent's socket is in it.
    folder = Path(tempfile.mkdtemp(prefix="gpg-"))
    try:
        yield GpgHome(folder)
    finally:
        kill = ["gpgconf", f"--homedir={folder}", "--kill", "gpg-agent"]
        subprocess.run(kill, check=False, capture_output=True, timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def ssh_key(file: Path, *options: str) -> str:
    """Make an SSH key; return its fingerprint."""
    quiet = ["-q", "-N", "", "-C", "signer"]
    subprocess.run(["ssh-keygen", *(options or ("-t", "ed25519")), *quiet, "-f", file], check=True)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{file}.pub"], check=True, capture_output=True
    )
    return listed.stdout.decode().split()[1]


class Signed:
    """A repository with signed commits, and the project of an Application that uses it."""

    def __init__(self, folder: Path, home: GpgHome | None = None) -> None:
        self.folder = folder
        self.home = home
        self.repository = GitRepository(folder / "repository")
        self.cluster = DirectoryCluster(
            folder / "cluster", default_namespace="argocd", now=lambda: START
        )
        self.now = START
        self.git = GitProgram(local=True)
        self.repositories = Repositories(folder / "cache", self.git, local=True)
        self.integrity = Integrity(self.cluster, self.repositories, lambda: self.now)

    def commit(self, *options: str, ssh: Path | None = None, gpg: str = "", then: str = "") -> str:
        """Make a commit, signed or not; return it.

        Args:
            then: when gpg believes to be, `20200101T000000`.
        """
        settings = [*self._with(ssh, gpg), *(self._at(then) if then else [])]
        signing = ["--gpg-sign"] if ssh or gpg else []
        made = ["commit", "--quiet", "--allow-empty", "--message=change", *signing, *options]
        self._run([*settings, *made])
        return self.repository.git("rev-parse", "HEAD")

    def tag(
        self, name: str, *, ssh: Path | None = None, gpg: str = "", force: bool = False
    ) -> None:
        """Make an annotated tag of the newest commit, signed or not."""
        forced = ["--force"] if force else []
        signing = ["--sign"] if ssh or gpg else ["--annotate"]
        made = ["tag", *signing, *forced, "--message=it", name]
        self._run([*self._with(ssh, gpg), *made])

    def keyring(self, **data: str) -> None:
        """Write the ConfigMap of public keys."""
        obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": KEYRING, "namespace": "argocd"},
            "data": data,
        }
        self.cluster.apply(KINDS["ConfigMap"], obj, field_manager="test")

    def check(self, spec: dict[str, Any], commit: str, *, revision: str = "main") -> None:
        """Hold a commit to a project; raises what it raises."""
        document = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": spec,
        }
        parsed = parse_app_project(Document(document, Origin("")), default_namespace="argocd")
        assert parsed.value is not None, parsed.problems
        source = {"repoURL": self.repository.url, "path": ".", "targetRevision": revision}
        app = application(namespace="shop", source=source, project="shop")
        self.integrity.check(parsed.value, app, app.spec.all_sources[0], commit)

    def policy(self, mode: str, *keys: str) -> dict[str, Any]:
        """Return the spec of a project with one policy."""
        repos = [{"url": f"{self.repository.url}*"}]
        policies = [{"repos": repos, "gpg": {"mode": mode, "keys": list(keys)}}]
        return {"sourceIntegrity": {"git": {"policies": policies}}}

    def later(self) -> None:
        """Go on past what is remembered."""
        self.now += timedelta(hours=2)

    def _with(self, ssh: Path | None, gpg: str) -> list[str]:
        if ssh is not None:
            return ["-c", "gpg.format=ssh", "-c", f"user.signingKey={ssh}"]
        return ["-c", f"user.signingKey={gpg}"] if gpg else []

    def _at(self, then: str) -> list[str]:
        program = self.folder / "gpg-then"
        program.write_text(f'#!/bin/sh\nexec gpg --faked-system-time="{then}!" "$@"\n')
        program.chmod(0o700)
        return ["-c", f"gpg.program={program}"]

    def _run(self, arguments: list[str]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            if self.home is not None:
                patch.setenv("GNUPGHOME", str(self.home.folder))
            self.repository.git(*arguments)
        self.repositories.forget()
