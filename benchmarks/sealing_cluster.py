"""Unsealing on a real API server: the real controller for a while, then our service.

Both find their SealedSecrets there when they start, as after an installation or a
restart. Theirs runs with its own defaults, and again without its client-side limit.
For memory, ours has ExternalSecrets, templates and a store to do as well.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.process import ServiceProcess
from benchmarks.sealing_rows import OBJECTS, VALUES, Row, certificate_for, new_key, sealed_secrets
from benchmarks.spine import external_secret, fill_upstream, store
from examples.ports import free_port
from sealing import Certificate, PrivateKey, key_secret
from tests.support.aws import start_moto
from tests.support.aws_front import StrictFront
from tests.support.kube import KubeServer
from tests.support.sealed_controller import SealedController

__all__ = ["measure"]

ROOT = Path(__file__).resolve().parent.parent
KEYS = "sealing-keys"
OURS = "bench"
_THEIRS_S = 80.0
_OURS_WITHIN_S = 240.0
_SETTLE_S = 10.0
_LOOK_S = 0.5
_EXTERNAL_SECRETS = 50
_TEMPLATES = 100
_WRITES = "secretsync_cluster_writes_total"
_KEY_USES = "secretsync_private_key_operations_total"
_CONDITION = "sealed_secrets_controller_condition_info"
_LISTED = "sealedsecrets"


@dataclass(frozen=True)
class _Scene:
    server: KubeServer
    certificate: Certificate
    folder: Path

    def fill(self, namespace: str, templates: int = 0) -> None:
        """Create a namespace with all the SealedSecrets in it."""
        self.server.admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        path = f"/apis/bitnami.com/v1alpha1/namespaces/{namespace}/{_LISTED}"
        objects = list(sealed_secrets(self.certificate, namespace, templates=templates))
        self._post(path, objects)

    def _post(self, path: str, objects: Iterable[dict[str, Any]]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda obj: self.server.admin.request("POST", path, obj), objects))

    def secrets(self, namespace: str) -> int:
        """Count the Secrets in a namespace."""
        path = f"/api/v1/namespaces/{namespace}/secrets"
        return len(self.server.admin.request("GET", path)["items"])

    def empty(self, namespace: str) -> None:
        """Take SealedSecrets and Secrets away: the next one must not find them."""
        admin = self.server.admin
        admin.request("DELETE", f"/apis/bitnami.com/v1alpha1/namespaces/{namespace}/{_LISTED}")
        admin.request("DELETE", f"/api/v1/namespaces/{namespace}/secrets")


def measure(folder: Path) -> list[Row]:
    """Return throughput, memory and restart."""
    key = new_key()
    server = KubeServer(folder)
    server.start()
    try:
        scene = _Scene(server, certificate_for(key), folder)
        server.admin.install_crds(ROOT / "deploy" / "crds")
        _store_key(scene, key)
        limited = _theirs(scene, "theirs", {"kubeclient_qps": "5", "kubeclient_burst": "10"})
        unlimited = _theirs(scene, "unlimited", {"kubeclient_qps": "-1"})
        return _ours(scene, limited, unlimited)
    finally:
        server.stop()


def _store_key(scene: _Scene, key: PrivateKey) -> None:
    admin = scene.server.admin
    admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": KEYS}})
    made = key_secret(key, scene.certificate, namespace=KEYS)
    admin.request("POST", f"/api/v1/namespaces/{KEYS}/secrets", made)


@dataclass(frozen=True)
class _Measured:
    rate: float
    text: str
    rss_mb: float


def _theirs(scene: _Scene, namespace: str, flags: dict[str, str]) -> _Measured:
    """The real controller for as long as it is given, or until it is done."""
    scene.fill(namespace)
    folder = scene.folder / namespace
    folder.mkdir()
    controller = SealedController(
        scene.server, folder, KEYS, additional_namespaces=namespace, key_renew_period="0", **flags
    )
    started_at_s = time.monotonic()
    controller.start()
    try:
        made = 0
        while made < OBJECTS and time.monotonic() - started_at_s < _THEIRS_S:
            time.sleep(0.5)
            made = scene.secrets(namespace)
        took_s = time.monotonic() - started_at_s
        rss_mb = _peak_mb(controller)
    finally:
        controller.stop()
    scene.empty(namespace)
    return _Measured(made / took_s, f"{made} in {took_s:.0f} s = {made / took_s:.1f}/s", rss_mb)


def _peak_mb(controller: SealedController) -> float:
    controller.assert_alive()
    status = Path(f"/proc/{controller.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _ours(scene: _Scene, limited: _Measured, unlimited: _Measured) -> list[Row]:
    """Alone first, as theirs; then once more with all else that it can have to do."""
    scene.fill(OURS, templates=_TEMPLATES)
    env = {
        "KUBECONFIG": str(scene.server.kubeconfig),
        # Its install key is stored there; without one every start opens all.
        "POD_NAMESPACE": KEYS,
    }
    first = _with_service(scene, env, _first)
    again = _with_service(scene, env, _restart)
    scene.server.admin.request("DELETE", f"/api/v1/namespaces/{OURS}/secrets")
    with start_moto() as moto, StrictFront(moto.url) as front:
        fill_upstream(front, _EXTERNAL_SECRETS)
        _external_secrets(scene)
        env |= {
            "AWS_ENDPOINT_URL": front.url,
            "AWS_ACCESS_KEY_ID": "AKIABENCH",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        loaded = _with_service(scene, env, _loaded)
    return [
        *_rates(limited, unlimited, first),
        _memory(limited, loaded["rss_mb"]),
        _restarted(again),
    ]


def _external_secrets(scene: _Scene) -> None:
    group = "/apis/external-secrets.io/v1"
    scene.server.admin.request("POST", f"{group}/clustersecretstores", store())
    for index in range(_EXTERNAL_SECRETS):
        made = external_secret(index, _EXTERNAL_SECRETS)
        made["metadata"] |= {"name": f"external-{index:04d}", "namespace": OURS}
        made["spec"]["refreshInterval"] = "1h"
        scene.server.admin.request("POST", f"{group}/namespaces/{OURS}/externalsecrets", made)


def _with_service(
    scene: _Scene, env: dict[str, str], look: Callable[[ServiceProcess], dict[str, float]]
) -> dict[str, float]:
    arguments = ["--to", "kube", "--sealing-namespace", KEYS, "--key-renew-period", "0"]
    arguments += ["--sealing-addr", f"127.0.0.1:{free_port()}"]
    service = ServiceProcess(arguments, env, scene.folder / "ours.log")
    try:
        found = look(service)
        service.stop()
    finally:
        service.kill()
    return found


def _first(service: ServiceProcess) -> dict[str, float]:
    """From the start of the process to the last Secret, and to the last status."""
    busy_s = _busy_s()
    secrets_s = _written(service, OBJECTS, '"Secret"', '"create"')
    cpu_s, busy_s = service.cpu_s(), _busy_s() - busy_s
    statuses_s = _written(service, OBJECTS, '"SealedSecret"', '"status"')
    time.sleep(_SETTLE_S)
    return {
        "secrets_s": secrets_s,
        "statuses_s": statuses_s,
        "cpu_s": cpu_s,
        "busy_s": busy_s,
        "operations": service.count(_KEY_USES),
    }


def _loaded(service: ServiceProcess) -> dict[str, float]:
    """All Secrets again, and those of ExternalSecrets beside them."""
    _written(service, OBJECTS + _EXTERNAL_SECRETS, '"Secret"', '"create"')
    time.sleep(_SETTLE_S)
    return {"rss_mb": service.rss_peak_mb()}


def _written(service: ServiceProcess, count: int, *labels: str) -> float:
    return service.wait_count(count, _WRITES, *labels, within_s=_OURS_WITHIN_S, every_s=_LOOK_S)


def _busy_s() -> float:
    """CPU seconds that the whole machine has been busy."""
    user, nice, system, _, _, irq, softirq = (
        int(field) for field in Path("/proc/stat").read_text().split()[1:8]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _restart(service: ServiceProcess) -> dict[str, float]:
    """Until every SealedSecret has been looked at, and a while longer."""
    looked_s = service.wait_count(OBJECTS, _CONDITION, within_s=_OURS_WITHIN_S, every_s=_LOOK_S)
    time.sleep(_SETTLE_S)
    return {
        "looked_s": looked_s,
        "operations": service.count(_KEY_USES),
        "writes": service.count(_WRITES),
    }


def _rates(limited: _Measured, unlimited: _Measured, first: dict[str, float]) -> list[Row]:
    rate = OBJECTS / first["secrets_s"]
    what = f"unsealing {OBJECTS} SealedSecrets x {VALUES} values, end to end"
    ours = (
        f"{OBJECTS} in {first['secrets_s']:.1f} s = {rate:.0f}/s from process start; "
        f"statuses after {first['statuses_s']:.1f} s; "
        f"{first['operations']:.0f} private-key operations, {first['cpu_s']:.1f} of the "
        f"{first['busy_s']:.1f} CPU seconds that the machine was busy meanwhile"
    )
    return [
        Row(what, limited.text, ours, f"{rate / limited.rate:.0f} x", ">= 30 x"),
        Row(f"{what}, its limit off", unlimited.text, "as above", f"{rate / unlimited.rate:.1f} x"),
    ]


def _memory(theirs: _Measured, rss_mb: float) -> Row:
    what = "peak resident memory, everything loaded"
    return Row(what, f"{theirs.rss_mb:.0f} MB", f"{rss_mb:.0f} MB", "", "<= 150 MB")


def _restarted(again: dict[str, float]) -> Row:
    return Row(
        f"restart, {OBJECTS} unchanged",
        "all again",
        f"{again['operations']:.0f} private-key operations, {again['writes']:.0f} writes "
        f"(all looked at after {again['looked_s']:.1f} s)",
        "",
        "0 and 0",
    )
