"""A cluster with Sealed Secrets in a network of its own, and people who use it.

Run in a namespace by test_service_proxy.py, which judges what this only does:

    python -m tests.interop.proxy_scene FOLDER

The result is one JSON object on standard output: step → exit code and both outputs.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.kube import KubeServer
from tests.support.network_namespace import add_address
from tests.support.sealed_controller import SealedController
from tests.support.sealed_crd import install_our_crd
from tests.support.sealing_commands import kubeseal, seal

__all__ = ["COMMANDS", "SERVICES"]

#: A documentation address (RFC 5737): nobody's, and not loopback's.
ADDRESS = "192.0.2.10"
NAMESPACE = "kube-system"
POD = "sealed-secrets-controller-0"
#: Service → name of its port: as the static manifest and as the chart install it.
SERVICES = {"sealed-secrets-controller": "", "sealed-secrets": "http"}
COMMANDS: dict[str, Callable[..., Any]] = {"kubeseal": kubeseal, "seal": seal}


def main(folder: Path) -> None:
    """Build the cluster, let everybody do everything, print what came of it."""
    add_address(ADDRESS)
    for name in ("kube", "controller"):
        (folder / name).mkdir()
    server = KubeServer(folder / "kube")
    server.start()
    try:
        install_our_crd(server)
        flags = {"rate_limit": "1000", "rate_limit_burst": "1000"}
        controller = SealedController(
            server, folder / "controller", NAMESPACE, address=ADDRESS, **flags
        )
        controller.start()
        try:
            expose(server, controller.port)
            result = {
                "certificate": controller.cert_pem().decode(),
                "keys": controller.key_secrets(),
                "steps": dict(steps(server, folder)),
            }
            controller.assert_alive()
        finally:
            controller.stop()
    finally:
        server.stop()
    json.dump(result, sys.stdout)


def expose(server: KubeServer, port: int) -> None:
    """Make the Services, and let every authenticated user reach them as the chart does."""
    _make_pod(server)
    proxied = []
    for name, port_name in SERVICES.items():
        _make_service(server, name, port_name, port)
        proxied += [f"http:{name}:", f"http:{name}:http", name]
    proxy = {"resources": ["services/proxy"], "resourceNames": proxied, "verbs": ["get", "create"]}
    server.admin.grant(
        {"kind": "Group", "name": "system:authenticated"},
        [
            {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
            {"apiGroups": [""], **proxy},
        ],
        NAMESPACE,
    )


def _make_pod(server: KubeServer) -> None:
    """The API server proxies only to addresses that a pod has."""
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    containers = [{"name": "controller", "image": "none"}]
    body = {"metadata": {"name": POD}, "spec": {"containers": containers}}
    server.admin.request("POST", pods, body)
    status = {"status": {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}}
    patch = "application/merge-patch+json"
    server.admin.request("PATCH", f"{pods}/{POD}/status", status, content_type=patch)


def _make_service(server: KubeServer, name: str, port_name: str, port: int) -> None:
    """A Service, and the Endpoints that a controller would keep of its pods."""
    named = {"name": port_name} if port_name else {}
    metadata = {"name": name}
    target = {"kind": "Pod", "namespace": NAMESPACE, "name": POD}
    addresses = [{"ip": ADDRESS, "targetRef": target}]
    folder = f"/api/v1/namespaces/{NAMESPACE}"
    spec = {"ports": [{"port": 8080, "targetPort": port, **named}]}
    server.admin.request("POST", f"{folder}/services", {"metadata": metadata, "spec": spec})
    subset = {"addresses": addresses, "ports": [{"port": port, **named}]}
    body = {"metadata": metadata, "subsets": [subset]}
    server.admin.request("POST", f"{folder}/endpoints", body)


def steps(server: KubeServer, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Let a developer without any other right do everything with either command."""
    kubeconfig = server.user_kubeconfig("dev")
    for command, run in COMMANDS.items():
        home = folder / f"home-{command}"
        home.mkdir()
        env = {"KUBECONFIG": str(kubeconfig), "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        for service in SERVICES:
            place = ("--controller-name", service, "--controller-namespace", NAMESPACE)
            for step, completed in use(run, place, env, folder):
                yield (
                    f"{command} {service} {step}",
                    {
                        "code": completed.returncode,
                        "out": completed.stdout.decode(),
                        "err": completed.stderr.decode(),
                    },
                )


def use(
    run: Callable[..., Any], place: tuple[str, ...], env: dict[str, str], folder: Path
) -> Iterator[tuple[str, Any]]:
    """What a person does with one command and one controller."""
    yield "fetch", run("--fetch-cert", *place, env=env)
    data = {"k": base64.b64encode(b"hunter2").decode()}
    metadata = {"name": "s", "namespace": "shop"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    sealing = run("-o", "yaml", *place, given=json.dumps(secret).encode(), env=env)
    yield "seal", sealing
    sealed = sealing.stdout
    yield "validate", run("--validate", *place, given=sealed, env=env)
    text = sealed.replace(b"name: s\n", b"name: other\n")
    yield "validate renamed", run("--validate", *place, given=text, env=env)
    yield "re-encrypt", run("--re-encrypt", "-o", "yaml", *place, given=sealed, env=env)
    yield "re-encrypt renamed", run("--re-encrypt", *place, given=text, env=env)
    file = folder / "in-place.yaml"
    file.write_bytes(sealed)
    yield "re-encrypt in place", run("--re-encrypt", "-o", "yaml", "-f", file, *place, env=env)
    yield "in place", run("--validate", *place, given=file.read_bytes(), env=env)
    yield "no service", run("--fetch-cert", "--controller-name", "absent", env=env)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
