"""ExternalSecrets to Secrets: calls, writes, CPU and memory, in one run.

The store is moto behind a front that counts calls and enforces AWS's own limits; the
API server and etcd are real and share the machine's cores with the service. Counts
are exact; seconds depend on the machine, so compare ratios within one run.

Run: make bench
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import yaml

from benchmarks.markdown import markdown_table
from benchmarks.process import ServiceProcess
from tests.support.aws import REGION, AwsApi, start_moto
from tests.support.aws_front import StrictFront
from tests.support.kube import KubeServer

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "bench"
#: ExternalSecrets per upstream secret.
SHARE = 5
CYCLE_S = 30
VALUE_READS = ("BatchGetSecretValue", "GetSecretValue")


@dataclass(slots=True)
class Row:
    """One measured size."""

    cluster: str
    objects: int
    first_reads: int = 0
    first_lists: int = 0
    secrets_s: float = 0.0
    statuses_s: float = 0.0
    first_cpu_s: float = 0.0
    first_writes: int = 0
    rss_mb: float = 0.0
    cycle_calls: int = 0
    cycle_writes: int = 0
    cycle_cpu_s: float = 0.0
    restart_reads: int = 0
    restart_writes: int = 0
    restart_cpu_s: float = 0.0
    stop_s: float = 0.0
    cpu_us_each: float = 0.0


def external_secret(index: int, upstream: int) -> dict[str, Any]:
    """Return one ExternalSecret of two keys."""
    key = f"bench/{index % upstream:05d}"
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": f"app-{index:05d}", "namespace": NAMESPACE},
        "spec": {
            "refreshInterval": f"{CYCLE_S}s",
            "secretStoreRef": {"name": "aws", "kind": "ClusterSecretStore"},
            "data": [
                {"secretKey": name, "remoteRef": {"key": key, "property": name}}
                for name in ("username", "password")
            ],
        },
    }


def store() -> dict[str, Any]:
    """Return the store that all of them read from."""
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": "aws"},
        "spec": {"provider": {"aws": {"service": "SecretsManager", "region": REGION}}},
    }


def fill_upstream(front: StrictFront, upstream: int) -> None:
    """Create the upstream secrets."""
    api = AwsApi(front.url)
    for index in range(upstream):
        value = {"username": f"user-{index}", "password": f"p{index}" * 6}
        api.create(f"bench/{index:05d}", json.dumps(value))
    api.close()


def reads(front: StrictFront) -> int:
    """Return how many calls read values."""
    return sum(front.count(operation) for operation in VALUE_READS)


@contextlib.contextmanager
def kubernetes(objects: int, upstream: int, folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Provide an API server that holds the objects."""
    server = KubeServer(folder)
    server.start()
    try:
        admin = server.admin
        admin.install_crds(ROOT / "deploy" / "crds")
        admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        group = "/apis/external-secrets.io/v1"
        admin.request("POST", f"{group}/clustersecretstores", store())
        path = f"{group}/namespaces/{NAMESPACE}/externalsecrets"
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda index: admin.request("POST", path, external_secret(index, upstream)),
                    range(objects),
                )
            )
        yield "kube", {"KUBECONFIG": str(server.kubeconfig)}
    finally:
        server.stop()


@contextlib.contextmanager
def directory(objects: int, upstream: int, folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Provide a directory cluster that holds the objects."""
    files = {folder / "_cluster/clustersecretstores.external-secrets.io/aws.yaml": store()}
    place = folder / NAMESPACE / "externalsecrets.external-secrets.io"
    for index in range(objects):
        files[place / f"app-{index:05d}.yaml"] = external_secret(index, upstream)
    for path, obj in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.dump(obj, Dumper=yaml.CSafeDumper))
    yield f"dir:{folder}", {}


def measure(kind: str, objects: int, moto_url: str, log: Path) -> Row:
    """Measure one size: first sync, an unchanged cycle, a restart, a stop."""
    upstream = max(1, objects // SHARE)
    provide = kubernetes if kind == "kube" else directory
    with (
        tempfile.TemporaryDirectory() as folder,
        StrictFront(moto_url) as front,
        provide(objects, upstream, Path(folder)) as (cluster, env),
    ):
        fill_upstream(front, upstream)
        front.calls.clear()
        env |= {
            "AWS_ENDPOINT_URL": front.url,
            "AWS_ACCESS_KEY_ID": "AKIABENCH",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        row = Row(kind, objects)
        service = ServiceProcess(["--to", cluster], env, log)
        try:
            first_sync(service, front, row)
            unchanged_cycle(service, front, row)
            row.stop_s = service.stop()
        finally:
            service.kill()
        front.calls.clear()
        service = ServiceProcess(["--to", cluster], env, log)
        try:
            restart(service, front, row)
        finally:
            service.kill()
        return row


def first_sync(service: ServiceProcess, front: StrictFront, row: Row) -> None:
    """Wait for every Secret and every status."""
    writes = "secretsync_cluster_writes_total"
    limit_s = 60 + row.objects / 20
    row.secrets_s = service.wait_count(
        row.objects, writes, '"Secret"', '"create"', within_s=limit_s
    )
    row.first_reads, row.first_lists = reads(front), front.count("ListSecrets")
    row.statuses_s = service.wait_count(
        row.objects, writes, '"ExternalSecret"', '"status"', within_s=limit_s
    )
    row.first_cpu_s, row.first_writes = service.cpu_s(), service.count(writes)
    row.cpu_us_each = row.first_cpu_s / row.objects * 1e6


def unchanged_cycle(service: ServiceProcess, front: StrictFront, row: Row) -> None:
    """Watch one whole cycle in which nothing changes, after the first has passed."""
    time.sleep(CYCLE_S + 2)
    writes = service.count("secretsync_cluster_writes_total")
    front.calls.clear()
    cpu_s = service.cpu_s()
    time.sleep(CYCLE_S)
    row.cycle_cpu_s = service.cpu_s() - cpu_s
    row.cycle_calls = front.count()
    row.cycle_writes = service.count("secretsync_cluster_writes_total") - writes
    row.rss_mb = service.rss_peak_mb()


def restart(service: ServiceProcess, front: StrictFront, row: Row) -> None:
    """Start over an unchanged cluster; everything is found as it should be."""
    service.wait_count(1, "secretsync_provider_reads_avoided_total", within_s=60 + row.objects / 20)
    time.sleep(3)
    row.restart_reads = reads(front)
    row.restart_writes = service.count("secretsync_cluster_writes_total")
    row.restart_cpu_s = service.cpu_s()


def main() -> int:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "sizes", nargs="*", default=["kube:100", "kube:1000", "dir:1000", "dir:10000"]
    )
    arguments = parser.parse_args()
    log = Path(tempfile.mkdtemp(prefix="secretsync-bench-")) / "service.log"
    print(f"the service's log: {log}", file=sys.stderr)
    rows = []
    for size in arguments.sizes:
        kind, _, objects = size.partition(":")
        with start_moto() as moto:
            rows.append(measure(kind, int(objects), moto.url, log))
        print(f"measured {size}", file=sys.stderr)
    heads = [f"{row.cluster}, {row.objects:,}" for row in rows]
    print(markdown_table(heads, rows, keys=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
