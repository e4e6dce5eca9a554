"""Health of Kubernetes' own kinds. Pure.

Source: Argo CD 3.6, gitops-engine's built-in health checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from secretsync.gitops.model import Health, HealthStatus

__all__ = ["WORKLOADS", "condition"]

Object = Mapping[str, Any]

_HEALTHY = Health(HealthStatus.HEALTHY)


def condition(obj: Object, kind: str) -> Mapping[str, Any]:
    """Return a condition of an object's status, {} where it has none."""
    for each in (obj.get("status") or {}).get("conditions") or []:
        if each.get("type") == kind:
            found: Mapping[str, Any] = each
            return found
    return {}


def _progressing(message: str) -> Health:
    return Health(HealthStatus.PROGRESSING, message)


def _degraded(message: str) -> Health:
    return Health(HealthStatus.DEGRADED, message)


def _observed(obj: Object) -> bool:
    generation = (obj.get("metadata") or {}).get("generation") or 0
    return ((obj.get("status") or {}).get("observedGeneration") or 0) >= generation


def _deployment(obj: Object) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if spec.get("paused"):
        return Health(HealthStatus.SUSPENDED, "Deployment is paused")
    if not _observed(obj):
        return _progressing("Waiting for rollout to finish: observed generation is too old")
    if condition(obj, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return _degraded("Deployment exceeded its progress deadline")
    wanted = 1 if spec.get("replicas") is None else spec["replicas"]
    updated, total = status.get("updatedReplicas") or 0, status.get("replicas") or 0
    available = status.get("availableReplicas") or 0
    if updated < wanted:
        return _progressing(f"Waiting for rollout: {updated} of {wanted} replicas are updated")
    if total > updated:
        return _progressing(f"Waiting for rollout: {total - updated} old replicas end")
    if available < updated:
        return _progressing(f"Waiting for rollout: {available} of {updated} are available")
    return _HEALTHY


def _stateful_set(obj: Object) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not _observed(obj):
        return _progressing("Waiting for the spec update to be observed")
    wanted = 1 if spec.get("replicas") is None else spec["replicas"]
    ready = status.get("readyReplicas") or 0
    if ready < wanted:
        return _progressing(f"Waiting for {wanted - ready} pods to be ready")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return _HEALTHY
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    if partition:
        if (status.get("updatedReplicas") or 0) < wanted - partition:
            return _progressing("Waiting for the partitioned rollout to finish")
        return _HEALTHY
    if status.get("updateRevision") != status.get("currentRevision"):
        return _progressing("Waiting for the rolling update to finish")
    return _HEALTHY


def _daemon_set(obj: Object) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not _observed(obj):
        return _progressing("Waiting for rollout to finish: observed generation is too old")
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return _HEALTHY
    wanted = status.get("desiredNumberScheduled") or 0
    for name, what in (("updatedNumberScheduled", "updated"), ("numberAvailable", "available")):
        if (status.get(name) or 0) < wanted:
            return _progressing(f"Waiting: {status.get(name) or 0} of {wanted} pods are {what}")
    return _HEALTHY


def _replica_set(obj: Object) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not _observed(obj):
        return _progressing("Waiting for rollout to finish: observed generation is too old")
    failure = condition(obj, "ReplicaFailure")
    if failure.get("status") == "True":
        return _degraded(str(failure.get("message", "")))
    if (status.get("availableReplicas") or 0) < (spec.get("replicas") or 0):
        return _progressing("Waiting for replicas to be available")
    return _HEALTHY


def _pod(obj: Object) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    phase, always = status.get("phase"), spec.get("restartPolicy", "Always") == "Always"
    for waiting in _waiting(status) if always else ():
        reason = str(waiting.get("reason", ""))
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            return _degraded(reason)
    if phase == "Succeeded":
        return _HEALTHY
    if phase == "Failed":
        return _degraded(str(status.get("message") or status.get("reason") or "the pod failed"))
    if phase == "Running":
        if not always:
            return _progressing("the pod runs")
        if condition(obj, "Ready").get("status") == "True":
            return _HEALTHY
        restarted = any(
            (each.get("lastState") or {}).get("terminated")
            for each in status.get("containerStatuses") or []
        )
        return _degraded("a container ended and is not ready") if restarted else _progressing("")
    return _progressing("")


def _waiting(status: Object) -> Iterator[Mapping[str, Any]]:
    for each in status.get("containerStatuses") or []:
        waiting = (each.get("state") or {}).get("waiting")
        if waiting:
            yield waiting


def _job(obj: Object) -> Health:
    for kind, status in (
        ("Failed", HealthStatus.DEGRADED),
        ("Complete", HealthStatus.HEALTHY),
        ("Suspended", HealthStatus.SUSPENDED),
    ):
        found = condition(obj, kind)
        if found.get("status") == "True":
            return Health(status, str(found.get("message", "")))
    return _progressing("the job runs")


def _claim(obj: Object) -> Health:
    phase = (obj.get("status") or {}).get("phase")
    found = {"Bound": HealthStatus.HEALTHY, "Lost": HealthStatus.DEGRADED}
    return Health(found.get(phase or "", HealthStatus.PROGRESSING))


def _service(obj: Object) -> Health:
    if (obj.get("spec") or {}).get("type") != "LoadBalancer":
        return _HEALTHY
    return _ingress(obj)


def _ingress(obj: Object) -> Health:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    return _HEALTHY if balancer.get("ingress") else _progressing("Waiting for an address")


def _api_service(obj: Object) -> Health:
    found = condition(obj, "Available")
    if found.get("status") == "True":
        return _HEALTHY
    return _progressing(str(found.get("message") or "Waiting to be available"))


def _autoscaler(obj: Object) -> Health:
    for kind, bad in (("AbleToScale", "False"), ("ScalingActive", "False")):
        found = condition(obj, kind)
        if found.get("status") == bad and found.get("reason") != "ScalingDisabled":
            return _degraded(str(found.get("message", "")))
    return _HEALTHY if condition(obj, "AbleToScale") else _progressing("Waiting to autoscale")


def _definition(obj: Object) -> Health:
    found = condition(obj, "Established")
    if condition(obj, "NamesAccepted").get("status") == "False":
        return _degraded(str(condition(obj, "NamesAccepted").get("message", "")))
    return _HEALTHY if found.get("status") == "True" else _progressing("not established yet")


WORKLOADS: Mapping[tuple[str, str], Callable[[Object], Health]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "Pod"): _pod,
    ("batch", "Job"): _job,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
