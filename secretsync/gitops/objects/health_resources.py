"""Health of what secretsync and other operators serve, and of plain Secrets. Pure.

Source: Argo CD 3.6, resource customizations of external-secrets.io, bitnami.com,
cert-manager.io and argoproj.io. For Secrets, which have no health there, ours.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from secretsync.gitops.model import Health, HealthStatus
from secretsync.gitops.objects.health_workloads import condition

__all__ = ["RESOURCES", "secret_health"]

Object = Mapping[str, Any]

#: A certificate that ends sooner is worth a word.
EXPIRES_SOON = timedelta(days=14)
_TLS = "kubernetes.io/tls"
#: Keys that a type must have, or its consumers fail.
_NEEDED = {
    _TLS: ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _by(kind: str) -> Callable[[Object], Health]:
    """Return a check of one condition: True is well, False is not."""

    def check(obj: Object) -> Health:
        found = condition(obj, kind)
        message = str(found.get("message", ""))
        if found.get("status") == "True":
            return Health(HealthStatus.HEALTHY, message)
        if found.get("status") == "False":
            return Health(HealthStatus.DEGRADED, message)
        return Health(HealthStatus.PROGRESSING, f"Waiting for its condition {kind}")

    return check


def _certificate(obj: Object) -> Health:
    found = condition(obj, "Ready")
    if found.get("status") == "False" and condition(obj, "Issuing").get("status") == "True":
        return Health(HealthStatus.PROGRESSING, str(condition(obj, "Issuing").get("message", "")))
    return _by("Ready")(obj)


def _sealed_secret(obj: Object) -> Health:
    generation = (obj.get("metadata") or {}).get("generation")
    observed = (obj.get("status") or {}).get("observedGeneration")
    if observed is not None and generation is not None and observed < generation:
        return Health(HealthStatus.PROGRESSING, "Waiting for the SealedSecret to be unsealed")
    return _by("Synced")(obj)


_PHASES = {
    "Healthy": HealthStatus.HEALTHY,
    "Successful": HealthStatus.HEALTHY,
    "Paused": HealthStatus.SUSPENDED,
    "Degraded": HealthStatus.DEGRADED,
    "Failed": HealthStatus.DEGRADED,
    "Error": HealthStatus.DEGRADED,
    "Inconclusive": HealthStatus.UNKNOWN,
}


def _phase(obj: Object) -> Health:
    status = obj.get("status") or {}
    found = _PHASES.get(str(status.get("phase", "")), HealthStatus.PROGRESSING)
    return Health(found, str(status.get("message", "")))


#: Phases of a Workflow; one that has none yet has not begun.
_WORKFLOW_PHASES = {
    "Succeeded": HealthStatus.HEALTHY,
    "Failed": HealthStatus.DEGRADED,
    "Error": HealthStatus.DEGRADED,
    "Pending": HealthStatus.PROGRESSING,
    "Running": HealthStatus.PROGRESSING,
    "": HealthStatus.PROGRESSING,
}


def _workflow(obj: Object) -> Health:
    status = obj.get("status") or {}
    found = _WORKFLOW_PHASES.get(str(status.get("phase") or ""), HealthStatus.UNKNOWN)
    return Health(found, str(status.get("message") or ""))


def _application(obj: Object) -> Health:
    found = (obj.get("status") or {}).get("health") or {}
    try:
        return Health(
            HealthStatus(found.get("status", "Progressing")), str(found.get("message", ""))
        )
    except ValueError:
        return Health(HealthStatus.UNKNOWN)


def secret_health(obj: Object, now: datetime | None) -> Health:
    """Return the health of a Secret: its keys are there, its certificate has not ended.

    The message of a good one says since when its values are what they are. Nothing of a
    value is in it.
    """
    data = obj.get("data") or {}
    kind = str(obj.get("type") or "Opaque")
    missing = [key for key in _NEEDED.get(kind, ()) if not data.get(key)]
    if missing:
        return Health(HealthStatus.DEGRADED, f"the type {kind} needs {', '.join(missing)}")
    written = _written_on(obj)
    if kind == _TLS and now is not None:
        return _certificate_health(data.get("tls.crt", ""), now, written)
    return Health(HealthStatus.HEALTHY, written)


def _written_on(obj: Object) -> str:
    """Return the day when somebody last wrote values, "" where nothing tells it."""
    metadata = obj.get("metadata") or {}
    times = [
        str(entry.get("time") or "")
        for entry in metadata.get("managedFields") or ()
        if {"f:data", "f:stringData"} & set(entry.get("fieldsV1") or ())
    ]
    moment = max(times, default="") or str(metadata.get("creationTimestamp") or "")
    return f"written on {moment[:10]}" if moment else ""


def _certificate_health(encoded: str, now: datetime, written: str) -> Health:
    from cryptography import x509  # noqa: PLC0415 - loads slowly, and few Secrets hold one

    try:
        ends_at = x509.load_pem_x509_certificate(
            base64.b64decode(encoded, validate=True)
        ).not_valid_after_utc
    except (ValueError, TypeError, binascii.Error):
        return Health(HealthStatus.DEGRADED, "tls.crt is no certificate")
    if ends_at <= now:
        return Health(HealthStatus.DEGRADED, f"its certificate ended at {ends_at:%Y-%m-%d}")
    if ends_at - now < EXPIRES_SOON:
        return Health(HealthStatus.HEALTHY, f"its certificate ends at {ends_at:%Y-%m-%d}")
    return Health(HealthStatus.HEALTHY, written)


_ESO, _CERT, _ARGO = "external-secrets.io", "cert-manager.io", "argoproj.io"

RESOURCES: Mapping[tuple[str, str], Callable[[Object], Health]] = {
    **{
        (_ESO, kind): _by("Ready")
        for kind in (
            "ExternalSecret",
            "ClusterExternalSecret",
            "SecretStore",
            "ClusterSecretStore",
            "PushSecret",
            "ClusterPushSecret",
        )
    },
    ("bitnami.com", "SealedSecret"): _sealed_secret,
    ("onepassword.com", "OnePasswordItem"): _by("Ready"),
    (_CERT, "Certificate"): _certificate,
    (_CERT, "Issuer"): _by("Ready"),
    (_CERT, "ClusterIssuer"): _by("Ready"),
    (_ARGO, "Rollout"): _phase,
    (_ARGO, "AnalysisRun"): _phase,
    (_ARGO, "Workflow"): _workflow,
    (_ARGO, "Application"): _application,
}
