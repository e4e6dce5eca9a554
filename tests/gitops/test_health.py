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

from secretsync.gitops.model import Health, HealthStatus
from secretsync.gitops.objects.health import health_of, worst

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


def stateful(strategy: Any, **status: Any) -> dict[str, Any]:
    """Return a StatefulSet of three ready pods, in the middle of an update."""
    of_revisions = {"currentRevision": "a", "updateRevision": "b"}
    made = {"observedGeneration": 2, "readyReplicas": 3, **of_revisions, **status}
    return obj(SET, made, {"replicas": 3, "updateStrategy": strategy})


def daemons(kind: str, updated: int, available: int, **status: Any) -> dict[str, Any]:
    """Return a DaemonSet of two nodes."""
    made = {
        "observedGeneration": 2,
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        **status,
    }
    return obj("apps/v1/DaemonSet", made, {"updateStrategy": {"type": kind}})


PARTITIONED = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
HPA, CRD = (
    "autoscaling/v2/HorizontalPodAutoscaler",
    "apiextensions.k8s.io/v1/CustomResourceDefinition",
)
WORKFLOW, APPLICATION = "argoproj.io/v1alpha1/Workflow", "argoproj.io/v1alpha1/Application"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (stateful({"type": "RollingUpdate"}), P),
        (stateful({"type": "RollingUpdate"}, currentRevision="b"), H),
        (stateful(PARTITIONED, updatedReplicas=2), H),
        (stateful(PARTITIONED, updatedReplicas=1), P),
        (stateful(PARTITIONED, updatedReplicas=2, readyReplicas=2), P),
        (stateful({"type": "OnDelete"}), H),
        (stateful({"type": "OnDelete"}, readyReplicas=2), P),
        (stateful({"type": "OnDelete"}, observedGeneration=1), P),
        (daemons("RollingUpdate", 2, 2), H),
        (daemons("RollingUpdate", 1, 2), P),
        (daemons("OnDelete", 0, 0), H),
        (daemons("OnDelete", 2, 2, observedGeneration=1), P),
        (obj(HPA, conditions(AbleToScale="True", ScalingActive="True")), H),
        (obj(HPA, conditions(AbleToScale="False:FailedGetScale", ScalingActive="True")), D),
        (obj(HPA, conditions(AbleToScale="True", ScalingActive="False:FailedGetMetric")), D),
        (obj(HPA, conditions(AbleToScale="True", ScalingActive="False:ScalingDisabled")), H),
        (obj(HPA), P),
        (obj(CRD, conditions(NamesAccepted="True", Established="True")), H),
        (obj(CRD, conditions(NamesAccepted="False", Established="False")), D),
        (obj(CRD, conditions(NamesAccepted="True", Established="False")), P),
        (obj(CRD), P),
        (obj("external-secrets.io/v1/SecretStore", conditions(Ready="True")), H),
        (obj("external-secrets.io/v1/SecretStore", conditions(Ready="False")), D),
        (obj("external-secrets.io/v1/SecretStore"), P),
        (obj("external-secrets.io/v1/ClusterSecretStore", conditions(Ready="True")), H),
        (obj("external-secrets.io/v1/ClusterSecretStore", conditions(Ready="False")), D),
        (obj("external-secrets.io/v1beta1/ClusterSecretStore"), P),
        (obj("cert-manager.io/v1/ClusterIssuer", conditions(Ready="True")), H),
        (obj("cert-manager.io/v1/ClusterIssuer", conditions(Ready="False")), D),
        (obj(APPLICATION, {"health": {"status": "Healthy"}}), H),
        (obj(APPLICATION, {"health": {"status": "Degraded"}}), D),
        (obj(APPLICATION, {"health": {"status": "Missing"}}), HealthStatus.MISSING),
        (obj(APPLICATION, {"health": {"status": "Odd"}}), U),
        (obj(APPLICATION), P),
        (obj(WORKFLOW), P),
        (obj(WORKFLOW, {"phase": "Pending"}), P),
        (obj(WORKFLOW, {"phase": "Running"}), P),
        (obj(WORKFLOW, {"phase": "Succeeded"}), H),
        (obj(WORKFLOW, {"phase": "Failed"}), D),
        (obj(WORKFLOW, {"phase": "Error"}), D),
        (obj(WORKFLOW, {"phase": "Odd"}), U),
        # One that was suspended and runs again has not ended.
        (obj("batch/v1/Job", conditions(Suspended="False")), P),
        (obj("batch/v1/Job", conditions(Suspended="False", Complete="True")), H),
        (obj("batch/v1/Job", conditions(Suspended="True", Failed="True")), D),
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


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({}, ""),
        ({"creationTimestamp": "2026-01-02T03:04:05Z"}, "written on 2026-01-02"),
        (
            {
                "creationTimestamp": "2026-01-02T03:04:05Z",
                "managedFields": [
                    {"time": "2026-03-04T00:00:00Z", "fieldsV1": {"f:data": {"f:a": {}}}},
                    {"time": "2026-05-06T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
                    {"time": "2026-02-02T00:00:00Z", "fieldsV1": {"f:data": {"f:b": {}}}},
                ],
            },
            "written on 2026-03-04",
        ),
    ],
)
def test_health_of_a_secret_says_since_when_its_values_are_there(
    metadata: dict[str, Any], said: str
) -> None:
    secret = obj("v1/Secret", data={"a": "eA=="})
    secret["metadata"] = {"name": "a", **metadata}
    assert health_of(secret, now=NOW) == Health(H, said)


def test_worst_of_several_counts_what_has_a_health() -> None:
    assert worst([Health(H), None, Health(P), Health(S)]) == Health(P)
    assert worst([None]) == Health(H)
