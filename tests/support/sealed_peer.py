"""The real Sealed Secrets that tests compare with: controller, namespaces, key."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sealing import Certificate, KeyRing, load_key_ring, parse_certificate
from tests.support.kube import KubeServer
from tests.support.kube_certs import write_private
from tests.support.sealed_controller import SealedController
from tests.support.sealed_crd import install_our_crd
from tests.support.sealed_objects import SealedObjects

__all__ = ["PEER_TOOLS", "Peer", "started_peer"]

#: What a test marked `built` needs where it uses the peer.
PEER_TOOLS = ("etcd", "kube-apiserver", "kubeseal", "sealed-secrets-controller")

#: Tests ask more often than people do.
_FLAGS = {"rate_limit": "1000", "rate_limit_burst": "1000"}


@dataclass(frozen=True)
class Peer:
    """The real controller and what a person has who uses it.

    Args:
        objects: SealedSecrets and Secrets of its own namespace.
        elsewhere: those of another namespace that it watches.
        cert_file: what `kubeseal --fetch-cert` would have saved.
        key_file: its private key, PEM, for `--recovery-private-key`.
        key_secret_file: the Secret that holds the key, as a backup has it.
    """

    server: KubeServer
    controller: SealedController
    objects: SealedObjects
    elsewhere: SealedObjects
    cert_file: Path
    key_file: Path
    key_secret_file: Path

    @property
    def namespace(self) -> str:
        """Where the controller lives."""
        return self.objects.namespace

    @property
    def certificate(self) -> Certificate:
        """The certificate to seal with."""
        return parse_certificate(self.cert_file.read_bytes())

    @property
    def ring(self) -> KeyRing:
        """The keys that the controller keeps in its namespace, as we read them."""
        return load_key_ring(self.controller.key_secrets())


@contextlib.contextmanager
def started_peer(server: KubeServer, folder: Path) -> Iterator[Peer]:
    """Run the controller with the 4096-bit key that it makes itself.

    Args:
        server: a started API server; it gets the CRD.
        folder: an empty folder of its own.
    """
    install_our_crd(server)
    own, other = (server.admin.create_namespace("sealed") for _ in range(2))
    controller = SealedController(server, folder, own, additional_namespaces=other, **_FLAGS)
    controller.start()
    try:
        (key,) = controller.key_secrets()
        certificate = folder / "cert.pem"
        certificate.write_bytes(controller.cert_pem())
        yield Peer(
            server,
            controller,
            SealedObjects(server, own),
            SealedObjects(server, other),
            certificate,
            write_private(folder / "key.pem", base64.b64decode(key["data"]["tls.key"])),
            write_private(folder / "key.json", json.dumps(key).encode()),
        )
        controller.assert_alive()
    finally:
        controller.stop()
