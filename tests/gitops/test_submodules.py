"""Submodules: fetched where the repository's Secret asks for them, under the project's rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from secretsync.errors import ConfigError, SecretSyncError
from secretsync.gitops.errors import SourceError, SourceForbidden, SourceUnavailable
from secretsync.gitops.sources import whole_files
from secretsync.gitops.sources.git_program import GIT_LIMITS
from secretsync.gitops.sources.git_tree import GitTree, TreeEntry
from secretsync.gitops.sources.submodules import submodules_of
from tests.gitops.submodule_kit import CANARY, MAP, Scene, add, head
from tests.support.git_server import git_server


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    made.shop.commit({"app/own.yaml": MAP % ("own", 1)})
    yield made
    made.close()


def test_submodule_is_fetched_only_where_the_repository_secret_asks_for_it(scene: Scene) -> None:
    part = scene.repository("part", "there")
    add(scene.shop, "app/part", scene.url("part"), head(part))
    everything: dict[str, Any] = {"directory": {"recurse": True}}
    assert scene.maps(**everything) == {"own": "1"}
    with pytest.raises(SourceError, match="submodules are not fetched") as caught:
        scene.maps("app/part/app")
    assert 'enableSubmodules: "true"' in caught.value.remedy
    assert scene.permitted == []
    scene.ask_for()
    # The same folder of the same commit, which was rendered without it before.
    assert scene.maps(**everything) == {"own": "1", "there": "1"}
    assert scene.maps("app/part/app") == {"there": "1"}
    assert set(scene.permitted) == {scene.url("part")}
    assert set(scene.verified) == {head(part)}


def test_submodule_is_at_the_commit_that_is_written_and_asked_for_no_more(scene: Scene) -> None:
    part = scene.repository("part", "there")
    add(scene.shop, "lib", scene.url("part"), head(part))
    scene.ask_for()
    part.commit({"app/there.yaml": MAP % ("there", 2)})
    assert scene.maps("lib/app") == {"there": "1"}
    calls = scene.git.calls
    assert scene.maps("lib/app") == {"there": "1"}
    assert scene.git.calls == calls + 1  # One ls-remote of the repository itself.
    scene.shop.git("update-index", "--cacheinfo", f"160000,{head(part)},lib")
    scene.shop.git("commit", "--quiet", "--message", "newer")
    assert scene.maps("lib/app") == {"there": "2"}


def test_relative_submodules_in_submodules_are_beside_their_own_repository(scene: Scene) -> None:
    deep = scene.repository("deep", "deep")
    part = scene.repository("part", "part")
    add(part, "inner", "../../deep/.git", head(deep))
    add(scene.shop, "lib/part", "../../part/.git", head(part))
    scene.ask_for()
    assert scene.maps("lib/part", directory={"recurse": True}) == {"deep": "1", "part": "1"}
    assert scene.permitted[:2] == [scene.url("part"), scene.url("deep")]


def test_submodule_that_the_project_does_not_give_is_not_fetched(scene: Scene) -> None:
    part = scene.repository("part", "there")
    add(scene.shop, "lib", scene.url("part"), head(part))
    scene.ask_for()
    scene.denied.add(scene.url("part"))
    with pytest.raises(ConfigError, match="does not allow the repository"):
        scene.maps()
    assert scene.git.verbs["fetch"] == 1
    scene.denied.clear()
    assert scene.maps("lib/app") == {"there": "1"}
    scene.denied.add(scene.url("part"))
    with pytest.raises(ConfigError, match="does not allow the repository"):
        scene.maps("lib/app")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ext::sh -c id", "is no repository"),
        ("git://example.com/x", "are not served"),
        ("http://example.com/x", "are not served"),
        ("/etc", "is no repository"),
        ("https://reader:" + CANARY + "@example.com/x", "holds a password"),
        ("https://example.com/team/../x", "could be taken for"),
        ("../" * 30 + "x", "leads out of the server"),
        ("../nowhere", "no such repository"),
    ],
)
def test_submodule_at_a_url_that_is_not_served_is_named(scene: Scene, url: str, said: str) -> None:
    add(scene.shop, "lib", url, head(scene.shop))
    scene.ask_for()
    with pytest.raises(SecretSyncError, match=said) as caught:
        scene.maps()
    assert "submodule lib" in caught.value.message
    assert CANARY not in caught.value.sentence


def test_submodule_without_a_url_and_one_whose_commit_is_gone_are_named(scene: Scene) -> None:
    part = scene.repository("part", "there")
    scene.ask_for()
    scene.shop.git("update-index", "--add", "--cacheinfo", f"160000,{head(part)},lib")
    scene.shop.put({".gitmodules": "# nothing\n"})
    scene.shop.git("add", ".gitmodules")
    scene.shop.git("commit", "--quiet", "--message", "submodule")
    with pytest.raises(SourceError, match=r"lib has no url in \.gitmodules"):
        scene.maps()
    add(scene.shop, "lib", scene.url("part"), "ab" * 20)
    with pytest.raises(SourceError, match=r"submodule lib \(.*no such revision"):
        scene.maps()


@pytest.mark.parametrize("limit", ["MAX_SUBMODULES", "MAX_DEPTH", "MAX_TREE_BYTES"])
def test_submodules_are_bounded_in_number_depth_and_size(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    deep = scene.repository("deep", "deep")
    part = scene.repository("part", "part")
    add(part, "inner", scene.url("deep"), head(deep))
    add(scene.shop, "lib", scene.url("part"), head(part))
    scene.ask_for()
    bytes_of_shop = sum(len(each.read_bytes()) for each in scene.shop.folder.glob("app/*"))
    small = bytes_of_shop + 200 if limit == "MAX_TREE_BYTES" else 1
    monkeypatch.setattr(whole_files, limit, small)
    with pytest.raises(SourceError, match=r"one too many|larger than"):
        scene.maps()


def test_submodules_that_take_too_long_are_put_off(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = scene.repository("part", "there")
    add(scene.shop, "lib", scene.url("part"), head(part))
    scene.ask_for()
    with monkeypatch.context() as patched:
        patched.setattr(whole_files, "MAX_FETCH_S", -1.0)
        with pytest.raises(SourceUnavailable, match="were not fetched in"):
            scene.maps()
    assert scene.maps("lib/app") == {"there": "1"}


def test_submodules_that_git_has_no_time_to_list_are_put_off(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = scene.repository("part", "there")
    add(scene.shop, "lib", scene.url("part"), head(part))
    scene.ask_for()
    run = scene.git.run

    def hurried(arguments: Sequence[str], **given: Any) -> bytes:
        if arguments[0] == "config":
            given["limits"] = dataclasses.replace(GIT_LIMITS, time_s=-1.0)
        return run(arguments, **given)

    with monkeypatch.context() as patched:
        patched.setattr(scene.git, "run", hurried)
        with pytest.raises(SourceUnavailable, match=r"\.gitmodules of .*git config was not done"):
            scene.maps("lib/app")
    assert scene.maps("lib/app") == {"there": "1"}


@pytest.mark.parametrize(
    ("text", "said"), [("[submodule", "no configuration file"), (None, "there is no such file")]
)
def test_list_of_submodules_that_cannot_be_read_is_the_repositorys_fault(
    scene: Scene, text: str | None, said: str
) -> None:
    scene.ask_for()
    scene.shop.git("update-index", "--add", "--cacheinfo", f"160000,{head(scene.shop)},lib")
    if text is not None:
        scene.shop.put({".gitmodules": text})
        scene.shop.git("add", ".gitmodules")
    scene.shop.git("commit", "--quiet", "--message", "submodule")
    with pytest.raises(SourceError, match=rf"\.gitmodules of .*{said}"):
        scene.maps()


def test_submodule_over_https_logs_in_by_its_own_secret(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    with git_server(tmp_path / "served") as server:
        ca = tmp_path / "ca.crt"
        ca.write_bytes(server.web.ca_pem)
        server.basic("reader", CANARY)
        scene = Scene(tmp_path, server.web.url, ca)
        part = scene.repository("part", "there")
        add(scene.shop, "lib", "../../part/.git", head(part))
        scene.ask_for(username="reader", password=CANARY)
        with pytest.raises(SourceForbidden, match=r"submodule lib \(.*refuses the login"):
            scene.maps("lib/app")
        scene.ask_for("part", username="reader", password=CANARY)
        assert scene.maps("lib/app") == {"there": "1"}
        assert not any(CANARY.encode() in line for line in server.command_lines)
        scene.close()


def test_submodule_of_this_machine_is_for_repositories_of_this_machine() -> None:
    tree = GitTree("c" * 40, {"lib": TreeEntry("160000", "a" * 40, 0)})
    listed = b"submodule.x.path\nlib\0submodule.x.url\nfile:///srv/private\0"
    with pytest.raises(SourceForbidden, match="is on this machine"):
        submodules_of("https://example.com/org/shop", tree, listed)
    assert submodules_of("file:///srv/shop", tree, listed)[0].url == "file:///srv/private"


@pytest.mark.parametrize(
    ("parent", "url", "expected"),
    [
        ("https://example.com/org/shop.git", "../lib.git", "https://example.com/org/lib.git"),
        ("https://example.com/org/shop", "../../other/lib", "https://example.com/other/lib"),
        ("https://example.com/org/shop/", "./lib", "https://example.com/org/shop/lib"),
        ("ssh://git@example.com:22/org/shop", "../lib", "ssh://git@example.com:22/org/lib"),
        ("git@example.com:org/shop", "../lib", "git@example.com:org/lib"),
        ("git@example.com:shop", "../lib", "git@example.com:lib"),
        ("file:///srv/git/shop", "../lib", "file:///srv/git/lib"),
        ("https://example.com/org/shop", "ssh://git@example.org/x", "ssh://git@example.org/x"),
    ],
)
def test_relative_url_begins_at_its_repository(parent: str, url: str, expected: str) -> None:
    tree = GitTree("c" * 40, {"lib": TreeEntry("160000", "a" * 40, 0)})
    listed = f"submodule.x.path\nlib\0submodule.x.url\n{url}\0submodule.x.branch\nmain\0"
    assert submodules_of(parent, tree, listed.encode())[0].url == expected
