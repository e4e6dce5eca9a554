"""`make run STORE=…`: the tour of every store works, and shows no value."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import yaml

from examples.demo_stores import DEMOS
from tests.examples.kit import MARK, alive, copied

pytestmark = pytest.mark.xdist_group("tour")

#: What the tour says of each store in its first line.
TITLES = {
    "parameter-store": r"An embedded AWS Parameter Store listens on http://127\.0\.0\.1:\d+",
    "gcp": r"A stand-in for Google Secret Manager listens on http://127\.0\.0\.1:\d+",
    "openbao": r"An embedded OpenBao listens on http://127\.0\.0\.1:\d+",
    "vault": r"An embedded OpenBao \(which speaks Vault's API\) listens on http://\S+:\d+",
    "kubernetes": r"Namespace platform of the cluster dir:out/stores/kubernetes/cluster is .*",
    "webhook": r"An embedded secrets service listens on http://127\.0\.0\.1:\d+",
    "fake": r"The values stand in the store itself, in out/stores/fake/manifests/fake\.yaml",
    "directory": r"The folder out/stores/directory/files is the store",
}
FOREIGN = ("AWS_", "GOOGLE_", "GCE_", "GCP_", "VAULT_", "BAO_", "SECRETSYNC_", "KUBE", "PYTEST")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("stores"))


def tour(checkout: Path, *arguments: str, mark: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    return subprocess.run(
        [sys.executable, str(checkout / "examples" / "tour.py"), *arguments],
        capture_output=True,
        text=True,
        cwd=checkout.parent,
        env={**environment, MARK: mark, "PYTHONPATH": str(checkout)},
        timeout=240,
        check=False,
    )


def values(checkout: Path, store: str) -> list[str]:
    """Return what the Secrets of a tour hold, but the username that names its namespace."""
    made = (checkout / "out/stores" / store / "cluster/shop/secrets").glob("*.yaml")
    held = [text for path in made for text in yaml.safe_load(path.read_text())["data"].values()]
    return [value for text in held if (value := base64.b64decode(text).decode()) != "shop"]


def test_every_store_but_the_first_has_a_row():
    assert ["aws", *TITLES] == [*DEMOS]


@pytest.mark.e2e
@pytest.mark.parametrize("store", TITLES)
def test_tour_of_a_store_rotates_one_value_and_writes_one_secret(checkout, store):
    mark = uuid.uuid4().hex
    ended = tour(checkout, store, mark=mark)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    headings = re.findall(r"^== (.*)$", ended.stdout, re.MULTILINE)
    assert re.fullmatch(TITLES[store], headings[0])
    assert headings[-1] == "Done: one value rotated, one Secret written"
    commands = re.findall(r"^\$ secretsync (\w+) ", ended.stdout, re.MULTILINE)
    assert commands == ["plan", "sync", "sync"]
    assert "2 create, 0 update, 0 unchanged, 0 delete, 0 blocked" in ended.stdout
    assert "0 create, 1 update, 1 unchanged, 0 delete, 0 blocked" in ended.stdout
    states = re.findall(r"/secrets/(\S+)\.yaml +(.*)$", ended.stdout, re.MULTILINE)
    assert states == [
        ("database-credentials", "written again"),
        ("payments-api", "not touched"),
    ]
    assert len(values(checkout, store)) == 3
    shown = ended.stdout + ended.stderr
    assert not any(text in shown for text in values(checkout, store))
    assert alive(mark) == []


@pytest.mark.e2e
def test_files_of_a_tour_are_private(checkout):
    if not (checkout / "out/stores/openbao").exists():
        assert tour(checkout, "openbao").returncode == 0
    files = [path for path in (checkout / "out/stores/openbao").rglob("*.yaml") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


@pytest.mark.parametrize("arguments", [["consul"], ["AWS"], ["aws", "gcp"]])
def test_unknown_store_is_answered_with_the_list(checkout, arguments):
    ended = tour(checkout, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"STORE is one of: {', '.join(DEMOS)}\n"
