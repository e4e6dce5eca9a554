"""What the tests of SealedSecrets play with: keys, sealed objects, what became of them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from sealing import PrivateKey, Scope, key_secret, make_certificate, seal_secret
from sealing.keyring import KEY_LABEL
from tests.e2e.rig import Rig, eventually
from tests.e2e.sites import KubeSite
from tests.sealing.kit import YEAR, certificate, vector_key
from tests.support.service import RunningService

__all__ = ["SealedRig", "key_object"]

DIGEST = "secretsync.io/sealed-digest"


def key_object(name: str, namespace: str, key: PrivateKey | None = None) -> dict[str, Any]:
    """Return a key Secret as Sealed Secrets left it a while ago."""
    key = key or vector_key()
    start = datetime.now(UTC).replace(microsecond=0) - YEAR / 100
    made = make_certificate(key, not_before=start, not_after=start + YEAR, serial_number=7)
    secret = key_secret(key, made, namespace=namespace)
    del secret["metadata"]["generateName"]
    secret["metadata"]["name"] = name
    return secret


class SealedRig:
    """A rig whose service has a sealing key that the tests know.

    Args:
        rig: the world; its canary is in each value.
        with_key: put the vectors' key in first.
    """

    def __init__(self, rig: Rig, *, with_key: bool = True) -> None:
        self.rig = rig
        self.site = rig.site
        # Of a directory the service's own namespace is the usual one.
        kube = isinstance(rig.site, KubeSite)
        self.key_namespace = rig.site.namespace if kube else "secretsync-system"
        if with_key:
            self.put_key("sealed-secrets-keyaaaaa")

    def put_key(self, name: str, key: PrivateKey | None = None) -> None:
        """Put a key Secret in."""
        self.site.put(key_object(name, self.key_namespace, key))

    def relabel_key(self, name: str, status: str) -> None:
        """Change the key label of a key Secret."""
        self._in_keys(
            lambda: self.site.patch("Secret", name, {"metadata": {"labels": {KEY_LABEL: status}}})
        )

    def delete_key(self, name: str) -> None:
        """Delete a key Secret."""
        self._in_keys(lambda: self.site.delete("Secret", name))

    def key_names(self) -> list[str]:
        """Return the names of the key Secrets."""
        found: list[str] = []
        self._in_keys(lambda: found.extend(self.site.names("Secret")))
        return [name for name in found if name.startswith("sealed-secrets-key")]

    def _in_keys(self, work: Any) -> None:
        before, self.site.namespace = self.site.namespace, self.key_namespace
        try:
            work()
        finally:
            self.site.namespace = before

    def sealed(
        self,
        name: str,
        values: dict[str, str] | None = None,
        *,
        scope: Scope = Scope.STRICT,
        key: PrivateKey | None = None,
        template: dict[str, Any] | None = None,
        annotations: dict[str, str] | None = None,
        **metadata: Any,
    ) -> dict[str, Any]:
        """Return a SealedSecret whose values are `rig.value(text)`.

        Args:
            template: fields of `spec.template` over those that sealing gives.
            metadata: of the sealed Secret: labels.
        """
        given = {"password": "v1"} if values is None else values
        data = {
            field: base64.b64encode(self.rig.value(text).encode()).decode()
            for field, text in given.items()
        }
        secret = {
            "metadata": {"name": name, "namespace": self.site.namespace, **metadata},
            "data": data,
        }
        now = datetime.now(UTC)
        made = seal_secret(
            secret,
            certificate(key, start=now - YEAR, end=now + YEAR),
            now=now,
            scope=scope,
            allow_empty_data=True,
        )
        for field, text in (template or {}).items():
            if field == "metadata":
                made["spec"]["template"]["metadata"].update(text)
            else:
                made["spec"]["template"][field] = text
        if annotations:
            made["metadata"].setdefault("annotations", {}).update(annotations)
        return made

    def put(self, name: str, values: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Seal, and put the SealedSecret in."""
        made = self.sealed(name, values, **more)
        self.site.put(made)
        return made

    def put_secret(self, name: str, text: str = "old", **metadata: Any) -> None:
        """Create a Secret as a person does."""
        value = base64.b64encode(self.rig.value(text).encode()).decode()
        self.site.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": self.site.namespace, **metadata},
                "type": "Opaque",
                "data": {"old": value},
            }
        )

    def start(self, *arguments: str, **more: Any) -> RunningService:
        """Start a service that serves SealedSecrets."""
        return self.rig.start(*arguments, sealing=True, **more)

    def condition(self, name: str) -> dict[str, Any]:
        """Return the Synced condition, {} where there is none."""
        obj = self.site.get("SealedSecret", name) or {}
        conditions = (obj.get("status") or {}).get("conditions") or []
        return next((each for each in conditions if each["type"] == "Synced"), {})

    def wait_status(self, name: str, status: str, *texts: str, within_s: float = 60) -> None:
        """Wait until Synced has a status and its message all the texts."""

        def look() -> bool:
            found = self.condition(name)
            assert found.get("status") == status, found
            assert all(text in found.get("message", "") for text in texts), found
            return True

        eventually(look, within_s=within_s)

    def wait_unsealed(self, name: str, text: str = "v1", key: str = "password") -> None:
        """Wait until the Secret holds `rig.value(text)`, and the status says so."""
        eventually(lambda: self.rig.holds(name, text, key), what=f"{name}: not {text}")
        self.wait_status(name, "True")

    def events(self, name: str, reason: str) -> list[dict[str, Any]]:
        """Return the events about a SealedSecret of one reason."""
        return [
            event
            for event in self.site.events()
            if event["reason"] == reason and event["name"] == name
        ]

    def secret(self, name: str) -> dict[str, Any]:
        """Return a Secret that must be there."""
        found = self.site.get("Secret", name)
        assert found is not None, f"no Secret {name}"
        return found

    def key_uses(self, service: RunningService) -> int:
        """Return how many private-key operations a service has done."""
        return int(service.total("secretsync_private_key_operations_total"))
