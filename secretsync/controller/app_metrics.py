"""Metrics of the GitOps loop, under Argo CD's names where it has them.

Neighbour: `app_recorder` sets most of them; what programs were started is read when asked.

Source: Argo CD 3.6's metric names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

__all__ = ["AppMetrics"]


class AppMetrics:
    """Counts of the GitOps loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        name = ("namespace", "name", "project")
        self._registry = registry
        self.info = Gauge(
            "argocd_app_info",
            "Applications.",
            (*name, "sync_status", "health_status"),
            registry=registry,
        )
        self.syncs = Counter("argocd_app_sync", "Syncs.", (*name, "phase"), registry=registry)
        self.looks = Counter(
            "secretsync_app_looks", "Comparisons of applications.", registry=registry
        )
        self.drifts = Counter(
            "secretsync_app_drifts",
            "Objects that drifted.",
            ("namespace", "name"),
            registry=registry,
        )

    def show_work(
        self, *, git: Callable[[], Mapping[str, int]], renders: Callable[[], Mapping[str, int]]
    ) -> None:
        """Show what rendering costs.

        Args:
            git: how often git was run, by verb.
            renders: how often sources were rendered, by type.
        """
        self._registry.register(_Counts("secretsync_git_calls", "Runs of git.", "verb", git))
        self._registry.register(
            _Counts("secretsync_app_renders", "Sources rendered.", "type", renders)
        )


class _Counts:
    """A counter that somebody else keeps."""

    def __init__(
        self, name: str, text: str, label: str, read: Callable[[], Mapping[str, int]]
    ) -> None:
        self._describe = name, text, label
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Return the samples of now."""
        name, text, label = self._describe
        family = CounterMetricFamily(name, text, labels=[label])
        for value, number in dict(self._read()).items():
            family.add_metric([value], number)
        return [family]

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry need not read at registration."""
        return []
