"""`.pre-commit-hooks.yaml` with the real pre-commit: installed, run, passed and failed.

pre-commit clones this repository and installs it into an environment of its own, as on a
user's machine. In the quick test the requirements come from where these tests run; the
other one installs them from the registry.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from tests.cli.kit import ROOT, write
from tests.seal_verbs.kit import manifest

PRE_COMMIT = Path(sys.executable).parent / "pre-commit"
PACKAGES = ("secretsync", "sealing", "providers")
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Test"), ("EMAIL", "test@example.com"))
}


def git(folder, *arguments):
    ended = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        check=True,
    )
    return ended.stdout.decode().strip()


@pytest.fixture(scope="module")
def hooks(tmp_path_factory):
    """This project as it is here, as a repository that pre-commit can clone."""
    folder = tmp_path_factory.mktemp("hooks")
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        ".pre-commit-hooks.yaml",
    ):
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Project")
    return folder


@pytest.fixture
def user(tmp_path, hooks):
    """A repository of a user's, with the hook and one good SealedSecret."""
    folder = tmp_path / "user"
    folder.mkdir()
    git(folder, "init", "-q")
    repo = {"repo": f"file://{hooks}", "rev": git(hooks, "rev-parse", "HEAD")}
    write(
        folder / ".pre-commit-config.yaml", {"repos": [{**repo, "hooks": [{"id": "seal-check"}]}]}
    )
    write(folder / "app" / "s.yaml", manifest({"k": b"v"}))
    git(folder, "add", ".")
    return folder


def pre_commit(folder, home, *arguments, **extra):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        [PRE_COMMIT, *arguments],
        cwd=folder,
        env={
            **kept,
            **IDENTITY,
            "PRE_COMMIT_HOME": str(home),
            "PRE_COMMIT_COLOR": "never",
            **extra,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


#: pip builds and installs the project alone; everything else is found where the tests run.
LIGHT = {
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip's spelling of yes
    "PYTHONPATH": sysconfig.get_path("purelib"),
}


def assert_hook_works(user, home, **extra):
    passed = pre_commit(user, home, "run", "seal-check", **extra)
    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout
    bad = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x"},
        "stringData": {"a": "b"},
    }
    write(user / "app" / "plain.yaml", bad)
    git(user, "add", ".")
    failed = pre_commit(user, home, "run", "seal-check", **extra)
    assert failed.returncode == 1
    assert "app/plain.yaml:5: error: holds values in plaintext [plaintext-secret]" in failed.stdout


@pytest.mark.e2e
def test_hook_of_a_clone_passes_good_files_and_stops_plaintext(user, tmp_path):
    assert_hook_works(user, tmp_path / "home", **LIGHT)


@pytest.mark.e2e
def test_hook_stops_a_commit(user, tmp_path):
    home = tmp_path / "home"
    assert pre_commit(user, home, "install", **LIGHT).returncode == 0
    write(user / "app" / "old.yaml", {**manifest({"k": b"v"}), "apiVersion": "bitnami.com/v9"})
    git(user, "add", ".")
    ended = subprocess.run(
        ["git", "commit", "-q", "-m", "x"],
        cwd=user,
        env={**os.environ, **IDENTITY, **LIGHT, "PRE_COMMIT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "[unknown-version]" in ended.stdout + ended.stderr


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_hook_installs_all_that_it_needs(user, tmp_path):
    assert_hook_works(user, tmp_path / "home")


def test_hook_file_is_what_pre_commit_takes(tmp_path):
    ended = pre_commit(ROOT, tmp_path, "validate-manifest", ".pre-commit-hooks.yaml")
    assert ended.returncode == 0, ended.stdout
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["entry"], hook["language"]) == ("seal-check", "seal check", "python")
