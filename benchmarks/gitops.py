"""Applications from Git to the cluster: a first sync of all, one commit, drift, an idle cycle.

A monorepo of N kustomize overlays behind Git's own server program over HTTPS, a real API
server and etcd, and the service as a process of its own; all share the machine's cores.
Counts are exact; seconds depend on the machine, so compare ratios within one run.

Run: benchmarks/gitops.py [N …]
"""

from __future__ import annotations

import argparse
import contextlib
import re
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.git_front import GitFront
from benchmarks.markdown import markdown_table
from benchmarks.monorepo import OBJECTS_EACH, Monorepo, application, name_of
from benchmarks.process import ServiceProcess
from tests.support.kube import KubeServer

ROOT = Path(__file__).resolve().parent.parent
POLL_S = 5.0
#: Each application has a Service; the usual 254 addresses of a test would not do.
SERVICE_ADDRESSES = ("--service-cluster-ip-range=10.0.0.0/16",)
#: Two polls, and what a resync would do between them.
IDLE_S = 4 * POLL_S
WRITES, GIT, RENDERS = (
    "secretsync_cluster_writes_total",
    "secretsync_git_calls_total",
    "secretsync_app_renders_total",
)
#: The run of git by which a poll asks a repository; polls go on while one commit is awaited.
LISTING = 'verb="ls-remote"'
#: So many applications are edited for it, one after the other.
DRIFTS = 10
_REQUEST = re.compile(
    r"^apiserver_request_total\{(?P<labels>[^}]*)\} (?P<n>[0-9.e+]+)$", re.MULTILINE
)
_VERB = re.compile(r'verb="(\w+)"')
_READS = frozenset({"GET", "LIST"})


@dataclass(slots=True)
class Row:
    """One measured size."""

    applications: int
    first_sync_s: float = 0.0
    first_cpu_s: float = 0.0
    first_cpu_own_s: float = 0.0
    first_git_calls: int = 0
    first_renders: int = 0
    first_object_writes: int = 0
    first_application_writes: int = 0
    first_events: int = 0
    first_api_reads: int = 0
    rss_mb: float = 0.0
    rss_with_children_mb: float = 0.0
    commit_s: float = 0.0
    commit_after_poll_s: float = 0.0
    commit_cpu_s: float = 0.0
    commit_polls: int = 0
    commit_git_calls: int = 0
    commit_renders: int = 0
    commit_writes: int = 0
    commit_api_reads: int = 0
    drift_healed_median_s: float = 0.0
    drift_healed_worst_s: float = 0.0
    idle_polls: int = 0
    idle_ls_remotes: int = 0
    idle_git_calls: int = 0
    idle_renders: int = 0
    idle_writes: int = 0
    idle_api_reads: int = 0
    idle_cpu_s: float = 0.0


class Scene:
    """Everything that one size is measured with."""

    def __init__(self, folder: Path, count: int, log: Path) -> None:
        self.count = count
        self.monorepo = Monorepo(folder, count)
        self.front = GitFront(folder)
        (folder / "kube").mkdir()
        self.server = KubeServer(folder / "kube", apiserver_flags=SERVICE_ADDRESSES)
        self._folder, self._log = folder, log
        self._own_reads = 0
        self.service: ServiceProcess | None = None

    def begin(self) -> ServiceProcess:
        """Start the API server, create the Applications, start the service."""
        self.server.start()
        admin = self.server.admin
        admin.install_crds(ROOT / "deploy" / "crds")
        admin.install_crds(ROOT / "deploy" / "applications" / "crds.yaml")
        admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": "argocd"}})
        trusted = self.front.certificates()
        admin.request("POST", "/api/v1/namespaces/argocd/configmaps", trusted)
        path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
        url = self.front.url("monorepo.git")
        with ThreadPoolExecutor(8) as pool:
            made = [application(index, url) for index in range(self.count)]
            list(pool.map(lambda each: admin.request("POST", path, each), made))
        arguments = ["--to", "kube", "--poll-interval", str(int(POLL_S))]
        env = {
            "KUBECONFIG": str(self.server.kubeconfig),
            "XDG_CACHE_HOME": str(self._folder / "cache"),
        }
        self.service = ServiceProcess(arguments, env, self._log)
        return self.service

    def end(self) -> None:
        """End everything, however far it came."""
        if self.service is not None:
            self.service.kill()
        self.server.stop()
        self.front.close()

    def api_reads(self) -> int:
        """Return how often the API server was asked to read, by anybody but this program."""
        text = self.server.admin.request("GET", "/metrics")
        found = 0.0
        for match in _REQUEST.finditer(text):
            verb = _VERB.search(match["labels"])
            if verb is not None and verb[1] in _READS:
                found += float(match["n"])
        return int(found) - self._own_reads

    def mode(self, index: int) -> str:
        """Return what the ConfigMap of an application says."""
        path = f"/api/v1/namespaces/{name_of(index)}/configmaps/web"
        self._own_reads += 1
        return str(self.server.admin.request("GET", path)["data"]["mode"])

    def edit_live(self, index: int) -> None:
        """Edit the ConfigMap of an application in the cluster, as a person would."""
        path = f"/api/v1/namespaces/{name_of(index)}/configmaps/web?fieldManager=kubectl-edit"
        patch = {"data": {"mode": "edited"}}
        kind = "application/merge-patch+json"
        self.server.admin.request("PATCH", path, patch, content_type=kind)


def measure(count: int, log: Path) -> Row:
    """Measure one size."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        scene = Scene(Path(folder), count, log)
        stack.callback(scene.end)
        row = Row(count)
        service = scene.begin()
        stack.enter_context(service.watched_memory())
        first_sync(scene, service, row)
        quiet(scene, service)
        one_commit(scene, service, row)
        quiet(scene, service)
        drift(scene, row)
        quiet(scene, service)
        idle(scene, service, row)
        row.rss_mb = service.rss_peak_mb()
        row.rss_with_children_mb = service.tree_rss_peak_mb
        return row


def first_sync(scene: Scene, service: ServiceProcess, row: Row) -> None:
    """Wait until every application is synced, and its status says so."""
    reads = scene.api_reads()
    limit_s = 120 + scene.count
    service.wait_count(
        scene.count, "argocd_app_sync_total", 'phase="Succeeded"', within_s=limit_s, every_s=0.5
    )
    row.first_sync_s = service.wait_count(
        scene.count, "argocd_app_info", 'sync_status="Synced"', within_s=limit_s
    )
    row.first_cpu_s, row.first_cpu_own_s = service.tree_cpu_s(), service.cpu_s()
    counters = service.counters()
    row.first_git_calls, row.first_renders = total(counters, GIT), total(counters, RENDERS)
    row.first_application_writes = total(counters, WRITES, '"Application"')
    row.first_events = total(counters, WRITES, '"Event"')
    others = row.first_application_writes + row.first_events
    row.first_object_writes = total(counters, WRITES) - others
    row.first_api_reads = scene.api_reads() - reads


def one_commit(scene: Scene, service: ServiceProcess, row: Row) -> None:
    """Change one overlay; wait until the cluster has it and the application is settled."""
    before, reads, cpu_s = service.counters(), scene.api_reads(), service.tree_cpu_s()
    index = scene.count // 2
    began_s = time.monotonic()
    scene.monorepo.edit(index, "second")
    pushed_s = time.monotonic()
    while scene.mode(index) != "second":
        if time.monotonic() > began_s + 120:
            raise RuntimeError("the commit is not applied")
        time.sleep(0.05)
    applied_s = time.monotonic()
    row.commit_s = applied_s - pushed_s
    seen_s = [at for at in scene.front.listed_at_s if at >= pushed_s]
    row.commit_after_poll_s = applied_s - (seen_s[0] if seen_s else pushed_s)
    synced = total(before, "argocd_app_sync_total") + 1
    service.wait_count(synced, "argocd_app_sync_total", within_s=60)
    quiet(scene, service)
    after = service.counters()
    row.commit_cpu_s = service.tree_cpu_s() - cpu_s
    row.commit_polls = total(after, GIT, LISTING) - total(before, GIT, LISTING)
    row.commit_git_calls = total(after, GIT) - total(before, GIT) - row.commit_polls
    row.commit_renders = total(after, RENDERS) - total(before, RENDERS)
    row.commit_writes = total(after, WRITES) - total(before, WRITES)
    row.commit_api_reads = scene.api_reads() - reads


def drift(scene: Scene, row: Row) -> None:
    """Edit objects in the cluster; wait until each is as Git says: it was noticed before."""
    took_s = []
    for index in range(min(DRIFTS, scene.count)):
        was = scene.mode(index)
        began_s = time.monotonic()
        scene.edit_live(index)
        while scene.mode(index) != was:
            if time.monotonic() > began_s + 60:
                raise RuntimeError("drift is not healed")
            time.sleep(0.01)
        took_s.append(time.monotonic() - began_s)
    row.drift_healed_median_s, row.drift_healed_worst_s = statistics.median(took_s), max(took_s)


def idle(scene: Scene, service: ServiceProcess, row: Row) -> None:
    """Watch some cycles in which nothing changes."""
    before, reads, cpu_s = service.counters(), scene.api_reads(), service.tree_cpu_s()
    listed = len(scene.front.listed_at_s)
    time.sleep(IDLE_S)
    after = service.counters()
    row.idle_polls = int(IDLE_S / POLL_S)
    row.idle_ls_remotes = len(scene.front.listed_at_s) - listed
    row.idle_cpu_s = service.tree_cpu_s() - cpu_s
    row.idle_git_calls = total(after, GIT) - total(before, GIT)
    row.idle_renders = total(after, RENDERS) - total(before, RENDERS)
    row.idle_writes = total(after, WRITES) - total(before, WRITES)
    row.idle_api_reads = scene.api_reads() - reads


def quiet(scene: Scene, service: ServiceProcess) -> None:
    """Wait until two polls have passed without a write: events come after all else."""
    written, since_s = -1, time.monotonic()
    while time.monotonic() < since_s + 2 * POLL_S:
        now = service.count(WRITES)
        if now != written:
            written, since_s = now, time.monotonic()
        time.sleep(0.5)


def total(counters: dict[str, float], prefix: str, *labels: str) -> int:
    """Sum the series of a metric whose labels contain all the given texts."""
    return int(
        sum(
            value
            for series, value in counters.items()
            if series.startswith(prefix) and all(label in series for label in labels)
        )
    )


def main() -> int:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[50, 200, 1000])
    arguments = parser.parse_args()
    log = Path(tempfile.mkdtemp(prefix="secretsync-bench-")) / "service.log"
    print(f"the service's log: {log}", file=sys.stderr)
    rows = []
    for count in arguments.sizes:
        rows.append(measure(count, log))
        print(f"measured {count}", file=sys.stderr)
    heads = [f"{row.applications:,} applications of {OBJECTS_EACH + 1}" for row in rows]
    print(markdown_table(heads, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
