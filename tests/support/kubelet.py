"""Does to pods what a node would: no container runs, their statuses say that it did.

With kube-controller-manager this gives workloads and Jobs the statuses of a cluster that
has nodes. A pod that may restart becomes ready, any other ends well, but for those whose
container has the argument `fail`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from secretsync.core.conditions import rfc3339
from tests.support.kube import KubeServer
from tests.support.kube_admin import KubeRequestError

__all__ = ["WORKLOAD_CONTROLLERS", "kubelet"]

#: What makes pods of workloads and counts them, and what removes what they leave.
WORKLOAD_CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
EVERY_S = 0.1


@contextlib.contextmanager
def kubelet(server: KubeServer) -> Iterator[None]:
    """Play the node for a while."""
    ended = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        while not ended.wait(EVERY_S):
            try:
                _look(server)
            except BaseException as exc:  # noqa: BLE001 - raised where the test sees it
                failures.append(exc)
                return

    thread = threading.Thread(target=work, name="kubelet", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


def _look(server: KubeServer) -> None:
    for pod in server.admin.request("GET", "/api/v1/pods")["items"]:
        metadata = pod["metadata"]
        place = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        try:
            if metadata.get("deletionTimestamp"):
                now = {"gracePeriodSeconds": 0}
                server.admin.request("DELETE", place, now)
            elif (pod.get("status") or {}).get("phase") == "Pending":
                server.admin.request(
                    "PATCH",
                    f"{place}/status",
                    {"status": _status(pod)},
                    content_type="application/merge-patch+json",
                )
        except KubeRequestError as exc:
            if exc.status not in (404, 409):  # Somebody else was faster.
                raise


def _status(pod: dict[str, Any]) -> dict[str, Any]:
    now = rfc3339(datetime.now(UTC))
    containers = pod["spec"]["containers"]
    if pod["spec"]["restartPolicy"] == "Always":
        state, phase, ready = {"running": {"startedAt": now}}, "Running", True
    else:
        failed = any("fail" in (each.get("args") or ()) for each in containers)
        phase, ready = "Failed" if failed else "Succeeded", False
        ended = {"exitCode": int(failed), "startedAt": now, "finishedAt": now}
        state = {"terminated": ended}
    statuses = [
        {
            "name": each["name"],
            "image": each["image"],
            "imageID": "",
            "ready": ready,
            "restartCount": 0,
            "state": state,
        }
        for each in containers
    ]
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
    return {
        "phase": phase,
        "startTime": now,
        "conditions": [condition],
        "containerStatuses": statuses,
    }
