"""What a targetRevision means among the references of a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from secretsync.gitops.errors import SourceError
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.sources.revisions import commit_at, reference_of, short_revision
from tests.support.git_repository import GitRepository

REFS = {
    "HEAD": "a",
    "refs/heads/main": "a",
    "refs/heads/2.x": "b",
    "refs/tags/v1.0.0": "tag-of-c",
    "refs/tags/v1.0.0^{}": "c",
    "refs/tags/v1.2.0": "d",
    "refs/tags/v2.0.0-rc.1": "e",
    "refs/tags/web-1.0.0": "f",
    "refs/tags/web-1.9.0": "g",
    "refs/tags/nightly": "h",
}


@pytest.mark.parametrize(
    ("wanted", "prefix", "commit"),
    [
        ("HEAD", "", "a"),
        ("main", "", "a"),
        ("refs/heads/main", "", "a"),
        ("v1.0.0", "", "c"),
        ("refs/tags/v1.0.0", "", "c"),
        ("nightly", "", "h"),
        ("1.x", "", "d"),
        ("~1.0", "", "c"),
        (">=1.0.0 <1.2.0", "", "c"),
        # A branch of that name goes before the range.
        ("2.x", "", "b"),
        (">=2.0.0-0", "", "e"),
        ("1.x", "web-", "g"),
        ("web-1.x", "web-", "g"),
        ("1.0.0", "web-", "f"),
        ("3.x", "", None),
        ("1.x", "api-", None),
        ("mian", "", None),
    ],
)
def test_revision_means_a_name_or_the_best_version(
    wanted: str, prefix: str, commit: str | None
) -> None:
    name = reference_of(REFS, wanted, tag_prefix=prefix)
    assert (None if name is None else commit_at(REFS, name)) == commit


def test_range_of_tags_is_resolved_at_each_round(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    repositories = Repositories(tmp_path / "cache", GitProgram(local=True), local=True)
    first = repository.commit({"a": "1"})
    repository.git("tag", "--annotate", "--message=one", "web/v1.0.0")
    assert repositories.resolve(repository.url, "1.*", tag_prefix="web/") == first
    second = repository.commit({"a": "2"})
    repository.git("tag", "web/v1.1.0")
    repository.git("tag", "v1.5.0", first)
    repositories.forget()
    assert repositories.resolve(repository.url, "1.*", tag_prefix="web/") == second
    with pytest.raises(SourceError, match="no revision '2"):
        repositories.resolve(repository.url, "2.*", tag_prefix="web/")


@pytest.mark.parametrize(
    ("revision", "shown"),
    [
        ("0123456789abcdef0123456789abcdef01234567", "0123456"),
        (f"sha256:{'ab' * 32}", "sha256:abababa"),
        ("1.2.3-rc.1+build", "1.2.3-rc.1+build"),
        ("", ""),
    ],
)
def test_commit_is_shown_by_its_beginning_and_a_version_whole(revision: str, shown: str) -> None:
    assert short_revision(revision) == shown
