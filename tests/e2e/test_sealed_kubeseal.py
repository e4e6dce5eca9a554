"""The real kubeseal, and `seal`, with the running service: from the pipe to the Secret."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.rig import Rig, eventually
from tests.e2e.sealed_proxy import ServiceProxy, proxying
from tests.e2e.sealed_rig import SealedRig
from tests.sealing.kit import other_key, vector_key
from tests.support.sealing_commands import kubeseal, ran, seal

pytestmark = pytest.mark.built("kubeseal", "etcd", "kube-apiserver", "kube-controller-manager")

Command = Callable[..., Any]
#: A limit of two a second is met by tests that ask faster than people.
PATIENT_S = 1.6


@pytest.fixture(params=[kubeseal, seal], ids=["kubeseal", "seal"])
def command(request: pytest.FixtureRequest) -> Command:
    found: Command = request.param
    return found


@pytest.fixture
def world(rig: Rig) -> SealedRig:
    return SealedRig(rig)


@pytest.fixture
def proxy(world: SealedRig, tmp_path: Path) -> Iterator[ServiceProxy]:
    service = world.start()
    with proxying(service.sealing_port, tmp_path) as proxy:
        yield proxy


def reaching(proxy: ServiceProxy, folder: Path) -> dict[str, str]:
    """What a person sets who keeps the service where deploy/ puts it."""
    return {
        "KUBECONFIG": str(proxy.kubeconfig),
        "SEALED_SECRETS_CONTROLLER_NAMESPACE": proxy.namespace,
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }


def test_pipe_of_the_guide_ends_in_the_secret(
    world: SealedRig, proxy: ServiceProxy, command: Command, tmp_path: Path
) -> None:
    """Without --cert: the certificate comes through the API server."""
    password = world.rig.value("v1")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": world.site.namespace},
        "stringData": {"password": password},
    }
    given = yaml.safe_dump(secret).encode()
    env = reaching(proxy, tmp_path)
    text = ran(command("--format", "yaml", given=given, env=env))
    assert password.encode() not in text
    world.site.put(yaml.safe_load(text))
    world.wait_unsealed("db")
    assert [path.rpartition("/")[2] for _, path in proxy.asked] == [
        "sealed-secrets-controller",
        "cert.pem",
    ]


def test_certificate_is_fetched_unchanged(
    world: SealedRig, proxy: ServiceProxy, command: Command, tmp_path: Path
) -> None:
    service = world.rig.services[-1]
    found = ran(command("--fetch-cert", env=reaching(proxy, tmp_path)))
    status, direct = service._get(service.sealing_port, "/v1/cert.pem")
    assert status == 200
    assert found == direct.encode()


def test_what_opens_validates_and_nothing_else(
    world: SealedRig, proxy: ServiceProxy, command: Command, tmp_path: Path
) -> None:
    env = reaching(proxy, tmp_path)
    good, bad = world.sealed("db"), world.sealed("db", key=other_key())
    ran(command("--validate", given=json.dumps(good).encode(), env=env))
    time.sleep(PATIENT_S)
    refused = command("--validate", given=json.dumps(bad).encode(), env=env)
    assert refused.returncode == 1
    assert b"unable to decrypt sealed secret: db" in refused.stderr


def test_re_encrypted_object_is_for_the_newest_key(
    world: SealedRig, proxy: ServiceProxy, command: Command, tmp_path: Path
) -> None:
    template = {"type": "kubernetes.io/basic-auth", "data": {"url": "x-{{ .password }}"}}
    made = world.sealed("db", template=template, labels={"app": "web"})
    world.site.put(made)
    eventually(lambda: world.rig.holds("db"))
    world.put_key("sealed-secrets-keybbbbb", other_key())
    service = world.rig.services[-1]
    eventually(lambda: service.total("secretsync_sealing_keys", state="active") == 2)
    env = reaching(proxy, tmp_path)
    again = yaml.safe_load(
        ran(command("--re-encrypt", "-o", "yaml", given=json.dumps(made).encode(), env=env))
    )
    assert again["kind"] == "SealedSecret"
    assert again["spec"]["encryptedData"] != made["spec"]["encryptedData"]
    assert again["spec"]["template"] == made["spec"]["template"]
    time.sleep(PATIENT_S)
    ran(command("--validate", given=json.dumps(again).encode(), env=env))
    world.site.put(again)
    world.wait_status("db", "True")
    assert world.rig.holds("db")


def test_raw_value_under_the_served_certificate_opens(world: SealedRig, tmp_path: Path) -> None:
    """With --cert kubeseal needs no cluster: `--raw`, and the text put in by hand."""
    service = world.start()
    _, pem = service._get(service.sealing_port, "/v1/cert.pem")
    file = tmp_path / "cert.pem"
    file.write_text(pem)
    value = world.rig.value("v1").encode()
    where = ("--raw", "--namespace", world.site.namespace, "--name", "db", "--from-file=/dev/stdin")
    text = (
        ran(kubeseal("--cert", file, *where, given=value, env={"HOME": str(tmp_path)}))
        .decode()
        .strip()
    )
    made = world.sealed("db", {})
    made["spec"]["encryptedData"] = {"password": text}
    world.site.put(made)
    world.wait_unsealed("db")
    assert vector_key().fingerprint in service.log_text()
