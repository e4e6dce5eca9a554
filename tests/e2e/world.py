"""What every world of a store for end-to-end tests is held to.

Neighbours: `store_worlds` has those that speak HTTP and the table of all, `cloud_worlds`
those of AWS and Google.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.e2e.rig import Rig

__all__ = ["STORE", "World"]

STORE = "trouble"


class World(ABC):
    """One store and what is behind it.

    Attributes:
        faults: names of the wrong answers that it can give.
        environment: variables that lead the service to it.
    """

    faults: ClassVar[tuple[str, ...]]
    environment: Mapping[str, str] = {}

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    @abstractmethod
    def hold(self, key: str, text: str) -> None:
        """Make the property `password` of a key a value."""

    @abstractmethod
    def spoil(self, name: str) -> None:
        """Answer questions about the key of this name wrongly, in the way of this name."""

    @abstractmethod
    def heal(self) -> None:
        """Answer the truth again."""

    def credentials(self, **texts: str) -> None:
        """Put a Secret of the store's own in."""
        metadata: dict[str, Any] = {"name": f"{STORE}-keys", "namespace": self.rig.site.namespace}
        metadata["labels"] = {"external-secrets.io/type": "webhook"}
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self.rig.site.put(secret)

    def store_of(self, key: str) -> str:
        """Return the name of the store that gives a key."""
        return STORE

    def serve(self, kind: str, block: dict[str, Any], name: str = STORE) -> None:
        """Put a store in."""
        metadata = {"name": name, "namespace": self.rig.site.namespace}
        store = {"apiVersion": "external-secrets.io/v1", "kind": "SecretStore"}
        self.rig.site.put({**store, "metadata": metadata, "spec": {"provider": {kind: block}}})
