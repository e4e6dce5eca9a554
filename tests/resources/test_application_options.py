"""Sync options that do nothing are said to, whether the name or the value is none."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.resources.application import SYNC_OPTIONS, parse_application
from secretsync.resources.documents import Document, Origin


def warnings(options: list[str]) -> list[tuple[str, str]]:
    """Return field and remedy of each warning about an Application with these options."""
    obj: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.invalid/a", "path": "web"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"syncOptions": options},
        },
    }
    found = parse_application(Document(obj, Origin("app.yaml")), default_namespace="argocd")
    assert found.value is not None
    return [(each.field, each.remedy) for each in found.problems]


@pytest.mark.parametrize("name", SYNC_OPTIONS)
def test_option_with_each_of_its_values_is_taken(name: str) -> None:
    assert warnings([f"{name}={value}" for value in SYNC_OPTIONS[name]]) == []


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        pytest.param("NoSuch=true", "name one of ApplyOutOfSyncOnly, ", id="unknown"),
        pytest.param("prune=false", "name one of ", id="another_case"),
        pytest.param("Replace", "write Replace=true or Replace=false", id="without_a_value"),
        pytest.param("Replace=yes", "write Replace=true or Replace=false", id="another_value"),
        pytest.param("Replace = true", "name one of ", id="spaces"),
    ],
)
def test_option_that_does_nothing_is_warned_of(option: str, remedy: str) -> None:
    ((field, said),) = warnings(["CreateNamespace=true", option])
    assert field == "spec.syncPolicy.syncOptions[1]"
    assert said.startswith(remedy)
