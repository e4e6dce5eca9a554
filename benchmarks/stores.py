"""Every store but the first: calls, logins and memory of the whole service, in one run.

The service serves a directory; each store's server counts calls: moto behind a front with
AWS's limits, a gRPC server with Google's messages and quotas, a real OpenBao. Counts are
exact; seconds and CPU depend on the machine.

Run: benchmarks/stores.py [STORE…] [--objects N]
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import yaml

from benchmarks.markdown import markdown_table
from benchmarks.process import ServiceProcess
from tests.support.store_scenes import NAMESPACE, SCENES, StoreScene, external_secret

#: ExternalSecrets per upstream secret.
SHARE = 5
CYCLE_S = 60
WRITES = "secretsync_cluster_writes_total"
_FOLDERS = {
    "ClusterSecretStore": "_cluster/clustersecretstores.external-secrets.io",
    "Secret": f"{NAMESPACE}/secrets",
    "ExternalSecret": f"{NAMESPACE}/externalsecrets.external-secrets.io",
}


@dataclass(slots=True)
class Row:
    """One store."""

    store: str
    first_reads: int = 0
    first_calls: int = 0
    logins: int = 0
    first_s: float = 0.0
    first_cpu_s: float = 0.0
    cycle_reads: int = 0
    cycle_calls: int = 0
    cycle_writes: int = 0
    restart_reads: int = 0
    restart_calls: int = 0
    restart_writes: int = 0
    rss_mb: float = 0.0


def fill(folder: Path, scenes: Sequence[StoreScene], objects: int) -> None:
    """Write the stores and that many ExternalSecrets of each."""
    for scene in scenes:
        wanted = [
            external_secret(
                f"{scene.name}-{index:05d}",
                scene.name,
                scene.keys[index % len(scene.keys)],
                refresh_interval=f"{CYCLE_S}s",
            )
            for index in range(objects)
        ]
        for obj in (*scene.objects, *wanted):
            place = folder / _FOLDERS[obj["kind"]]
            place.mkdir(parents=True, exist_ok=True)
            path = place / f"{obj['metadata']['name']}.yaml"
            path.touch(0o600)
            path.write_text(yaml.dump(obj, Dumper=yaml.CSafeDumper))


def measure(name: str, objects: int, log: Path) -> Row:
    """Measure one store: first sync, an unchanged cycle, a restart."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SCENES[name](max(1, objects // SHARE)) as scene,
    ):
        fill(Path(folder), [scene], objects)
        scene.forget()
        row = Row(name)
        service = ServiceProcess(["--to", f"dir:{folder}", "--no-sealing"], scene.env, log)
        try:
            first_sync(service, scene, row, objects)
            unchanged_cycle(service, scene, row)
            service.stop()
        finally:
            service.kill()
        scene.forget()
        service = ServiceProcess(["--to", f"dir:{folder}", "--no-sealing"], scene.env, log)
        try:
            restart(service, scene, row, objects)
        finally:
            service.kill()
        return row


def first_sync(service: ServiceProcess, scene: StoreScene, row: Row, objects: int) -> None:
    """Wait for every Secret, then for every status."""
    limit_s = 120 + objects / 5
    row.first_s = service.wait_count(objects, WRITES, '"Secret"', '"create"', within_s=limit_s)
    row.first_reads, row.first_calls = scene.reads(), scene.calls()
    service.wait_count(objects, WRITES, '"ExternalSecret"', '"status"', within_s=limit_s)
    row.first_cpu_s = service.cpu_s()


def unchanged_cycle(service: ServiceProcess, scene: StoreScene, row: Row) -> None:
    """Watch one whole cycle in which nothing changes, after the first has passed."""
    time.sleep(CYCLE_S + 5)
    # Over the whole life until here: sessions are not opened anew.
    row.logins = scene.login_count()
    writes = service.count(WRITES)
    scene.forget()
    time.sleep(CYCLE_S)
    row.cycle_reads, row.cycle_calls = scene.reads(), scene.calls()
    row.cycle_writes = service.count(WRITES) - writes
    row.rss_mb = service.rss_peak_mb()


def restart(service: ServiceProcess, scene: StoreScene, row: Row, objects: int) -> None:
    """Start over an unchanged directory; everything is found as it should be."""
    avoided = "secretsync_provider_reads_avoided_total"
    service.wait_count(1, avoided, within_s=120 + objects / 5)
    time.sleep(5)
    row.restart_reads, row.restart_calls = scene.reads(), scene.calls()
    row.restart_writes = service.count(WRITES)


def memory(names: Sequence[str], log: Path) -> float:
    """Return the peak of a service that has synced one object of each store."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        scenes = [stack.enter_context(SCENES[name](1)) for name in names]
        fill(Path(folder), scenes, 1)
        env = {key: text for scene in scenes for key, text in scene.env.items()}
        service = ServiceProcess(["--to", f"dir:{folder}"], env, log)
        try:
            writes = (WRITES, '"ExternalSecret"', '"status"')
            service.wait_count(len(names), *writes, within_s=120)
            time.sleep(5)
            return service.rss_peak_mb()
        finally:
            service.kill()


def main() -> int:
    """Measure every store and the memory, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", default=[*SCENES, "memory"])
    parser.add_argument("--objects", type=int, default=1000)
    arguments = parser.parse_args()
    log = Path(tempfile.mkdtemp(prefix="secretsync-bench-")) / "service.log"
    print(f"the service's log: {log}", file=sys.stderr)
    names = [name for name in arguments.stores if name in SCENES]
    rows = [measure(name, arguments.objects, log) for name in names]
    if rows:
        heads, corner = [row.store for row in rows], f"{arguments.objects:,} objects"
        print(markdown_table(heads, rows, corner=corner, digits=1))
    if "memory" in arguments.stores:
        for stores in (["parameter-store"], [*SCENES]):
            print(f"peak memory with {', '.join(stores)}: {memory(stores, log):.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
