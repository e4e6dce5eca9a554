"""Kustomizations with bases of other repositories: fetched before, permitted, rendered anew."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.errors import ConfigError
from secretsync.gitops.errors import GitOpsError, RenderError, SourceError, SourceForbidden
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.kustomize_remote import RemoteBase, remote_base
from secretsync.gitops.render.rendering import Renderer
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repositories import Repositories
from secretsync.resources.application import Application, parse_application
from secretsync.resources.documents import Document, Origin
from tests.support.git_repository import GitRepository
from tests.support.tools import tool_path

pytestmark = pytest.mark.built

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '%s'}\n"


class Scene:
    """The application's repository, one with bases, and a renderer."""

    def __init__(self, folder: Path) -> None:
        self.own = GitRepository(folder / "own")
        self.shared = GitRepository(folder / "shared")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "kustomize").symlink_to(tool_path("kustomize"))
        self.programs = Programs(programs)
        self.allowed = [self.shared.url]
        self.renderer = Renderer(
            Repositories(folder / "cache", GitProgram(local=True), local=True),
            self.programs,
            permit=self.permit,
        )

    def permit(self, app: Application, url: str) -> None:
        if url not in self.allowed:
            raise ConfigError(f"the project does not allow the repository {url}")

    def base(self, folder: str, ref: str = "main") -> str:
        return f"{self.shared.url}//{folder}?ref={ref}"

    def maps(self, path: str = "app", **kustomize: Any) -> dict[str, Any]:
        self.renderer.forget()
        source = {"repoURL": self.own.url, "path": path, "targetRevision": "main"}
        value = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": {
                "destination": {"name": "in-cluster", "namespace": "shop"},
                "project": "default",
                "source": {**source, **({"kustomize": kustomize} if kustomize else {})},
            },
        }
        parsed = parse_application(Document(value, Origin("app.yaml")), default_namespace="argocd")
        assert parsed.value is not None, parsed.problems
        objects = self.renderer.render(parsed.value).objects
        return {obj["metadata"]["name"]: obj["data"]["a"] for obj in objects}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.shared.commit(
        {
            "base/kustomization.yaml": "resources: [../common, map.yaml]\n",
            "base/map.yaml": MAP % ("base", 1),
            "common/kustomization.yaml": "resources: [map.yaml]\n",
            "common/map.yaml": MAP % ("common", 1),
            "part/kustomization.yaml": (
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -x\n"
            ),
            "unused/kustomization.yaml": "resources: [nothing.yaml]\n",
        }
    )
    return made


def kustomization(**fields: Any) -> dict[str, str]:
    return {"app/kustomization.yaml": yaml.safe_dump(fields)}


def test_base_and_component_of_another_repository_are_fetched_and_built(scene: Scene) -> None:
    bases = {"resources": [scene.base("base"), "../own"], "components": [scene.base("part")]}
    own = {"own/kustomization.yaml": "resources: [m.yaml]\n", "own/m.yaml": MAP % ("own", 2)}
    scene.own.commit({**kustomization(**bases), **own})
    assert scene.maps() == {"base-x": "1", "common-x": "1", "own-x": "2"}
    assert sorted(scene.maps(namePrefix="p-")) == ["p-base-x", "p-common-x", "p-own-x"]


def test_result_is_what_kustomize_makes_when_it_fetches_itself(scene: Scene) -> None:
    patch = {"patch": "- {op: add, path: /data/a, value: new}", "target": {"name": "common"}}
    fields = {"Resources": [scene.base("base")], "namePrefix": "p-", "patches": [patch]}
    scene.own.commit(kustomization(**fields))
    built = subprocess.run(
        [tool_path("kustomize"), "build", "app"],
        cwd=scene.own.folder,
        capture_output=True,
        check=True,
    )
    objects = list(yaml.safe_load_all(built.stdout))
    assert scene.maps() == {obj["metadata"]["name"]: obj["data"]["a"] for obj in objects}


def test_base_is_rendered_anew_only_when_what_is_read_of_it_moved(scene: Scene) -> None:
    scene.own.commit(kustomization(resources=[scene.base("base")]))
    assert scene.maps()["base"] == "1"
    starts = scene.programs.starts
    scene.shared.commit({"unused/other.yaml": MAP % ("other", 1)})
    scene.own.commit({"elsewhere.txt": "x"})
    assert scene.maps()["base"] == "1"
    assert scene.programs.starts == starts
    scene.shared.commit({"base/map.yaml": MAP % ("base", 2)})
    assert scene.maps()["base"] == "2"


def test_base_at_a_tag_stays_where_it_is(scene: Scene) -> None:
    scene.shared.git("tag", "v1")
    scene.own.commit(kustomization(resources=[scene.base("base", "v1")]))
    scene.shared.commit({"base/map.yaml": MAP % ("base", 2)})
    assert scene.maps()["base"] == "1"


def test_base_of_a_base_in_a_third_repository_is_permitted_too(
    scene: Scene, tmp_path: Path
) -> None:
    third = GitRepository(tmp_path / "third")
    third.commit({"x/kustomization.yaml": "resources: [m.yaml]\n", "x/m.yaml": MAP % ("third", 3)})
    text = yaml.safe_dump({"resources": [f"{third.url}//x"]})
    scene.shared.commit({"deep/kustomization.yaml": text})
    scene.own.commit(kustomization(resources=[scene.base("deep")]))
    with pytest.raises(ConfigError, match="does not allow the repository"):
        scene.maps()
    scene.allowed.append(third.url)
    assert scene.maps() == {"third": "3"}


def test_repository_that_the_project_does_not_give_is_not_asked(scene: Scene) -> None:
    scene.allowed = []
    scene.own.commit(kustomization(resources=["https://example.invalid/org/repo//base?ref=v1"]))
    with pytest.raises(ConfigError, match="does not allow the repository"):
        scene.maps()


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"resources": ["{shared}//../../etc"]}, SourceError, "outside"),
        ({"resources": ["{shared}//nowhere?ref=main"]}, RenderError, "has no folder"),
        ({"resources": ["{shared}//base?ref=v9"]}, SourceError, "no revision"),
        ({"resources": ["{shared}//unused"]}, SourceError, "does not exist"),
        ({"resources": ["http://example.com/o/r//x"]}, SourceForbidden, "are not served"),
        ({"resources": ["https://example.com/x.yaml"]}, RenderError, "not fetched while"),
        ({"patches": [{"path": "https://example.com/o/r?ref=1"}]}, RenderError, "not fetched"),
        ({"crds": ["{shared}//base"]}, RenderError, "not fetched while rendering"),
        ({"resources": ["gitlab.com/o/r?ref=1"]}, RenderError, "not served"),
    ],
)
def test_base_that_cannot_be_had_is_named(
    scene: Scene, fields: dict[str, Any], error: type[GitOpsError], said: str
) -> None:
    scene.allowed.append("http://example.com/o/r")
    text = yaml.safe_dump(fields).replace("{shared}", scene.shared.url)
    scene.own.commit({"app/kustomization.yaml": text})
    with pytest.raises(error, match=said):
        scene.maps()
    assert scene.programs.starts == 0


def test_link_of_a_base_that_leads_out_of_it_is_refused(scene: Scene) -> None:
    (scene.shared.folder / "base" / "link.yaml").symlink_to("/etc/hostname")
    scene.shared.commit({"base/kustomization.yaml": "resources: [link.yaml]\n"})
    scene.own.commit(kustomization(resources=[scene.base("base")]))
    with pytest.raises(SourceError, match="leads out of the repository"):
        scene.maps()


def test_bases_that_name_each_other_end(scene: Scene) -> None:
    scene.shared.commit({"base/kustomization.yaml": f"resources: ['{scene.own.url}//app']\n"})
    scene.allowed.append(scene.own.url)
    scene.own.commit(kustomization(resources=[scene.base("base")]))
    with pytest.raises(RenderError):
        scene.maps()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("https://h/o/r//a/b?ref=v1", ("https://h/o/r", "a/b", "v1")),
        ("https://h/o/r.git/a?ref=v1", ("https://h/o/r.git", "a", "v1")),
        ("https://h/o/r/a/b?version=2", ("https://h/o/r", "a/b", "2")),
        ("https://h/o/r.git?ref=x&timeout=9s", ("https://h/o/r.git", "", "x")),
        ("git::https://h/o/r//a", ("https://h/o/r", "a", "")),
        ("github.com/o/r/a?ref=1", ("https://github.com/o/r", "a", "1")),
        ("git@h:o/r.git//a?ref=1", ("git@h:o/r.git", "a", "1")),
        ("ssh://git@h/o/r//a", ("ssh://git@h/o/r", "a", "")),
        (
            "https://dev.azure.com/o/p/_git/r/a?ref=1",
            ("https://dev.azure.com/o/p/_git/r", "a", "1"),
        ),
        ("https://h/o/r//x.yaml?ref=v1", ("https://h/o/r", "x.yaml", "v1")),
        ("file:///srv/r//a?ref=1", ("file:///srv/r", "a", "1")),
    ],
)
def test_base_is_read_as_kustomize_reads_it(name: str, expected: tuple[str, str, str]) -> None:
    assert remote_base(name) == RemoteBase(*expected)
