"""Servers of charts that fail, answer too much or nothing good, and places nobody may ask."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from secretsync.gitops.errors import (
    GitOpsError,
    SourceError,
    SourceUnavailable,
)
from secretsync.gitops.sources import chart_downloads, chart_repositories
from secretsync.gitops.sources.charts import ChartRef
from tests.gitops.chart_kit import Refs, Scene, both, each_kind
from tests.support.chart_server import chart_server
from tests.support.web import Reply


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with chart_server() as server:
        made = Scene(tmp_path, server)
        yield made
        made.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1/charts", "https:// and oci:// alone"),
        ("file:///etc", "https:// and oci:// alone"),
        ("oci://127.0.0.1/UPPER", "no name in a registry"),
        ("oci://127.0.0.1/../x", "taken for another"),
        ("https://169.254.169.254/charts", "may not reach"),
        ("https://user:pass@127.0.0.1/charts", "user name"),
        ("https://127.0.0.1?@good.example.com/charts", "taken for another"),
        ("oci://127.0.0.1#@good.example.com/charts", "taken for another"),
        ("https://127.0.0.1/charts/%2e%2e/others", "taken for another"),
    ],
)
def test_place_that_may_not_be_asked_is_refused(scene: Scene, url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        scene.charts.resolve(ChartRef(url, "web"), "*")


@each_kind
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(500), SourceUnavailable),
        (Reply(503), SourceUnavailable),
        (Reply(404), SourceError),
        (Reply(drop=True), SourceUnavailable),
        (Reply(200, {}, b"<html>sign in</html>"), SourceError),
        (Reply(200, {}, b"x" * 4096, sent_bytes=10), SourceUnavailable),
    ],
    ids=["500", "503", "404", "dropped", "html", "half"],
)
def test_server_that_fails_says_so_and_heals_in_the_next_round(
    scene: Scene, kind: Refs, answer: Reply, error: type[GitOpsError]
) -> None:
    both(scene, "1.0.0")
    paths = ("/charts/index.yaml", "/v2/team/web/tags/list")
    scene.server.paths |= dict.fromkeys(paths, answer)
    with pytest.raises(error):
        scene.charts.resolve(kind(scene), "*")
    scene.server.paths.clear()
    scene.charts.forget()
    assert scene.charts.resolve(kind(scene), "*") == "1.0.0"


@each_kind
def test_chart_and_version_that_do_not_exist_are_named(scene: Scene, kind: Refs) -> None:
    both(scene, "1.0.0")
    with pytest.raises(SourceError, match=r"no version '\^9'"):
        scene.charts.resolve(kind(scene), "^9")
    with pytest.raises(SourceError):
        scene.read(kind(scene), "9.9.9")
    with pytest.raises(SourceError):
        scene.charts.resolve(ChartRef(kind(scene).url, "nothing"), "*")
    with pytest.raises(SourceError, match="no range of versions"):
        scene.charts.resolve(kind(scene), "newest")


def bomb(merge: bool) -> str:
    """Return an index whose version is larger than any memory."""
    levels = ["a0: &a0 {k: [x, x, x, x, x, x, x, x, x]}"]
    for n in range(40):
        inner = f"{{<<: [*a{n}, *a{n}]}}" if merge else f"{{k: [*a{n}, *a{n}, *a{n}]}}"
        levels.append(f"a{n + 1}: &a{n + 1} {inner}")
    entries = "entries: {web: [{name: web, version: *a40, urls: [x.tgz]}]}"
    return "\n".join([*levels, entries])


@pytest.mark.parametrize(
    "text",
    [
        bomb(merge=True),
        bomb(merge=False),
        "entries: [",
        "entries: {web: 1}",
        "[" * 500_000,
        "- " * 100_000,
        "\x00",
    ],
    ids=["merge", "alias", "half", "number", "deep", "deep in blocks", "zero"],
)
def test_index_that_is_none_is_an_error_and_costs_nothing(scene: Scene, text: str) -> None:
    scene.server.paths["/charts/index.yaml"] = Reply(200, {}, text.encode())
    with pytest.raises(SourceError):
        scene.charts.resolve(scene.http, "*")


@pytest.mark.parametrize("limit", ["MAX_INDEX_BYTES", "MAX_ARCHIVE_BYTES"])
def test_answer_that_is_too_large_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    both(scene, "1.0.0")
    monkeypatch.setattr(chart_repositories, limit, 64)
    with pytest.raises(SourceError, match="more than 64 bytes"):
        scene.read(scene.http, "1.0.0")
    assert not (scene.folder / "cache").exists()


def test_server_that_drips_is_left_after_the_deadline(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart_downloads, "DEADLINE_S", 3.0)
    scene.charts = scene.opened()
    scene.server.web.handler = lambda _: drip
    with pytest.raises(SourceUnavailable, match="within 3 s"):
        scene.charts.resolve(scene.http, "*")


def drip(connection: socket.socket, closing: threading.Event) -> None:
    """Send a byte now and then, without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not closing.wait(0.1):
        connection.sendall(b"x")
