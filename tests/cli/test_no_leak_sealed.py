"""A canary value sealed in PATH, through every failure: in no stream and no file but its Secret.

Neighbour: test_no_leak.py does the same with values of a store.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.kit import write
from tests.cli.leaks import CANARY, assert_not_in_files, assert_not_in_output
from tests.cli.sealed_kit import key_file, live_file, sealed_object
from tests.sealing.kit import other_key

SECRETS = Path("shop/secrets")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a failure is arranged with."""

    path: Path
    out: Path
    sync: Callable[[], object]

    def want(self, data: dict[str, str | bytes] | None = None, **options: Any) -> dict[str, Any]:
        """Put a SealedSecret `a` into PATH."""
        made: dict[str, Any] = sealed_object("a", data or {"value": CANARY}, **options)
        self.put(made)
        return made

    def put(self, obj: dict[str, Any]) -> None:
        """Put this into PATH instead."""
        write(self.path / "a.yaml", obj)


def other_keys(scene: Scene) -> None:
    scene.want(key=other_key())


def flipped(scene: Scene) -> None:
    made = scene.want()
    raw = bytearray(base64.b64decode(made["spec"]["encryptedData"]["value"]))
    raw[-1] ^= 1
    made["spec"]["encryptedData"]["value"] = base64.b64encode(raw).decode()
    scene.put(made)


def plain_instead_of_sealed(scene: Scene) -> None:
    """Somebody put the value itself where the sealed one goes."""
    made = scene.want()
    made["spec"]["encryptedData"]["value"] = CANARY
    scene.put(made)


def plain_list(scene: Scene) -> None:
    made = scene.want()
    made["spec"]["encryptedData"]["value"] = [CANARY]
    scene.put(made)


def plain_map(scene: Scene) -> None:
    made = scene.want()
    made["spec"]["encryptedData"] = CANARY
    scene.put(made)


def plain_blob(scene: Scene) -> None:
    made = scene.want()
    made["spec"] = {"data": CANARY}
    scene.put(made)


def failing_template(scene: Scene) -> None:
    scene.want(template={"data": {"t": "{{ fail .value }}"}})


def template_of_another_type(scene: Scene) -> None:
    scene.want(template={"data": {"t": "{{ .value.deeper }}"}})


def template_by_index(scene: Scene) -> None:
    scene.want(template={"data": {"t": "{{ index .value .value }}"}})


def template_reads_json(scene: Scene) -> None:
    scene.want(template={"data": {"t": "{{ mustFromJson .value }}"}})


def odd_key(scene: Scene) -> None:
    made = scene.want()
    made["spec"]["encryptedData"] = {"..": made["spec"]["encryptedData"]["value"]}
    scene.put(made)


def immutable(scene: Scene) -> None:
    scene.want(template={"immutable": True})
    scene.sync()
    scene.want({"value": f"{CANARY} rotated"})


def other_type(scene: Scene) -> None:
    scene.want()
    scene.sync()
    scene.want(template={"type": "example.com/other"})


def foreign(scene: Scene) -> list[Path]:
    scene.want()
    secret: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "stringData": {"v": CANARY}}
    return [write(scene.out / SECRETS / "a.yaml", secret)]


def broken_target(scene: Scene) -> list[Path]:
    scene.want()
    return [write(scene.out / SECRETS / "a.yaml", f"data: [{CANARY}")]


NK = "no key could decrypt secret (value)"
FAILURES = [
    pytest.param(other_keys, NK, id="wrong key"),
    pytest.param(flipped, NK, id="flipped"),
    pytest.param(plain_instead_of_sealed, "illegal base64 data", id="plain value"),
    pytest.param(plain_list, "found a list", id="plain list"),
    pytest.param(plain_map, "found a string", id="plain map"),
    pytest.param(plain_blob, "illegal base64 data", id="plain blob"),
    pytest.param(failing_template, "(t)", id="fail in a template"),
    pytest.param(template_of_another_type, "(t)", id="field of a value"),
    pytest.param(template_by_index, "(t)", id="index of a value"),
    pytest.param(template_reads_json, "(t)", id="value that is no JSON"),
    pytest.param(odd_key, "the key is not valid", id="key Kubernetes refuses"),
    pytest.param(immutable, "the target Secret is immutable", id="immutable"),
    pytest.param(other_type, "the type of an existing Secret cannot change", id="type"),
    pytest.param(foreign, "is not managed by SealedSecret", id="foreign"),
    pytest.param(broken_target, "not valid YAML", id="broken target"),
]


@pytest.fixture
def options(tmp_path: Path) -> list[object]:
    """Where to, and the key."""
    return ["--to", f"dir:{tmp_path / 'out'}", "--sealing-key", key_file(tmp_path / "keys")]


@pytest.fixture
def scene(cli: Any, tmp_path: Path, options: list[object]) -> Scene:
    path = tmp_path / "sealed"
    return Scene(path, tmp_path / "out", lambda: cli("sync", path, *options))


@pytest.mark.parametrize(("arrange", "said"), FAILURES)
def test_failure_shows_its_cause_and_no_value(cli, scene, options, arrange, said):
    given = arrange(scene) or ()
    runs = [
        cli("plan", scene.path, *options, "-o", "json"),
        cli("--debug", "sync", scene.path, *options),
        cli("sync", scene.path, *options, "-o", "json"),
        cli("plan", scene.path, *options),
    ]
    assert all(run.code in (1, 2) and said in run.err for run in runs), runs[0].err
    runs += [cli("validate", scene.path), cli("status", "--to", f"dir:{scene.out}")]
    assert_not_in_output(*runs)
    assert_not_in_files(scene.out, given=given)


def test_without_keys_no_value_is_shown(cli, scene, options):
    scene.want()
    runs = [cli("sync", scene.path, *options[:2]), cli("plan", scene.path, *options[:2])]
    assert_not_in_output(*runs)


def test_success_shows_no_value_either(cli, scene, options):
    scene.want(template={"data": {"url": "x://{{ .value }}"}})
    runs = [cli("plan", scene.path, *options), cli("--debug", "sync", scene.path, *options)]
    scene.want({"value": f"{CANARY} rotated"})
    runs += [
        cli("plan", scene.path, *options, "-o", "json"),
        cli("sync", scene.path, *options, "-o", "json"),
    ]
    assert [run.code for run in runs] == [1, 0, 1, 0]
    assert_not_in_output(*runs)
    assert_not_in_files(scene.out)
    live = (scene.out / SECRETS / "a.yaml").read_text()
    assert base64.b64encode(f"{CANARY} rotated".encode()).decode() in live


@pytest.mark.parametrize("arrange", [other_keys, flipped, failing_template, immutable, foreign])
def test_refresh_writes_no_value_into_a_status(cli, scene, options, arrange):
    given = arrange(scene) or ()
    live_file(scene.out, yaml.safe_load((scene.path / "a.yaml").read_text()))
    to = ["sealedsecret/a", *options, "-n", "shop"]
    runs = [cli("refresh", *to), cli("refresh", *to, "-o", "json"), cli("--debug", "refresh", *to)]
    shown = [cli("status", *options[:2], "-o", "json"), cli("status", *options[:2])]
    assert [run.code for run in [*runs, *shown]] == [1] * 5
    assert shown[0].row("a")["reason"] == "NotSynced"
    assert_not_in_output(*runs, *shown)
    assert_not_in_files(scene.out, given=given)
