"""How the validation tests ask and compare."""

from __future__ import annotations

from typing import Any

from tests.deploy.api import GROUP, Answer, Api

__all__ = ["assert_holds", "dry_run"]


def dry_run(crd_api: Api, namespace: str, obj: dict[str, Any]) -> Answer:
    version = obj["apiVersion"].partition("/")[2]
    plural = f"{obj['kind'].lower()}s"
    scope = "" if obj["kind"].startswith("Cluster") else f"namespaces/{namespace}/"
    path = f"{GROUP}/{version}/{scope}{plural}/{obj['metadata']['name']}"
    return crd_api.apply(path, obj, dry_run=True)


def assert_holds(stored: Any, given: Any, path: str = "spec") -> None:
    """Everything given is stored; the server may have added defaults."""
    if isinstance(given, dict):
        for key, value in given.items():
            assert key in stored, f"{path}.{key} is lost"
            assert_holds(stored[key], value, f"{path}.{key}")
    elif isinstance(given, list):
        assert len(stored) == len(given), path
        for index, (one, other) in enumerate(zip(stored, given, strict=True)):
            assert_holds(one, other, f"{path}[{index}]")
    else:
        assert stored == given, path
