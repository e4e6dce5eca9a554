"""Files of Git LFS: fetched where the repository's Secret asks for them, from a real server."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.errors import SecretSyncError
from secretsync.gitops.errors import RenderError, SourceError, SourceForbidden, SourceUnavailable
from secretsync.gitops.sources import lfs, lfs_objects, whole_files
from secretsync.gitops.sources.repo_credentials import RepoCredentials
from tests.gitops.submodule_kit import CANARY, MAP, Scene, add, head
from tests.support.git_server import GitServer, git_server
from tests.support.kube_certs import CertificateAuthority
from tests.support.web import Reply, Request, WebServer

LARGE = MAP % ("large", "x" * 2000)


class LfsServer:
    """Git and Git LFS behind one login.

    Args:
        git: serves the repositories.
    """

    def __init__(self, git: GitServer) -> None:
        self.git = git
        self.objects: dict[str, bytes] = {}
        #: Where files are, of another server.
        self.elsewhere = ""
        self.header: dict[str, str] = {}
        self.asked: list[str] = []
        git.web.handler = self.answer
        git.watched = False

    def pointer(self, text: str) -> str:
        """Keep a file, and return what stands for it in Git."""
        oid = hashlib.sha256(text.encode()).hexdigest()
        self.objects[oid] = text.encode()
        size = len(text.encode())
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"

    def answer(self, request: Request) -> Reply:
        if "/lfs/" not in request.path:
            return self.git.answer(request)
        if self.git.expected and request.headers.get("authorization") != self.git.expected:
            return Reply(401, {}, b"")
        self.asked.append(request.path)
        if not request.path.endswith("/shop/.git/info/lfs/objects/batch"):
            return self.file(request)
        base = self.elsewhere or self.git.web.url
        found = []
        for each in json.loads(request.body)["objects"]:
            download = {"href": f"{base}/lfs/{each['oid']}?sig=1", "header": self.header}
            known = each["oid"] in self.objects
            found.append({**each, **({"actions": {"download": download}} if known else {})})
        body = json.dumps({"transfer": "basic", "objects": found})
        return Reply(200, {"Content-Type": "application/vnd.git-lfs+json"}, body.encode())

    def file(self, request: Request) -> Reply:
        oid = request.path.rpartition("/")[2].partition("?")[0]
        return Reply(200, {}, self.objects[oid])


class Shop:
    """A repository with a file in Git LFS, and its server."""

    def __init__(self, folder: Path, server: GitServer) -> None:
        ca = folder / "ca.crt"
        ca.write_bytes(server.web.ca_pem)
        self.lfs = LfsServer(server)
        self.scene = Scene(folder, server.web.url, ca)
        self.trust("127.0.0.1", server.web.ca_pem)
        pointer = self.lfs.pointer(LARGE)
        self.scene.shop.commit({"app/own.yaml": MAP % ("own", 1), "app/large.yaml": pointer})

    def trust(self, host: str, pem: bytes) -> None:
        metadata = {"name": "argocd-tls-certs-cm", "namespace": "argocd"}
        trusted: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        trusted["data"] = {host: pem.decode()}
        self.scene.cluster.apply(KINDS["ConfigMap"], trusted, field_manager="test")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    (tmp_path / "served").mkdir()
    with git_server(tmp_path / "served") as server:
        made = Shop(tmp_path, server)
        yield made
        made.scene.close()


def ask_for(shop: Shop, **data: str) -> None:
    shop.scene.ask_for(**{"enableLfs": "true", "enableSubmodules": "false", **data})


def test_file_of_git_lfs_is_fetched_only_where_the_repository_secret_asks_for_it(
    shop: Shop,
) -> None:
    with pytest.raises(RenderError, match=r"app/large\.yaml is kept by Git LFS") as caught:
        shop.scene.maps()
    assert 'enableLfs: "true"' in caught.value.remedy
    assert shop.lfs.asked == []
    ask_for(shop)
    assert shop.scene.maps() == {"own": "1", "large": "x" * 2000}
    asked = len(shop.lfs.asked)
    assert shop.scene.maps()["own"] == "1"
    assert len(shop.lfs.asked) == asked  # What is laid out is asked for no more.
    ask_for(shop, enableLfs="false")
    with pytest.raises(RenderError, match="is kept by Git LFS"):
        shop.scene.maps()


def test_login_of_the_repository_is_that_of_its_files(shop: Shop) -> None:
    shop.lfs.git.basic("git", CANARY)
    ask_for(shop, password=CANARY)
    assert shop.scene.maps()["large"] == "x" * 2000


def test_login_does_not_go_where_the_server_says_that_files_are(shop: Shop) -> None:
    shop.lfs.git.basic("reader", CANARY)
    ask_for(shop, username="reader", password=CANARY)
    authority = CertificateAuthority()
    with contextlib.closing(WebServer(shop.lfs.file, authority=authority)) as there:
        shop.trust("127.0.0.1", shop.lfs.git.web.ca_pem + there.ca_pem)
        shop.lfs.elsewhere, shop.lfs.header = there.url, {"X-Signed": "yes"}
        assert shop.scene.maps()["large"] == "x" * 2000
        assert [each.headers.get("x-signed") for each in there.requests] == ["yes"]
        assert not any("authorization" in each.headers for each in there.requests)
        shop.scene.charts.close()


def test_file_that_is_not_what_its_pointer_says_is_not_used(shop: Shop) -> None:
    ask_for(shop)
    (oid,) = shop.lfs.objects
    shop.lfs.objects[oid] = LARGE.replace("x", "y").encode()
    with pytest.raises(SourceError, match="is not what its pointer says"):
        shop.scene.maps()
    del shop.lfs.objects[oid]
    with pytest.raises(SourceError, match="the server has no file"):
        shop.scene.maps()
    shop.lfs.objects[oid] = LARGE.encode()
    assert shop.scene.maps()["large"] == "x" * 2000


def test_file_of_git_lfs_is_for_those_alone_whose_login_got_it(shop: Shop) -> None:
    shop.lfs.git.basic("reader", CANARY)
    ask_for(shop, username="reader", password=CANARY)
    assert shop.scene.maps()["large"] == "x" * 2000
    # Whoever may read Git can commit a pointer that he saw: the same files, another repository.
    thief = shop.scene.repository("thief")
    thief.git("fetch", "--quiet", str(shop.scene.shop.folder), "main")
    thief.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    shop.scene.ask_for("thief", enableLfs="true", username="reader", password=CANARY)
    before = shop.lfs.answer

    def answer(request: Request) -> Reply:
        return Reply(404, {}, b"") if "/thief/.git/info/lfs" in request.path else before(request)

    shop.lfs.git.web.handler = answer
    with pytest.raises(SecretSyncError, match="Git LFS of "):
        shop.scene.maps(repoURL=shop.scene.url("thief"))


def test_login_of_another_project_or_repository_is_another_access() -> None:
    url, ours = "https://example.com/shop", RepoCredentials(project="ours")
    assert lfs.access_of(url, ours) == lfs.access_of(f"{url}.git", ours)
    others = [lfs.access_of(url, RepoCredentials()), lfs.access_of(f"{url}2", ours)]
    others.append(lfs.access_of(url, RepoCredentials(project="theirs")))
    assert len({lfs.access_of(url, ours), *others}) == 4


def test_files_that_were_fetched_before_the_time_was_up_are_not_asked_for_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {f"app/{name}.yaml": shop.lfs.pointer(MAP % (name, 1)) for name in "abc"}
    shop.scene.shop.commit(more)
    ask_for(shop)
    with monkeypatch.context() as patched:
        patched.setattr(whole_files, "MAX_FETCH_S", -1.0)
        for _ in range(4):
            with pytest.raises(SourceUnavailable, match="were not fetched in"):
                shop.scene.maps()
        assert shop.scene.maps() == {"own": "1", "large": "x" * 2000, **dict.fromkeys("abc", "1")}
    files = [path for path in shop.lfs.asked if not path.endswith("/batch")]
    assert sorted(path.partition("?")[0] for path in files) == sorted(
        f"/lfs/{oid}" for oid in shop.lfs.objects
    )


def test_file_that_is_spoilt_on_disk_is_fetched_anew(shop: Shop) -> None:
    ask_for(shop)
    shop.scene.maps()
    (kept,) = (each for each in shop.scene.repositories.cache_dir.glob("lfs/*/*"))
    kept.unlink()
    kept.write_text(LARGE.replace("x", "y"))
    shop.scene.shop.commit({"app/own.yaml": MAP % ("own", 2)})
    assert shop.scene.maps() == {"own": "2", "large": "x" * 2000}


def test_files_on_disk_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lfs_objects, "MAX_OBJECTS_BYTES", 3 * len(LARGE))
    ask_for(shop)
    for letter in "abcde":
        text = MAP % ("large", letter * 2000)
        shop.scene.shop.commit({"app/large.yaml": shop.lfs.pointer(text)})
        assert shop.scene.maps()["large"] == letter * 2000
    assert len(list(shop.scene.repositories.cache_dir.glob("lfs/*/*"))) == 3


@pytest.mark.parametrize(
    ("module", "limit"), [(lfs, "MAX_OBJECT_BYTES"), (whole_files, "MAX_TREE_BYTES")]
)
def test_files_that_are_too_large_are_not_asked_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, module: Any, limit: str
) -> None:
    ask_for(shop)
    monkeypatch.setattr(module, limit, 1500)
    with pytest.raises(SourceError, match="larger than"):
        shop.scene.maps()
    assert shop.lfs.asked == []


@pytest.mark.parametrize(
    "reply",
    [Reply(200, {}, b"[]"), Reply(200, {}, b"{"), Reply(404, {}, b""), Reply(500, {}, b"")],
)
def test_server_without_git_lfs_is_an_error_that_says_so(shop: Shop, reply: Reply) -> None:
    ask_for(shop)
    before = shop.lfs.answer

    def answer(request: Request) -> Reply:
        return reply if "/lfs/" in request.path else before(request)

    shop.lfs.git.web.handler = answer
    with pytest.raises(SecretSyncError, match="Git LFS of "):
        shop.scene.maps()


def test_files_are_fetched_over_https_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    oid = hashlib.sha256(b"").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 1\n"
    scene.shop.commit({"app/large.yaml": pointer})
    scene.ask_for(enableLfs="true")
    with pytest.raises(SourceForbidden, match="over https:// alone"):
        scene.maps()
    scene.close()


def test_file_of_git_lfs_in_a_submodule_is_asked_of_the_submodules_server(shop: Shop) -> None:
    outer = shop.scene.repository("outer", "outer")
    add(outer, "lib", "../../shop/.git", head(shop.scene.shop))
    ask_for(shop)
    shop.scene.ask_for("outer")
    found = shop.scene.maps("lib/app", repoURL=shop.scene.url("outer"))
    assert found == {"own": "1", "large": "x" * 2000}
