"""`secretsync validate`: exit codes, streams, which files are read."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest
import yaml

from tests.cli.kit import external_secret, run_process, store, write

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "aws-keys", "namespace": "shop"},
    "stringData": {"id": "AKIAEXAMPLE"},
}


def misspelt(name: str) -> dict:
    """An ExternalSecret with a warning."""
    return external_secret(name, refreshIntervall="1h")


@pytest.mark.parametrize(
    ("objects", "options", "code", "summary"),
    [
        pytest.param([external_secret("a")], [], 0, "1 valid, 0 errors, 0 warnings", id="good"),
        pytest.param([misspelt("a")], [], 0, "1 valid, 0 errors, 1 warnings", id="warning"),
        pytest.param(
            [misspelt("a")], ["--strict"], 1, "1 valid, 0 errors, 1 warnings", id="strict"
        ),
        pytest.param(
            [external_secret("a")],
            ["--strict"],
            0,
            "1 valid, 0 errors, 0 warnings",
            id="strict good",
        ),
        pytest.param(
            [external_secret("a"), external_secret("B")],
            [],
            1,
            "1 valid, 1 errors, 0 warnings",
            id="finding",
        ),
    ],
)
def test_validate_exits_by_what_it_finds(tmp_path, objects, options, code, summary):
    file = write(tmp_path / "a.yaml", *objects)
    ended = run_process("validate", str(file), *options)
    assert (ended.code, ended.out) == (code, f"{summary}\n")
    assert bool(ended.err) == ("0 errors, 0 warnings" not in summary)


def test_validate_needs_no_network_and_no_credentials(tmp_path, cli, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("validate opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    file = write(tmp_path / "a.yaml", store(), external_secret("a"), SECRET)
    assert cli("validate", file).code == 0


def test_unknown_field_is_a_warning_that_names_the_one_meant(tmp_path, cli):
    file = write(tmp_path / "a.yaml", misspelt("a"))
    line = file.read_text().splitlines().index("  refreshIntervall: 1h") + 1
    assert cli("validate", file).err == (
        f'{file}:{line}: warning: unknown field "refreshIntervall"\n'
        "  object: ExternalSecret shop/a\n"
        "  field:  spec.refreshIntervall\n"
        "  remedy: did you mean refreshInterval?\n"
    )


def test_json_output_has_one_problem_an_entry(tmp_path, cli):
    file = write(tmp_path / "a.yaml", external_secret("a"), external_secret("b", data=[]))
    ended = cli("validate", file, "-o", "json")
    assert ended.code == 1
    problem = {
        "severity": "error",
        "file": str(file),
        "line": file.read_text().splitlines().index("spec:", 12) + 1,
        "object": "ExternalSecret shop/b",
        "field": "spec",
        "message": "either data or dataFrom should be specified",
        "remedy": "name at least one key to read under data or dataFrom",
    }
    assert ended.json == {"valid": 1, "problems": [problem]}
    assert list(ended.json["problems"][0]) == list(problem)


def test_several_paths_are_one_input_and_a_file_named_twice_is_read_once(tmp_path, cli):
    first = write(tmp_path / "one" / "a.yaml", external_secret("a"))
    second = write(tmp_path / "two.yaml", external_secret("b"))
    ended = cli("validate", first, second, tmp_path / "one", first)
    assert (ended.code, ended.out) == (0, "2 valid, 0 errors, 0 warnings\n")


def test_duplicates_across_files_are_found_in_either_order(tmp_path, cli):
    first = write(tmp_path / "a.yaml", external_secret("db"))
    second = write(tmp_path / "b.yml", external_secret("db"))
    for one, other in ((first, second), (second, first)):
        ended = cli("validate", one, other)
        assert (ended.code, ended.out) == (1, "0 valid, 1 errors, 0 warnings\n")
        assert ended.err.startswith(
            f"{other}:1: error: the object is given twice; the other is in {one}:1\n"
        )


def test_same_name_in_two_namespaces_is_no_duplicate(tmp_path, cli):
    file = write(tmp_path / "a.yaml", external_secret("db"), external_secret("db", namespace="b"))
    assert cli("validate", file).code == 0


def test_namespace_option_decides_what_is_a_duplicate(tmp_path, cli):
    bare = external_secret("db")
    del bare["metadata"]["namespace"]
    file = write(tmp_path / "a.yaml", bare, external_secret("db"))
    assert cli("validate", file).code == 0
    ended = cli("validate", file, "-n", "shop")
    assert (ended.code, "ExternalSecret shop/db" in ended.err) == (1, True)


@pytest.mark.parametrize("form", [yaml.safe_dump, json.dumps], ids=["yaml", "json"])
def test_standard_input_is_a_path(form):
    good = run_process("validate", "-", stdin=form(external_secret("a")).encode())
    assert (good.code, good.out) == (0, "1 valid, 0 errors, 0 warnings\n")
    bad = run_process("validate", "-", stdin=form(external_secret("a", data=[])).encode())
    assert bad.code == 1
    assert re.match(r"<stdin>:\d+: error: either data or dataFrom", bad.err)


def test_folder_is_read_recursively_without_hidden_ones_and_other_files(tmp_path, cli):
    write(tmp_path / "a.yaml", external_secret("a"))
    write(tmp_path / "deep" / "er" / "b.yml", external_secret("b"))
    write(tmp_path / "c.json", json.dumps(external_secret("c")))
    for skipped in (".git/d.yaml", "deep/.hidden/e.yaml", ".f.yaml", "g.txt", "h.yaml.bak"):
        write(tmp_path / skipped, "not: [a manifest")
    ended = cli("validate", tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, "3 valid, 0 errors, 0 warnings\n", "")


def test_file_that_is_named_is_read_whatever_its_suffix(tmp_path, cli):
    file = write(tmp_path / ".hidden.txt", external_secret("a"))
    assert cli("validate", file).out == "1 valid, 0 errors, 0 warnings\n"


def test_path_that_is_not_there_is_unreadable_and_the_rest_is_checked(tmp_path, cli):
    good = write(tmp_path / "a.yaml", external_secret("a"))
    missing = tmp_path / "nope.yaml"
    ended = cli("validate", missing, good)
    assert (ended.code, ended.out) == (2, "1 valid, 1 errors, 0 warnings\n")
    assert ended.err == (
        f"{missing}: error: cannot be read: No such file or directory\n"
        "  remedy: check that the path exists and that you may read it\n"
    )


def dangling(path: Path) -> None:
    path.symlink_to("nowhere.yaml")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(dangling, "No such file or directory", id="dangling link"),
        pytest.param(loop, "Too many levels of symbolic links", id="link to itself"),
        pytest.param(os.mkfifo, "it is a pipe", id="pipe"),
        pytest.param(unix_socket, "No such device or address", id="socket"),
    ],
)
def test_unreadable_file_of_a_folder_is_named_and_the_rest_is_checked(
    tmp_path, cli, monkeypatch, make, why
):
    monkeypatch.chdir(tmp_path)
    write(Path("in/a.yaml"), external_secret("a"))
    make(Path("in/b.yaml"))
    ended = cli("validate", "in")
    assert (ended.code, ended.out) == (2, "1 valid, 1 errors, 0 warnings\n")
    assert ended.err.startswith(f"in/b.yaml: error: cannot be read: {why}\n  remedy: ")


def test_broken_file_stops_only_itself(tmp_path, cli):
    write(tmp_path / "a.yaml", external_secret("a"))
    write(tmp_path / "b.yaml", "a: [1\n")
    write(tmp_path / "c.yaml", external_secret("c"))
    ended = cli("validate", tmp_path)
    assert (ended.code, ended.out) == (1, "2 valid, 1 errors, 0 warnings\n")
    assert ended.err.startswith(f"{tmp_path / 'b.yaml'}:")


@pytest.mark.parametrize(
    ("mode", "warned"),
    [
        pytest.param(0o600, False, id="owner"),
        pytest.param(0o640, True, id="group"),
        pytest.param(0o604, True, id="world"),
    ],
)
def test_file_of_a_secret_that_others_may_read_is_warned_of(tmp_path, cli, mode, warned):
    file = write(tmp_path / "secret.yaml", SECRET, mode=mode)
    ended = cli("validate", file)
    assert ended.code == 0
    assert ended.err == (
        f"{file}: warning: holds a Secret and may be read by others\n  remedy: chmod 600 {file}\n"
        if warned
        else ""
    )
    assert cli("validate", file, "--strict").code == int(warned)


def test_file_without_secrets_may_be_read_by_others(tmp_path, cli):
    file = write(tmp_path / "a.yaml", store(), external_secret("a"), mode=0o644)
    assert cli("validate", file, "--strict").code == 0
