"""What earlier runs left: reported as extra, pruned when asked, never by mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.cli.kit import external_secret, files, snapshot, store, write

DELETE = {"target": {"deletionPolicy": "Delete"}}


@pytest.fixture
def fill(api, manifests):
    """Write so many ExternalSecrets, a file each, with their values."""

    def filled(count: int, **spec: object) -> list[Path]:
        made = []
        for number in range(count):
            name = f"s{number:02}"
            api.create(f"app/{name}", "value")
            made.append(write(manifests / f"{name}.yaml", external_secret(name, **spec)))
        return made

    return filled


def token_in(text: str, before: str) -> str:
    """Return the one token that the messages name."""
    (token,) = set(re.findall(rf"{re.escape(before)}([0-9a-f]{{12}})", text))
    return token


def test_leftover_is_reported_and_stays_without_prune(cli, fill, manifests, out):
    made = fill(3)
    cli("sync", manifests, "--to", f"dir:{out}")
    made[0].unlink()
    before = files(out)
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert (ended.code, files(out)) == (0, before)
    assert ended.row("s00")["action"] == "extra"
    assert ended.row("s00")["message"] == "no longer wanted; --prune deletes it"
    assert ended.json["summary"]["extra"] == 1
    assert cli("plan", manifests, "--to", f"dir:{out}").code == 1
    people = cli("sync", manifests, "--to", f"dir:{out}").out
    assert "extra     Secret shop/s00\n            no longer wanted; --prune deletes it" in people
    assert people.endswith("0 delete, 0 blocked, 1 extra\n")


def test_prune_deletes_the_leftover_and_nothing_else(cli, fill, manifests, out):
    made = fill(3)
    cli("sync", manifests, "--to", f"dir:{out}")
    made[0].unlink()
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json", "--prune")
    assert ended.code == 0
    assert ended.actions() == {"s01": "unchanged", "s02": "unchanged", "s00": "delete"}
    assert files(out) == {"shop/secrets/s01.yaml", "shop/secrets/s02.yaml"}
    assert "extra" not in cli("sync", manifests, "--to", f"dir:{out}").out


def test_renamed_target_leaves_its_old_secret_as_an_extra(cli, fill, manifests, out):
    made = fill(2)
    cli("sync", manifests, "--to", f"dir:{out}")
    write(made[0], external_secret("s00", target={"name": "renamed"}))
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json", "--prune")
    assert ended.actions() == {"renamed": "create", "s01": "unchanged", "s00": "delete"}


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("a: [1\n", id="broken file"),
        pytest.param(yaml.safe_dump(external_secret("s00", data=[])), id="bad object"),
    ],
)
def test_prune_does_nothing_while_the_input_has_errors(cli, fill, manifests, out, broken):
    made = fill(3)
    cli("sync", manifests, "--to", f"dir:{out}")
    before = files(out)
    write(made[0], broken)
    ended = cli("sync", manifests, "--to", f"dir:{out}", "--prune")
    assert (ended.code, files(out)) == (1, before)
    assert (
        "error: not pruned: the input has errors\n"
        "  object: Secret shop/s00\n"
        "  remedy: repair the input, then prune\n"
    ) in ended.err


def test_prune_does_nothing_when_a_path_is_missing(cli, fill, manifests, tmp_path, out):
    made = fill(2)
    other = write(tmp_path / "other.yaml", external_secret("other", "app/s00"))
    cli("sync", manifests, other, "--to", f"dir:{out}")
    before = files(out)
    other.unlink()
    made[0].unlink()
    ended = cli("sync", manifests, other, "--to", f"dir:{out}", "--prune")
    assert (ended.code, files(out)) == (1, before)
    assert ended.err.count("not pruned: the input has errors") == 2


@pytest.mark.parametrize(
    ("count", "left"),
    [pytest.param(2, 0, id="all of a set"), pytest.param(8, 2, id="six of eight")],
)
def test_mass_pruning_stops_until_it_is_acknowledged(cli, fill, manifests, out, count, left):
    made = fill(count)
    cli("sync", manifests, "--to", f"dir:{out}")
    before = files(out)
    for path in made[left:]:
        path.unlink()
    prune = ["sync", manifests, "--to", f"dir:{out}", "--prune"]
    stopped = cli(*prune)
    token = token_in(stopped.err, "if that is meant, add --acknowledge ")
    assert files(out) == before
    assert f"mass deletion stopped: {count - left} of the {count} Secrets" in stopped.err
    assert stopped.code == (1 if left else 2)
    wrong = cli(*prune, "--acknowledge", "0" * 12)
    assert (wrong.code, files(out)) == (stopped.code, before)
    assert cli(*prune, "--acknowledge", token).code == 0
    assert files(out) == {f"shop/secrets/s{number:02}.yaml" for number in range(left)}


def test_five_leftovers_of_many_are_no_mass_deletion(cli, fill, manifests, out):
    made = fill(7)
    cli("sync", manifests, "--to", f"dir:{out}")
    for path in made[:5]:
        path.unlink()
    assert cli("sync", manifests, "--to", f"dir:{out}", "--prune").code == 0
    assert files(out) == {"shop/secrets/s05.yaml", "shop/secrets/s06.yaml"}


def test_token_covers_those_deletions_and_no_later_ones(cli, fill, manifests, out):
    made = fill(8)
    cli("sync", manifests, "--to", f"dir:{out}")
    for path in made[:6]:
        path.unlink()
    prune = ["sync", manifests, "--to", f"dir:{out}", "--prune"]
    token = token_in(cli(*prune).err, "add --acknowledge ")
    made[6].unlink()
    before = files(out)
    assert cli(*prune, "--acknowledge", token).code == 1
    assert files(out) == before


def test_mass_absence_upstream_stops_until_it_is_acknowledged(cli, api, fill, manifests, out):
    fill(3, **DELETE)
    cli("sync", manifests, "--to", f"dir:{out}")
    before = snapshot(out / "shop")
    for number in range(3):
        api.call("DeleteSecret", SecretId=f"app/s{number:02}", ForceDeleteWithoutRecovery=True)
    stopped = cli("sync", manifests, "--to", f"dir:{out}")
    assert (stopped.code, snapshot(out / "shop")) == (1, before)
    assert stopped.err.count("mass deletion stopped: 3 of the 3 Secrets") == 3
    token = token_in(stopped.err, "secretsync.io/acknowledge=")
    done = cli("sync", manifests, "--to", f"dir:{out}", "--acknowledge", token)
    assert (done.code, files(out)) == (0, set())


def test_acknowledge_annotation_on_the_store_lets_a_mass_absence_go_on(
    cli, api, fill, manifests, out
):
    fill(2, **DELETE)
    cli("sync", manifests, "--to", f"dir:{out}")
    for number in range(2):
        api.call("DeleteSecret", SecretId=f"app/s{number:02}", ForceDeleteWithoutRecovery=True)
    stopped = cli("sync", manifests, "--to", f"dir:{out}")
    annotated = store()
    token = token_in(stopped.err, "secretsync.io/acknowledge=")
    annotated["metadata"]["annotations"] = {"secretsync.io/acknowledge": token}
    write(manifests / "store.yaml", annotated)
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert files(out) == set()


def test_two_folders_do_not_prune_each_other(cli, api, manifests, tmp_path, out):
    api.create("app/x", "value")
    for folder, names in (("one", "ab"), ("two", "cd")):
        for name in names:
            write(tmp_path / folder / f"{name}.yaml", external_secret(name, "app/x"))
        write(tmp_path / folder / "store.yaml", store())
        assert cli("sync", tmp_path / folder, "--to", f"dir:{out}", "--prune").code == 0
    (tmp_path / "one" / "a.yaml").unlink()
    ended = cli("sync", tmp_path / "one", "--to", f"dir:{out}", "--prune", "-o", "json")
    assert ended.actions() == {"b": "unchanged", "a": "delete"}
    assert files(out) == {f"shop/secrets/{name}.yaml" for name in "bcd"}


def test_equal_relative_paths_of_two_places_do_not_prune_each_other(
    cli, api, tmp_path, out, monkeypatch
):
    api.create("app/x", "value")
    for place in ("one", "two"):
        folder = tmp_path / place / "manifests"
        write(folder / "store.yaml", store())
        write(folder / "es.yaml", external_secret(place, "app/x"))
        monkeypatch.chdir(folder.parent)
        assert cli("sync", "manifests", "--to", f"dir:{out}", "--prune").code == 0
    assert files(out) == {"shop/secrets/one.yaml", "shop/secrets/two.yaml"}


def test_inventory_name_stands_for_paths_that_move(cli, fill, manifests, tmp_path, out):
    made = fill(3)
    named = ["--to", f"dir:{out}", "--inventory", "shop-secrets", "--prune"]
    cli("sync", manifests, *named)
    made[0].unlink()
    moved = manifests.rename(tmp_path / "elsewhere")
    ended = cli("sync", moved, *named, "-o", "json")
    assert ended.actions() == {"s01": "unchanged", "s02": "unchanged", "s00": "delete"}


def test_moved_paths_without_a_name_prune_nothing(cli, fill, manifests, tmp_path, out):
    made = fill(2)
    cli("sync", manifests, "--to", f"dir:{out}", "--prune")
    made[0].unlink()
    moved = manifests.rename(tmp_path / "elsewhere")
    ended = cli("sync", moved, "--to", f"dir:{out}", "--prune")
    assert "extra" not in ended.out
    assert files(out) == {"shop/secrets/s00.yaml", "shop/secrets/s01.yaml"}


def test_unreadable_secret_is_warned_of_and_not_pruned(cli, fill, manifests, out):
    made = fill(3)
    cli("sync", manifests, "--to", f"dir:{out}")
    made[0].unlink()
    file = out / "shop" / "secrets" / "s00.yaml"
    file.chmod(0o644)
    ended = cli("sync", manifests, "--to", f"dir:{out}", "--prune")
    assert ended.code == 0
    assert f"{file}: warning: group or others may read or write this Secret" in ended.err
    assert file.exists()
