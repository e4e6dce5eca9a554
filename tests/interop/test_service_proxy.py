"""Through a real API server's service proxy, to the real controller and to our service.

An API server proxies to no loopback address, so the whole cluster runs in a network of
its own; where none can be made, tests/support/network_namespace.py says what happens.
"""

from __future__ import annotations

import json

import pytest
import yaml

from sealing import load_key_ring, parse_certificate, unseal_manifest
from tests.interop.proxy_scene import COMMANDS, POD_SERVICES, SERVICES
from tests.support.network_namespace import require_namespace, run_inside
from tests.support.pod_account import POD_NAMESPACE
from tests.support.sealed_objects import data_of
from tests.support.sealed_peer import PEER_TOOLS

pytestmark = [
    pytest.mark.built(*PEER_TOOLS),
    pytest.mark.xdist_group("service-proxy"),
    # The scene is one fixture, with some hundred commands in it.
    pytest.mark.timeout(600),
]

SCENE_WITHIN_S = 540.0
ENDS = [(command, service) for command in COMMANDS for service in SERVICES]
POD_ENDS = [(command, service) for command in COMMANDS for service in POD_SERVICES]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """What came of it when everybody had done everything."""
    require_namespace()
    folder = tmp_path_factory.mktemp("proxy")
    run = run_inside("tests.interop.proxy_scene", [folder], within_s=SCENE_WITHIN_S)
    assert run.returncode == 0, run.stderr[-4000:]
    return json.loads(run.stdout)


@pytest.fixture(params=ENDS, ids=[f"{command} to {service}" for command, service in ENDS])
def step(request, scene):
    """The steps of one command with one Service."""
    return lambda name: scene["steps"][f"{' '.join(request.param)} {name}"]


@pytest.fixture(params=POD_ENDS, ids=[f"{command} to {service}" for command, service in POD_ENDS])
def pod_step(request, scene):
    """The steps of one command in a pod with one Service."""
    return lambda name: scene["steps"][f"{' '.join(request.param)} in a pod {name}"]


def opened(text, scene):
    return data_of(unseal_manifest(yaml.safe_load(text), load_key_ring(scene["keys"])))


def test_certificate_is_the_newest_keys(step, scene):
    assert step("fetch") == {"code": 0, "out": scene["certificate"], "err": ""}


def test_sealed_without_a_certificate_file_opens(step, scene):
    sealed = step("seal")
    assert sealed["code"] == 0, sealed["err"]
    assert opened(sealed["out"], scene) == {"k": b"hunter2"}


def test_validate_says_yes_in_its_place_and_no_under_another_name(step):
    for command in COMMANDS:
        assert step(f"validate by {command}") == {"code": 0, "out": "", "err": ""}
    renamed = {"code": 1, "out": "", "err": "error: unable to decrypt sealed secret: other\n"}
    assert step("validate renamed") == renamed


def test_re_encrypt_gives_another_text_of_the_same_value(step, scene):
    again = step("re-encrypt")
    assert (again["code"], again["err"]) == (0, "")
    assert opened(again["out"], scene) == {"k": b"hunter2"}
    before, after = (yaml.safe_load(step(name)["out"]) for name in ("seal", "re-encrypt"))
    assert before["spec"].pop("encryptedData") != after["spec"].pop("encryptedData")
    assert before == after


def test_re_encrypt_rewrites_the_file_it_was_given(step):
    assert step("re-encrypt in place") == {"code": 0, "out": "", "err": ""}
    assert step("in place") == {"code": 0, "out": "", "err": ""}


def test_rotate_verb_has_the_controller_seal_anew_and_notes_its_certificate(step, scene):
    first, again = (json.loads(step(name)["out"]) for name in ("rotate", "rotate again"))
    assert first["summary"] == {"rotated": 1, "skipped": 0, "failed": 0, "values": 1}
    assert again["summary"] == {"rotated": 0, "skipped": 1, "failed": 0, "values": 0}
    newest = parse_certificate(scene["certificate"].encode())
    assert first["certificate"] == newest.fingerprint
    assert step("rotated") == {"code": 0, "out": "", "err": ""}


def test_what_does_not_open_is_not_re_encrypted(step):
    refused = step("re-encrypt renamed")
    assert (refused["code"], refused["out"]) == (1, "")
    assert refused["err"].startswith('error: cannot re-encrypt secret: an error on the server ("")')


def test_pipe_of_the_guide_ends_in_the_secret(step):
    """Into a cluster that we serve, whichever of the two Services gave the certificate."""
    pipe = step("pipe")
    assert (pipe["code"], pipe["err"]) == (0, "")
    assert data_of(pipe) == {"password": b"supersecret"}
    assert pipe["type"] == "Opaque"


def test_pod_without_a_kubeconfig_gets_the_certificate_by_its_own_account(pod_step, scene):
    assert pod_step("fetch") == {"code": 0, "out": scene["certificate"], "err": ""}


def test_pod_seals_for_its_own_namespace(pod_step, scene):
    sealed = pod_step("seal")
    assert sealed["code"] == 0, sealed["err"]
    assert yaml.safe_load(sealed["out"])["metadata"]["namespace"] == POD_NAMESPACE
    assert opened(sealed["out"], scene) == {"k": b"hunter2"}
    assert pod_step("validate") == {"code": 0, "out": "", "err": ""}


def test_pod_whose_token_is_none_is_refused(pod_step):
    refused = pod_step("refused")
    assert (refused["code"], refused["out"]) == (1, "")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", ["re-encrypt renamed", "no service", "validate renamed"])
def test_seal_says_what_kubeseal_says(name, service, scene):
    theirs, ours = (scene["steps"][f"{command} {service} {name}"] for command in COMMANDS)
    assert ours == theirs


@pytest.mark.parametrize("service", POD_SERVICES)
def test_seal_in_a_pod_is_refused_in_the_words_of_kubeseal(service, scene):
    theirs, ours = (scene["steps"][f"{name} {service} in a pod refused"] for name in COMMANDS)
    assert ours == theirs
