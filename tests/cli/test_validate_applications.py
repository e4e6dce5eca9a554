"""`secretsync validate` on the objects of GitOps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.kit import run_process

GOOD = """
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop, namespace: argocd}
spec:
  sourceRepos: ["https://git.example.com/**"]
  destinations: [{name: in-cluster, namespace: shop}]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd}
spec:
  project: shop
  source: {repoURL: "https://git.example.com/shop.git", path: web}
  destination: {name: in-cluster, namespace: shop}
"""


def test_validate_counts_good_applications_and_projects(tmp_path: Path) -> None:
    file = tmp_path / "apps.yaml"
    file.write_text(GOOD)
    ended = run_process("validate", "--strict", str(file))
    assert (ended.code, ended.out) == (0, "2 valid, 0 errors, 0 warnings\n")
    assert ended.err == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sourceRepos: [", "sourceRepos: [1, ", "spec.sourceRepos[0]"),
        ("path: web", "chart: web", "spec.source.targetRevision"),
        ("namespace: shop}]", "namespace: '[shop'}]", "spec.destinations[0].namespace"),
    ],
)
def test_validate_names_field_and_line_of_what_is_wrong(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "apps.yaml"
    file.write_text(GOOD.replace(old, new))
    ended = run_process("validate", str(file))
    assert (ended.code, ended.out) == (1, "1 valid, 1 errors, 0 warnings\n")
    assert f"field:  {said}" in ended.err
