"""One ring for two: the real Sealed Secrets controller on keys of ours, and the other way."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pyrage
import pytest

from sealing import parse_certificate
from secretsync.sealed.key_store import KeyStore
from tests.keys.command import RingPlace
from tests.keys.kit import SECRET, SMALL
from tests.keys.test_backup_restore import listed, results
from tests.support.sealed_controller import SealedController
from tests.support.sealed_crd import install_our_crd
from tests.support.sealed_peer import PEER_TOOLS

pytestmark = pytest.mark.built(*PEER_TOOLS)


@pytest.fixture
def controller(kube_server, kubernetes, tmp_path):
    """Starts the real controller on the ring of the test's namespace."""
    install_our_crd(kube_server)
    folder = tmp_path / "controller"
    folder.mkdir()

    @contextlib.contextmanager
    def run():
        running = SealedController(kube_server, folder, kubernetes.namespace, key_size="2048")
        running.start()
        try:
            yield running
            running.assert_alive()
        finally:
            running.stop()

    return run


def test_controller_seals_with_the_key_that_we_made_and_makes_none(kubernetes, controller):
    keys = KeyStore(kubernetes.cluster, kubernetes.namespace)
    keys.ensure(now=datetime.now(UTC), options=SMALL)
    newest = keys.create(now=datetime.now(UTC), options=SMALL)
    with controller() as theirs:
        assert parse_certificate(theirs.cert_pem()) == newest.certificate
        assert len(theirs.key_secrets()) == 2


def test_key_of_the_controller_seals_for_us_and_none_is_made(kubernetes, controller):
    with controller() as theirs:
        certificate = parse_certificate(theirs.cert_pem())
    keys = KeyStore(kubernetes.cluster, kubernetes.namespace)
    ring, made = keys.ensure(now=datetime.now(UTC), options=SMALL)
    assert made is None
    assert ring.sealing_key(datetime.now(UTC)).certificate == certificate


def test_ring_of_the_controller_is_listed_saved_and_restored_for_it(
    kubernetes, controller, seal, tmp_path
):
    with controller() as theirs:
        before = theirs.cert_pem()
    place = RingPlace("kube", kubernetes.namespace)
    ((name, state, *_rest),) = listed(seal, place)
    assert state == "sealing"
    identity = pyrage.x25519.Identity.generate()
    file, backup = tmp_path / "identity", tmp_path / "keys.age"
    file.write_text(str(identity))
    file.chmod(0o600)
    seal("backup", *place.flags, "--output", backup, "--recipient", identity.to_public())
    kubernetes.cluster.delete(SECRET, kubernetes.namespace, name)
    restored = seal("restore", backup, *place.flags, "--identity", file, "-o", "json")
    assert results(restored) == {name: "created"}
    with controller() as theirs:
        assert theirs.cert_pem() == before
        assert len(theirs.key_secrets()) == 1
