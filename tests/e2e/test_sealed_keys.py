"""The key ring of a running service: made, renewed, followed, and never lost by a fault."""

from __future__ import annotations

import base64
import signal

import pytest

from sealing import parse_certificate
from tests.e2e.kube_front import api_error
from tests.e2e.rig import Rig, eventually, steady
from tests.e2e.sealed_rig import DIGEST, SealedRig, key_object
from tests.sealing.kit import other_key, vector_key
from tests.support.service import RunningService

FIRST, SECOND = "sealed-secrets-keyaaaaa", "sealed-secrets-keybbbbb"


@pytest.fixture
def world(rig: Rig) -> SealedRig:
    return SealedRig(rig)


def served_fingerprint(service: RunningService) -> str:
    status, pem = service._get(service.sealing_port, "/v1/cert.pem")
    return parse_certificate(pem.encode()).fingerprint if status == 200 else ""


def keys_in_use(service: RunningService) -> int:
    return int(service.total("secretsync_sealing_keys", state="active"))


def test_first_key_is_made_and_kept_over_a_restart(rig: Rig) -> None:
    world = SealedRig(rig, with_key=False)
    service = world.start()
    (name,) = world.key_names()
    fingerprint = served_fingerprint(service)
    assert fingerprint
    service.stop()
    again = world.start()
    assert world.key_names() == [name]
    assert served_fingerprint(again) == fingerprint
    assert again.writes() == 0


def test_keys_left_by_sealed_secrets_are_taken_over(world: SealedRig) -> None:
    service = world.start()
    assert world.key_names() == [FIRST]
    assert served_fingerprint(service) == vector_key().fingerprint


def test_signal_makes_a_new_key_and_old_values_still_open(world: SealedRig) -> None:
    service = world.start()
    service.signal(signal.SIGUSR1)
    eventually(lambda: len(world.key_names()) == 2)
    eventually(lambda: served_fingerprint(service) != vector_key().fingerprint)
    world.put("db")
    world.wait_unsealed("db")


def test_key_that_comes_later_opens_what_waited_for_it(world: SealedRig) -> None:
    service = world.start()
    world.put("db", key=other_key())
    world.wait_status("db", "False", "no key could decrypt secret")
    world.put_key(SECOND, other_key())
    world.wait_unsealed("db")
    assert keys_in_use(service) == 2


@pytest.mark.parametrize("how", ["deleted", "compromised"])
def test_key_taken_away_while_running_opens_nothing_more(world: SealedRig, how: str) -> None:
    """Secrets that it opened before stay as they are."""
    world.put_key(SECOND, other_key())
    service = world.start()
    world.put("db", key=other_key())
    world.put("kept")
    world.wait_unsealed("db")
    before = world.secret("db")
    if how == "deleted":
        world.delete_key(SECOND)
    else:
        world.relabel_key(SECOND, "compromised")
    eventually(lambda: keys_in_use(service) == 1)
    world.put("db", {"password": "v2"}, key=other_key())
    world.wait_status("db", "False", "no key could decrypt secret")
    assert world.secret("db") == before
    world.put("kept", {"password": "v2"})
    world.wait_unsealed("kept", "v2")
    assert "no longer in use" in service.log_text()


def test_broken_key_beside_a_good_one_stops_nothing(world: SealedRig) -> None:
    broken = key_object(SECOND, world.key_namespace)
    broken["data"]["tls.key"] = base64.b64encode(b"no key at all").decode()
    world.site.put(broken)
    service = world.start()
    assert service.total("secretsync_sealing_keys", state="broken") == 1
    assert f"{world.key_namespace}/{SECOND}" in service.log_text()
    world.put("db")
    world.wait_unsealed("db")
    world.put("stranger", key=other_key())
    world.wait_status("stranger", "False", "no key could decrypt secret", SECOND)


def test_key_of_a_certificate_that_is_not_its_own_is_broken(world: SealedRig) -> None:
    mixed = key_object(SECOND, world.key_namespace, other_key())
    mixed["data"]["tls.crt"] = key_object("x", "x")["data"]["tls.crt"]
    world.site.put(mixed)
    service = world.start()
    assert service.total("secretsync_sealing_keys", state="broken") == 1
    assert served_fingerprint(service) == vector_key().fingerprint


@pytest.mark.built
def test_keys_that_cannot_be_listed_stay_in_use(kube_rig: Rig) -> None:
    world = SealedRig(kube_rig)
    service = world.start()
    front = kube_rig.kube.front
    assert front is not None
    front.inject(
        api_error(403, "Forbidden"),
        match=lambda call: call.resource == "secrets" and "sealed-secrets-key" in call.query,
    )
    service.signal(signal.SIGUSR1)
    eventually(lambda: service.total("secretsync_sealing_key_failures_total") > 0)
    world.put("db")
    world.wait_unsealed("db")
    assert served_fingerprint(service) == vector_key().fingerprint
    service.assert_alive()


@pytest.mark.built
def test_key_that_could_not_be_stored_never_seals(kube_rig: Rig) -> None:
    world = SealedRig(kube_rig, with_key=False)
    front = kube_rig.kube.front
    assert front is not None
    front.inject(
        api_error(403, "Forbidden"),
        match=lambda call: call.method == "POST" and call.name.startswith("sealed-secrets-key"),
    )
    service = world.start()
    status, body = service._get(service.sealing_port, "/v1/cert.pem")
    assert (status, body) == (500, "cannot get certificate\n")
    assert service.total("secretsync_sealing_key_failures_total") > 0
    front.heal()
    eventually(lambda: served_fingerprint(service), within_s=180)
    steady(lambda: len(world.key_names()) == 1, for_s=1)


@pytest.mark.built
def test_install_key_is_made_when_its_namespace_comes_after_the_start(kube_rig: Rig) -> None:
    """Without it nothing is remembered; with it a restart opens nothing."""
    world = SealedRig(kube_rig)
    late = f"late-{kube_rig.site.namespace}"
    where = ("--sealing-namespace", kube_rig.site.namespace)
    service = world.start(*where, POD_NAMESPACE=late)
    world.put("before")
    world.wait_unsealed("before")
    assert "no install key" in service.log_text()
    kube_rig.kube.admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": late}})
    eventually(lambda: "install key found" in service.log_text(), within_s=180)
    world.put("after")
    world.wait_unsealed("after")
    assert DIGEST not in world.secret("before")["metadata"].get("annotations", {})
    assert DIGEST in world.secret("after")["metadata"]["annotations"]
    service.stop()
    again = world.start(*where, POD_NAMESPACE=late)
    eventually(lambda: world.key_uses(again) == 1)
    steady(lambda: world.key_uses(again), for_s=1)
