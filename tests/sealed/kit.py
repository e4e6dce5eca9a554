"""What the tests of unsealing share: SealedSecrets sealed for real, and an unsealer of each test's.

The keys are the short ones of tests/sealing: what a key does is not this folder's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sealing import PrivateKey, seal_secret
from secretsync.cluster.base import KINDS, Cluster
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.resources.documents import Document, Origin
from secretsync.resources.meta import Parent
from secretsync.resources.sealed_secret import SealedSecret, parse_sealed_secret
from secretsync.sealed.unsealing import SealedOptions, SealedOutcome, Unsealer
from tests.core.secret_cases import CANARY
from tests.sealing.kit import NOW, certificate, vector_key

__all__ = ["DIGEST_KEY", "Counter", "Rig", "live", "opened_rig", "parsed", "sealed"]

DIGEST_KEY = b"install-key-of-32-bytes-or-more!"
SECRET = KINDS["Secret"]


def sealed(
    data: dict[str, str | bytes] | None = None,
    *,
    name: str = "db",
    namespace: str = "web",
    key: PrivateKey | None = None,
    template: dict[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """Return a SealedSecret as `kubeseal` makes it, of values in plain.

    Args:
        template: laid over `spec.template`.
        metadata: of the Secret that is sealed: labels, annotations.
    """
    values = {"password": CANARY} if data is None else data
    secret = {
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "stringData": {each: text for each, text in values.items() if isinstance(text, str)},
    }
    made = seal_secret(secret, certificate(key or vector_key()), now=NOW, allow_empty_data=True)
    made["spec"]["template"] |= template or {}
    return made


def parsed(obj: dict[str, Any], **metadata: Any) -> SealedSecret:
    """Return it as a command reads it.

    Args:
        metadata: laid over the object's own; a uid makes it one of the cluster.
    """
    value = {**obj, "metadata": {**obj["metadata"], **metadata}}
    found = parse_sealed_secret(Document(value, Origin("app.yaml")), default_namespace="default")
    assert found.value is not None, found.problems
    return found.value


def live(obj: dict[str, Any], uid: str = "uid-of-db") -> SealedSecret:
    """Return it as the service reads it from the cluster."""
    created = "2026-01-01T00:00:00Z"
    return parsed(obj, uid=uid, generation=1, creationTimestamp=created)


class Counter:
    """Counts private-key operations, from any thread."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.count += 1

    def watch(self, *keys: PrivateKey) -> list[PrivateKey]:
        """Return the same keys, observed."""
        return [key.observed(self) for key in keys]


@dataclass
class Rig:
    """An unsealer over a cluster, and who wants which Secret."""

    cluster: Cluster
    claims: Claims
    unsealer: Unsealer
    keys: list[PrivateKey]
    operations: Counter = field(default_factory=Counter)

    def run(
        self, *items: SealedSecret, keys: Iterable[PrivateKey] | None = None, **options: Any
    ) -> Sequence[SealedOutcome]:
        """Unseal; of the keys given here no use is counted."""
        for item in items:
            self.claims.put(item)
        return self.unsealer.run(items, self.keys if keys is None else keys, **options)

    def one(self, item: SealedSecret, **options: Any) -> SealedOutcome:
        """Unseal one."""
        (outcome,) = self.run(item, **options)
        return outcome

    def secret(self, name: str = "db", namespace: str = "web") -> dict[str, Any] | None:
        """Return a Secret, None where there is none."""
        return self.cluster.get(SECRET, namespace, name)

    def version(self, name: str = "db", namespace: str = "web") -> str:
        """Return what changes with every write of a Secret."""
        found = self.secret(name, namespace)
        assert found is not None
        version: str = found["metadata"]["resourceVersion"]
        return version

    def edit(self, patch: dict[str, Any], name: str = "db", namespace: str = "web") -> None:
        """Change a Secret by hand."""
        self.cluster.merge_patch(SECRET, namespace, name, patch, field_manager="kubectl")


@contextmanager
def opened_rig(
    cluster: Cluster,
    *others: Parent,
    digest_key: bytes | None = DIGEST_KEY,
    applier: Applier | None = None,
    **options: Any,
) -> Iterator[Rig]:
    """Open a rig over a cluster with the key of the vectors."""
    claims = Claims(others)
    writes = options.pop("writes", True)
    given = SealedOptions(digest_key=digest_key, openers=2, **options)
    unsealer = Unsealer(applier or Applier(cluster, writes=writes), claims, options=given)
    operations = Counter()
    try:
        yield Rig(cluster, claims, unsealer, operations.watch(vector_key()), operations)
    finally:
        unsealer.close()
