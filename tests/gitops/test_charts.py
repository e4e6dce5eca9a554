"""Charts of Helm repositories and registries: versions, logins, digests, how often who is asked."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from providers.base import SecretBytes
from secretsync.gitops.errors import (
    SourceError,
    SourceForbidden,
    SourceUnavailable,
)
from secretsync.gitops.sources import charts
from secretsync.gitops.sources.charts import ChartRef
from secretsync.gitops.sources.repo_credentials import RepoCredentials, RepoSecrets
from tests.gitops.chart_kit import CANARY, Refs, Scene, both, each_kind
from tests.support.chart_server import chart_archive, chart_files, chart_server
from tests.support.kube_certs import CertificateAuthority
from tests.support.web import Answer, Reply, Request


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with chart_server() as server:
        made = Scene(tmp_path, server)
        yield made
        made.close()


@each_kind
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("", "2.0.0"), ("HEAD", "2.0.0"), ("1.x", "1.10.0"), ("~1.2", "1.2.5"), (">1, <2", "1.10.0")],
)
def test_range_is_the_highest_version_that_fits(
    scene: Scene, kind: Refs, wanted: str, expected: str
) -> None:
    for version in ("1.2.0", "1.2.5", "1.10.0", "2.0.0", "3.0.0-rc.1"):
        both(scene, version)
    if wanted == ">1, <2":
        wanted, expected = ">=1.3.0, <2.0.0", "1.10.0"
    assert scene.charts.resolve(kind(scene), wanted) == expected


@each_kind
def test_chart_is_unpacked_without_its_folder_and_fetched_once(scene: Scene, kind: Refs) -> None:
    both(scene, "1.2.3+build.4")
    expected = chart_files("web", "1.2.3+build.4")
    assert scene.read(kind(scene), "1.2.3+build.4") == expected
    asked = len(scene.server.web.requests)
    scene.charts = scene.opened()  # The process was started anew.
    assert scene.charts.resolve(kind(scene), "1.2.3+build.4") == "1.2.3+build.4"
    assert scene.read(kind(scene), "1.2.3+build.4") == expected
    assert len(scene.server.web.requests) == asked


@each_kind
def test_login_of_a_repository_secret_is_sent_and_shown_nowhere(scene: Scene, kind: Refs) -> None:
    both(scene, "1.0.0")
    ref = kind(scene)
    scene.login(ref.url)
    assert scene.charts.resolve(ref, "1.x") == "1.0.0"
    assert "Chart.yaml" in scene.read(ref, "1.0.0")
    held = [file for file in scene.folder.rglob("*") if file.is_file()]
    assert not any(CANARY.encode() in file.read_bytes() for file in held)
    assert not any(CANARY in request.path for request in scene.server.web.requests)


@each_kind
def test_login_that_is_refused_says_so_and_shows_nothing_of_it(scene: Scene, kind: Refs) -> None:
    both(scene, "1.0.0")
    ref = kind(scene)
    scene.login(ref.url)
    scene.server.login = "reader:another"
    for call in (lambda: scene.charts.resolve(ref, "*"), lambda: scene.read(ref, "1.0.0")):
        with pytest.raises(SourceForbidden, match="refuses the login") as caught:
            call()
        assert CANARY not in f"{caught.value.message}{caught.value.remedy}"


@each_kind
def test_chart_of_one_projects_login_is_no_other_projects(scene: Scene, kind: Refs) -> None:
    both(scene, "1.0.0")
    ref = kind(scene)
    scene.login(ref.url, project="team")
    assert "Chart.yaml" in scene.read(ref, "1.0.0", "team")
    with pytest.raises(SourceForbidden):
        scene.read(ref, "1.0.0", "other")
    with pytest.raises(SourceForbidden):
        scene.charts.resolve(ref, "*", project="other")


@each_kind
def test_range_is_looked_up_once_a_round(scene: Scene, kind: Refs) -> None:
    both(scene, "1.0.0")
    for _ in range(5):
        scene.charts.resolve(kind(scene), "1.x")
    asked = len(scene.server.web.requests)
    assert asked == 1
    scene.charts.forget()
    both(scene, "1.1.0")
    assert scene.charts.resolve(kind(scene), "1.x") == "1.1.0"


def test_index_that_has_not_changed_is_not_sent_again(scene: Scene) -> None:
    both(scene, "1.0.0")
    scene.charts.resolve(scene.http, "*")
    scene.charts.forget()
    assert scene.charts.resolve(scene.http, "*") == "1.0.0"
    first, second = scene.server.web.requests
    assert "if-none-match" not in first.headers
    assert second.headers["if-none-match"]


def test_index_that_cannot_be_compared_is_asked_for_every_three_minutes(scene: Scene) -> None:
    scene.server.etags = False
    both(scene, "1.0.0")
    for now_s, asked in ((0.0, 1), (170.0, 1), (190.0, 2)):
        scene.now_s = now_s
        scene.charts.forget()
        scene.charts.resolve(scene.http, "*")
        assert scene.server.count("index.yaml") == asked


def test_archive_that_is_not_what_the_index_says_is_refused(scene: Scene) -> None:
    both(scene, "1.0.0")
    scene.server.files["web-1.0.0.tgz"] = chart_archive("web", chart_files("web", "6.6.6"))
    with pytest.raises(SourceError, match="digest is another"):
        scene.read(scene.http, "1.0.0")
    assert not (scene.folder / "cache").exists()


def test_layer_that_is_not_what_its_digest_says_is_refused(scene: Scene) -> None:
    both(scene, "1.0.0")
    for digest, content in list(scene.server.blobs.items()):
        if content.startswith(b"\x1f\x8b"):
            scene.server.blobs[digest] = content + b"x"
    with pytest.raises(SourceError, match="not what its digest says"):
        scene.read(scene.oci, "1.0.0")


def test_tag_of_a_whole_url_is_the_digest_that_it_names_now(scene: Scene) -> None:
    digest = scene.server.push("web", "1.0.0")
    ref = ChartRef(f"oci://{scene.server.registry}/web", "")
    assert scene.charts.resolve(ref, "1.0.0") == digest
    assert scene.read(ref, digest) == chart_files("web", "1.0.0")
    moved = scene.server.push("web", "1.0.0", **{"values.yaml": "color: red\n"})
    scene.charts.forget()
    assert scene.charts.resolve(ref, "1.0.0") == moved != digest


def test_login_is_not_sent_to_another_host_unless_asked(scene: Scene, tmp_path: Path) -> None:
    authority = CertificateAuthority()
    with chart_server(authority) as here, chart_server(authority) as there:
        there.publish("web", "1.0.0")
        entry = {**there.entries["web"][0], "urls": [f"{there.url}/web-1.0.0.tgz"]}
        here.entries["web"] = [entry]
        scene.server = here
        scene.charts = scene.opened()
        scene.login(here.url)
        assert "Chart.yaml" in scene.read(ChartRef(here.url, "web"), "1.0.0")
        assert "authorization" not in there.web.requests[-1].headers
        passing = ChartRef(here.url, "web", pass_credentials=True)
        scene.folder = tmp_path / "anew"
        scene.charts = scene.opened()
        assert "Chart.yaml" in scene.read(passing, "1.0.0")
        assert there.web.requests[-1].headers["authorization"].startswith("Basic ")
        scene.close()


def test_index_reads_no_archive_by_the_login_of_another_repository(scene: Scene) -> None:
    authority = CertificateAuthority()
    with chart_server(authority) as here, chart_server(authority) as there:
        there.publish("web", "1.0.0")
        here.entries["web"] = [
            {**there.entries["web"][0], "urls": [f"{there.url}/web-1.0.0.tgz"]},
        ]
        scene.server = here
        scene.charts = scene.opened()
        login = RepoCredentials(username="reader", password=SecretBytes(CANARY.encode()))
        scene.logins.known[there.url] = login
        assert "Chart.yaml" in scene.read(ChartRef(here.url, "web"), "1.0.0")
        assert "authorization" not in there.web.requests[-1].headers
        scene.close()


def test_login_does_not_follow_a_redirect_to_another_host(scene: Scene) -> None:
    authority = CertificateAuthority()
    with chart_server(authority) as here, chart_server(authority) as there:
        there.publish("web", "1.0.0")
        here.paths["/charts/index.yaml"] = Reply(302, {"Location": f"{there.url}/index.yaml"}, b"")
        scene.server = here
        scene.charts = scene.opened()
        scene.login(here.url)
        assert scene.charts.resolve(ChartRef(here.url, "web"), "*") == "1.0.0"
        assert "authorization" not in there.web.requests[-1].headers
        scene.close()


def test_secret_of_a_registry_is_found_with_and_without_its_scheme() -> None:
    encoded = {
        key: base64.b64encode(value.encode()).decode()
        for key, value in {
            "url": "registry.example.com/team",
            "enableOCI": "true",
            "type": "helm",
            "username": "reader",
            "password": "x",
        }.items()
    }
    label = {"argocd.argoproj.io/secret-type": "repo-creds"}
    found = RepoSecrets([{"metadata": {"labels": label}, "data": encoded}])
    for url in ("registry.example.com/team/web", "oci://registry.example.com/team/web"):
        assert (found.find(url).username, found.find(url).oci) == ("reader", True)


def publish(scene: Scene, color: str) -> None:
    """Publish one version, anew where it is there."""
    scene.server.entries.clear()
    for put in (scene.server.publish, scene.server.push):
        put("web", "1.0.0", **{"values.yaml": f"color: {color}\n"})


def color_anew(scene: Scene, ref: ChartRef) -> str:
    with scene.charts.laid_out(ref, "1.0.0", anew=True) as (_, root):
        return (root / "values.yaml").read_text()


@each_kind
def test_version_that_was_published_anew_is_fetched_where_somebody_asks_for_it_anew(
    scene: Scene, kind: Refs
) -> None:
    publish(scene, "blue")
    ref = kind(scene)
    assert scene.read(ref, "1.0.0")["values.yaml"] == "color: blue\n"
    publish(scene, "pink")
    assert scene.read(ref, "1.0.0")["values.yaml"] == "color: blue\n"
    scene.charts.forget()
    assert color_anew(scene, ref) == "color: pink\n"
    scene.charts = scene.opened()  # The process was started anew.
    assert scene.read(ref, "1.0.0")["values.yaml"] == "color: pink\n"


@each_kind
def test_version_that_cannot_be_fetched_anew_stays_as_it_was(scene: Scene, kind: Refs) -> None:
    publish(scene, "blue")
    ref = kind(scene)
    scene.read(ref, "1.0.0")
    scene.server.login = "reader:another"
    with pytest.raises(SourceForbidden, match="refuses the login"):
        color_anew(scene, ref)
    assert scene.read(ref, "1.0.0")["values.yaml"] == "color: blue\n"


def test_version_that_somebody_reads_is_replaced_after(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "_UNUSED_WITHIN_S", 0.0)
    publish(scene, "blue")
    with scene.charts.laid_out(scene.http, "1.0.0") as (_, root):
        publish(scene, "pink")
        with pytest.raises(SourceUnavailable, match="in use"):
            color_anew(scene, scene.http)
        assert (root / "values.yaml").read_text() == "color: blue\n"
    assert color_anew(scene, scene.http) == "color: pink\n"


def test_pages_of_one_charts_tags_hold_up_nobody_who_asks_for_another(scene: Scene) -> None:
    scene.server.push("web", "1.0.0")
    scene.server.push("api", "1.0.0")
    let_go, begun, before = threading.Event(), threading.Event(), scene.server.web.handler

    def answer(request: Request) -> Answer:
        if "team/web/tags" in request.path:
            begun.set()
            assert let_go.wait(60)
        return before(request)

    scene.server.web.handler = answer
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(scene.charts.resolve, scene.oci, "1.x")
        try:
            assert begun.wait(60)
            other = ChartRef(scene.server.registry, "api")
            assert scene.charts.resolve(other, "1.x") == "1.0.0"
            assert scene.read(other, "1.0.0")
            assert scene.read(scene.oci, "1.0.0")
        finally:
            let_go.set()
        assert slow.result(60) == "1.0.0"
