"""CLUSTER as users write it: `dir:ROOT`, `kube`, `kube:CONTEXT`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from secretsync.cluster.base import Cluster
from secretsync.errors import ConfigError

__all__ = ["ClusterSpec", "open_cluster", "parse_cluster"]

#: As long as somebody waits for a command, who has no queue that tries again.
BUSY_S = 60.0


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """Which cluster is meant.

    Args:
        type: `dir` or `kube`.
        location: the directory, or the kubeconfig context ("" for the current one).
    """

    type: str
    location: str = ""

    def __str__(self) -> str:
        return f"{self.type}:{self.location}" if self.location else self.type


def parse_cluster(text: str) -> ClusterSpec:
    """Read a CLUSTER argument; nothing is opened.

    Raises:
        ConfigError: it is none.
    """
    kind, colon, location = text.partition(":")
    if kind == "dir" and location:
        return ClusterSpec(kind, location)
    if kind == "kube" and bool(location) == bool(colon):
        return ClusterSpec(kind, location)
    raise ConfigError(
        f"{text!r} names no cluster",
        remedy="write dir:ROOT for a directory, kube for the current Kubernetes context, "
        "or kube:CONTEXT for another one",
    )


def open_cluster(spec: ClusterSpec, *, read_only: bool = False, busy_s: float = BUSY_S) -> Cluster:
    """Open a cluster.

    Args:
        spec: what parse_cluster() returned.
        read_only: promise to write nothing; a directory then is not locked, and need
            not exist.
        busy_s: how long a server that turns requests away is asked again; 0 leaves that
            to the caller.

    Raises:
        ClusterError: it cannot be opened.
    """
    if spec.type == "kube":
        from secretsync.cluster.kubernetes import (  # noqa: PLC0415 - a directory needs none of it
            Timeouts,
            open_kubernetes,
        )

        return open_kubernetes(spec.location, timeouts=Timeouts(busy_s=busy_s))
    from secretsync.cluster.directory import (  # noqa: PLC0415 - nor the other way round
        DirectoryCluster,
    )

    root = Path(spec.location).expanduser()
    return DirectoryCluster(root, read_only=read_only, now=lambda: datetime.now(UTC))
