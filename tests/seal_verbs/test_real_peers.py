"""What the verbs write, in the hands of the real kubeseal and the real controller."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

from secretsync.cli.seal.manifest_files import find_files
from secretsync.cli.seal.resealing import ControllerResealer
from secretsync.cli.seal.rotating import rotate_files
from secretsync.errors import ClusterError
from tests.cli.kit import write
from tests.seal_verbs.kit import run_seal
from tests.support.sealing_commands import kubeseal, ran

SCOPES = ["strict", "namespace-wide", "cluster-wide"]
CONFLICT = 409


def secret(namespace, scope="strict", name="db"):
    metadata = {"name": name, "namespace": namespace}
    if scope != "strict":
        metadata["annotations"] = {f"sealedsecrets.bitnami.com/{scope}": "true"}
    data = {"k": base64.b64encode(b"v\x00").decode(), "empty": ""}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


@pytest.fixture
def recovered(peer):
    """The data that kubeseal recovers from one SealedSecret."""

    def read(text):
        out = ran(
            kubeseal("--recovery-unseal", "--recovery-private-key", peer.key_file, given=text)
        )
        data = json.loads(out)["data"]
        return {key: base64.b64decode(value or "") for key, value in data.items()}

    return read


@pytest.mark.parametrize("scope", SCOPES)
def test_kubeseal_recovers_what_files_set_and_unset_wrote(peer, recovered, tmp_path, scope):
    file = write(tmp_path / "s.yaml", secret("shop", scope))
    assert run_seal("files", file, "--in-place", "--cert", peer.cert_file).code == 0
    ended = run_seal("set", file, "added", "--cert", peer.cert_file, stdin="é\n".encode())
    assert ended.code == 0
    assert run_seal("unset", file, "empty").code == 0
    assert recovered(file.read_bytes()) == {"k": b"v\x00", "added": "é\n".encode()}


@pytest.mark.parametrize("scope", SCOPES)
def test_set_continues_what_kubeseal_began(peer, recovered, tmp_path, scope):
    given = json.dumps(secret("shop", scope)).encode()
    sealed = ran(kubeseal("--cert", peer.cert_file, "-o", "yaml", given=given))
    file = tmp_path / "s.yaml"
    file.write_bytes(sealed)
    assert run_seal("set", file, "k", "--cert", peer.cert_file, stdin=b"new").code == 0
    assert recovered(file.read_bytes()) == {"k": b"new", "empty": b""}
    assert run_seal("check", file, "--sealing-key", peer.key_file).code == 0


def test_controller_unseals_what_files_wrote(peer, tmp_path):
    name = "of-the-verbs"
    file = write(tmp_path / "s.yaml", secret(peer.namespace, name=name))
    assert run_seal("files", file, "--in-place", "--cert", peer.cert_file).code == 0
    body = json.dumps(yaml.safe_load(file.read_text())).encode()
    assert peer.controller.request("POST", "/v1/verify", body)[0] == 200


@pytest.fixture
def resealer(peer):
    """The controller's own endpoints, without the API server between."""

    def rotate(body):
        status, answer = peer.controller.request("POST", "/v1/rotate", body)
        if status != 200:
            raise ClusterError(f"rotate answers {status}")
        return json.loads(answer)

    def verify(body):
        status, _ = peer.controller.request("POST", "/v1/verify", body)
        assert status in (200, CONFLICT)
        return status == 200

    return ControllerResealer(peer.certificate, rotate, verify)


@pytest.mark.parametrize("scope", SCOPES)
def test_rotation_by_the_real_controller_keeps_scope_and_template(
    peer, resealer, recovered, tmp_path, scope
):
    given = json.dumps(secret("shop", scope)).encode()
    obj = yaml.safe_load(ran(kubeseal("--cert", peer.cert_file, "-o", "yaml", given=given)))
    obj["spec"]["template"]["data"] = {"url": "postgres://{{ .k }}"}
    obj["spec"]["template"]["metadata"]["labels"] = {"app": "shop"}
    file = write(tmp_path / "s.yaml", obj)
    (outcome,) = rotate_files(list(find_files([str(file)])), resealer)
    assert (outcome.status, outcome.values) == ("rotated", 2)
    after = yaml.safe_load(file.read_text())
    assert after["spec"]["template"] == obj["spec"]["template"]
    assert after["spec"]["encryptedData"] != obj["spec"]["encryptedData"]
    note = after["metadata"]["annotations"].pop("secretsync.io/sealed-with")
    assert note == peer.certificate.fingerprint
    assert (after["metadata"]["annotations"] or None) == obj["metadata"].get("annotations")
    found = recovered(file.read_bytes())
    assert {key: found[key] for key in ("k", "empty")} == {"k": b"v\x00", "empty": b""}
    (again,) = rotate_files(list(find_files([str(file)])), resealer)
    assert again.status == "skipped"


def test_real_controller_never_widens_a_scope_by_the_template(peer, resealer, tmp_path):
    given = json.dumps(secret("shop")).encode()
    obj = yaml.safe_load(ran(kubeseal("--cert", peer.cert_file, "-o", "yaml", given=given)))
    wide = {"sealedsecrets.bitnami.com/cluster-wide": "true"}
    obj["spec"]["template"]["metadata"]["annotations"] = wide
    file = write(tmp_path / "s.yaml", obj)
    before = file.read_bytes()
    (outcome,) = rotate_files(list(find_files([str(file)])), resealer)
    assert outcome.status == "failed"
    assert "asks for scope cluster-wide" in outcome.errors[0]
    assert file.read_bytes() == before
