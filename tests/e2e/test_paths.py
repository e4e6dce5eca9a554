"""`run PATH...`: files are the desired state, and their edits are noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.rig import INTERVAL, Rig, eventually, steady


def _write(folder: Path, name: str, key: str, **spec: Any) -> None:
    obj = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "refreshInterval": INTERVAL,
            "secretStoreRef": {"name": "aws", "kind": "ClusterSecretStore"},
            "data": [{"secretKey": "password", "remoteRef": {"key": key, "property": "password"}}],
            **spec,
        },
    }
    new = folder / f".{name}"
    new.write_text(yaml.dump(obj))
    new.replace(folder / f"{name}.yaml")


def _started(rig: Rig, manifests: Path) -> None:
    for name in ("one", "two"):
        rig.upstream(name)
        _write(manifests, name, name)
    rig.start(str(manifests), "--namespace", rig.site.namespace)
    for name in ("one", "two"):
        rig.wait_holds(name)


def test_path_rotation_and_edit_are_noticed(rig: Rig, manifests: Path) -> None:
    _started(rig, manifests)
    rig.upstream("one", "v2")
    rig.wait_holds("one", "v2")
    _write(manifests, "one", "two")
    rig.wait_holds("one", "v1")
    _write(manifests, "three", "two")
    rig.wait_holds("three", "v1")


def test_path_objects_are_not_stored_in_the_cluster(rig: Rig, manifests: Path) -> None:
    _started(rig, manifests)
    for kind in ("ExternalSecret", "ClusterSecretStore"):
        assert rig.site.names(kind) == []
    secret = rig.site.get("Secret", "one")
    assert secret is not None
    assert "ownerReferences" not in secret["metadata"]


@pytest.mark.parametrize(
    "text",
    ["{unclosed: [", "a: 1\n  b: 2\n", "kind: ExternalSecret\n", "apiVersion: v1\nkind: Secret\n"],
    ids=["flow", "indent", "no-version", "no-name"],
)
def test_path_file_that_breaks_removes_nothing(rig: Rig, manifests: Path, text: str) -> None:
    _started(rig, manifests)
    (manifests / "one.yaml").write_text(text)
    eventually(lambda: "one.yaml" in rig.services[0].log_text())
    rig.upstream("one", "v2")
    rig.upstream("two", "v2")
    rig.wait_holds("two", "v2")
    steady(lambda: rig.site.get("Secret", "one") is not None, for_s=2)
    _write(manifests, "one", "one")
    rig.wait_holds("one", "v2")
    rig.services[0].assert_alive()


def test_path_file_that_is_removed_leaves_its_secret(rig: Rig, manifests: Path) -> None:
    _started(rig, manifests)
    (manifests / "one.yaml").unlink()
    eventually(lambda: "no longer in PATH" in rig.services[0].log_text())
    steady(lambda: rig.holds("one"), for_s=2)
    rig.upstream("two", "v2")
    rig.wait_holds("two", "v2")


def test_path_drift_is_undone(rig: Rig, manifests: Path) -> None:
    _started(rig, manifests)
    rig.site.patch("Secret", "one", {"data": {"password": "AAAA"}})
    rig.wait_holds("one")
    rig.site.delete("Secret", "two")
    rig.wait_holds("two")


def test_path_restart_reads_and_writes_only_what_it_must(rig: Rig, manifests: Path) -> None:
    _started(rig, manifests)
    rig.services[0].stop()
    before = rig.site.secrets()
    service = rig.start(str(manifests), "--namespace", rig.site.namespace)
    steady(service.writes, for_s=3)
    assert service.writes(kind="Secret") == 0
    assert rig.site.secrets() == before
