"""Health by kind: a table of statuses as clusters write them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from secretsync.gitops.health import health_of, worst
from secretsync.gitops.model import Health, HealthStatus

NOW = datetime(2026, 6, 1, tzinfo=UTC)
H, S, P, D, U = (
    HealthStatus.HEALTHY,
    HealthStatus.SUSPENDED,
    HealthStatus.PROGRESSING,
    HealthStatus.DEGRADED,
    HealthStatus.UNKNOWN,
)
DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


def obj(kind: str, status: Any = None, spec: Any = None, **more: Any) -> dict[str, Any]:
    api_version, _, name = kind.rpartition("/")
    return {
        "apiVersion": api_version,
        "kind": name,
        "metadata": {"name": "x", "generation": 2},
        "spec": spec or {},
        "status": status or {},
        **more,
    }


def conditions(**found: str) -> dict[str, Any]:
    made = []
    for kind, text in found.items():
        status, _, reason = text.partition(":")
        made.append({"type": kind, "status": status, "reason": reason, "message": "why"})
    return {"conditions": made}


def pod(**status: Any) -> dict[str, Any]:
    spec = {"restartPolicy": status.pop("policy", "Always")}
    return obj("v1/Pod", status, spec)


WAITING = {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
RESTARTED = {"containerStatuses": [{"lastState": {"terminated": {"exitCode": 1}}}]}
DEPLOYMENT, SET = "apps/v1/Deployment", "apps/v1/StatefulSet"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (obj(DEPLOYMENT, DONE, {"replicas": 2}), H),
        (obj(DEPLOYMENT, DONE, {"replicas": 3}), P),
        (obj(DEPLOYMENT, {**DONE, "replicas": 3}, {"replicas": 2}), P),
        (obj(DEPLOYMENT, {**DONE, "availableReplicas": 1}, {"replicas": 2}), P),
        (obj(DEPLOYMENT, {**DONE, "observedGeneration": 1}, {"replicas": 2}), P),
        (obj(DEPLOYMENT, DONE, {"replicas": 2, "paused": True}), S),
        (
            obj(
                DEPLOYMENT,
                {**DONE, **conditions(Progressing="False:ProgressDeadlineExceeded")},
                {"replicas": 2},
            ),
            D,
        ),
        (obj(SET, {"observedGeneration": 2, "readyReplicas": 1}, {"replicas": 2}), P),
        (obj(SET, {"observedGeneration": 2, "readyReplicas": 2}, {"replicas": 2}), H),
        (
            obj(
                SET,
                {"observedGeneration": 2, "readyReplicas": 1, "updateRevision": "b"},
                {"replicas": 1},
            ),
            P,
        ),
        (
            obj(
                "apps/v1/DaemonSet",
                {
                    "observedGeneration": 2,
                    "desiredNumberScheduled": 2,
                    "updatedNumberScheduled": 2,
                    "numberAvailable": 1,
                },
            ),
            P,
        ),
        (obj("apps/v1/ReplicaSet", {**DONE, **conditions(ReplicaFailure="True")}), D),
        (pod(phase="Running", **conditions(Ready="True")), H),
        (pod(phase="Pending", **WAITING), D),
        (pod(phase="Running", **RESTARTED), D),
        (pod(phase="Running", policy="Never"), P),
        (pod(phase="Succeeded", policy="Never"), H),
        (pod(phase="Failed", policy="Never"), D),
        (obj("batch/v1/Job", conditions(Failed="True")), D),
        (obj("batch/v1/Job", conditions(Complete="True")), H),
        (obj("batch/v1/Job", conditions(Suspended="True")), S),
        (obj("batch/v1/Job"), P),
        (obj("v1/PersistentVolumeClaim", {"phase": "Bound"}), H),
        (obj("v1/PersistentVolumeClaim", {"phase": "Lost"}), D),
        (obj("v1/Service", {}, {"type": "LoadBalancer"}), P),
        (obj("v1/Service", {}, {"type": "ClusterIP"}), H),
        (obj("networking.k8s.io/v1/Ingress", {"loadBalancer": {"ingress": [{"ip": "1"}]}}), H),
        (obj("apiregistration.k8s.io/v1/APIService", conditions(Available="True")), H),
        (obj("external-secrets.io/v1/ExternalSecret", conditions(Ready="True")), H),
        (obj("external-secrets.io/v1/ExternalSecret", conditions(Ready="False")), D),
        (obj("external-secrets.io/v1/ExternalSecret"), P),
        (obj("external-secrets.io/v1alpha1/PushSecret", conditions(Ready="False")), D),
        (obj("bitnami.com/v1alpha1/SealedSecret", conditions(Synced="True")), H),
        (
            obj(
                "bitnami.com/v1alpha1/SealedSecret",
                {"observedGeneration": 1, **conditions(Synced="True")},
            ),
            P,
        ),
        (obj("cert-manager.io/v1/Certificate", conditions(Ready="False", Issuing="True")), P),
        (obj("cert-manager.io/v1/Issuer", conditions(Ready="False")), D),
        (obj("argoproj.io/v1alpha1/Rollout", {"phase": "Paused"}), S),
        (obj("argoproj.io/v1alpha1/AnalysisRun", {"phase": "Inconclusive"}), U),
        (obj(DEPLOYMENT, {"observedGeneration": 2, "conditions": "odd"}), U),
        (obj("v1/ConfigMap"), None),
        (obj("example.com/v1/Anything"), None),
    ],
)
def test_health_of_each_kind_is_as_its_status_says(
    found: dict[str, Any], expected: HealthStatus | None
) -> None:
    health = health_of(found)
    assert (health.status if health is not None else None) == expected, health


def test_health_of_what_is_being_deleted_is_progressing() -> None:
    found = obj(DEPLOYMENT, DONE, {"replicas": 2})
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert health_of(found) == Health(P, "Pending deletion")


def certificate(ends_in: timedelta) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=90))
        .not_valid_after(NOW + ends_in)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


@pytest.mark.parametrize(
    ("ends_in", "status", "said"),
    [
        (timedelta(days=60), H, ""),
        (timedelta(days=3), H, "ends at 2026-06-04"),
        (timedelta(days=-1), D, "ended at 2026-05-31"),
    ],
)
def test_health_of_a_tls_secret_tells_when_its_certificate_ends(
    ends_in: timedelta, status: HealthStatus, said: str
) -> None:
    data = {"tls.crt": certificate(ends_in), "tls.key": "eA=="}
    health = health_of(obj("v1/Secret", data=data, type="kubernetes.io/tls"), now=NOW)
    assert health is not None
    assert health.status == status
    assert said in health.message


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("Opaque", {}, H),
        ("kubernetes.io/tls", {"tls.crt": "eA=="}, D),
        ("kubernetes.io/tls", {"tls.crt": "eA==", "tls.key": "eA=="}, D),
        ("kubernetes.io/dockerconfigjson", {}, D),
    ],
)
def test_health_of_a_secret_needs_the_keys_of_its_type(
    kind: str, data: dict[str, str], status: HealthStatus
) -> None:
    health = health_of(obj("v1/Secret", data=data, type=kind), now=NOW)
    assert health is not None
    assert health.status == status


def test_worst_of_several_counts_what_has_a_health() -> None:
    assert worst([Health(H), None, Health(P), Health(S)]) == Health(P)
    assert worst([None]) == Health(H)
