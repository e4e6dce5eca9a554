"""Laws of the `directory` store that the contract suite does not hold: what it never reads."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from providers.base import (
    Credentials,
    FindQuery,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.directory import MAX_FILE_BYTES, DirectoryConfig
from providers.registry import load

OUTSIDE = "canary-9f1c-must-not-show"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "app").mkdir(parents=True)
    (made / "app" / "db").write_text("inside")
    (tmp_path / "outside").write_text(OUTSIDE)
    (tmp_path / "root-but-not-it").mkdir()
    (tmp_path / "root-but-not-it" / "file").write_text(OUTSIDE)
    return made


def opened(path: Path, *roots: Path):
    context = {"directory_roots": os.pathsep.join(str(one) for one in roots or (path,))}
    return load("directory").open_provider(
        DirectoryConfig(str(path)), Credentials(context=context), observe=lambda *_: None
    )


def answer(store, key: str) -> SecretValue | ProviderError:
    ref = SecretRef(key)
    return store.fetch([ref])[ref]


def test_folder_is_refused_unless_the_process_allows_it(root):
    for context in ({}, {"directory_roots": ""}, {"directory_roots": str(root / "app")}):
        with pytest.raises(InvalidRef, match="may not read that folder"):
            load("directory").open_provider(
                DirectoryConfig(str(root)), Credentials(context=context), observe=lambda *_: None
            )


def test_folder_beside_an_allowed_one_or_linked_out_of_it_is_refused(root):
    (root / "link").symlink_to(root.parent / "root-but-not-it")
    for path in (root.parent / "root-but-not-it", root / "link", root / ".."):
        with pytest.raises(InvalidRef):
            opened(path, root)


def test_folder_below_an_allowed_one_is_served(root):
    assert answer(opened(root / "app", root), "db").value.reveal() == b"inside"


@pytest.mark.parametrize(
    "key",
    [
        "../outside",
        "app/../../outside",
        "/etc/passwd",
        "app//db",
        "./app/db",
        "app/",
        "",
        ".",
        "app\0/db",
        "app/db\n",
        "a" * 5000,
        "\ud800",
    ],
)
def test_key_that_is_no_plain_path_is_refused(root, key):
    assert isinstance(answer(opened(root), key), InvalidRef)


@pytest.mark.parametrize("key", ["..%2foutside", "%2e%2e/outside", "app\\..\\db", "a" * 300])
def test_key_that_only_looks_like_a_way_out_is_a_name(root, key):
    found = answer(opened(root), key)
    assert isinstance(found, SecretNotFound | Unavailable)
    assert OUTSIDE not in repr(found)


@pytest.mark.parametrize("target", ["../outside", "../root-but-not-it/file", "..", "/etc/passwd"])
def test_link_that_leads_out_is_refused(root, target):
    (root / "link").symlink_to(target)
    found = answer(opened(root), "link")
    assert isinstance(found, InvalidRef)
    assert OUTSIDE not in repr(found)


def test_link_inside_is_followed_as_mounted_secrets_are_made_of_them(root):
    (root / "..2026_01").mkdir()
    (root / "..2026_01" / "token").write_text("one")
    (root / "..data").symlink_to("..2026_01")
    (root / "token").symlink_to("..data/token")
    store = opened(root)
    before = answer(store, "token")
    assert before.value.reveal() == b"one"
    (root / "..2026_02").mkdir()
    (root / "..2026_02" / "token").write_text("two")
    (root / "..new").symlink_to("..2026_02")
    (root / "..new").rename(root / "..data")
    after = answer(store, "token")
    assert (after.value.reveal(), after.version != before.version) == (b"two", True)
    assert [one.name for one in store.find(FindQuery())] == ["app/db", "token"]


def test_file_swapped_without_end_is_never_absent_nor_another(root):
    """Volumes swap a link while they are read; somebody may swap it to lead out."""
    (root / "good").write_text("inside")
    (root / "link").symlink_to("good")
    stop = threading.Event()

    def swap() -> None:
        for turn in range(10**9):
            fresh = root / f".{turn}"
            fresh.symlink_to("good" if turn % 2 else "../outside")
            fresh.rename(root / "link")
            if stop.is_set():
                return

    thread = threading.Thread(target=swap)
    thread.start()
    store = opened(root)
    try:
        answers = [answer(store, "link") for _ in range(500)]
    finally:
        stop.set()
        thread.join()
    assert not any(isinstance(one, SecretNotFound) for one in answers)
    assert {one.value.reveal() for one in answers if isinstance(one, SecretValue)} <= {b"inside"}


def test_dangling_link_and_lost_folder_are_no_absence(root):
    (root / "link").symlink_to("nowhere")
    store = opened(root)
    assert isinstance(answer(store, "link"), Unavailable)
    shutil.rmtree(root)
    assert isinstance(answer(store, "app/db"), Unavailable)
    with pytest.raises(Unavailable):
        store.check([])
    with pytest.raises(Unavailable):
        store.find(FindQuery())


def test_what_is_no_file_is_refused_at_once(root):
    os.mkfifo(root / "pipe")
    store = opened(root)
    assert isinstance(answer(store, "pipe"), InvalidRef)
    assert isinstance(answer(store, "app"), InvalidRef)


def test_large_file_is_refused_and_a_full_one_read(root):
    (root / "full").write_bytes(b"x" * MAX_FILE_BYTES)
    (root / "large").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    store = opened(root)
    assert len(answer(store, "full").value.reveal()) == MAX_FILE_BYTES
    assert isinstance(answer(store, "large"), MalformedSecret)


def test_bytes_are_kept_as_they_are(root):
    content = bytes(range(256)) + b"\r\n\n"
    (root / "binary").write_bytes(content)
    assert answer(opened(root), "binary").value.reveal() == content


def test_file_that_is_older_than_the_one_before_has_no_date_to_be_held_back_by(root):
    os.utime(root / "app" / "db", (1_700_000_000, 1_700_000_000))
    assert answer(opened(root), "app/db").created_at is None


def test_version_and_metadata_are_refused(root):
    store = opened(root)
    for ref in (SecretRef("app/db", version="1"), SecretRef("app/db", metadata=True)):
        assert isinstance(store.fetch([ref])[ref], InvalidRef)
