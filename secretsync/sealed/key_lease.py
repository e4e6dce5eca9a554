"""The Lease under which a key ring is renewed: one renews, the others wait.

A holder that dies, at whatever instruction, leaves a Lease that runs out. Clocks of two
machines may differ by more than that, and a holder may be frozen while it runs out:
the Lease saves work and is not the proof that a key is made once. That is the name
under which `key_store` creates it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Object
from secretsync.errors import AlreadyExists, ClusterError, Conflict, NotFound
from secretsync.refresh.clock import Clock
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["LEASE_S", "RenewalLease"]

#: Kubernetes' own leases last as long. Making a key takes some seconds of it.
LEASE_S = 15

_FIELD_MANAGER = "secretsync"
_log = logging.getLogger(__name__)


class RenewalLease:
    """One holder's view of the Lease; of use to one thread.

    Args:
        name: of the Lease object.
        duration_s: whole seconds that it lasts without a sign of its holder.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        name: str,
        *,
        duration_s: int = LEASE_S,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._duration_s = duration_s
        self._clock = clock
        self._holder = f"{socket.gethostname()}_{uuid.uuid4()}"
        self._held: Object | None = None
        self._seen: tuple[str, float] = ("", 0.0)

    def take(self) -> bool:
        """Become the holder; False where somebody else is.

        Raises:
            ClusterError: the cluster cannot be asked, or refuses Leases.
        """
        found = self._cluster.get(KINDS["Lease"], self._namespace, self._name)
        now = _micro_time(self._clock.now())
        try:
            if found is None:
                self._held = self._create(now)
            elif self._is_free(found):
                transitions = (found.get("spec") or {}).get("leaseTransitions")
                taken = transitions + 1 if isinstance(transitions, int) else 1
                self._held = self._patch(
                    found, self._terms(now) | {"acquireTime": now, "leaseTransitions": taken}
                )
        except (AlreadyExists, Conflict):
            return False
        except NotFound:
            # Somebody deleted the Lease meanwhile; or the namespace is not there.
            if found is None:
                raise
        return self._held is not None

    @property
    def uid(self) -> str:
        """The Lease object's, the same for all who ever held it; "" where it is not held."""
        return str(self._held["metadata"]["uid"]) if self._held else ""

    def keep(self) -> bool:
        """Show that the holder lives; False where the Lease was lost meanwhile.

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        if self._held is None:
            return False
        try:
            self._held = self._patch(self._held, self._terms(_micro_time(self._clock.now())))
        except (Conflict, NotFound):
            self._held = None
        return self._held is not None

    def give_back(self) -> None:
        """Let the next one in at once; where that fails, the Lease runs out by itself."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            self._patch(held, {"holderIdentity": None})
        except ClusterError as exc:
            _log.debug("Lease %s/%s is not given back: %s", self._namespace, self._name, exc)

    def _create(self, now: str) -> Object:
        lease: Object = {
            "apiVersion": KINDS["Lease"].api_version,
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._terms(now) | {"acquireTime": now, "leaseTransitions": 0},
        }
        return self._cluster.create(KINDS["Lease"], lease, field_manager=_FIELD_MANAGER)

    def _patch(self, lease: Object, spec: Object) -> Object:
        """Change the Lease if it still is the one that was seen."""
        return self._cluster.merge_patch(
            KINDS["Lease"],
            self._namespace,
            self._name,
            {"metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]}, "spec": spec},
            field_manager=_FIELD_MANAGER,
        )

    def _terms(self, now: str) -> Object:
        return {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": self._duration_s,
            "renewTime": now,
        }

    def _is_free(self, lease: Object) -> bool:
        """Whether nobody holds it: given back, run out by its times, or silent for as long.

        The last is for a holder whose clock is ahead, and for times that say nothing.
        """
        spec: dict[str, Any] = lease.get("spec") or {}
        if not spec.get("holderIdentity"):
            return True
        given = spec.get("leaseDurationSeconds")
        duration_s = given if isinstance(given, int) and given > 0 else self._duration_s
        renewed_at = parse_timestamp(spec.get("renewTime"))
        with contextlib.suppress(OverflowError):
            if renewed_at and renewed_at + timedelta(seconds=duration_s) < self._clock.now():
                return True
        version = str(lease["metadata"]["resourceVersion"])
        if version != self._seen[0]:
            self._seen = (version, self._clock.monotonic_s())
        return self._clock.monotonic_s() - self._seen[1] >= duration_s


def _micro_time(moment: datetime) -> str:
    """A time as the API's MicroTime has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
