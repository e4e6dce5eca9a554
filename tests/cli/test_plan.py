"""`secretsync plan`: what it shows, and that it writes nothing at all.

`SECRETSYNC_REWRITE_GOLDEN=1` writes golden/plan.json anew, as in test_help.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.kit import external_secret, run_process, snapshot, write

GOLDEN = Path(__file__).parent / "golden"
PRINT = re.compile(r'"(before|after)": "[0-9a-f]{12}"')
NO_KEY = "secretsync: this cluster has no install key: fingerprints hold for this run only\n"


@pytest.fixture
def world(cli, api, manifests, out) -> Path:
    """A cluster in which each verb has its object; returns PATH."""
    extract = {"dataFrom": [{"extract": {"key": "app/json"}}]}
    for name in ("same", "gone", "extra", "blank"):
        api.create(f"app/{name}", f"value of {name}")
    api.create("app/json", json.dumps({"keep": "k", "turn": "old", "lose": "l"}))
    delete = {"target": {"deletionPolicy": "Delete"}}
    objects = [
        *(external_secret("same"), external_secret("blank"), external_secret("json", **extract)),
        external_secret("gone", **delete),
    ]
    write(manifests / "all.yaml", *objects)
    extra = write(manifests / "extra.yaml", external_secret("extra"))
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    extra.unlink()
    write(manifests / "new.yaml", external_secret("new", "app/same"))
    api.put("app/json", json.dumps({"keep": "k", "turn": "new", "gain": "g"}))
    api.put("app/blank", "{}")
    api.call("DeleteSecret", SecretId="app/gone", ForceDeleteWithoutRecovery=True)
    return manifests


def test_plan_exits_0_without_a_difference(api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    assert run_process("sync", str(manifests), "--to", f"dir:{out}").code == 0
    ended = run_process("plan", str(manifests), "--to", f"dir:{out}")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "unchanged Secret shop/a  (from ExternalSecret shop/a)\n"
        "0 create, 0 update, 1 unchanged, 0 delete, 0 blocked\n"
    )


def test_plan_exits_1_with_a_difference(api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    ended = run_process("plan", str(manifests), "--to", f"dir:{out}")
    assert (ended.code, ended.err) == (1, NO_KEY)
    assert re.fullmatch(
        r"create    Secret shop/a  \(from ExternalSecret shop/a\)\n"
        r"          \+ value  [0-9a-f]{12}\n"
        r"1 create, 0 update, 0 unchanged, 0 delete, 0 blocked\n",
        ended.out,
    )


def test_plan_exits_2_with_an_error_though_there_are_differences(api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"), external_secret("missing"))
    api.create("app/a", "value")
    ended = run_process("plan", str(manifests), "--to", f"dir:{out}", "-o", "json")
    assert ended.code == 2
    assert ended.actions() == {"a": "create", "missing": "blocked"}


def test_plan_exits_2_when_a_path_cannot_be_read(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    ended = cli("plan", manifests, manifests / "nope.yaml", "--to", f"dir:{out}", "-o", "json")
    assert (ended.code, ended.actions()) == (2, {"a": "create"})


def test_plan_of_a_cluster_that_is_not_there_creates_nothing(cli, api, manifests, tmp_path):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    before = snapshot(tmp_path)
    assert cli("plan", manifests, "--to", f"dir:{tmp_path / 'a' / 'b'}").code == 1
    assert cli("plan", manifests, "--to", f"dir:{tmp_path / 'a' / 'b'}", "--prune").code == 1
    assert snapshot(tmp_path) == before


def test_plan_with_every_kind_of_difference_writes_nothing(cli, world, tmp_path, out):
    before = snapshot(tmp_path)
    assert cli("plan", world, "--to", f"dir:{out}", "--prune").code == 2
    assert snapshot(tmp_path) == before


def test_plan_shows_each_verb_and_each_key(cli, world, out):
    """The documented JSON; fingerprints and the place of the files are made constant."""
    ended = cli("plan", world, "--to", f"dir:{out}", "-o", "json")
    shown = PRINT.sub(r'"\1": "FINGERPRINT"', ended.out).replace(str(world), "PATH")
    assert ended.code == 2
    if os.environ.get("SECRETSYNC_REWRITE_GOLDEN"):
        (GOLDEN / "plan.json").write_text(shown)
    assert shown == (GOLDEN / "plan.json").read_text()


def test_plan_for_people_marks_each_key(cli, world, out):
    ended = cli("plan", world, "--to", f"dir:{out}", "--prune")
    lines = re.sub(r"\b[0-9a-f]{12}\b", "FP", ended.out).splitlines()
    assert lines == [
        "unchanged Secret shop/same  (from ExternalSecret shop/same)",
        "blocked   Secret shop/blank  (from ExternalSecret shop/blank)",
        "update    Secret shop/json  (from ExternalSecret shop/json)",
        "          + gain  FP",
        "          - lose  FP",
        "          ~ turn  FP -> FP",
        "delete    Secret shop/gone  (from ExternalSecret shop/gone)",
        "            secret deleted due to DeletionPolicy=Delete",
        "          - value  FP",
        "create    Secret shop/new  (from ExternalSecret shop/new)",
        "          + value  FP",
        "delete    Secret shop/extra",
        "          - value  FP",
        "1 create, 1 update, 1 unchanged, 2 delete, 1 blocked",
    ]


def test_sync_does_what_plan_showed(cli, world, out):
    planned = cli("plan", world, "--to", f"dir:{out}", "-o", "json", "--prune")
    done = cli("sync", world, "--to", f"dir:{out}", "-o", "json", "--prune")
    assert done.code == 1
    assert done.json == planned.json
    again = cli("plan", world, "--to", f"dir:{out}", "-o", "json")
    assert again.actions() == {
        "same": "unchanged",
        "blank": "blocked",
        "json": "unchanged",
        "gone": "unchanged",
        "new": "unchanged",
    }


def test_fingerprints_are_stable_with_an_install_key_and_differ_by_place(cli, world, out):
    first = cli("plan", world, "--to", f"dir:{out}", "-o", "json")
    second = cli("plan", world, "--to", f"dir:{out}", "-o", "json")
    assert NO_KEY not in first.err
    assert first.json == second.json
    prints = set(re.findall(r'"(?:before|after)": "([0-9a-f]{12})"', first.out))
    changes = [key for row in first.json["objects"] for key in row["keys"]]
    assert len(prints) == sum(("before" in key) + ("after" in key) for key in changes)


def test_fingerprints_without_an_install_key_hold_for_one_run(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    runs = [cli("plan", manifests, "--to", f"dir:{out}", "-o", "json") for _ in range(2)]
    shown = [run.row("a")["keys"][0]["after"] for run in runs]
    assert [run.err for run in runs] == [NO_KEY, NO_KEY]
    assert shown[0] != shown[1]


def test_plan_never_shows_a_value(cli, world, out):
    for options in ([], ["-o", "json"], ["--prune"]):
        ended = cli("plan", world, "--to", f"dir:{out}", *options)
        for value in ("value of", "old", '"new"', '"k"', '"l"', '"g"'):
            assert value not in (ended.out + ended.err).replace('"name": "new"', "")


def test_damaged_install_key_is_refused_before_anything_is_attempted(cli, front, world, out):
    (out / ".secretsync" / "install-key").write_bytes(b"short")
    calls = front.count()
    before = snapshot(out)
    ended = cli("plan", world, "--to", f"dir:{out}")
    assert (ended.code, ended.out, front.count()) == (2, "", calls)
    assert "an install key has 32 bytes, this file has 5" in ended.err
    assert snapshot(out) == before
