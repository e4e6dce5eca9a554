"""From a commit to objects: plain folders, kustomize and Helm, each by its own program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secretsync.gitops.errors import GitOpsError
from secretsync.gitops.model import ObjectKey
from tests.gitops.rendering_kit import CHART, MAP, Scene, application
from tests.support.git_repository import GitRepository

pytestmark = pytest.mark.built


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["ConfigMap/a", "ConfigMap/b"]),
        ({"recurse": True}, ["ConfigMap/a", "ConfigMap/b", "ConfigMap/deep"]),
        ({"include": "a.*"}, ["ConfigMap/a"]),
        ({"exclude": "{a,c}.yaml"}, ["ConfigMap/b"]),
        ({"recurse": True, "include": "sub/*"}, ["ConfigMap/deep"]),
    ],
)
def test_plain_folder_gives_the_files_that_its_options_take(
    scene: Scene, options: dict[str, Any], expected: list[str]
) -> None:
    b = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}})
    files = {"app/a.yaml": MAP % ("a", 1), "app/b.json": b, "app/sub/d.yml": MAP % ("deep", 1)}
    scene.repository.commit({**files, "app/readme.md": "{{", "other/x.yaml": MAP % ("x", 1)})
    assert scene.names(directory=options) == expected
    assert scene.programs.starts == 0


def test_kustomize_overlay_reads_its_base_and_what_the_application_adds(scene: Scene) -> None:
    scene.repository.commit(
        {
            "base/kustomization.yaml": "resources: [map.yaml]\n",
            "base/map.yaml": MAP % ("settings", 1),
            "app/kustomization.yaml": (
                "resources: [../base]\nnamespace: web\n"
                "configMapGenerator: [{name: made, files: [k=v.txt]}]\n"
                "components: [../parts/extra]\n"
            ),
            "app/v.txt": "x",
            "parts/extra/kustomization.yaml": (
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
                "resources: [e.yaml]\n"
            ),
            "parts/extra/e.yaml": MAP % ("extra", 1),
        }
    )
    plain = scene.render()
    assert plain.source_types == ("Kustomize",)
    assert {obj["metadata"]["namespace"] for obj in plain.objects} == {"web"}
    names = scene.names(kustomize={"namePrefix": "p-", "commonLabels": {"team": "a"}})
    assert [name.rpartition("/")[2][:6] for name in names] == ["p-extr", "p-made", "p-sett"]
    objects = scene.render(kustomize={"namePrefix": "p-", "commonLabels": {"team": "a"}}).objects
    assert all(obj["metadata"]["labels"] == {"team": "a"} for obj in objects)


def test_helm_chart_takes_values_from_everywhere_in_argo_cds_order(scene: Scene) -> None:
    template = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n"
        "data:\n{{- range $k, $v := .Values }}\n  {{ $k }}: {{ toJson $v | quote }}\n{{- end }}\n"
    )
    scene.repository.commit(
        {
            "app/Chart.yaml": CHART,
            "app/values.yaml": "a: chart\nb: chart\nc: chart\nd: chart\n",
            "app/templates/map.yaml": template,
            "env/prod.yaml": "b: file\nc: file\nd: file\n",
        }
    )
    helm = {
        "valueFiles": ["/env/prod.yaml", "absent.yaml"],
        "ignoreMissingValueFiles": True,
        "valuesObject": {"c": "object", "d": "object"},
        "parameters": [
            {"name": "d", "value": "parameter"},
            {"name": "e.f[0]", "value": "5"},
            {"name": "g", "value": "5", "forceString": True},
        ],
    }
    (found,) = scene.render(helm=helm).objects
    assert {key: json.loads(value) for key, value in found["data"].items()} == {
        "a": "chart",
        "b": "file",
        "c": "object",
        "d": "parameter",
        "e": {"f": [5]},
        "g": "5",
    }
    assert found["metadata"]["name"] == "shop"


def test_value_file_of_another_source_is_found_by_its_ref(scene: Scene, tmp_path: Path) -> None:
    scene.repository.commit(
        {
            "app/Chart.yaml": CHART,
            "app/templates/map.yaml": MAP % ("web", "{{ .Values.a }}"),
        }
    )
    values = GitRepository(tmp_path / "values")
    values.commit({"prod/v.yaml": "a: from the other\n"})
    app = application(
        {
            "repoURL": scene.repository.url,
            "path": "app",
            "helm": {"valueFiles": ["$values/prod/v.yaml"]},
        },
        {"repoURL": values.url, "ref": "values"},
    )
    found = scene.renderer.render(app)
    assert found.objects[0]["data"] == {"a": "from the other"}
    assert len(found.revisions) == 2


def test_commit_elsewhere_renders_nothing_and_a_commit_to_a_base_its_overlays(
    scene: Scene,
) -> None:
    overlays = {
        f"apps/{name}/kustomization.yaml": f"resources: [../../{base}]\nnamePrefix: {name}-\n"
        for name, base in (("one", "base"), ("two", "base"), ("three", "other"))
    }
    bases = {f"{base}/kustomization.yaml": "resources: [m.yaml]\n" for base in ("base", "other")}
    maps = {f"{base}/m.yaml": MAP % ("m", 1) for base in ("base", "other")}
    scene.repository.commit({**overlays, **bases, **maps})

    def round_of() -> tuple[int, int]:
        starts, calls = scene.programs.starts, scene.git.calls
        scene.renderer.forget()
        for name in ("one", "two", "three"):
            scene.renderer.render(scene.app(f"apps/{name}"))
        return scene.programs.starts - starts, scene.git.calls - calls

    first, _ = round_of()
    assert first == 3
    assert round_of() == (0, 1)  # one ls-remote
    scene.repository.commit({"docs/readme.md": "x"})
    assert round_of()[0] == 0
    scene.repository.commit({"base/m.yaml": MAP % ("m", 2)})
    renders, calls = round_of()
    assert renders == 2
    scene.repository.commit({"other/m.yaml": MAP % ("m", 2)})
    assert round_of() == (1, calls)  # as many calls of git, however many applications


def test_chart_that_makes_values_up_is_named_and_kept_as_it_came_first(scene: Scene) -> None:
    scene.repository.commit(
        {
            "app/Chart.yaml": CHART,
            "app/templates/stable.yaml": MAP % ("stable", 1),
            "app/templates/random.yaml": MAP % ("random", "{{ randAlphaNum 12 }}"),
        }
    )
    first = scene.render()
    assert first.unstable == {ObjectKey("", "ConfigMap", "", "random")}
    assert "not deterministic" in first.warnings[0]
    assert scene.render().digest == first.digest


def test_chart_whose_values_are_templates_that_make_values_up_is_named(scene: Scene) -> None:
    scene.repository.commit(
        {
            "app/Chart.yaml": CHART,
            "app/values.yaml": "t: '{{ randAlphaNum 12 }}'\n",
            "app/templates/a.yaml": MAP % ("a", "{{ tpl .Values.t . }}"),
        }
    )
    assert scene.render().unstable == {ObjectKey("", "ConfigMap", "", "a")}


def test_branch_that_was_pushed_over_is_followed_and_its_old_commit_stays_known(
    scene: Scene,
) -> None:
    first = scene.repository.commit({"app/a.yaml": MAP % ("a", 1)})
    assert scene.render().revisions == (first,)
    scene.repository.git("commit", "--quiet", "--amend", "--message", "another history")
    second = scene.repository.git("rev-parse", "HEAD")
    assert scene.render().revisions == (second,)
    again = scene.renderer.render(scene.app(), revisions=(first,))
    assert again.revisions == (first,)


@pytest.mark.parametrize(
    ("files", "of"),
    [
        ({}, "app"),
        ({"app/Chart.yaml": CHART}, "app/templates"),
    ],
    ids=["plain", "chart"],
)
def test_what_is_behind_a_link_is_that_of_the_own_repository(
    scene: Scene, tmp_path: Path, files: dict[str, str], of: str
) -> None:
    other = GitRepository(tmp_path / "other")
    for repository, value in ((scene.repository, "own"), (other, "theirs")):
        (repository.folder / of).mkdir(parents=True)
        (repository.folder / of / "a.yaml").symlink_to(f"{'../' * (of.count('/') + 1)}shared.yaml")
        repository.commit({**files, "shared.yaml": MAP % ("a", value)})
    (theirs,) = scene.render(repoURL=other.url).objects
    (own,) = scene.render().objects
    assert (theirs["data"], own["data"]) == ({"a": "theirs"}, {"a": "own"})
    scene.repository.commit({"shared.yaml": MAP % ("a", "moved")})
    (moved,) = scene.render().objects
    assert moved["data"] == {"a": "moved"}


def test_repository_that_is_gone_is_an_error_and_heals(scene: Scene) -> None:
    commit = scene.repository.commit({"app/a.yaml": MAP % ("a", 1)})
    away = scene.repository.folder.with_name("away")
    scene.repository.folder.rename(away)
    with pytest.raises(GitOpsError):
        scene.render()
    away.rename(scene.repository.folder)
    assert scene.render().revisions == (commit,)


def test_folders_of_an_application_move_with_its_own_commits_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    first = scene.repository.commit({"app/a.yaml": MAP % ("a", "1"), "other/b.yaml": "{}"})
    elsewhere = scene.repository.commit({"other/b.yaml": "a: 1"})
    own = scene.repository.commit({"app/a.yaml": MAP % ("a", "2")})
    found = [scene.renderer.folders(scene.app(), (each,)) for each in (first, elsewhere, own)]
    assert found[0] == found[1] != found[2]
