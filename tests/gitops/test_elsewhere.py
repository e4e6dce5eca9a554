"""What a repository only points at, submodules and files of Git LFS, is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from secretsync.gitops.errors import RenderError, SourceError
from secretsync.gitops.render.plain_source import plain_objects
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.git_tree import inside
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.sources.source_files import SourceFiles
from secretsync.resources.application_spec import Source
from tests.support.git_repository import GitRepository

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repo")


def laid_out(repository: GitRepository, cache: Path, path: str) -> SourceFiles:
    repositories = Repositories(cache, GitProgram(local=True), local=True)
    commit = repositories.resolve(repository.url, "main")
    tree = repositories.tree(repository.url, commit)
    with repositories.laid_out(repository.url, commit) as root:
        return SourceFiles(Source(repository.url, path), tree, root)


@pytest.mark.parametrize("path", ["parts/sub", "parts/sub/deep/app"])
def test_path_of_a_submodule_names_the_submodule(
    repository: GitRepository, tmp_path: Path, path: str
) -> None:
    repository.commit({"app/a.yaml": MAP})
    commit = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},parts/sub")
    repository.git("commit", "--quiet", "--message", "submodule")
    files = laid_out(repository, tmp_path / "cache", path)
    with pytest.raises(SourceError, match="of the submodule parts/sub: submodules are not"):
        files.id(inside(path))
    assert files.id("app/a.yaml")


def test_submodule_in_a_folder_of_manifests_is_left_out(
    repository: GitRepository, tmp_path: Path
) -> None:
    repository.commit({"app/a.yaml": MAP})
    commit = repository.git("rev-parse", "HEAD")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},app/sub")
    repository.git("commit", "--quiet", "--message", "submodule")
    files = laid_out(repository, tmp_path / "cache", "app")
    assert [obj["metadata"]["name"] for obj in plain_objects(files)] == ["a"]


def test_manifest_of_git_lfs_is_named(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit({"app/a.yaml": MAP, "app/large.yaml": POINTER})
    files = laid_out(repository, tmp_path / "cache", "app")
    with pytest.raises(RenderError, match=r"app/large\.yaml is kept by Git LFS"):
        plain_objects(files)
