"""A `secretsync run` child process: its probes, metrics, log and ends.

It serves a directory or, with KUBECONFIG in `env`, an API server. Nothing of the
machine's own AWS or Kubernetes configuration reaches it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.ports import free_port

__all__ = ["RunningService", "aws_environment", "clean_environment"]

READY_WITHIN_S = 180.0
#: What `run` promises, and room for a busy machine.
STOPS_WITHIN_S = 40.0
LOG_TAIL_LINES = 30

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_FOREIGN = (
    "AWS_",
    "KUBE",
    "SECRETSYNC_",
    "SEALED_SECRETS_",
    "POD_NAMESPACE",
    "PYTEST_",
    "PYTHONDONTWRITEBYTECODE",
)

# The kernel ends the child when the test process dies, however it dies
# (PR_SET_PDEATHSIG = 1); the launcher asks for that and becomes the command.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.executable, [sys.executable, "-m", "secretsync", *sys.argv[1:]])
"""


def clean_environment() -> dict[str, str]:
    """Return our environment without what would configure AWS, Kubernetes or secretsync."""
    return {name: text for name, text in os.environ.items() if not name.startswith(_FOREIGN)}


def aws_environment(url: str, *, secret: str = "") -> dict[str, str]:
    """Return the variables that point a child's AWS SDK at an endpoint.

    Args:
        url: of a front; it takes any secret access key.
        secret: the secret access key, where a test looks for it afterwards.
    """
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": secret or "made-up",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class RunningService:
    """One `secretsync run`; started at once, ready only after `wait_ready`.

    Args:
        arguments: of `run`, addresses left out.
        env: on top of a clean environment.
        log: where its output goes, JSON lines; appended to.
        sealing: serve SealedSecrets too, with short keys that are made quickly.
        sealing_host: where kubeseal is answered.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        sealing: bool = False,
        sealing_host: str = "127.0.0.1",
    ) -> None:
        self.log_path = log
        self.metrics_port, self.live_port, self.sealing_port = (free_port() for _ in range(3))
        self._log_start = log.stat().st_size if log.exists() else 0
        command = [
            *("run", *arguments, "--log-format", "json"),
            *("--metrics-addr", f"127.0.0.1:{self.metrics_port}"),
            *("--live-addr", f"127.0.0.1:{self.live_port}"),
            *(self._sealing_arguments(sealing_host) if sealing else ["--no-sealing"]),
        ]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LAUNCHER, *command],
                env={**clean_environment(), "SEALED_SECRETS_KEY_SIZE": "2048", **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _sealing_arguments(self, host: str) -> list[str]:
        return ["--sealing-addr", f"{host}:{self.sealing_port}"]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def assert_alive(self) -> None:
        """Fail with the end of the log where it has ended, or a part of it has."""
        assert self.is_running, f"ended with {self._process.returncode}\n{self._tail()}"
        assert self.probe("/healthz") == 200, self._tail()

    def wait_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait until `/readyz` answers 200."""
        deadline = time.monotonic() + within_s
        while self.probe("/readyz") != 200:
            assert self.is_running, f"ended with {self._process.returncode}\n{self._tail()}"
            assert time.monotonic() < deadline, f"not ready in {within_s} s\n{self._tail()}"
            time.sleep(0.05)

    def probe(self, path: str) -> int:
        """Return the HTTP status of a probe; 0 where nothing answers."""
        try:
            return self._get(self.live_port, path)[0]
        except OSError:
            return 0

    def metrics_page(self) -> str:
        """Return the text of `/metrics`."""
        status, text = self._get(self.metrics_port, "/metrics")
        assert status == 200, text
        return text

    def total(self, metric: str, **labels: str) -> float:
        """Sum the series of a metric that carry all the given labels."""
        series = self.series(metric)
        return sum(number for its_labels, number in series if labels.items() <= its_labels.items())

    def series(self, metric: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the number of each series of a metric."""
        return [
            (dict(_LABEL.findall(labels)), float(number))
            for name, labels, number in _SAMPLE.findall(self.metrics_page())
            if name == metric
        ]

    def writes(self, **labels: str) -> int:
        """Return how often it wrote to the cluster, by its own count (kind=…, verb=…)."""
        return int(self.total("secretsync_cluster_writes_total", **labels))

    def log_text(self) -> str:
        """Return what it has logged so far."""
        return self.log_path.read_bytes()[self._log_start :].decode(errors="replace")

    def log_lines(self) -> list[dict[str, Any]]:
        """Return its log, a dictionary a line; a line that is no JSON is a failure."""
        # Of a line that is just being written, a part may be there.
        return [json.loads(line) for line in self.log_text().split("\n")[:-1]]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def stop(self, within_s: float = STOPS_WITHIN_S) -> float:
        """Ask it to end, which must succeed; returns the seconds that took."""
        self.assert_alive()
        asked_at_s = time.monotonic()
        self.signal(signal.SIGTERM)
        code = self._process.wait(timeout=within_s)
        assert code == 0, f"ended with {code}\n{self._tail()}"
        return time.monotonic() - asked_at_s

    def wait_end(self, within_s: float = STOPS_WITHIN_S) -> int:
        """Wait until it ends by itself; returns its exit code."""
        return self._process.wait(timeout=within_s)

    def kill(self) -> None:
        """End it by SIGKILL, if it still runs."""
        if self.is_running:
            self._process.kill()
        self._process.wait()

    def _get(self, port: int, path: str) -> tuple[int, str]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def _tail(self) -> str:
        return "\n".join(self.log_text().splitlines()[-LOG_TAIL_LINES:])
