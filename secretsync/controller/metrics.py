"""Metrics: ESO's names, so that its dashboards go on working, and ours.

Source: ESO 2.9 metric names and labels; durations are in nanoseconds there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from secretsync.resources.meta import ObjectRef

__all__ = ["KindMetrics", "Metrics"]

_OBJECT = ("name", "namespace")
_CONDITION = ("name", "namespace", "condition", "status")


class KindMetrics:
    """ESO's two gauges of each of some kinds: its condition, and what a look at it took."""

    def __init__(self, registry: CollectorRegistry, kinds: Iterable[str]) -> None:
        self._conditions = {}
        self._duration_ns = {}
        for kind in kinds:
            prefix = kind.lower()
            self._conditions[kind] = Gauge(
                f"{prefix}_status_condition", "Ready condition.", _CONDITION, registry=registry
            )
            self._duration_ns[kind] = Gauge(
                f"{prefix}_reconcile_duration",
                "The last reconcile's duration, in nanoseconds.",
                _OBJECT,
                registry=registry,
            )

    def condition(self, ref: ObjectRef, *, ready: bool) -> None:
        """Set the Ready condition of an object."""
        gauge = self._conditions[ref.kind]
        for status, holds in (("True", ready), ("False", not ready)):
            gauge.labels(ref.name, ref.namespace, "Ready", status).set(int(holds))

    def took(self, ref: ObjectRef, duration_ns: int) -> None:
        """Note how long the last reconcile of an object took."""
        self._duration_ns[ref.kind].labels(ref.name, ref.namespace).set(duration_ns)

    def gone(self, ref: ObjectRef) -> None:
        """Drop the series of an object that no longer exists."""
        for status in ("True", "False"):
            _drop(self._conditions[ref.kind], ref.name, ref.namespace, "Ready", status)
        _drop(self._duration_ns[ref.kind], ref.name, ref.namespace)


class Metrics:
    """Everything the service counts; one registry a process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the one untyped function
        self.registry = CollectorRegistry()
        registry = self.registry
        self._sync_calls = Counter(
            "externalsecret_sync_calls",
            "Reconciles of an ExternalSecret.",
            _OBJECT,
            registry=registry,
        )
        # ESO's two counters without the suffix `_total`: the library gives it to every
        # Counter, so these are gauges that only ever rise. rate() reads them alike.
        self._sync_errors = Gauge(
            "externalsecret_sync_calls_error",
            "Failed reconciles of an ExternalSecret.",
            _OBJECT,
            registry=registry,
        )
        self._kinds = KindMetrics(registry, ("ExternalSecret", "SecretStore", "ClusterSecretStore"))
        self._provider_calls = Gauge(
            "externalsecret_provider_api_calls_count",
            "Provider API calls.",
            ("provider", "call", "status"),
            registry=registry,
        )
        self._avoided = Counter(
            "secretsync_provider_reads_avoided",
            "Keys found unchanged without reading them.",
            registry=registry,
        )
        self._writes = Counter(
            "secretsync_cluster_writes",
            "Writes to the cluster.",
            ("kind", "verb"),
            registry=registry,
        )
        self._drift = Counter(
            "secretsync_drift",
            "Targets that somebody else changed or deleted.",
            ("namespace",),
            registry=registry,
        )

    def gauge_from(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...],
        read: Callable[[], Mapping[tuple[str, ...], float]],
    ) -> None:
        """Add a gauge that is read when somebody scrapes."""
        self.registry.register(_Read(name, text, labels, read))

    def reconciled(self, ref: ObjectRef, *, failed: bool) -> None:
        """Count one reconcile of an ExternalSecret."""
        self._sync_calls.labels(ref.name, ref.namespace).inc()
        if failed:
            self._sync_errors.labels(ref.name, ref.namespace).inc()

    def took(self, ref: ObjectRef, duration_ns: int) -> None:
        """Note how long the last reconcile of an object took."""
        self._kinds.took(ref, duration_ns)

    def condition(self, ref: ObjectRef, *, ready: bool) -> None:
        """Set the Ready condition of an object."""
        self._kinds.condition(ref, ready=ready)

    def gone(self, ref: ObjectRef) -> None:
        """Drop the series of an object that no longer exists."""
        self._kinds.gone(ref)
        if ref.kind == "ExternalSecret":
            _drop(self._sync_calls, ref.name, ref.namespace)
            _drop(self._sync_errors, ref.name, ref.namespace)

    def provider_call(self, provider: str, call: str, status: str) -> None:
        """Count one provider request."""
        self._provider_calls.labels(provider, call, status).inc()

    def reads_avoided(self, count: int) -> None:
        """Count keys that a change list showed unchanged."""
        self._avoided.inc(count)

    def wrote(self, kind: str, verb: str) -> None:
        """Count one write to the cluster."""
        self._writes.labels(kind, verb).inc()

    def drifted(self, namespace: str) -> None:
        """Count one target that was changed behind our back."""
        self._drift.labels(namespace).inc()

    def render(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)


class _Read:
    """A collector that asks at scrape time."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...],
        read: Callable[[], Mapping[tuple[str, ...], float]],
    ) -> None:
        self._describe = (name, text, labels)
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Return the samples of now."""
        name, text, labels = self._describe
        family = GaugeMetricFamily(name, text, labels=labels)
        for values, number in self._read().items():
            family.add_metric(list(values), number)
        return [family]

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry need not read at registration."""
        return []


def _drop(metric: Counter | Gauge, *labels: str) -> None:
    try:
        metric.remove(*labels)
    except KeyError:
        return  # It never had that series.
