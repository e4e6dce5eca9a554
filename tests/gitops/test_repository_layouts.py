"""Repositories on disk: links, branches that move, attributes, and what is too large."""

from __future__ import annotations

import dataclasses
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from secretsync.gitops.errors import SourceError
from secretsync.gitops.sources.git_program import GIT_LIMITS, GitProgram
from secretsync.gitops.sources.kept_folders import KeptFolders, remove
from secretsync.gitops.sources.repositories import Repositories
from tests.support.git_repository import GitRepository

LIMIT_BYTES = 2 * 1024 * 1024


class SmallGit(GitProgram):
    """Git whose packs may be of two MiB."""

    def run(self, *arguments: Any, **given: Any) -> bytes:
        limits = dataclasses.replace(GIT_LIMITS, file_bytes=LIMIT_BYTES)
        return super().run(*arguments, **given, limits=limits)


class Scene:
    """A repository, and who keeps it."""

    def __init__(self, folder: Path, git: GitProgram | None = None) -> None:
        self.cache = folder / "cache"
        self.repository = GitRepository(folder / "shop")
        self.repositories = Repositories(self.cache, git or GitProgram(local=True), local=True)

    def link(self, path: str, to: str) -> None:
        target = self.repository.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(to)

    def head(self) -> str:
        self.repositories.forget()
        commit = self.repositories.resolve(self.repository.url, "main")
        self.repositories.tree(self.repository.url, commit)
        return commit

    def read(self, path: str) -> str:
        with self.repositories.laid_out(self.repository.url, self.head()) as folder:
            return (folder / path).read_text()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(
    "links",
    [
        {"app/out.yaml": "/etc/hostname"},
        {"app/out.yaml": "../../outside.yaml"},
        {"app/out": "../.."},
        # Each looks as if it stayed inside, by its text.
        {"a/b/c/up": "../../..", "a/b/c/out.yaml": "up/../../../outside.yaml"},
        {"z/top": "../app", "z/over": "top/../..", "z/out.yaml": "over/over.yaml"},
    ],
    ids=["absolute", "climbing", "folder", "through-another", "through-two"],
)
def test_link_that_leads_out_is_refused_by_name_and_nothing_is_laid_out(
    scene: Scene, links: dict[str, str]
) -> None:
    for path, to in links.items():
        scene.link(path, to)
    scene.repository.commit({"app/a.yaml": "a: 1"})
    with pytest.raises(SourceError, match="leads out of the repository"):
        scene.read("app/a.yaml")
    assert list((scene.cache / "trees").iterdir()) == []


@pytest.mark.parametrize(
    "links",
    [
        {"app/b.yaml": "a.yaml"},
        {"app/b.yaml": "../x/top/app/a.yaml", "x/top": ".."},
        {"app/b.yaml": "../app/./a.yaml"},
    ],
    ids=["beside", "through-the-top", "around"],
)
def test_link_that_stays_inside_is_followed(scene: Scene, links: dict[str, str]) -> None:
    for path, to in links.items():
        scene.link(path, to)
    scene.repository.commit({"app/a.yaml": "a: 1"})
    assert scene.read("app/b.yaml") == "a: 1"


def two_files(target: Path) -> None:
    target.mkdir()
    (target / "a").write_text("a")
    (target / "b").write_text("b")


def test_removal_that_is_killed_leaves_no_half_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Ends what is under way."""

    def half(folder: Path, **_: Any) -> None:
        next(folder.iterdir()).unlink()
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("secretsync.gitops.sources.kept_folders.shutil.rmtree", half)
        with pytest.raises(Killed), KeptFolders(0).using(tmp_path / "kept", two_files):
            pass
    with KeptFolders(1).using(tmp_path / "kept", two_files) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_folder_that_another_process_reads_is_removed_once_it_does_no_more(tmp_path: Path) -> None:
    kept, other = KeptFolders(0), KeptFolders(0)  # Locks know no processes, only who opened.
    with other.using(tmp_path / "a", two_files) as folder:
        with kept.using(tmp_path / "a", two_files):
            pass
        assert not kept.replace(folder, tmp_path / "b", within_s=0.1)
        assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert list(tmp_path.iterdir()) == []
    with kept.using(tmp_path / "b", two_files):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folder_that_goes_before_it_is_held_is_made_anew(tmp_path: Path) -> None:
    made = []

    def make(target: Path) -> None:
        two_files(target)
        made.append(target)
        if len(made) == 1:
            remove(target)

    with KeptFolders(1).using(tmp_path / "a", make) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert len(made) == 2


def test_folder_that_another_process_made_anew_meanwhile_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lock = tmp_path / "a", fcntl.flock

    def late(fd: int, kind: int) -> None:
        folder.replace(tmp_path / "before")
        two_files(folder)
        lock(fd, kind)

    two_files(folder)
    monkeypatch.setattr("secretsync.gitops.sources.kept_folders.fcntl.flock", late)
    assert not remove(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_link_to_itself_harms_no_other_file(scene: Scene) -> None:
    scene.link("app/loop", "loop")
    scene.repository.commit({"app/a.yaml": "a: 1"})
    assert scene.read("app/a.yaml") == "a: 1"


@pytest.mark.parametrize(("before", "after"), [("team", "team/web"), ("team/web", "team")])
def test_branch_that_makes_way_for_a_folder_of_branches_stops_nothing(
    scene: Scene, before: str, after: str
) -> None:
    scene.repository.commit({"a.yaml": "a: 1"})
    scene.repository.git("branch", before)
    scene.head()
    scene.repository.git("branch", "--delete", before)
    scene.repository.git("branch", after)
    scene.repository.commit({"a.yaml": "a: 2"})
    assert scene.read("a.yaml") == "a: 2"


def test_forced_push_is_followed_and_the_old_commit_stays_readable(scene: Scene) -> None:
    old = scene.repository.commit({"a.yaml": "a: 1"})
    scene.head()
    (scene.repository.folder / "a.yaml").write_text("a: 2")
    scene.repository.git("commit", "--quiet", "--all", "--amend", "--message", "instead")
    assert scene.read("a.yaml") == "a: 2"
    with scene.repositories.laid_out(scene.repository.url, old) as folder:
        assert (folder / "a.yaml").read_text() == "a: 1"


def test_attributes_of_the_repository_leave_no_file_out_and_change_none(scene: Scene) -> None:
    text = "commit: $Format:%H$"
    scene.repository.commit(
        {
            ".gitattributes": "a.yaml export-ignore\nb.yaml export-subst\n",
            "a.yaml": text,
            "b.yaml": text,
        }
    )
    assert (scene.read("a.yaml"), scene.read("b.yaml")) == (text, text)


def test_repository_that_is_too_large_is_said_to_be_and_leaves_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path, SmallGit(local=True))
    (scene.repository.folder / "large").write_bytes(os.urandom(2 * LIMIT_BYTES))
    scene.repository.commit()
    for _ in range(2):
        with pytest.raises(SourceError, match="larger than 2 MiB"):
            scene.head()
        assert [path for path in scene.cache.rglob("tmp_*") if path.is_file()] == []
