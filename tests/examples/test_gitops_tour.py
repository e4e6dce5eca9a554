"""The last part of `make run`: it works anywhere, and shows no value."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from examples.gitops_repository import SOURCE
from tests.examples.kit import copied, run_homeless

pytestmark = pytest.mark.xdist_group("gitops-tour")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def output(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run the tour twice from another folder, with no cluster and no home of anybody's."""
    home = tmp_path_factory.mktemp("home")
    run_homeless(checkout, "gitops_tour.py", home)
    return run_homeless(checkout, "gitops_tour.py", home)


def test_gitops_tour_plans_syncs_rolls_back_and_releases(output: str) -> None:
    assert "PINNED:     entry 0 of the history" in output
    journal = [line.split() for line in output.splitlines() if line.startswith("20")]
    found = [(action, result, number) for _, action, result, *_, number in journal]
    assert found == [
        ("sync", "Succeeded", "0"),
        ("sync", "Succeeded", "1"),
        ("rollback", "Succeeded", "2"),
        ("sync", "Succeeded", "3"),
    ]


def test_gitops_tour_shows_no_value(output: str, checkout: Path) -> None:
    stores = yaml.safe_load_all((SOURCE / "config/stores/company.yaml").read_text())
    values = [
        each["value"] for store in stores for each in store["spec"]["provider"]["fake"]["data"]
    ]
    made = [yaml.safe_load(value) for value in values]
    texts = {text for properties in made for text in properties.values()} - {"web"}
    assert len(texts) == 5
    shown = [text for text in texts if text in output]
    assert shown == []
    secrets = list((checkout / "out/gitops/cluster").glob("*/secrets/*.yaml"))
    assert [path.name for path in secrets] == ["partner.yaml"]
