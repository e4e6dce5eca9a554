"""The drill: sealed values outlive the loss of the cluster, and age itself opens a backup."""

from __future__ import annotations

import json
import subprocess

import pyrage
import pytest

from sealing import unseal_manifest
from secretsync.sealed.key_backup import write_ring
from secretsync.sealed.key_store import KeyStore
from tests.keys.command import ran_on_terminal
from tests.keys.kit import LABEL, NOW, SECRET
from tests.keys.test_backup_restore import PASSPHRASE, results
from tests.support.tools import tool_path

SMALL = ("--key-size", "2048")
SECRET_MANIFEST = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "namespace": "web"},
    "stringData": {"password": "hunter2"},
}
OPENED = {"password": "aHVudGVyMg=="}


@pytest.fixture
def identity(tmp_path):
    """An age identity file and its recipient."""
    made = pyrage.x25519.Identity.generate()
    file = tmp_path / "identity.txt"
    file.write_text(f"{made}\n")
    file.chmod(0o600)
    return file, str(made.to_public())


def kubeseal(certificate, tmp_path):
    """Seal with the real kubeseal."""
    pem = tmp_path / "cert.pem"
    pem.write_bytes(certificate)
    ran = subprocess.run(
        [tool_path("kubeseal"), "--cert", pem],
        input=json.dumps(SECRET_MANIFEST).encode(),
        capture_output=True,
        check=True,
    )
    return json.loads(ran.stdout)


def sealing_key(place):
    with place.opened() as arena:
        return KeyStore(arena.cluster, arena.namespace).load().sealing_key(NOW)


def opened(place, sealed):
    with place.opened() as arena:
        keys = KeyStore(arena.cluster, arena.namespace).load()
    return unseal_manifest(sealed, keys)["data"]


def lose(place):
    """Everything that the cluster knew of keys is gone."""
    with place.opened() as arena:
        for secret in arena.cluster.list(SECRET, arena.namespace).items:
            arena.delete(secret["metadata"]["name"])
        assert KeyStore(arena.cluster, arena.namespace).load().keys == ()


@pytest.mark.built("kubeseal")
@pytest.mark.parametrize("new_key_meanwhile", [False, True], ids=["empty", "with a new key"])
def test_what_was_sealed_before_the_loss_opens_after_the_restore(
    seal, place, identity, tmp_path, new_key_meanwhile
):
    seal("keys", "create", *place.flags, *SMALL)
    sealed_first = kubeseal(sealing_key(place).certificate.pem, tmp_path)
    seal("keys", "renew", *place.flags, *SMALL)
    newest = sealing_key(place)
    sealed_last = kubeseal(newest.certificate.pem, tmp_path)
    backup = tmp_path / "keys.age"
    assert seal("backup", *place.flags, "--output", backup, "--recipient", identity[1]).code == 0

    lose(place)
    if new_key_meanwhile:
        # A service that starts in the empty cluster makes a key of its own.
        assert seal("keys", "create", *place.flags, *SMALL).code == 0
    assert seal("restore", backup, "--to", place.to, "--identity", identity[0]).code == 0

    assert opened(place, sealed_first) == OPENED
    assert opened(place, sealed_last) == OPENED
    if not new_key_meanwhile:
        after = sealing_key(place)
        assert (after.name, after.certificate) == (newest.name, newest.certificate)


@pytest.mark.built("age")
def test_backup_opens_with_age_itself(seal, local, identity, tmp_path):
    seal("keys", "create", *local.flags, *SMALL)
    key = sealing_key(local)
    backup = tmp_path / "keys.age"
    seal("backup", *local.flags, "--output", backup, "--recipient", identity[1])
    ran = subprocess.run(
        [tool_path("age"), "--decrypt", "--identity", identity[0], backup],
        capture_output=True,
        check=True,
    )
    (item,) = json.loads(ran.stdout)["items"]
    assert item["metadata"]["name"] == key.name
    assert item["metadata"]["labels"] == {LABEL: "active"}


@pytest.mark.built("age")
def test_ring_that_age_itself_encrypted_is_restored(seal, local, identity, tmp_path):
    seal("keys", "create", *local.flags, *SMALL)
    key = sealing_key(local)
    document = ring_document(local)
    for flag in ([], ["--armor"]):
        backup = tmp_path / f"by-age{len(flag)}.age"
        command = [tool_path("age"), "--recipient", identity[1], *flag, "--output", backup]
        subprocess.run(command, input=document, check=True)
        lose(local)
        ran = seal("restore", backup, *local.flags, "--identity", identity[0], "-o", "json")
        assert results(ran) == {key.name: "created"}
        assert sealing_key(local).certificate == key.certificate


@pytest.mark.built("age")
def test_passphrase_goes_both_ways_with_age_itself(seal, local, tmp_path):
    seal("keys", "create", *local.flags, *SMALL)
    key = sealing_key(local)
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE)
    file.chmod(0o600)
    ours, theirs = tmp_path / "ours.age", tmp_path / "theirs.age"
    seal("backup", *local.flags, "--output", ours, "--passphrase-file", file)

    opened_file = tmp_path / "opened.json"
    command = [str(tool_path("age")), "--decrypt", "--output", str(opened_file), str(ours)]
    code, _seen = ran_on_terminal(command, [("passphrase", PASSPHRASE)])
    assert code == 0
    assert json.loads(opened_file.read_bytes())["items"][0]["metadata"]["name"] == key.name

    command = [str(tool_path("age")), "--passphrase", "--output", str(theirs), str(opened_file)]
    asked = [("Enter passphrase", PASSPHRASE), ("Confirm passphrase", PASSPHRASE)]
    assert ran_on_terminal(command, asked)[0] == 0
    lose(local)
    ran = seal("restore", theirs, *local.flags, "--passphrase-file", file, "-o", "json")
    assert results(ran) == {key.name: "created"}


@pytest.mark.built("kubeseal")
def test_opened_backup_is_what_kubeseals_recovery_takes(seal, local, tmp_path):
    """Where there is neither a cluster nor this program: age and kubeseal are enough."""
    seal("keys", "create", *local.flags, *SMALL)
    sealed = kubeseal(sealing_key(local).certificate.pem, tmp_path)
    keys = tmp_path / "keys.json"
    keys.write_bytes(ring_document(local))
    ran = subprocess.run(
        [tool_path("kubeseal"), "--recovery-unseal", "--recovery-private-key", keys],
        input=json.dumps(sealed).encode(),
        capture_output=True,
        check=True,
    )
    assert json.loads(ran.stdout)["data"] == OPENED


def ring_document(place):
    """What is inside a backup."""
    with place.opened() as arena:
        return write_ring(KeyStore(arena.cluster, arena.namespace).secrets())
