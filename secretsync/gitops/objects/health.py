"""How well a live object is, in Argo CD's words. Pure.

Neighbours: `health_workloads` knows Kubernetes' own kinds, `health_resources` those of
operators and Secrets; `comparing` and `syncing` ask here.

Source: Argo CD 3.6, built-in health checks and resource customizations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from secretsync.gitops.model import Health, HealthStatus, api_group
from secretsync.gitops.objects.health_resources import RESOURCES, secret_health
from secretsync.gitops.objects.health_workloads import WORKLOADS

__all__ = ["IGNORE_ANNOTATION", "health_of", "worst"]

IGNORE_ANNOTATION = "argocd.argoproj.io/ignore-healthcheck"

Object = Mapping[str, Any]
Check = Callable[[Object], Health]

_CHECKS: Mapping[tuple[str, str], Check] = {**WORKLOADS, **RESOURCES}


def health_of(obj: Object, *, now: datetime | None = None) -> Health | None:
    """Return the health of a live object, None where its kind has none.

    Args:
        now: tells which certificate in a Secret is about to expire; None looks at none.
    """
    metadata = obj.get("metadata") or {}
    if metadata.get("deletionTimestamp"):
        return Health(HealthStatus.PROGRESSING, "Pending deletion")
    key = (api_group(str(obj.get("apiVersion", ""))), str(obj.get("kind", "")))
    if key == ("", "Secret"):
        return secret_health(obj, now)
    check = _CHECKS.get(key)
    if check is None:
        return None
    try:
        return check(obj)
    except (AttributeError, TypeError, ValueError, KeyError):
        # A status of another shape than its kind's says nothing.
        return Health(HealthStatus.UNKNOWN, "its status cannot be read")


def worst(found: Iterable[Health | None]) -> Health:
    """Return the worst of several; those without any do not count.

    With none at all an application is Healthy: what has no health cannot be ill.
    """
    known = [each for each in found if each is not None]
    return max(known, key=lambda each: each.status.badness, default=Health(HealthStatus.HEALTHY))
