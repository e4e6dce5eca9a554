"""The keys that unseal in a run: from files, or from the cluster's own key ring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sealing import PrivateKey
from secretsync.cli.seal.private_keys import load_sealing_keys
from secretsync.cluster.base import Cluster
from secretsync.errors import ClusterError
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.refresh.installkey import service_namespace
from secretsync.resources.sealed_secret import SealedSecret
from secretsync.sealed.key_store import KeyStore
from secretsync.sealed.unsealing import SealedOptions, SealedOutcome, Unsealer

__all__ = ["KeyFlags", "KeySource", "OneShotUnsealing"]


@dataclass(frozen=True, slots=True)
class KeyFlags:
    """`--sealing-key` and `--sealing-namespace` as they were given."""

    files: tuple[str, ...]
    namespace: str

    def read(self) -> KeySource:
        """Read the files, before anything else is done.

        Raises:
            InputError: one of them holds no key, or a broken one.
        """
        return KeySource(tuple(load_sealing_keys(self.files)), self.namespace)


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where keys come from.

    Args:
        keys: of the files; without them the cluster's are used.
        namespace: of the cluster's keys; "" is the service's.
    """

    keys: tuple[PrivateKey, ...]
    namespace: str

    def ring(self, cluster: Cluster) -> Iterable[PrivateKey]:
        """Return the keys.

        Raises:
            ClusterError: the cluster's cannot be listed.
        """
        return self.keys or KeyStore(cluster, self.namespace or service_namespace()).load()


@dataclass(frozen=True, slots=True)
class OneShotUnsealing:
    """Unseals the SealedSecrets of one run, whatever they came from.

    Args:
        digest_key: the install key, or None where there is none.
    """

    cluster: Cluster
    keys: KeySource
    digest_key: bytes | None = field(repr=False)

    def __call__(
        self,
        batch: Sequence[SealedSecret],
        applier: Applier,
        claims: Claims,
        labels: Mapping[str, str],
    ) -> Sequence[SealedOutcome]:
        """Process them; total: keys that cannot be read are each object's error."""
        trouble: tuple[str, ...] = ()
        ring: Iterable[PrivateKey] = ()
        try:
            ring = self.keys.ring(self.cluster)
        except ClusterError as exc:
            trouble = (f"the cluster's keys: {exc.message}",)
        options = SealedOptions(digest_key=self.digest_key, labels=labels)
        unsealer = Unsealer(applier, claims, options=options)
        try:
            return unsealer.run(batch, ring, trouble=trouble)
        finally:
            unsealer.close()
