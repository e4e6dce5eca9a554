"""An API server that turns requests away: commands come back, the service has its queues."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import Timeouts, open_kubernetes
from secretsync.errors import ClusterUnavailable
from tests.cli.kit import ROOT
from tests.e2e.kube_front import KubeFront, api_error
from tests.e2e.sites import KubeSite, data_of
from tests.support.service import clean_environment

pytestmark = pytest.mark.built

BUSY = api_error(429, "TooManyRequests", Retry_After="1")

STORE = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: fake}
spec: {provider: {fake: {data: [{key: db, value: made-up}]}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db}
spec:
  secretStoreRef: {name: fake}
  data: [{secretKey: password, remoteRef: {key: db}}]
"""


@pytest.fixture
def front(kube_site: KubeSite) -> KubeFront:
    assert kube_site.front is not None
    return kube_site.front


def test_command_that_is_turned_away_comes_back_and_does_its_work(
    kube_site: KubeSite, front: KubeFront, tmp_path: Path
) -> None:
    file = tmp_path / "db.yaml"
    file.write_text(STORE)
    front.inject(BUSY, times=3)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "secretsync", "sync", str(file)),
            *("--to", "kube", "-n", kube_site.namespace),
        ],
        capture_output=True,
        text=True,
        env={**clean_environment(), **kube_site.env, "PYTHONPATH": str(ROOT)},
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert data_of(kube_site.get("Secret", "db") or {}) == {"password": b"made-up"}


@pytest.fixture
def asked(
    kube_site: KubeSite, front: KubeFront, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], int]:
    """Ask for an object that is not there; return how many requests that took."""

    def ask(busy_s: float) -> int:
        monkeypatch.setenv("KUBECONFIG", kube_site.env["KUBECONFIG"])
        with contextlib.closing(open_kubernetes(timeouts=Timeouts(busy_s=busy_s))) as cluster:
            assert cluster.get(KINDS["Secret"], kube_site.namespace, "db") is None
        return len(front.calls)

    return ask


@pytest.mark.parametrize("pause", ["0", "1"])
def test_server_that_is_busy_for_a_while_is_asked_until_it_answers(
    asked: Callable[[float], int], front: KubeFront, pause: str
) -> None:
    front.inject(api_error(429, "TooManyRequests", Retry_After=pause), times=2)
    assert asked(120.0) == 3


@pytest.mark.parametrize(
    ("busy_s", "pause", "most"),
    [
        pytest.param(0.0, "1", 1, id="service"),
        pytest.param(2.5, "1", 3, id="command"),
        pytest.param(2.5, "60", 1, id="longer than anybody waits"),
        pytest.param(2.5, "9" * 5000, 1, id="longer than an int may be"),
        pytest.param(2.5, "soon", 1, id="no number"),
    ],
)
def test_server_that_stays_busy_is_an_error_in_the_end(
    asked: Callable[[float], int], front: KubeFront, busy_s: float, pause: str, most: int
) -> None:
    front.inject(api_error(429, "TooManyRequests", Retry_After=pause))
    with pytest.raises(ClusterUnavailable, match="TooManyRequests"):
        asked(busy_s)
    assert len(front.calls) <= most
