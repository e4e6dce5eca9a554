"""Charts of repositories as sources: values beside them, dependencies, ranges as Helm's."""

from __future__ import annotations

import functools
import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.errors import ConfigError
from secretsync.gitops.errors import GitOpsError, RenderError, SourceError
from secretsync.gitops.model import Rendered
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.rendering import Renderer
from secretsync.gitops.sources.chart_downloads import Downloads
from secretsync.gitops.sources.chart_versions import best_version
from secretsync.gitops.sources.charts import Charts
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repositories import Repositories
from secretsync.resources.application import Application, parse_application
from secretsync.resources.documents import Document, Origin
from tests.support.chart_server import ChartServer, chart_archive, chart_files, chart_server
from tests.support.git_repository import GitRepository
from tests.support.tools import tool_path

pytestmark = pytest.mark.built


class Scene:
    """A server of charts, a repository, and a renderer that has both."""

    def __init__(self, folder: Path, server: ChartServer) -> None:
        self.server = server
        self.repository = GitRepository(folder / "repo")
        programs = folder / "programs"
        programs.mkdir()
        for name in ("kustomize", "helm"):
            (programs / name).symlink_to(tool_path(name))
        self.programs = Programs(programs)
        self.charts = Charts(folder / "charts", downloads=Downloads(ca_pem=server.web.ca_pem))
        self.allowed: list[str] = []
        self.asked: list[str] = []
        self.renderer = Renderer(
            Repositories(folder / "git", GitProgram(local=True), local=True),
            self.programs,
            charts=self.charts,
            permit=self.permit,
        )

    def permit(self, app: Application, url: str) -> None:
        self.asked.append(url)
        if url not in self.allowed:
            raise ConfigError(f"the project does not allow the repository {url}")

    def application(self, *sources: dict[str, Any]) -> Application:
        value = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": {
                "destination": {"name": "in-cluster", "namespace": "shop"},
                "project": "default",
                "sources": list(sources),
            },
        }
        parsed = parse_application(Document(value, Origin("app.yaml")), default_namespace="argocd")
        assert parsed.value is not None, parsed.problems
        return parsed.value

    def render(self, *sources: dict[str, Any]) -> Rendered:
        self.renderer.forget()
        return self.renderer.render(self.application(*sources))

    def maps(self, *sources: dict[str, Any]) -> dict[str, dict[str, str]]:
        objects = self.render(*sources).objects
        return {obj["metadata"]["name"]: obj["data"] for obj in objects}

    def chart(self, **more: Any) -> dict[str, Any]:
        return {"repoURL": self.server.url, "chart": "web", "targetRevision": "1.x", **more}

    def git(self, **more: Any) -> dict[str, Any]:
        return {"repoURL": self.repository.url, "targetRevision": "main", **more}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with chart_server() as server:
        made = Scene(tmp_path, server)
        yield made
        made.charts.close()


def test_chart_of_a_repository_is_rendered_and_its_revision_is_its_version(scene: Scene) -> None:
    scene.server.publish("web", "1.2.0")
    rendered = scene.render(scene.chart())
    assert (rendered.revisions, rendered.source_types) == (("1.2.0",), ("Helm",))
    assert [obj["data"]["version"] for obj in rendered.objects] == ["1.2.0"]
    scene.server.publish("web", "1.3.0")
    assert scene.maps(scene.chart()) == {"web": {"version": "1.3.0", "color": "blue"}}


def test_chart_of_a_registry_is_rendered_as_a_chart_and_as_a_whole_url(scene: Scene) -> None:
    digest = scene.server.push("web", "1.2.0")
    chart = scene.chart(repoURL=scene.server.registry)
    assert scene.maps(chart) == {"web": {"version": "1.2.0", "color": "blue"}}
    whole = {"repoURL": f"oci://{scene.server.registry}/web", "targetRevision": "1.2.0"}
    rendered = scene.render({**whole, "path": "."})
    assert rendered.revisions == (digest,)
    assert [obj["data"]["version"] for obj in rendered.objects] == ["1.2.0"]


def test_layer_of_plain_files_is_a_folder_of_manifests(scene: Scene) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: b}\n"
    layer = chart_archive("x", {"app/map.yaml": text, "other/map.yaml": text})
    scene.server.push_layer(
        "team/files", "v1", layer, "application/vnd.oci.image.layer.v1.tar+gzip"
    )
    source = {"repoURL": f"oci://{scene.server.registry}/files", "targetRevision": "v1"}
    assert scene.maps({**source, "path": "app"}) == {"plain": {"a": "b"}}
    with pytest.raises(SourceError, match="does not exist"):
        scene.render({**source, "path": "nowhere"})


def test_values_of_git_stand_beside_a_chart(scene: Scene) -> None:
    scene.server.publish("web", "1.2.0", **{"values-dark.yaml": "color: black\n"})
    scene.repository.commit({"values/production.yaml": "color: green\n"})
    values = scene.git(ref="values")

    def color(*files: str) -> str:
        return scene.maps(scene.chart(helm={"valueFiles": list(files)}), values)["web"]["color"]

    assert color("values-dark.yaml") == "black"
    assert color("values-dark.yaml", "$values/values/production.yaml") == "green"
    starts = scene.programs.starts
    scene.repository.commit({"elsewhere.txt": "x"})
    assert color("values-dark.yaml", "$values/values/production.yaml") == "green"
    assert scene.programs.starts == starts
    scene.repository.commit({"values/production.yaml": "color: red\n"})
    assert color("values-dark.yaml", "$values/values/production.yaml") == "red"


def parent(*dependencies: dict[str, str]) -> dict[str, str]:
    head = {"apiVersion": "v2", "name": "web", "version": "0.1.0"}
    text = yaml.safe_dump({**head, "dependencies": list(dependencies)})
    files = chart_files("web", "0.1.0", **{"Chart.yaml": text})
    return {f"chart/{path}": text for path, text in files.items()}


def test_dependencies_of_a_chart_are_fetched_and_each_repository_is_permitted(
    scene: Scene,
) -> None:
    scene.server.publish("db", "2.1.0")
    scene.server.push("cache", "3.0.0")
    registry = f"oci://{scene.server.registry}"
    scene.repository.commit(
        {
            **parent(
                {"name": "db", "version": "^2", "repository": scene.server.url},
                {"name": "cache", "version": "3.0.0", "repository": registry},
                {"name": "common", "version": "1.0.0", "repository": "file://../common"},
            ),
            **{f"common/{k}": v for k, v in chart_files("common", "1.0.0").items()},
        }
    )
    with pytest.raises(ConfigError, match="does not allow the repository"):
        scene.render(scene.git(path="chart"))
    assert scene.programs.starts == 0
    scene.allowed = [scene.server.url, registry]
    found = scene.maps(scene.git(path="chart"))
    versions = {name: data["version"] for name, data in found.items()}
    assert versions == {"web": "0.1.0", "db": "2.1.0", "cache": "3.0.0", "common": "1.0.0"}
    starts = scene.programs.starts
    scene.render(scene.git(path="chart"))
    assert scene.programs.starts == starts
    scene.server.publish("db", "2.2.0")
    assert scene.maps(scene.git(path="chart"))["db"]["version"] == "2.2.0"


def test_lock_file_says_which_version_of_a_range_it_is(scene: Scene) -> None:
    for version in ("2.1.0", "2.9.0"):
        scene.server.publish("db", version)
    scene.allowed = [scene.server.url]
    wanted = {"name": "db", "version": "^2", "repository": scene.server.url}
    locked = {**wanted, "version": "2.1.0"}
    lock = {"chart/Chart.lock": yaml.safe_dump({"dependencies": [locked]})}
    scene.repository.commit({**parent(wanted), **lock})
    assert scene.maps(scene.git(path="chart"))["db"]["version"] == "2.1.0"
    scene.repository.commit(parent({**wanted, "version": "^3"}))
    with pytest.raises(RenderError, match="does not fit"):
        scene.render(scene.git(path="chart"))


def test_dependency_that_the_chart_holds_is_not_fetched(scene: Scene) -> None:
    wanted = {"name": "db", "version": "1.0.0", "repository": "https://nowhere.invalid/charts"}
    held = {f"chart/charts/db/{k}": v for k, v in chart_files("db", "1.0.0").items()}
    scene.repository.commit({**parent(wanted), **held})
    assert sorted(scene.maps(scene.git(path="chart"))) == ["db", "web"]
    assert scene.asked == []


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        ("@stable", "a name on somebody's machine"),
        ("alias:stable", "a name on somebody's machine"),
        ("file://../../elsewhere", "outside of the repository"),
        ("file://../nothing", "does not exist"),
        ("http://charts.example.com", "https:// and oci:// alone"),
    ],
)
def test_dependency_of_a_place_that_is_not_served_is_refused(
    scene: Scene, repository: str, said: str
) -> None:
    scene.allowed = [repository]
    scene.repository.commit(parent({"name": "db", "version": "1", "repository": repository}))
    with pytest.raises(GitOpsError, match=said):
        scene.render(scene.git(path="chart"))
    assert scene.programs.starts == 0


@pytest.mark.parametrize("links", [{"a": ".", "b": "."}, {"a": "a"}, {"a": "nothing"}])
def test_links_of_a_chart_that_is_copied_fill_no_disk(scene: Scene, links: dict[str, str]) -> None:
    scene.server.publish("db", "1.0.0")
    wanted = {"name": "db", "version": "1.0.0", "repository": scene.server.url}
    scene.allowed = [scene.server.url]
    scene.repository.commit(parent(wanted))
    for name, to in links.items():
        (scene.repository.folder / "chart" / name).symlink_to(to)
    scene.repository.commit()
    with pytest.raises(RenderError, match="link"):
        scene.render(scene.git(path="chart"))
    assert scene.programs.starts == 0


def test_chart_that_makes_values_up_in_a_dependency_is_noticed(scene: Scene) -> None:
    made_up = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\n"
        "data: {a: {{ randAlphaNum 12 | quote }}}\n"
    )
    scene.server.publish("db", "1.0.0", **{"templates/map.yaml": made_up})
    scene.allowed = [scene.server.url]
    wanted = {"name": "db", "version": "1.0.0", "repository": scene.server.url}
    scene.repository.commit(parent(wanted))
    rendered = scene.render(scene.git(path="chart"))
    assert [key.name for key in rendered.unstable] == ["db"]


#: Published versions, for the ranges that Helm and we choose from.
VERSIONS = (
    *("0.0.1", "0.0.2", "0.1.0", "0.1.5", "0.2.0", "1.0.0", "1.0.1", "1.2.0", "1.2.3"),
    *("1.2.4-rc.1", "1.10.0", "2.0.0-alpha.1", "2.0.0-alpha.beta", "2.0.0-rc.1", "2.0.0"),
    *("v2.1.0", "2.2.0+build.5", "3.0.0-beta"),
)
RANGES = (
    *("*", "x", "1", "1.2", "1.2.3", "v1.2.3", "1.x", "1.2.x", "~1", "~1.2", "~1.2.0", "~>1.0"),
    *("^1", "^1.2", "^0.1", "^0.1.0", "^0.0.1", "^0.0", "^0", "~0.0.0", ">1", ">1.2", ">1.2.3"),
    *(">=1", "<1", "<=1", "<=1.2", "<1.2.3", ">=1.0.0, <2.0.0", ">=1.0.0 <2", "1.0.0 - 1.2.3"),
    *("1.0 - 2", "!=2.0.0", "!=2", "!=2.1", "<1 || >=2", "~0.1 || ^1.2", "^2.0.0-0"),
    *(">=2.0.0-alpha", "2.0.0-rc.1", "~2.0.0-rc", ">0.0.0-0", "1.2.4-0 - 1.2.4", "=1.2", "=>1.2"),
    *("9.9.9", ">=4", "abc", "1.2.3.4", "^", "1 2", "!=2.x, <2.1.0", ">=1.2.3,!=1.10.0,<2"),
    *(">2.x", "<=0.x", "^*", "~*", ">*", "<*", "!=*", "2.1.0", "2.2.0", "2.2", "~2.0-rc", "*.*"),
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def helm_repository(tmp_path: Path) -> Iterator[str]:
    """Serve the versions over plain HTTP, which Helm takes and we do not."""
    entries = []
    for number, version in enumerate(VERSIONS):
        file = f"web-{number}.tgz"
        (tmp_path / file).write_bytes(chart_archive("web", chart_files("web", version)))
        entries.append({"apiVersion": "v2", "name": "web", "version": version, "urls": [file]})
    index = {"apiVersion": "v1", "entries": {"web": entries}}
    (tmp_path / "index.yaml").write_text(yaml.safe_dump(index))
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_range_chooses_the_version_that_helm_itself_chooses(
    helm_repository: str, tmp_path: Path
) -> None:
    different = {}
    command: list[str | Path] = [
        tool_path("helm"),
        "show",
        "chart",
        "web",
        "--repo",
        helm_repository,
    ]
    for wanted in RANGES:
        shown = subprocess.run(
            [*command, "--version", wanted],
            env={"HOME": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        helm = yaml.safe_load(shown.stdout)["version"] if shown.returncode == 0 else None
        try:
            ours = best_version(VERSIONS, wanted)
        except SourceError:
            ours = None
        if helm != ours:
            different[wanted] = (helm, ours)
    assert different == {}


def test_charts_and_dependencies_are_fetched_anew_once_after_it_was_asked_for(
    scene: Scene,
) -> None:
    def publish(color: str) -> None:
        scene.server.entries.clear()
        scene.server.publish("web", "1.0.0", **{"values.yaml": f"color: {color}\n"})
        scene.server.publish("part", "1.0.0", **{"values.yaml": f"color: {color}\n"})

    publish("blue")
    scene.allowed.append(scene.server.url)
    needs = {"name": "part", "version": "1.0.0", "repository": scene.server.url}
    head = {"apiVersion": "v2", "name": "outer", "version": "1.0.0", "dependencies": [needs]}
    scene.repository.commit({"app/Chart.yaml": yaml.safe_dump(head)})
    sources = (scene.chart(targetRevision="1.0.0"), scene.git(path="app"))
    colors = {"web": "blue", "part": "blue"}
    assert {name: data["color"] for name, data in scene.maps(*sources).items()} == colors
    publish("pink")
    assert {name: data["color"] for name, data in scene.maps(*sources).items()} == colors
    scene.renderer.refetch(scene.application(*sources))
    found = {name: data["color"] for name, data in scene.maps(*sources).items()}
    assert found == {"web": "pink", "part": "pink"}
    asked = scene.server.count(".tgz")
    assert {name: data["color"] for name, data in scene.maps(*sources).items()} == found
    assert scene.server.count(".tgz") == asked
