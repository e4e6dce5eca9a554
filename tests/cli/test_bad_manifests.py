"""Every class of bad manifest: what is said of it, and that it stops only itself."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.cli.bad_manifests import BAD, ME, block
from tests.cli.kit import external_secret, files, write


@pytest.mark.parametrize(("content", "said"), BAD)
def test_bad_manifest_is_named_with_its_remedy_and_stops_only_itself(
    cli, api, manifests, tmp_path, out, content, said
):
    file = tmp_path / "bad.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(0o600)
    expected = said.replace("FILE", str(file))
    write(manifests / "good.yaml", external_secret("good"))
    api.create("app/good", "value")

    checked = cli("validate", file)
    alone = cli("sync", file, "--to", f"dir:{out}")
    nothing_written = files(out)
    beside = cli("sync", file, manifests, "--to", f"dir:{out}")

    assert (checked.code, checked.err) == (1, expected)
    assert checked.out == f"0 valid, {said.count('FILE')} errors, 0 warnings\n"
    assert (alone.code, alone.err) == (2, expected)
    assert nothing_written == set()
    assert (beside.code, beside.err) == (1, expected)
    assert files(out) == {"shop/secrets/good.yaml"}


def test_bad_object_leaves_the_good_ones_of_its_file(cli, api, manifests, out):
    bad = external_secret("bad", refreshInterval="soon")
    write(manifests / "all.yaml", external_secret("a"), bad, external_secret("z"))
    for name in ("a", "bad", "z"):
        api.create(f"app/{name}", "value")
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert ended.code == 1
    assert ended.actions() == {"a": "create", "z": "create"}
    assert [problem["object"] for problem in ended.json["problems"]] == [ME]
    assert files(out) == {"shop/secrets/a.yaml", "shop/secrets/z.yaml"}


@pytest.mark.parametrize("content", [b"", b"# nothing yet\n", b"---\n---\n"], ids=repr)
def test_file_without_objects_is_good(cli, tmp_path, content):
    file = tmp_path / "empty.yaml"
    file.write_bytes(content)
    ended = cli("validate", file)
    assert (ended.code, ended.out, ended.err) == (0, "0 valid, 0 errors, 0 warnings\n", "")


def test_object_given_twice_is_used_from_neither_file(cli, front, manifests, out):
    first = write(manifests / "a.yaml", external_secret("db", "app/one"))
    second = write(manifests / "b.yaml", external_secret("db", "app/two"))
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 2
    assert ended.err == (
        f"{second}:1: error: the object is given twice; the other is in {first}:1\n"
        "  object: ExternalSecret shop/db\n"
        "  remedy: remove one of the two; neither is used\n"
    )
    assert files(out) == set()
    assert front.count() == 0


def test_secret_larger_than_a_cluster_takes_is_refused_and_the_others_are_written(
    cli, api, manifests, out
):
    """Sixteen whole values of 64 KiB are a Secret of 1 MiB; with one more it is too large."""
    value = base64.b64encode(bytes(range(256)) * 192).decode()[:65536]
    names = [f"part-{number:02}" for number in range(17)]
    for name in names:
        api.create(f"app/{name}", value)
    data = [{"secretKey": name, "remoteRef": {"key": f"app/{name}"}} for name in names]
    file = write(
        manifests / "all.yaml",
        external_secret("fits", data=data[:16]),
        external_secret("large", data=data),
    )
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert ended.err == block(
        0,
        "could not update secret: data: must have at most 1048576 bytes",
        "spread the keys over several objects",
        about="ExternalSecret shop/large",
    ).replace("FILE", f"{file}:{_line_of(file, 'large')}")
    assert files(out) == {"shop/secrets/fits.yaml"}


def _line_of(file: Path, name: str) -> int:
    """Return the line on which the object of that name begins."""
    lines = file.read_text().splitlines()
    named = lines.index(f"  name: {name}")
    return max(number for number in range(named) if lines[number] == "---") + 2
