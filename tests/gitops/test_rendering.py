"""From a commit to objects: plain folders, kustomize and Helm, each by its own program."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import Served
from secretsync.gitops.children import ChildLimits
from secretsync.gitops.errors import GitOpsError, RenderError, SourceError
from secretsync.gitops.git_program import GitProgram
from secretsync.gitops.model import ObjectKey, Rendered
from secretsync.gitops.programs import Programs
from secretsync.gitops.rendering import Renderer
from secretsync.gitops.repositories import Repositories
from secretsync.resources.application import Application, parse_application
from secretsync.resources.documents import Document, Origin
from tests.support.git_repository import GitRepository
from tests.support.tools import tool_path

pytestmark = pytest.mark.built

CANARY = "canary-9f1c-must-not-show"
KUBE = Served("v1.34.1", ("apps/v1", "apps/v1/Deployment", "v1"))
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '%s'}\n"
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"


class Scene:
    """A repository and a renderer with its own cache."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.repository = GitRepository(folder / "repo")
        self.git = GitProgram(local=True)
        programs = folder / "programs"
        programs.mkdir()
        for name in ("kustomize", "helm"):
            (programs / name).symlink_to(tool_path(name))
        self.programs = Programs(programs, limits=ChildLimits(**{"time_s": 60.0, **limits}))
        self.repositories = Repositories(folder / "cache", self.git, local=True)
        self.renderer = Renderer(self.repositories, self.programs, served=lambda: KUBE)

    def app(self, path: str = "app", **source: Any) -> Application:
        return application({"repoURL": self.repository.url, "path": path, **source})

    def render(self, path: str = "app", **source: Any) -> Rendered:
        self.renderer.forget()
        return self.renderer.render(self.app(path, **source))

    def names(self, path: str = "app", **source: Any) -> list[str]:
        objects = self.render(path, **source).objects
        return sorted(f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects)


def application(*sources: dict[str, Any], name: str = "shop") -> Application:
    spec: dict[str, Any] = {
        "destination": {"name": "in-cluster", "namespace": "shop"},
        "project": "default",
    }
    spec |= {"source": sources[0]} if len(sources) == 1 else {"sources": list(sources)}
    value = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": spec,
    }
    parsed = parse_application(Document(value, Origin("app.yaml")), default_namespace="argocd")
    assert parsed.value is not None, parsed.problems
    return parsed.value


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


Make = Callable[..., Scene]


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


@pytest.mark.parametrize(
    ("files", "source", "error", "said"),
    [
        pytest.param({"x/a.yaml": "a: 1"}, {}, SourceError, "app does not exist", id="no-folder"),
        pytest.param({"app/a.yaml": "a: ["}, {}, RenderError, "app/a.yaml:2", id="broken-yaml"),
        pytest.param(
            {
                "app/a.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\n"
                + "".join(
                    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
                    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
                )
            },
            {},
            RenderError,
            "app/a.yaml",
            id="yaml-bomb",
        ),
        pytest.param(
            {"app/kustomization.yaml": "resources: ['https://example.com/x?ref=main']\n"},
            {},
            RenderError,
            "is not fetched while rendering",
            id="remote-base",
        ),
        pytest.param(
            {"app/kustomization.yaml": "resources: [../../outside]\n"},
            {},
            SourceError,
            "outside of the repository",
            id="base-outside",
        ),
        pytest.param(
            {"app/kustomization.yaml": "resources: [absent.yaml]\n"},
            {},
            SourceError,
            "app/absent.yaml does not exist",
            id="base-absent",
        ),
        pytest.param(
            {"app/kustomization.yaml": "helmCharts: [{name: x}]\n"},
            {},
            RenderError,
            "helmCharts",
            id="kustomize-chart",
        ),
        pytest.param(
            {"app/Chart.yaml": CHART, "app/templates/a.yaml": f'{{{{ fail "{CANARY}" }}}}'},
            {},
            RenderError,
            "helm: the chart refuses its values",
            id="chart-that-prints-secrets",
        ),
        pytest.param(
            {
                "app/Chart.yaml": CHART,
                "app/templates/a.yaml": "a: {\n" + CANARY,
            },
            {},
            RenderError,
            "no good YAML (web/templates/a.yaml)",
            id="chart-of-broken-yaml",
        ),
        pytest.param(
            {"app/Chart.yaml": CHART},
            {"helm": {"valueFiles": ["https://example.com/v.yaml"]}},
            RenderError,
            "is not fetched while rendering",
            id="remote-values",
        ),
        pytest.param(
            {"app/Chart.yaml": CHART},
            {"helm": {"valueFiles": ["../../../etc/passwd"]}},
            SourceError,
            "outside of the repository",
            id="values-outside",
        ),
        pytest.param({}, {"path": "../.."}, SourceError, "outside of the", id="path-outside"),
        pytest.param(
            {}, {"targetRevision": "absent"}, SourceError, "no revision 'absent'", id="no-revision"
        ),
    ],
)
def test_source_that_cannot_be_rendered_says_why_and_shows_no_value(
    scene: Scene, files: dict[str, str], source: dict[str, Any], error: type, said: str
) -> None:
    scene.repository.commit({"readme.md": "x", **files})
    with pytest.raises(GitOpsError) as caught:
        scene.render(**{"path": "app", **source})
    assert isinstance(caught.value, error), caught.value
    assert said in caught.value.message
    assert CANARY not in f"{caught.value.message}{caught.value.remedy}"


@pytest.mark.parametrize("flag", ["--values={0}/host.yaml", "--post-renderer=/bin/sh"])
def test_release_name_is_never_a_flag(scene: Scene, tmp_path: Path, flag: str) -> None:
    (tmp_path / "host.yaml").write_text(f"a: {CANARY}\n")
    template = MAP.replace("{a: '%s'}", "\n  a: %s") % (
        "a",
        f"$(/bin/touch {tmp_path}/ran){{{{ .Values.a }}}}",
    )
    scene.repository.commit({"app/Chart.yaml": CHART, "app/templates/a.yaml": template})
    with pytest.raises(RenderError):
        scene.render(helm={"releaseName": flag.format(tmp_path)})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "path"), [("a={0}/host.yaml,b", "f"), ("a\\", "f"), ("a", "f,b={0}/host.yaml")]
)
def test_file_parameter_names_one_file_of_the_repository(
    scene: Scene, tmp_path: Path, name: str, path: str
) -> None:
    (tmp_path / "host.yaml").write_text(CANARY)
    files = {"app/f": "x", "app/templates/a.yaml": MAP % ("a", "{{ .Values.a }}")}
    scene.repository.commit({"app/Chart.yaml": CHART, **files})
    parameter = {"name": name.format(tmp_path), "path": path.format(tmp_path)}
    with pytest.raises(GitOpsError):
        scene.render(helm={"fileParameters": [parameter]})
    (found,) = scene.render(helm={"fileParameters": [{"name": "a", "path": "f"}]}).objects
    assert found["data"] == {"a": "x"}


_MAKER = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: m}\nfiles: ['k=%s']\n"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"app/kustomization.yaml": "ConfigMapGenerator: [{name: m, Files: ['k=%s']}]\n"},
            id="field-in-another-case",
        ),
        pytest.param(
            {"app/kustomization.yaml": "generators: [g.yaml]\n", "app/g.yaml": _MAKER},
            id="generator-file",
        ),
        pytest.param(
            {
                "app/kustomization.yaml": "generators:\n- |\n"
                + "".join(f"  {line}\n" for line in _MAKER.splitlines())
            },
            id="generator-in-place",
        ),
    ],
)
def test_kustomization_fetches_nothing_however_it_is_written(
    scene: Scene, files: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        scene.repository.commit(
            {path: text % url if "%s" in text else text for path, text in files.items()}
        )
        with pytest.raises(RenderError, match="is not fetched while rendering"):
            scene.render()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_chart_whose_values_are_templates_that_make_values_up_is_named(scene: Scene) -> None:
    scene.repository.commit(
        {
            "app/Chart.yaml": CHART,
            "app/values.yaml": "t: '{{ randAlphaNum 12 }}'\n",
            "app/templates/a.yaml": MAP % ("a", "{{ tpl .Values.t . }}"),
        }
    )
    assert scene.render().unstable == {ObjectKey("", "ConfigMap", "", "a")}


def test_chart_that_takes_all_memory_is_stopped(tmp_path: Path) -> None:
    scene = Scene(tmp_path, memory_bytes=2 * 1024**3)
    greedy = MAP % ("a", '{{ $x := repeat 3000000000 "x" }}{{ len $x }}')
    scene.repository.commit({"app/Chart.yaml": CHART, "app/templates/a.yaml": greedy})
    with pytest.raises(RenderError, match="more memory than it may have"):
        scene.render()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside"])
def test_link_that_leads_out_of_the_repository_is_refused(scene: Scene, target: str) -> None:
    scene.repository.put({"app/a.yaml": MAP % ("a", 1)})
    (scene.repository.folder / "app" / "link.yaml").symlink_to(target)
    scene.repository.commit()
    with pytest.raises(SourceError, match=r"leads out|outside"):
        scene.render()


def test_chart_that_never_ends_is_killed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, time_s=1.0)
    endless = (
        '{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ "" }}{{ end }}{{ end }}'
    )
    scene.repository.commit({"app/Chart.yaml": CHART, "app/templates/a.yaml": endless})
    with pytest.raises(RenderError, match="was not done in 1 s"):
        scene.render()


def test_chart_that_prints_without_end_is_killed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, output_bytes=1000)
    scene.repository.commit(
        {"app/Chart.yaml": CHART, "app/templates/a.yaml": MAP % ("a", '{{ repeat 5000 "x" }}')}
    )
    with pytest.raises(RenderError, match="prints more than"):
        scene.render()


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


def test_repository_that_is_gone_is_an_error_and_heals(scene: Scene) -> None:
    commit = scene.repository.commit({"app/a.yaml": MAP % ("a", 1)})
    away = scene.repository.folder.with_name("away")
    scene.repository.folder.rename(away)
    with pytest.raises(GitOpsError):
        scene.render()
    away.rename(scene.repository.folder)
    assert scene.render().revisions == (commit,)
