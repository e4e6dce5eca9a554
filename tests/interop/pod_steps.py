"""What a job in a pod does with kubeseal and `seal`: no kubeconfig, its own account.

Part of `proxy_scene`; judged by test_service_proxy.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.kube import KubeServer
from tests.support.pod_account import POD_NAMESPACE, as_pod, mount_account, pod_environment

__all__ = ["pod_steps"]

#: Without a namespace: it is the pod's.
SECRET = b'{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"k":"aHVudGVyMg=="}}'


def pod_steps(
    server: KubeServer,
    folder: Path,
    commands: Mapping[str, Callable[..., Any]],
    places: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[str, Any]]:
    """Fetch, seal and validate from a pod, and be refused with an account that is none.

    Args:
        places: by Service, the flags that name it.
    """
    accounts = f"/api/v1/namespaces/{POD_NAMESPACE}/serviceaccounts"
    server.admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": POD_NAMESPACE}})
    server.admin.request("POST", accounts, {"metadata": {"name": "job"}})
    good = mount_account(server, folder / "account")
    unknown = mount_account(server, folder / "unknown-account", token="not.a.token")
    for command, run in commands.items():
        home = folder / f"pod-home-{command}"
        home.mkdir()
        env = pod_environment(server) | {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        for service, place in places.items():
            name = f"{command} {service} in a pod"
            pod = {"env": env, "before": as_pod(good)}
            yield f"{name} fetch", run("--fetch-cert", *place, **pod)
            sealing = run("-o", "yaml", *place, given=SECRET, **pod)
            yield f"{name} seal", sealing
            yield f"{name} validate", run("--validate", *place, given=sealing.stdout, **pod)
            pod["before"] = as_pod(unknown)
            yield f"{name} refused", run("--fetch-cert", *place, **pod)
