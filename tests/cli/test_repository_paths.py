"""PATH in a repository: which revision, what is extra after it moved, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from secretsync.cli.inputs import inventory_id
from secretsync.cli.repository_paths import RepositoryPath, repository_path
from secretsync.errors import InputError
from tests.cli.kit import Ended, run_process
from tests.support.git_repository import GitRepository

STORE = """
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: fake}
spec: {provider: {fake: {data: [{key: a, value: one}, {key: b, value: two}]}}}
"""


def external_secret(name: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {
                "secretStoreRef": {"name": "fake", "kind": "ClusterSecretStore"},
                "data": [{"secretKey": "k", "remoteRef": {"key": name}}],
            },
        }
    )


class Scene:
    """A repository with two tagged commits, and a cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = GitRepository(folder / "repo")
        self.repository.commit(
            {
                "stores/store.yaml": STORE,
                "apps/a.yaml": external_secret("a"),
                "apps/deep/b.yaml": external_secret("b"),
                "other/broken.yaml": "{{",
            }
        )
        self.repository.git("tag", "v1")
        self.repository.git("rm", "--quiet", "apps/deep/b.yaml")
        self.repository.commit()

    def path(self, folder: str = "apps", ref: str = "") -> str:
        return f"git+{self.repository.url}//{folder}{f'?ref={ref}' if ref else ''}"

    def run(self, verb: str, *paths: str, **options: str) -> Ended:
        given = [*paths, *(part for key, value in options.items() for part in (f"--{key}", value))]
        return run_process(verb, *given, "--to", f"dir:{self.folder / 'out'}", "-o", "json")


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Scene(tmp_path)


def test_folder_of_a_repository_is_planned_and_synced_at_its_revision(scene: Scene) -> None:
    paths = (scene.path("stores", "v1"), scene.path(ref="v1"))
    planned = scene.run("plan", *paths)
    assert (planned.code, planned.actions()) == (1, {"a": "create", "b": "create"})
    assert not (scene.folder / "out" / "shop").exists()
    assert scene.run("sync", *paths).code == 0
    assert scene.run("plan", *paths).code == 0
    secrets = sorted(file.name for file in (scene.folder / "out/shop/secrets").iterdir())
    assert secrets == ["a.yaml", "b.yaml"]


def test_file_of_a_repository_is_one_input(scene: Scene) -> None:
    planned = scene.run("plan", scene.path("stores"), scene.path("apps/a.yaml"))
    assert planned.actions() == {"a": "create"}


def test_what_another_revision_no_longer_has_is_extra(scene: Scene) -> None:
    assert scene.run("sync", scene.path("stores"), scene.path(ref="v1")).code == 0
    planned = scene.run("plan", scene.path("stores"), scene.path(ref="main"))
    assert planned.code == 1
    assert planned.actions() == {"a": "unchanged", "b": "extra"}


def test_problem_in_a_repository_names_file_and_commit(scene: Scene) -> None:
    commit = scene.repository.git("rev-parse", "HEAD")
    ended = scene.run("plan", scene.path("other"))
    assert ended.code == 2
    assert f"{scene.path('other')}@{commit[:7]}/broken.yaml" in ended.err


@pytest.mark.parametrize(
    ("folder", "ref", "said"),
    [
        ("nowhere", "", "does not exist at"),
        ("apps", "v9", "no revision 'v9'"),
        ("../..", "", "outside of the repository"),
    ],
)
def test_folder_or_revision_that_is_not_there_is_an_error_and_attempts_nothing(
    scene: Scene, folder: str, ref: str, said: str
) -> None:
    ended = scene.run("sync", scene.path(folder, ref))
    assert ended.code == 2
    assert said in ended.err
    assert not (scene.folder / "out" / "shop").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git+https://h/o/r.git//a/b?ref=v1", ("https://h/o/r.git", "a/b", "v1")),
        ("git+https://h/o/r.git", ("https://h/o/r.git", "", "")),
        ("git+ssh://git@h/o/r//a?ref=x/y", ("ssh://git@h/o/r", "a", "x/y")),
        ("git+file:///srv/r//a/", ("file:///srv/r", "a", "")),
    ],
)
def test_path_in_a_repository_is_read_as_url_folder_and_revision(
    text: str, expected: tuple[str, str, str]
) -> None:
    assert repository_path(text) == RepositoryPath(*expected)


@pytest.mark.parametrize(
    "text", ["git+", "git+x", "git+https://h/r?x=1", "git+https://h/r?ref=1&ref=2"]
)
def test_path_of_no_known_form_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        repository_path(text)


def test_inventory_of_a_repository_does_not_depend_on_the_revision() -> None:
    first, second, other = (
        inventory_id([path], name="", namespace="d")
        for path in ("git+https://h/r//a?ref=1", "git+https://h/r//a", "git+https://h/r//b")
    )
    assert first == second != other
