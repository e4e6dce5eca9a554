"""What one commit costs does not grow with the applications of its repository."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from secretsync.resources.application import Application
from tests.gitops.rendering_kit import MAP, Scene, application

#: As many as are worked on at the same time, and more.
THREADS = 8
FEW, MANY = 10, 200


class Monorepo:
    """N applications of one repository, looked at as the service does."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir()
        self.scene = Scene(folder)
        self.url = self.scene.repository.url
        kustomization = "resources: [../../base]\nlabels: [{pairs: {team: shop}}]\n"
        files = {"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": MAP % ("a", 1)}
        self.apps: list[Application] = []
        for index in range(count):
            path = f"apps/app-{index}"
            files |= {f"{path}/kustomization.yaml": kustomization} if index % 2 else {}
            files |= {} if index % 2 else {f"{path}/a.yaml": MAP % (f"a-{index}", "1")}
            source = {"repoURL": self.url, "path": path, "targetRevision": "main"}
            self.apps.append(application(source, name=f"app-{index}"))
        self.scene.repository.commit(files)
        self.at = ""
        self.round()

    def round(self) -> None:
        """Ask what moved, and look at every application."""
        renderer, before = self.scene.renderer, self.at
        renderer.forget()

        def look(app: Application) -> str:
            (commit,) = renderer.resolve(app)
            if before:
                renderer.folders(app, (before,))
            renderer.folders(app, (commit,))
            renderer.render(app, revisions=(commit,))
            renderer.author(app, commit)
            return commit

        with ThreadPoolExecutor(THREADS) as pool:
            (self.at,) = set(pool.map(look, self.apps))


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Counter[str]]:
    """The runs of git and the renders of one commit, by the number of applications."""
    found = {}
    for count in (FEW, MANY):
        monorepo = Monorepo(tmp_path_factory.mktemp("work") / "of", count)
        scene = monorepo.scene
        git, renders = Counter(scene.git.verbs), scene.renderer.renders.total()
        scene.repository.commit({"apps/app-4/a.yaml": MAP % ("a-4", "2")})
        monorepo.round()
        found[count] = scene.git.verbs - git
        found[count]["renders"] = scene.renderer.renders.total() - renders
    return found


def test_commit_to_one_of_many_applications_runs_git_as_often_as_to_one_of_few(
    costs: dict[int, Counter[str]],
) -> None:
    assert costs[MANY] == costs[FEW]
    assert costs[MANY]["ls-remote"] == costs[MANY]["fetch"] == costs[MANY]["show"] == 1


def test_commit_to_one_of_many_applications_renders_that_one_alone(
    costs: dict[int, Counter[str]],
) -> None:
    assert costs[MANY]["renders"] == 1
