"""A cluster with Sealed Secrets and ours in a network of its own, and who uses them.

Run in a namespace by test_service_proxy.py, which judges what this only does:

    python -m tests.interop.proxy_scene FOLDER

The result is one JSON object on standard output: step → exit code and both outputs.
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.interop.pod_steps import pod_steps
from tests.support.kube import KubeServer
from tests.support.kube_waits import granted
from tests.support.network_namespace import add_address
from tests.support.sealed_controller import SealedController
from tests.support.sealed_install import SYSTEM, install_ours
from tests.support.sealed_objects import SealedObjects
from tests.support.sealing_commands import kubeseal, seal
from tests.support.service import RunningService

__all__ = ["COMMANDS", "POD_SERVICES", "SERVICES"]

#: A documentation address (RFC 5737): nobody's, and not loopback's.
ADDRESS = "192.0.2.10"
POD = "controller-0"
COMMANDS: dict[str, Callable[..., Any]] = {"kubeseal": kubeseal, "seal": seal}


#: What `kubectl create secret generic my-secret --from-literal=password=supersecret
#: --dry-run=client -o yaml` writes.
KUBECTL_OUTPUT = """apiVersion: v1
data:
  password: c3VwZXJzZWNyZXQ=
kind: Secret
metadata:
  creationTimestamp: null
  name: my-secret
"""


@dataclass(frozen=True)
class Service:
    """A Service in front of a controller; `port_name` may be empty."""

    namespace: str
    name: str
    port_name: str

    @property
    def flags(self) -> tuple[str, ...]:
        """What names it on a command line."""
        return ("--controller-name", self.name, "--controller-namespace", self.namespace)


#: As their static manifest and their chart install it, and as deploy/ does.
SERVICES = {
    "theirs": Service("kube-system", "sealed-secrets-controller", ""),
    "theirs-by-chart": Service("kube-system", "sealed-secrets", "http"),
    "ours": Service(SYSTEM, "sealed-secrets-controller", "http"),
}
#: Those that a job in a pod asks, too.
POD_SERVICES = ("theirs", "ours")
KEYS = "kube-system"


def main(folder: Path) -> None:
    """Build the cluster, let everybody do everything, print what came of it."""
    add_address(ADDRESS)
    with contextlib.ExitStack() as stack:
        for name in ("kube", "controller"):
            (folder / name).mkdir()
        server = KubeServer(folder / "kube")
        server.start()
        stack.callback(server.stop)
        theirs, ours = _start_both(server, folder, stack)
        _expose(server, theirs.port, ours.sealing_port)
        result = {
            "certificate": theirs.cert_pem().decode(),
            "keys": theirs.key_secrets(),
            "steps": dict(steps(server, folder)),
        }
        theirs.assert_alive()
        ours.assert_alive()
    json.dump(result, sys.stdout)


def _start_both(
    server: KubeServer, folder: Path, stack: contextlib.ExitStack
) -> tuple[SealedController, RunningService]:
    """Both controllers with the same keys, which theirs makes, and no limit of rate."""
    kubeconfig = install_ours(server, key_namespace=KEYS)
    limits = {"rate_limit": "1000", "rate_limit_burst": "1000"}
    theirs = SealedController(server, folder / "controller", KEYS, address=ADDRESS, **limits)
    theirs.start()
    stack.callback(theirs.stop)
    arguments = ["--to", "kube", "--sealing-namespace", KEYS]
    arguments += ["--rate-limit", "1000", "--rate-limit-burst", "1000"]
    env = {"KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": SYSTEM}
    log = folder / "ours.log"
    ours = RunningService(arguments, env=env, log=log, sealing=True, sealing_host=ADDRESS)
    stack.callback(ours.kill)
    ours.wait_ready()
    return theirs, ours


def _expose(server: KubeServer, their_port: int, our_port: int) -> None:
    """Make the Services; let every authenticated user reach theirs as their chart does."""
    for namespace in {service.namespace for service in SERVICES.values()}:
        _make_pod(server, namespace)
    proxied = []
    for service in SERVICES.values():
        _make_service(server, service, our_port if service.namespace == SYSTEM else their_port)
        proxied += [f"http:{service.name}:", f"http:{service.name}:http", service.name]
    proxy = {"resources": ["services/proxy"], "resourceNames": proxied, "verbs": ["get", "create"]}
    granted(
        server.admin,
        {"kind": "Group", "name": "system:authenticated"},
        [
            {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
            {"apiGroups": [""], **proxy},
        ],
        KEYS,
    )


def _make_pod(server: KubeServer, namespace: str) -> None:
    """The API server proxies only to addresses that a pod has."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    # Our namespace takes restricted pods only.
    narrow = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    narrow |= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    containers = [{"name": "controller", "image": "none", "securityContext": narrow}]
    body = {"metadata": {"name": POD}, "spec": {"containers": containers}}
    server.admin.request("POST", pods, body)
    status = {"status": {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}}
    patch = "application/merge-patch+json"
    server.admin.request("PATCH", f"{pods}/{POD}/status", status, content_type=patch)


def _make_service(server: KubeServer, service: Service, port: int) -> None:
    """A Service, and the Endpoints that a controller would keep of its pods."""
    named = {"name": service.port_name} if service.port_name else {}
    metadata = {"name": service.name}
    target = {"kind": "Pod", "namespace": service.namespace, "name": POD}
    addresses = [{"ip": ADDRESS, "targetRef": target}]
    folder = f"/api/v1/namespaces/{service.namespace}"
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
        for target, service in SERVICES.items():
            for step, completed in use(run, service.flags, env, folder):
                yield f"{command} {target} {step}", _told(completed)
            yield f"{command} {target} pipe", guides_pipe(run, service, env, server)
    places = {target: SERVICES[target].flags for target in POD_SERVICES}
    for step, completed in pod_steps(server, folder, COMMANDS, places):
        yield step, _told(completed)


def _told(completed: Any) -> dict[str, Any]:
    out, err = completed.stdout.decode(), completed.stderr.decode()
    return {"code": completed.returncode, "out": out, "err": err}


def guides_pipe(
    run: Callable[..., Any], service: Service, env: dict[str, str], server: KubeServer
) -> dict[str, Any]:
    """From `kubectl create secret … | kubeseal --format yaml` to the Secret, and clean up.

    The command line is the guide's; where the controller is elsewhere than kubeseal
    looks, the environment says so.
    """
    where = {
        "SEALED_SECRETS_CONTROLLER_NAME": service.name,
        "SEALED_SECRETS_CONTROLLER_NAMESPACE": service.namespace,
    }
    given = KUBECTL_OUTPUT.encode()
    told = _told(run("--format", "yaml", given=given, env=env | where))
    objects = SealedObjects(server, "default")
    secret = objects.unsealed(yaml.load(told["out"], Loader=yaml.CSafeLoader))
    objects.delete("my-secret")
    objects.delete_secret("my-secret")
    return {**told, "data": secret["data"], "type": secret["type"]}


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
    for name, validator in COMMANDS.items():
        yield f"validate by {name}", validator("--validate", *place, given=sealed, env=env)
    text = sealed.replace(b"name: s\n", b"name: other\n")
    yield "validate renamed", run("--validate", *place, given=text, env=env)
    yield "re-encrypt", run("--re-encrypt", "-o", "yaml", *place, given=sealed, env=env)
    yield "re-encrypt renamed", run("--re-encrypt", *place, given=text, env=env)
    file = folder / "in-place.yaml"
    file.write_bytes(sealed)
    yield "re-encrypt in place", run("--re-encrypt", "-o", "yaml", "-f", file, *place, env=env)
    yield "in place", run("--validate", *place, given=file.read_bytes(), env=env)
    file.write_bytes(sealed)
    for step in ("rotate", "rotate again"):
        yield step, seal("rotate", file, "-o", "json", *place, env=env)
    yield "rotated", run("--validate", *place, given=file.read_bytes(), env=env)
    yield "no service", run("--fetch-cert", "--controller-name", "absent", env=env)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
