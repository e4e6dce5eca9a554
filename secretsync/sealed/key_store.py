"""The key ring of a cluster: reading it, adding keys, renewing it once among many.

The keys are Secrets as the Sealed Secrets controller keeps them, so that either can
take over from the other. Keys are added and never changed or removed. Neighbours:
`key_options` says what a new key looks like, `key_lease` who renews.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sealing import (
    RENEW_PERIOD,
    BrokenKey,
    Certificate,
    InvalidKey,
    KeyOrder,
    KeyRing,
    PrivateKey,
    RingKey,
    key_secret,
    load_key_ring,
)
from sealing.keyring import KEY_LABEL, KEY_PREFIX
from secretsync.cluster.base import KINDS, Cluster, Object
from secretsync.errors import AlreadyExists, ClusterUnavailable, Rejected
from secretsync.refresh.clock import Clock
from secretsync.sealed.key_lease import LEASE_S, RenewalLease
from secretsync.sealed.key_making import letters_after, new_key_secret, random_letters
from secretsync.sealed.key_options import KeyOptions, check_key_prefix
from secretsync.sealed.key_renewal import RenewalRule
from secretsync.sealed.key_secrets import as_created, same_key_secret, secret_name

__all__ = ["KeyOptions", "KeyStore", "key_namespaces"]

_NAME_ATTEMPTS = 10

_POLL_S = 0.25
#: How many whole terms of the Lease others are waited for.
_PATIENCE_TERMS = 4
_FIELD_MANAGER = "secretsync"


class KeyStore:
    """The sealing keys in one namespace of a cluster.

    May be used by several threads; several processes may have one each.

    Args:
        key_prefix: names of new key Secrets begin with it, and the Secret of exactly
            this name is a key without being labelled.
        order: which time makes a key the newest.
        lease_s: seconds after which a renewal that nobody finishes is taken over.
        clock: waits, and tells when a Lease has run out.

    Raises:
        ConfigError: the prefix begins no name.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        *,
        key_prefix: str = KEY_PREFIX,
        order: KeyOrder = KeyOrder.CERT_NOT_BEFORE,
        lease_s: int = LEASE_S,
        clock: Clock | None = None,
    ) -> None:
        self._cluster = cluster
        self.namespace = namespace
        self.key_prefix = check_key_prefix(key_prefix)
        self._order = order
        self._lease_s = lease_s
        self._clock = clock or Clock()
        self._checked: tuple[RingKey, ...] = ()

    def secrets(self) -> list[Object]:
        """Return every Secret that is, was or should be a key, by name.

        These hold private keys in plain. Of those that came back from a backup the
        creation time is the first one.

        Raises:
            ClusterError: they cannot be listed.
        """
        kind = KINDS["Secret"]
        found = list(self._cluster.list(kind, self.namespace, label_selector=KEY_LABEL).items)
        if all(secret["metadata"]["name"] != self.key_prefix for secret in found):
            unlabelled = self._cluster.get(kind, self.namespace, self.key_prefix)
            found += [unlabelled] if unlabelled is not None else []
        return sorted((as_created(secret) for secret in found), key=secret_name)

    def load(self) -> KeyRing:
        """Return the ring: what opens and seals, what is broken, what is out of use.

        Keys that this store has checked before are not checked again.

        Raises:
            ClusterError: the Secrets cannot be listed.
        """
        return self._ring(self.secrets())

    def load_with_secrets(self) -> tuple[KeyRing, list[Object]]:
        """Return load() and the secrets() that it comes from, by one look at the cluster.

        Raises:
            ClusterError: the Secrets cannot be listed.
        """
        found = self.secrets()
        return self._ring(found), found

    def create(self, *, now: datetime, options: KeyOptions | None = None) -> RingKey:
        """Make a key, store it, and make sure that it is there.

        Args:
            now: aware; its certificate begins then, or a little later where that is
                what makes it the newest.

        Raises:
            ClusterError: it could not be stored, or not as it was given: it seals
                nothing then.
        """
        return self._store(self._new_key(self.load(), now, options or KeyOptions()))

    def add(
        self,
        private_key: PrivateKey,
        certificate: Certificate,
        *,
        options: KeyOptions | None = None,
    ) -> RingKey:
        """Store a key that was made elsewhere.

        Raises:
            ValueError: the certificate is another key's.
            ClusterError: as create().
        """
        options = options or KeyOptions()
        secret = key_secret(
            private_key,
            certificate,
            namespace=self.namespace,
            key_prefix=self.key_prefix,
            labels=options.labels,
            annotations=options.annotations,
        )
        return self._store(secret)

    def ensure(
        self,
        *,
        now: datetime,
        period: timedelta = RENEW_PERIOD,
        cutoff_at: datetime | None = None,
        options: KeyOptions | None = None,
    ) -> tuple[KeyRing, RingKey | None]:
        """Return a ring for which no renewal is due, with one new key if there was.

        Of any number of replicas that call it at the same time one makes the key and
        the others wait for it.

        Args:
            now: aware.
            period: as in `sealing.plan_renewal`, as is `cutoff_at`. Keys whose
                certificates are over count as none, unless the period is 0: then
                somebody else cares for keys.

        Raises:
            ClusterUnavailable: another replica holds the Lease and makes no progress,
                or the process is to end.
            ClusterError: a key could not be stored, or not be read.
            ValueError: the period is negative, or a time has no zone.
        """
        due = RenewalRule(now, period, cutoff_at)
        ring = self.load()
        if not due(ring):
            return ring, None
        lease = self._lease()
        try:
            if not self._wait_for(lease, due):
                return self.load(), None
            return self._renew(lease, due, options or KeyOptions())
        finally:
            lease.give_back()

    def put(self, secret: Object) -> Object:
        """Create a key Secret, and make sure that the cluster keeps what was given.

        Raises:
            AlreadyExists: something of that name is there.
            ClusterError: it could not be stored, or not as it was given.
        """
        kind, name = KINDS["Secret"], secret["metadata"]["name"]
        self._cluster.create(kind, secret, field_manager=_FIELD_MANAGER)
        stored = self._cluster.get(kind, self.namespace, name)
        if stored is None or not same_key_secret(stored, secret):
            raise Rejected(
                f"Secret {self.namespace}/{name} is not in {self._cluster.name} as it was given; "
                "its key is not used",
                remedy="look for what changes or removes Secrets there, and delete this one",
            )
        return as_created(stored)

    def _ring(self, found: list[Object]) -> KeyRing:
        ring = load_key_ring(
            found, order=self._order, key_prefix=self.key_prefix, known=self._checked
        )
        self._checked = ring.keys
        return KeyRing(ring.keys, (*ring.broken, *self._unreadable()), ring.inactive)

    def _unreadable(self) -> list[BrokenKey]:
        """Files of a directory that may be keys, and that nobody can read."""
        from secretsync.cluster.directory import DirectoryCluster  # noqa: PLC0415 - light for Kubernetes

        if not isinstance(self._cluster, DirectoryCluster):
            return []
        place = f"Secret {self.namespace}/"
        return [
            BrokenKey(
                problem.object.removeprefix(place), InvalidKey(f"the file: {problem.message}")
            )
            for problem in self._cluster.broken()
            if problem.object.startswith(place)
        ]

    def _new_key(self, ring: KeyRing, now: datetime, options: KeyOptions) -> Object:
        return new_key_secret(
            ring, now=now, namespace=self.namespace, key_prefix=self.key_prefix, options=options
        )

    def _store(self, secret: Object, name: str = "") -> RingKey:
        """Create it under a name of its own, and return the key that the cluster has."""
        for _ in range(_NAME_ATTEMPTS):
            given = name or self.key_prefix + random_letters()
            metadata = secret["metadata"] | {"name": given}
            try:
                stored = self.put({**secret, "metadata": metadata})
            except AlreadyExists:
                if name:
                    raise
                continue
            return self._only_key(stored)
        raise Rejected(f"no free name for a key in {self.namespace} after {_NAME_ATTEMPTS} tries")

    def _only_key(self, stored: Object) -> RingKey:
        ring = load_key_ring([stored], order=self._order, key_prefix=self.key_prefix)
        if not ring.keys:
            raise Rejected(
                f"Secret {self.namespace}/{secret_name(stored)} is in {self._cluster.name}, "
                "and is no usable key there",
                remedy="`seal keys list` says why",
            )
        return ring.keys[0]

    def _lease(self) -> RenewalLease:
        return RenewalLease(
            self._cluster,
            self.namespace,
            f"{self.key_prefix}-renewal",
            duration_s=self._lease_s,
            clock=self._clock,
        )

    def _wait_for(self, lease: RenewalLease, due: RenewalRule) -> bool:
        """Take the Lease; False where somebody else has made the key meanwhile."""
        deadline_s = self._clock.monotonic_s() + _PATIENCE_TERMS * self._lease_s
        while not lease.take():
            if not self._clock.wait(_POLL_S) or self._clock.monotonic_s() > deadline_s:
                raise ClusterUnavailable(
                    f"the sealing keys in {self.namespace} are due for renewal, and another "
                    "replica has begun that and does not end it",
                    remedy="try again",
                )
            if not due(self.load()):
                return False
        return True

    def _renew(
        self, lease: RenewalLease, due: RenewalRule, options: KeyOptions
    ) -> tuple[KeyRing, RingKey | None]:
        """Decide again, now that nobody else does, and make the key if it still is due."""
        for attempt in range(_NAME_ATTEMPTS):
            found = self.secrets()
            ring = self._ring(found)
            if not due(ring):
                return ring, None
            secret = self._new_key(ring, due.now, options)
            if not lease.keep() and not self._wait_for(lease, due):
                continue
            try:
                letters = letters_after(found, lease_uid=lease.uid, attempt=attempt)
                made = self._store(secret, self.key_prefix + letters)
            except AlreadyExists:
                continue
            return self.load(), made
        raise Rejected(f"no free name for a key in {self.namespace} after {_NAME_ATTEMPTS} tries")


def key_namespaces(cluster: Cluster) -> list[str]:
    """Return the namespaces that hold labelled keys, in order.

    Raises:
        ClusterError: Secrets of all namespaces cannot be listed.
    """
    labelled = cluster.list(KINDS["Secret"], label_selector=KEY_LABEL, metadata_only=True).items
    return sorted({str(secret["metadata"]["namespace"]) for secret in labelled})
