"""Objects whose parts have other types than they should: a sentence, never a traceback."""

from __future__ import annotations

import pytest

from tests.cli.kit import write
from tests.seal_verbs.kit import manifest, run_seal

ODD = [None, 5, "text", [1]]
PATHS = [
    "metadata",
    "metadata.name",
    "metadata.namespace",
    "metadata.labels",
    "metadata.annotations",
    "spec",
    "spec.data",
    "spec.encryptedData",
    "spec.encryptedData.k",
    "spec.template",
    "spec.template.data",
    "spec.template.metadata",
    "spec.template.metadata.name",
    "spec.template.metadata.annotations",
    "data",
    "stringData",
]
SECRET = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"}}


def with_part(obj, path, value):
    *way, last = path.split(".")
    target = obj
    for part in way:
        target = target.setdefault(part, {})
    target[last] = value
    return obj


@pytest.fixture
def calls(files, monkeypatch):
    """Each verb with all it needs."""
    monkeypatch.setenv("VISUAL", "true")
    old, key = ("--cert", files.cert), ("--sealing-key", files.key)
    return {
        "set": ["k", *old],
        "unset": ["k"],
        "edit": [*old],
        "check": [*old],
        "rotate": [*key, "--cert", files.new_cert],
        "files": ["--in-place", *old],
    }


@pytest.mark.parametrize("path", PATHS)
def test_odd_part_gives_a_result_or_one_error_that_names_the_file(tmp_path, calls, path):
    for value in ODD:
        for head, verbs in ({}, ("set", "unset", "edit", "rotate")), (SECRET, ("files",)):
            obj = with_part({**manifest({"k": b"v"}), **head}, path, value)
            for verb in (*verbs, "check"):
                more = calls[verb]
                file = write(tmp_path / "s.yaml", obj)
                ended = run_seal(verb, file, *more, stdin=b"x")
                assert ended.code in (0, 1), (verb, value, ended)
                named = str(file) in ended.err + ended.out or " was found" in ended.err
                assert ended.code == 0 or named, (verb, value, ended)
