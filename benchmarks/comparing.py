"""Comparing: reads, dry runs and CPU for an object, by what is known of it beforehand.

Three hundred objects of one application against a real API server: a Deployment, a
ConfigMap and a Secret a hundred times. Reads and dry runs are exact; microseconds are of
this process alone and depend on the machine, their ratios hold.

Run: benchmarks/comparing.py
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from secretsync.cluster.kubernetes import open_kubernetes
from secretsync.gitops.diff.comparing import known_from
from secretsync.gitops.model import Comparison
from tests.gitops.comparing_kit import (
    Bench,
    application,
    config_map,
    deployment,
    plain_secret,
)
from tests.support.kube import KubeServer

EACH = 100


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        server = KubeServer(Path(folder))
        server.start()
        try:
            os.environ["KUBECONFIG"] = str(server.kubeconfig)
            _table(server.admin.create_namespace())
        finally:
            server.stop()


def _table(namespace: str) -> None:
    cluster = open_kubernetes()
    bench = Bench(cluster, namespace, application(namespace=namespace))
    objects, edited = _objects("1"), _objects("2")
    print(f"{'':44}{'reads':>7}{'dry runs':>10}{'µs CPU/object':>15}")
    _row("nothing is there yet", bench, objects)
    bench.apply(*objects)
    synced = _row("all as it should be", bench, objects)
    _row("the same, as a watch says that one changed", bench, objects, _known(synced))
    _row("a third of it changed in Git", bench, edited)
    _row("the same, asked again", bench, edited)
    bench.jq.close()
    cluster.close()


def _objects(value: str) -> list[dict[str, Any]]:
    found = []
    for index in range(EACH):
        found.append(deployment(f"d{index}"))
        found.append(config_map(f"c{index}", {"a": value}))
        found.append(plain_secret(f"s{index}", a="b"))
    return found


def _known(earlier: Comparison) -> dict[str, Any]:
    changed = [pair.key for pair in earlier.pairs if pair.key.kind == "Deployment"][:1]
    return {"known": known_from(earlier, changed)}


def _row(
    name: str, bench: Bench, objects: list[dict[str, Any]], options: dict[str, Any] | None = None
) -> Comparison:
    before_s = time.process_time()
    found = bench.compare(*objects, **(options or {}))
    cpu_us = (time.process_time() - before_s) / len(objects) * 1e6
    reads, dry_runs = bench.asked.count("get"), bench.asked.count("dry-run")
    print(f"{name:44}{reads:7}{dry_runs:10}{cpu_us:15.0f}")
    return found


if __name__ == "__main__":
    main()
