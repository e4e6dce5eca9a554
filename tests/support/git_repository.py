"""A Git repository of a test's own: files in, commits out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["GitRepository"]


class GitRepository:
    """A work tree and its branch `main`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        """`file://` and where it is."""
        return f"file://{self.folder}"

    def git(self, *arguments: str) -> str:
        """Run git in it."""
        who = {"NAME": "An Author", "EMAIL": "author@example.invalid"}
        env = {
            **os.environ,
            **{
                f"GIT_{role}_{key}": v for role in ("AUTHOR", "COMMITTER") for key, v in who.items()
            },
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=env, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def put(self, files: dict[str, str]) -> None:
        """Write files by their paths."""
        for path, text in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def commit(self, files: dict[str, str] | None = None, message: str = "change") -> str:
        """Write files and commit everything; returns the commit."""
        self.put(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")
