"""A person removes or edits a file at the very instant it is being written: he wins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.cluster import directory_exchange
from secretsync.cluster.base import KINDS, Preconditions
from secretsync.cluster.directory import DirectoryCluster
from secretsync.cluster.directory_files import TEMPORARY_PREFIX
from secretsync.errors import Conflict, NotFound

KIND = KINDS["ExternalSecret"]
WRITTEN = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "spec": {"v": "one"}}
EDITED = {**WRITTEN, "spec": {"v": "edited"}}
STATUS = {"refreshTime": "now"}

Act = Callable[[Path], object]
#: Runs an act once, at an instant between the read of the file and its replacement.
At = Callable[[Act], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of an object, as a person wrote it."""
    path = tmp_path / "shop" / KIND.folder / "app.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.dump(WRITTEN))
    return path


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    opened = DirectoryCluster(tmp_path, now=lambda: datetime.now(UTC))
    yield opened
    opened.close()


def remove(path: Path) -> None:
    path.unlink()


def save_anew(path: Path, value: str = "edited") -> None:
    """As most editors save: a new file, renamed into its place."""
    new = path.with_name(".app.yaml.swp")
    new.write_text(yaml.dump({**EDITED, "spec": {"v": value}}))
    new.replace(path)


def edit_in_place(path: Path) -> None:
    path.write_text(yaml.dump(EDITED))


@pytest.fixture(params=["before the look", "after the look", "cannot exchange"])
def at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, file: Path) -> At:
    """The instants: the new file is complete; the last look was had; without an exchange."""
    real_sync, real_exchange = os.fsync, directory_exchange.exchange

    def arrange(act: Act) -> None:
        waiting = [act]

        def now(new: Path | None) -> None:
            if waiting and (new is None or new.parent == file.parent):
                waiting.pop()(file)

        def sync(fd: int) -> None:
            real_sync(fd)
            target = Path(f"/proc/self/fd/{fd}").readlink()
            if target.name.startswith(TEMPORARY_PREFIX):
                now(target)

        def exchange(one: Path, other: Path) -> bool:
            now(one)
            return real_exchange(one, other)

        if request.param == "after the look":
            monkeypatch.setattr(directory_exchange, "exchange", exchange)
        else:
            monkeypatch.setattr(os, "fsync", sync)
        if request.param == "cannot exchange":
            monkeypatch.setattr(directory_exchange, "_renameat2", lambda: None)

    return arrange


def on_disk(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def leftovers(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{TEMPORARY_PREFIX}*"))


def test_status_write_does_not_bring_a_removed_file_back(cluster, file, at):
    at(remove)
    with pytest.raises(NotFound):
        cluster.patch_status(KIND, "shop", "app", STATUS, field_manager="m")
    assert not file.exists()
    assert leftovers(file) == []


@pytest.mark.parametrize("edit", [save_anew, edit_in_place])
def test_edit_during_a_status_write_is_kept_and_gets_the_status(cluster, file, at, edit):
    cluster.patch_status(KIND, "shop", "app", {"refreshTime": "before"}, field_manager="m")
    at(edit)
    cluster.patch_status(KIND, "shop", "app", STATUS, field_manager="m")
    found = on_disk(file)
    assert (found["spec"], found["status"]) == (EDITED["spec"], STATUS)
    assert leftovers(file) == []


def test_undisturbed_write_leaves_one_file_and_keeps_its_object(cluster, file, at):
    at(lambda _: None)
    cluster.patch_status(KIND, "shop", "app", STATUS, field_manager="m")
    assert (on_disk(file)["spec"], on_disk(file)["status"]) == (WRITTEN["spec"], STATUS)
    assert leftovers(file) == []


def test_precondition_is_looked_at_again_after_an_edit(cluster, file, at):
    seen = cluster.get(KIND, "shop", "app")
    at(save_anew)
    patch = {"metadata": {"resourceVersion": seen["metadata"]["resourceVersion"], "labels": {}}}
    with pytest.raises(Conflict):
        cluster.merge_patch(
            KIND, "shop", "app", {**patch, "spec": {"v": "ours"}}, field_manager="m"
        )
    assert on_disk(file) == EDITED


def test_mark_of_a_deletion_is_no_second_life_either(cluster, file, at):
    cluster.merge_patch(
        KIND, "shop", "app", {"metadata": {"finalizers": ["x/y"]}}, field_manager="m"
    )
    at(remove)
    cluster.delete(KIND, "shop", "app", preconditions=Preconditions())
    assert not file.exists()
    assert leftovers(file) == []


def test_edit_that_is_removed_before_it_is_put_back_stays_away(cluster, file, monkeypatch):
    real, turn = directory_exchange.exchange, iter((save_anew, remove))

    def exchange(one: Path, other: Path) -> bool:
        next(turn)(file)
        return real(one, other)

    monkeypatch.setattr(directory_exchange, "exchange", exchange)
    with pytest.raises(NotFound):
        cluster.patch_status(KIND, "shop", "app", STATUS, field_manager="m")
    assert not file.exists()
    assert leftovers(file) == []


def test_last_of_two_edits_at_that_instant_is_kept(cluster, file, monkeypatch):
    real = directory_exchange.exchange
    edits = iter((save_anew, lambda path: save_anew(path, "last")))

    def exchange(one: Path, other: Path) -> bool:
        next(edits, lambda _: None)(file)
        return real(one, other)

    monkeypatch.setattr(directory_exchange, "exchange", exchange)
    cluster.patch_status(KIND, "shop", "app", STATUS, field_manager="m")
    assert (on_disk(file)["spec"], on_disk(file)["status"]) == ({"v": "last"}, STATUS)
    assert leftovers(file) == []


def test_file_that_never_holds_still_is_a_conflict_and_not_a_loop(cluster, file, monkeypatch):
    real = directory_exchange.exchange

    def exchange(one: Path, other: Path) -> bool:
        save_anew(file)
        return real(one, other)

    monkeypatch.setattr(directory_exchange, "exchange", exchange)
    with pytest.raises(Conflict, match="changed by somebody else"):
        cluster.patch_status(KIND, "shop", "app", STATUS, field_manager="m")
    assert on_disk(file) == EDITED


def test_disk_of_the_tests_can_exchange(tmp_path):
    """Else the laws above would be those of the stand-in alone."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    assert directory_exchange.exchange(one, other)
    assert (one.read_text(), other.read_text()) == ("2", "1")
