"""Which files PATH means, and replacing one of them."""

from __future__ import annotations

import os
import stat

import pytest

from secretsync.cli.seal.manifest_files import find_files, replace_manifest
from secretsync.cli.seal.manifest_text import read_manifest_text
from secretsync.cli.seal.value_changes import save
from secretsync.errors import InputError
from tests.cli.kit import write
from tests.seal_verbs.kit import manifest, opened, run_seal
from tests.sealing.kit import key_object, other_key


def test_folder_gives_its_manifests_in_order_and_hidden_ones_not(tmp_path):
    for name in ("b.yml", "a.yaml", "sub/c.json", ".git/x.yaml", "n.txt", ".h.yaml"):
        write(tmp_path / name, "a: b\n")
    found = [str(item.below) for item in find_files([str(tmp_path)])]
    assert found == ["a.yaml", "b.yml", "sub/c.json"]


def test_file_that_is_named_counts_whatever_its_name_and_once(tmp_path):
    file = write(tmp_path / "sealed", "a: b\n")
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    found = list(find_files([str(file), str(tmp_path), str(file)]))
    assert [item.path for item in found] == [file]


def test_pipe_in_a_folder_is_an_error_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.yaml")
    (item,) = find_files([str(tmp_path)])
    assert "no regular file" in item.error


@pytest.mark.parametrize("path", ["-", "git+https://example.com/x.git"])
def test_what_is_no_file_is_refused(path):
    with pytest.raises(InputError, match="is not a file or folder"):
        list(find_files([path]))


def test_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none/x\.yaml: cannot be written"):
        replace_manifest(tmp_path / "none" / "x.yaml", b"a")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        replace_manifest(tmp_path / "folder", b"a")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_relative_link_keeps_pointing_at_its_file(tmp_path):
    file = write(tmp_path / "real" / "s.yaml", "a: b\n", mode=0o604)
    link = tmp_path / "link"
    link.symlink_to("real/s.yaml")
    replace_manifest(link, b"new")
    assert str(link.readlink()) == "real/s.yaml"
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o604


def test_unchanged_text_is_not_written(tmp_path):
    file = write(tmp_path / "s.yaml", "a: b\n")
    text = read_manifest_text(str(file))
    before = file.stat().st_ino
    assert save(text, text) is False
    assert file.stat().st_ino == before


def test_edit_opens_and_seals_with_the_keys_of_a_cluster(tmp_path, monkeypatch):
    secrets = tmp_path / "cluster" / "kube-system" / "secrets"
    secrets.mkdir(parents=True, mode=0o700)
    key = key_object("key", other_key())
    write(secrets / "key.yaml", key)
    file = write(tmp_path / "s.yaml", manifest({"k": b"old"}, key=other_key()))
    editor = write(tmp_path / "editor", '#!/bin/sh\nsed -i s/old/new/ "$1"\n', mode=0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    cluster = ("--to", f"dir:{tmp_path / 'cluster'}", "--sealing-namespace", "kube-system")
    ended = run_seal("edit", file, *cluster)
    assert ended.code == 0, ended.err
    assert opened(file, key=other_key()) == {"k": b"new"}
