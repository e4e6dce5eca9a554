"""Metrics of the sealing part: Sealed Secrets' names, so that its dashboards go on, and ours.

Source: sealed-secrets 0.40 pkg/controller metrics.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from secretsync import __version__
from secretsync.controller.ring import RingObserver
from secretsync.resources.meta import ObjectRef

__all__ = ["INSTANCE_LABEL", "SealedMetrics"]

_PREFIX = "sealed_secrets_controller"
INSTANCE_LABEL = "app.kubernetes.io/instance"
_CONDITION = ("namespace", "name", "condition", "ss_app_kubernetes_io_instance")
_VALUES = {"True": 1, "Unknown": 0, "False": -1}


class SealedMetrics(RingObserver):
    """Everything that the sealing part counts.

    Args:
        names_objects: give each SealedSecret its series; False keeps names private.
    """

    def __init__(self, registry: CollectorRegistry, *, names_objects: bool = True) -> None:
        self._names_objects = names_objects
        self._instances: dict[tuple[ObjectRef, str], str] = {}
        build = Gauge(f"{_PREFIX}_build_info", "Version.", ("revision",), registry=registry)
        build.labels(__version__).set(1)
        self._requests = Counter(
            f"{_PREFIX}_unseal_requests", "Unseal requests.", registry=registry
        )
        self._errors = Counter(
            f"{_PREFIX}_unseal_errors",
            "Unseal errors by reason.",
            ("reason", "namespace"),
            registry=registry,
        )
        self._conditions = Gauge(
            f"{_PREFIX}_condition_info",
            "Current SealedSecret condition: 1 True, 0 Unknown, -1 False.",
            _CONDITION,
            registry=registry,
        )
        self._http = Counter(
            f"{_PREFIX}_http_requests",
            "HTTP requests.",
            ("path", "code", "method"),
            registry=registry,
        )
        self._http_seconds = Histogram(
            f"{_PREFIX}_http_request_duration_seconds",
            "Duration of HTTP requests.",
            ("path", "method"),
            registry=registry,
        )
        self._key_uses = Counter(
            "secretsync_private_key_operations",
            "Operations with private sealing keys.",
            registry=registry,
        )
        self._keys = Gauge(
            "secretsync_sealing_keys", "Key Secrets by state.", ("state",), registry=registry
        )
        self._key_failures = Counter(
            "secretsync_sealing_key_failures",
            "Times that keys could not be read, made or stored.",
            registry=registry,
        )

    def private_key_used(self) -> None:
        """Count one private-key operation."""
        self._key_uses.inc()

    def ring_changed(self, keys: Mapping[str, int]) -> None:
        """Note how many key Secrets there are, by state."""
        for state, number in keys.items():
            self._keys.labels(state).set(number)

    def ring_failed(self) -> None:
        """Count one failure to follow the keys."""
        self._key_failures.inc()

    def requested(self) -> None:
        """Count one look at a SealedSecret."""
        self._requests.inc()

    def failed(self, reason: str, namespace: str) -> None:
        """Count one failure: fetch, unseal, unmanaged, update or status."""
        self._errors.labels(reason, namespace).inc()

    def condition(self, ref: ObjectRef, name: str, status: str, *, instance: str) -> None:
        """Set a condition of a SealedSecret."""
        if not self._names_objects:
            return
        before = self._instances.get((ref, name), instance)
        if before != instance:
            self._drop(ref, name, before)
        self._instances[ref, name] = instance
        series = self._conditions.labels(ref.namespace, ref.name, name, instance)
        series.set(_VALUES.get(status, 0))

    def gone(self, ref: ObjectRef) -> None:
        """Drop the series of a SealedSecret that no longer exists."""
        for key in [key for key in self._instances if key[0] == ref]:
            self._drop(*key, self._instances.pop(key))

    def http_request(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count one request of kubeseal's."""
        self._http.labels(path, str(status), method).inc()
        self._http_seconds.labels(path, method).observe(seconds)

    def _drop(self, ref: ObjectRef, name: str, instance: str) -> None:
        try:
            self._conditions.remove(ref.namespace, ref.name, name, instance)
        except KeyError:
            return  # It never had that series.
