"""Conditions of an object's status, as any kind of ours has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["condition_of", "ready_condition"]


def ready_condition(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the Ready condition, {} where there is none; total over any object."""
    return condition_of(obj, "Ready")


def condition_of(obj: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the condition of that type, {} where there is none; total over any object."""
    status = obj.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    for condition in conditions if isinstance(conditions, list) else ():
        if isinstance(condition, dict) and condition.get("type") == name:
            return condition
    return {}
