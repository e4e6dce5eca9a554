"""Values that a `fake` store or generator holds as they are come as fingerprints too."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.diff.secret_diff import field_changes
from secretsync.gitops.objects.field_paths import ABSENT, Difference

CANARY = "canary-9f1c-must-not-show"
DATA = [{"key": "a", "value": CANARY}]
STORE = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ClusterSecretStore",
    "metadata": {"name": "demo"},
    "spec": {"controller": "x", "provider": {"fake": {"data": DATA, "validationResult": 0}}},
}
GENERATOR = {
    "apiVersion": "generators.external-secrets.io/v1alpha1",
    "kind": "Fake",
    "metadata": {"name": "demo", "namespace": "shop"},
    "spec": {"data": {"a": CANARY}},
}


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (STORE, ("spec",)),
        (STORE, ("spec", "provider")),
        (STORE, ("spec", "provider", "fake", "data")),
        (STORE, ("spec", "provider", "fake", "data", 0, "value")),
        (GENERATOR, ("spec",)),
        (GENERATOR, ("spec", "data", "a")),
    ],
)
def test_literal_value_is_shown_by_its_fingerprint_at_any_depth(
    obj: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    value: Any = obj
    for step in path:
        value = value[step]
    prints = Fingerprinter(b"k" * 32)
    (found,) = field_changes([Difference(path, ABSENT, value)], obj, prints)
    assert CANARY not in repr(found)
    assert found.live is None
    assert found.target


def test_what_is_beside_a_literal_value_is_shown() -> None:
    found = field_changes(
        [Difference(("spec",), ABSENT, STORE["spec"])], STORE, Fingerprinter(b"k" * 32)
    )
    assert found[0].target["controller"] == "x"
    assert found[0].target["provider"]["fake"]["validationResult"] == 0
