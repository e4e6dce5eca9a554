"""The Git repository of `examples/gitops`, made of its files: a work tree with one commit.

The manifests name a repository as a company would have it; here that is replaced by where
it really is. The tour and the tests make it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["APPLICATIONS", "PUBLISHED", "SEALED", "SOURCE", "commit", "make_repository"]

SOURCE = Path(__file__).resolve().parent / "gitops"
#: What the manifests call the repository.
PUBLISHED = "https://git.example.com/shop/gitops.git"
#: Where the Applications are.
APPLICATIONS = "argocd/applications"
#: The one file that cannot be in the example, because it is sealed for one cluster.
SEALED = "apps/overlays/production/mail/smtp.yaml"
_NOBODY = {"NAME": "Example", "EMAIL": "example@example.com"}


def make_repository(folder: Path, *, url: str, more: Mapping[str, str] | None = None) -> str:
    """Make the repository; return its commit.

    Args:
        folder: must not exist.
        url: what Applications are to ask for it.
        more: further files by their paths, such as SEALED.
    """
    shutil.copytree(SOURCE, folder)
    for path in folder.rglob("*"):
        if path.is_file() and PUBLISHED in (text := path.read_text()):
            path.write_text(text.replace(PUBLISHED, url))
    git(folder, "init", "--quiet", "--initial-branch=main")
    return commit(folder, more or {}, message="The shop")


def commit(folder: Path, files: Mapping[str, str], *, message: str) -> str:
    """Write files and commit everything; return the commit."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with nobody's settings; return what it printed.

    Raises:
        subprocess.CalledProcessError: git refused.
    """
    who = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in _NOBODY.items()
    }
    nobodys = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **who, **nobodys},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
