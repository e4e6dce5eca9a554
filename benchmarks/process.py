"""A `secretsync run` process under measurement: its counters, CPU and memory."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from examples.ports import free_port

__all__ = ["ServiceProcess"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SAMPLE = re.compile(r"^(\w+)(\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


class ServiceProcess:
    """The service as a child process."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], log: Path) -> None:
        self._metrics_port, live_port = free_port(), free_port()
        self.started_at_s = time.monotonic()
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "secretsync",
                    "run",
                    *arguments,
                    "--metrics-addr",
                    f"127.0.0.1:{self._metrics_port}",
                    "--live-addr",
                    f"127.0.0.1:{live_port}",
                ],
                env={**_environment(), **env},
                stdout=output,
                stderr=output,
            )
        self._log = log
        #: As far as `watched_memory` saw it.
        self.tree_rss_peak_mb = 0.0

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started_at_s

    def cpu_s(self) -> float:
        """CPU seconds used so far, user and system, all threads."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def tree_cpu_s(self) -> float:
        """CPU seconds used so far, with those of children that have ended."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS_PER_S

    @contextlib.contextmanager
    def watched_memory(self) -> Iterator[None]:
        """Look every 0.2 s at what the process and its children hold together."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.2):
                now_mb = sum(map(_rss_mb, (self._child.pid, *_children(self._child.pid))))
                self.tree_rss_peak_mb = max(self.tree_rss_peak_mb, now_mb)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def rss_peak_mb(self) -> float:
        """The largest resident size so far."""
        status = Path(f"/proc/{self._child.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        if found is None:
            raise RuntimeError("the kernel reports no peak memory")
        return int(found[1]) / 1024

    def counters(self) -> dict[str, float]:
        """Return the process's own counts, by series; {} before it serves them."""
        if self._child.poll() is not None:
            raise RuntimeError(f"the service ended; see {self._log}")
        try:
            url = f"http://127.0.0.1:{self._metrics_port}/metrics"
            with urllib.request.urlopen(url, timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        return {
            f"{name}{labels or ''}": float(value) for name, labels, value in _SAMPLE.findall(text)
        }

    def count(self, prefix: str, *labels: str) -> int:
        """Sum the series of a metric whose labels contain all the given texts."""
        return int(
            sum(
                value
                for series, value in self.counters().items()
                if series.startswith(prefix) and all(label in series for label in labels)
            )
        )

    def wait_count(
        self,
        at_least: int,
        prefix: str,
        *labels: str,
        within_s: float,
        every_s: float = 0.2,
    ) -> float:
        """Wait until a count is reached; returns the process's age then.

        Args:
            every_s: between two looks; each costs the process some time.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.count(prefix, *labels) >= at_least:
                return self.age_s
            time.sleep(every_s)
        raise RuntimeError(
            f"{prefix}{labels} did not reach {at_least} in {within_s:.0f} s; see {self._log}"
        )

    def stop(self) -> float:
        """Ask it to end; returns the seconds that took."""
        asked_at_s = time.monotonic()
        self._child.send_signal(signal.SIGTERM)
        code = self._child.wait(timeout=30)
        if code != 0:
            raise RuntimeError(f"the service ended with {code}; see {self._log}")
        return time.monotonic() - asked_at_s

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()


def _children(pid: int) -> list[int]:
    """Return the children of a process; of those that end meanwhile, as many as were seen."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _rss_mb(pid: int) -> float:
    """Return what a process holds; 0 where it has ended."""
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
    return 0.0


def _environment() -> dict[str, str]:
    """Return our own environment, with Python's compiled files switched on.

    An installed program has them; without them every start would compile all over again.
    """
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
