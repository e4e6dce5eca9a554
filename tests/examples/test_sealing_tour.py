"""The sealing part of `make run`: it works, and what it leaves is sealed."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from tests.examples.kit import copied, run_homeless

pytestmark = pytest.mark.xdist_group("sealing-tour")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def output(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run the tour from another folder, with no cluster and no home of anybody's."""
    return run_homeless(checkout, "sealing_tour.py", tmp_path_factory.mktemp("home"))


def test_tour_seals_opens_changes_and_reseals(output: str) -> None:
    outcomes = re.findall(
        r"^(create|update|unchanged) +Secret default/my-secret", output, re.MULTILINE
    )
    assert outcomes == ["create", "create", "update", "unchanged"]
    assert "1 rotated, 0 skipped, 0 failed" in output


def test_tour_shows_no_value(output: str, checkout: Path) -> None:
    text = (checkout / "out/sealing/cluster/default/secrets/my-secret.yaml").read_text()
    (value,) = re.findall(r"password: (\S+)", text)
    assert value not in output


def test_tour_leaves_a_repository_without_plaintext_and_private_secret_files(
    output: str, checkout: Path
) -> None:
    repository = checkout / "out/sealing/repository"
    assert {path.name for path in repository.iterdir()} == {
        "my-secret.yaml",
        "sealing-certificate.pem",
    }
    assert "kind: SealedSecret" in (repository / "my-secret.yaml").read_text()
    secrets = list((checkout / "out/sealing/cluster").glob("*/secrets/*.yaml"))
    assert len(secrets) == 3
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)
