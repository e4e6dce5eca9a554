"""A store in trouble, through the whole service: clear words, nothing lost, nobody else hurt.

What each adapter makes of each wrong answer is in tests/providers; here is what people
see of it. The rig searches logs, events, statuses and metrics for values at the end.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests.e2e.rig import Rig, eventually, ready, settled, steady
from tests.e2e.store_worlds import STORE, WORLDS, World
from tests.support.web import json_reply, web_server

OURS = {"name": STORE, "kind": "SecretStore"}
#: Deadlines of adapters are up to half a minute, and several faults wait for theirs.
WITHIN_S = 240.0
#: What a server says of itself must not be repeated.
SERVERS_OWN = ("canary-9f1c", "<html", "internal trouble")


def _put(rig: Rig, world: World, *names: str, **spec: Any) -> None:
    for name in names:
        world.hold(name, "v1")
        store = {**OURS, "name": world.store_of(name)}
        rig.external_secret(name, secretStoreRef=store, **spec)


def _secrets(rig: Rig, *names: str) -> dict[str, Any]:
    return {name: rig.site.get("Secret", name) for name in names}


def _sibling(rig: Rig) -> None:
    """Another ExternalSecret, on another store."""
    rig.store()
    rig.upstream("sibling")
    rig.external_secret("sibling")


def _assert_clear(message: str) -> None:
    assert 20 < len(message) <= 1024, message
    assert all(text not in message for text in SERVERS_OWN), message
    assert "Traceback" not in message


@pytest.mark.parametrize("kind", WORLDS)
def test_wrong_answers_for_single_keys_leave_all_secrets(dir_rig: Rig, kind: str) -> None:
    rig = dir_rig
    _sibling(rig)
    with WORLDS[kind](rig) as world:
        # A webhook's answer is what it is: jsonPath must find something in it.
        names = world.faults
        # One more of the same store, which is answered for as it should be.
        _put(rig, world, "neighbour", **_whole_value(("neighbour",))["neighbour"])
        spec = {} if kind != "webhook" else _whole_value(names)
        for name in names:
            _put(rig, world, name, **spec.get(name, {}))
        service = rig.start(**world.environment)
        for name in (*names, "sibling"):
            rig.wait_synced(name)
        eventually(lambda: rig.condition("neighbour").get("status") == "True")
        before = _secrets(rig, *names)
        neighbour = rig.data("neighbour")
        for name in names:
            world.spoil(name)
            world.hold(name, "v2")
        world.hold("neighbour", "v2")
        rig.upstream("sibling", "v2")
        rig.wait_holds("sibling", "v2")
        for name in names:
            found = rig.wait_condition(name, "False", within_s=WITHIN_S)
            _assert_clear(found["message"])
        eventually(lambda: rig.data("neighbour") != neighbour, within_s=WITHIN_S)
        assert rig.condition("neighbour")["status"] == "True"
        rig.upstream("sibling", "v3")
        rig.wait_holds("sibling", "v3")
        assert rig.condition("sibling")["status"] == "True"
        assert _secrets(rig, *names) == before
        world.heal()
        for name in names:
            rig.wait_holds(name, "v2", within_s=WITHIN_S)
        service.assert_alive()
        assert all(text not in service.log_text() for text in SERVERS_OWN)
        service.stop(within_s=60)


def _whole_value(names: tuple[str, ...]) -> dict[str, Any]:
    """Of a webhook, the store's jsonPath chooses: no property is left to choose."""
    return {
        name: {"data": [{"secretKey": "password", "remoteRef": {"key": name}}]} for name in names
    }


@pytest.mark.parametrize("wrong", ["portal", "redirect", "slow-body"])
def test_trouble_on_the_way_to_google_leaves_all_secrets(dir_rig: Rig, wrong: str) -> None:
    """Of the others each answer goes its own way; at Google all share one connection."""
    rig = dir_rig
    _sibling(rig)
    with WORLDS["gcp"](rig) as world:
        _put(rig, world, "one", "two")
        service = rig.start(**world.environment)
        for name in ("one", "two", "sibling"):
            rig.wait_synced(name)
        before = _secrets(rig, "one", "two")
        world.spoil(wrong)
        for name in ("one", "two"):
            world.hold(name, "v2")
            rig.wait_condition(name, "False", within_s=WITHIN_S)
            _assert_clear(rig.condition(name)["message"])
        rig.upstream("sibling", "v2")
        rig.wait_holds("sibling", "v2")
        assert rig.condition("sibling")["status"] == "True"
        assert _secrets(rig, "one", "two") == before
        world.heal()
        for name in ("one", "two"):
            rig.wait_holds(name, "v2", within_s=WITHIN_S)
        service.assert_alive()
        service.stop(within_s=60)


#: Keys that are no keys: a tenant's ExternalSecret may say anything.
HOSTILE = {
    "up": "../one",
    "far-up": "a/../../../sys/health",
    "encoded": "%2e%2e/one",
    "encoded-slash": "..%2fone",
    "double": "a//one",
    "query": "one?list=true",
    "line": "one\nX-Other: 1",
    "zero": "one\x01",
    "long": "k" * 4096,
}


@pytest.mark.parametrize("kind", WORLDS)
def test_hostile_keys_reach_nothing_and_hurt_nobody(dir_rig: Rig, kind: str) -> None:
    rig = dir_rig
    with WORLDS[kind](rig) as world:
        whole = _whole_value(("one",))["one"]
        _put(rig, world, "one", **whole)
        for name in HOSTILE:
            rig.external_secret(name, secretStoreRef=OURS, **whole)
        service = rig.start(**world.environment)
        for name in ("one", *HOSTILE):
            rig.wait_condition(name, "True", within_s=60)
        before = _secrets(rig, *HOSTILE)
        for name, key in HOSTILE.items():
            data = [{"secretKey": "password", "remoteRef": {"key": key}}]
            rig.external_secret(name, secretStoreRef=OURS, data=data)
        for name in HOSTILE:
            found = rig.wait_condition(name, "False", within_s=WITHIN_S)
            _assert_clear(found["message"])
        old = rig.data("one")
        world.hold("one", "v2")
        eventually(lambda: rig.data("one") != old, within_s=60)
        rig.wait_condition("one", "True")
        assert _secrets(rig, *HOSTILE) == before
        service.stop(within_s=60)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fd00:ec2::254]", "127.0.0.1:{port}", "localhost:{port}"]
)
def test_webhook_store_of_a_tenant_reaches_no_private_service(dir_rig: Rig, host: str) -> None:
    rig = dir_rig
    _sibling(rig)
    rig.upstream("one")
    rig.external_secret("one")
    rig.start()
    for name in ("one", "sibling"):
        rig.wait_synced(name)
    with web_server(lambda request: json_reply('{"password": "x"}'), tls=False) as server:
        url = f"http://{host.format(port=server.port)}/latest/meta-data/{{{{ .remoteRef.key }}}}"
        store = {"apiVersion": "external-secrets.io/v1", "kind": "SecretStore"}
        metadata = {"name": STORE, "namespace": rig.site.namespace}
        spec = {"provider": {"webhook": {"url": url, "timeout": "2s"}}}
        rig.site.put({**store, "metadata": metadata, "spec": spec})
        rig.external_secret("one", secretStoreRef=OURS)
        rig.wait_condition("one", "False")
        _assert_clear(rig.condition("one")["message"])
        rig.upstream("sibling", "v2")
        rig.wait_synced("sibling", "v2")
        assert server.requests == []
    assert rig.holds("one", "v1")


def _refused_elsewhere(rig: Rig, name: str) -> bool:
    found = ready(rig.site.get("ExternalSecret", name, "elsewhere"))
    assert found.get("status") == "False", found
    _assert_clear(found["message"])
    return "mine" in found["message"]


def test_store_of_another_namespace_serves_nobody_else(dir_rig: Rig) -> None:
    rig = dir_rig
    rig.store("mine", "SecretStore")
    rig.upstream("one")
    ref = {"name": "mine", "kind": "SecretStore"}
    rig.external_secret("one", secretStoreRef=ref)
    # Elsewhere one Secret is new, and one is there already, from a store that is for all.
    _sibling(rig)
    for name in ("new", "old"):
        other = {"name": name, "namespace": "elsewhere"}
        shared = {"secretStoreRef": ref} if name == "new" else {}
        rig.external_secret(name, ["sibling"], metadata=other, **shared)
    rig.start()
    for name in ("one", "sibling"):
        rig.wait_synced(name)
    eventually(lambda: rig.site.get("Secret", "old", "elsewhere") is not None)
    before = rig.site.get("Secret", "old", "elsewhere")
    reads = settled(rig.reads, for_s=1)
    rig.external_secret(
        "old", ["one"], secretStoreRef=ref, metadata={"name": "old", "namespace": "elsewhere"}
    )

    for name in ("new", "old"):
        eventually(functools.partial(_refused_elsewhere, rig, name))
    steady(lambda: rig.site.get("Secret", "new", "elsewhere"), for_s=2)
    assert rig.site.get("Secret", "new", "elsewhere") is None
    assert rig.site.get("Secret", "old", "elsewhere") == before
    assert rig.reads() == reads
    rig.upstream("one", "v2")
    rig.wait_synced("one", "v2")
