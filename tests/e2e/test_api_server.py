"""Faults 20, 21 and 23: the API server in trouble, or gone in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kube_front import ApiCall, ApiReply, Before, KubeFront, api_error
from tests.e2e.rig import Rig, eventually, settled, steady
from tests.e2e.sites import KubeSite, clean
from tests.support.aws import AwsApi
from tests.support.aws_front import StrictFront
from tests.support.kube import KubeServer
from tests.support.kube_admin import KubeRequestError

pytestmark = pytest.mark.built

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
NAMES = [f"app-{index}" for index in range(6)]


def _api(rig: Rig) -> KubeFront:
    assert rig.kube.front is not None
    return rig.kube.front


def _secret_writes(call: ApiCall) -> bool:
    return call.is_write and call.resource == "secrets"


def _drop(call: ApiCall) -> ApiReply:
    return ApiReply(drop=True)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(api_error(409, "Conflict", "the object has been modified"), id="409"),
        pytest.param(api_error(429, "TooManyRequests", Retry_After="1"), id="429"),
        pytest.param(api_error(503, "ServiceUnavailable"), id="503"),
        pytest.param(api_error(500, "InternalError", "etcdserver: request timed out"), id="etcd"),
        pytest.param(_drop, id="dropped"),
    ],
)
def test_fault_21_troubled_writes_are_repeated_until_they_succeed(
    kube_rig: Rig, trouble: Before
) -> None:
    service = kube_rig.scene(*NAMES)
    _api(kube_rig).inject(trouble, match=_secret_writes, times=8)
    for name in NAMES:
        kube_rig.upstream(name, "v2")
    for name in NAMES:
        kube_rig.wait_synced(name, "v2")
    service.assert_alive()
    # One repeat each and the eight that failed, with room for a second tick.
    assert len([c for c in _api(kube_rig).writes("secrets") if c.method == "PATCH"]) <= 40


def test_fault_21_statuses_are_repeated_until_they_succeed(kube_rig: Rig) -> None:
    status = api_error(429, "TooManyRequests", Retry_After="1")
    api = _api(kube_rig)
    api.inject(status, match=lambda call: call.resource.endswith("/status"), times=6)
    kube_rig.scene(*NAMES)


def test_fault_21_answer_that_was_lost_after_the_write(kube_rig: Rig) -> None:
    """The write happened and nobody heard of it: doing it again changes nothing."""
    rig, api = kube_rig, _api(kube_rig)
    rig.store()
    rig.upstream("one")

    def write_and_lose(call: ApiCall) -> ApiReply:
        path = f"/api/v1/namespaces/{call.namespace}/secrets"
        upstream = api.open()
        headers = {"Content-Type": "application/json"}
        upstream.request("POST", path, body=call.body, headers=headers)
        assert upstream.getresponse().read()
        api.forget(upstream)
        return ApiReply(drop=True)

    api.inject(write_and_lose, match=lambda c: _secret_writes(c) and c.name == "one", times=1)
    rig.external_secret("one")
    rig.start()
    rig.wait_synced("one")
    steady(lambda: rig.site.get("Secret", "one"), for_s=3)


#: Kinds without a CRD at this server, which are asked for again every five seconds.
UNSERVED = {"applications", "appprojects"}


def test_fault_21_broken_watches_are_resumed_without_a_new_list(kube_rig: Rig) -> None:
    service = kube_rig.scene(*NAMES)
    api = _api(kube_rig)
    # Events and the status of the store are written after what was waited for.
    settled(lambda: len(api.writes()), for_s=1)
    before = len(api.calls)
    watched = {call.resource for call in api.calls if call.watch}
    api.cut()
    watches = lambda: [call for call in api.calls[before:] if call.watch]  # noqa: E731 - short
    eventually(lambda: {call.resource for call in watches()} == watched)
    anew = {call.resource for call in watches() if "sendInitialEvents" in call.query}
    assert anew <= UNSERVED
    assert not any(call.resource and not call.watch for call in api.calls[before:])
    kube_rig.upstream("late")
    kube_rig.external_secret("late")
    kube_rig.wait_synced("late")
    kube_rig.site.patch("Secret", NAMES[0], {"data": {"password": "AAAA"}})
    kube_rig.wait_holds(NAMES[0])
    service.assert_alive()


def test_fault_21_expired_watch_lists_again_and_misses_nothing(kube_rig: Rig) -> None:
    """HTTP 410: what came and went unseen meanwhile is noticed by the new list."""
    rig, api = kube_rig, _api(kube_rig)
    service = rig.scene("stays", "goes")
    rig.store("unused")
    rig.wait_condition("unused", "True", kind="ClusterSecretStore")
    too_old = api_error(410, "Expired", "too old resource version")
    api.inject(too_old, match=lambda call: call.watch and "sendInitialEvents" not in call.query)
    unreachable = api_error(503, "ServiceUnavailable")
    api.inject(unreachable, match=lambda call: call.watch)
    api.cut()
    rig.site.delete("ExternalSecret", "goes")
    rig.site.delete("ClusterSecretStore", "unused")
    rig.upstream("comes")
    rig.external_secret("comes")
    time.sleep(1)
    api.heal()
    rig.wait_synced("comes")
    eventually(lambda: 'name="goes"' not in service.metrics_page())
    eventually(lambda: 'name="unused"' not in service.metrics_page())
    rig.upstream("stays", "v2")
    rig.wait_synced("stays", "v2")
    service.assert_alive()


def test_fault_21_conflict_with_a_person_keeps_both_edits(kube_rig: Rig) -> None:
    """Somebody writes between our look and our write: decided anew, nothing lost."""
    rig = kube_rig
    rig.scene("one", refreshInterval="1h")

    def edit_first(call: ApiCall) -> None:
        rig.site.patch("Secret", "one", {"metadata": {"annotations": {"theirs": "yes"}}})

    _api(rig).inject(edit_first, match=_secret_writes, times=1)
    rig.upstream("one", "v2")
    rig.site.patch("ExternalSecret", "one", {"metadata": {"annotations": {"force": "1"}}})
    rig.wait_synced("one", "v2")
    secret = rig.site.get("Secret", "one")
    assert secret is not None
    assert secret["metadata"]["annotations"]["theirs"] == "yes"


def test_fault_23_kill_between_secret_and_status_is_made_good(kube_rig: Rig) -> None:
    rig, api = kube_rig, _api(kube_rig)
    held = threading.Event()

    def hold(call: ApiCall) -> ApiReply:
        held.set()
        time.sleep(3)
        return ApiReply(drop=True)

    api.inject(hold, match=lambda call: call.resource == "externalsecrets/status")
    rig.store()
    rig.upstream("one")
    rig.external_secret("one")
    service = rig.start()
    rig.wait_holds("one")
    assert held.wait(60)
    service.kill()
    assert rig.condition("one") == {}
    before = rig.site.get("Secret", "one")
    api.heal()
    again = rig.start()
    rig.wait_condition("one", "True")
    assert rig.site.get("Secret", "one") == before
    assert again.writes(kind="Secret") == 0


@pytest.fixture(scope="module")
def fragile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    """A server that tests may stop and freeze, and in which no controller runs."""
    server = KubeServer(tmp_path_factory.mktemp("fragile"))
    server.start()
    server.admin.install_crds(CRDS)
    yield server
    server.stop()


@pytest.fixture
def fragile(fragile_server: KubeServer, front: StrictFront, tmp_path: Path) -> Iterator[Rig]:
    """A rig directly at that server."""
    clean(fragile_server)
    site = KubeSite(fragile_server, fragile_server.admin.create_namespace("shop"), None)
    api = AwsApi(front.url)
    rig = Rig(site, front, api, tmp_path)
    yield rig
    rig.close()
    api.close()


@pytest.mark.xdist_group("fragile")
@pytest.mark.parametrize("kill", [False, True], ids=["restart", "crash"])
def test_fault_21_api_server_restart_in_the_middle_of_a_sync(fragile: Rig, *, kill: bool) -> None:
    rig = fragile
    rig.store()
    rig.upstream("shared")
    names = [f"app-{index:03}" for index in range(150)]
    for name in names:
        rig.external_secret(name, ["shared"])
    service = rig.start()
    eventually(lambda: len(rig.site.secrets()) > 10)
    rig.kube.server.restart(kill=kill)
    eventually(lambda: len(rig.site.secrets()) == len(names), within_s=90)
    rig.upstream("shared", "v2")
    eventually(lambda: all(rig.holds(name, "v2") for name in names), within_s=90)
    for name in (names[0], names[-1]):
        rig.wait_condition(name, "True")
    service.assert_alive()


@pytest.mark.xdist_group("fragile")
def test_fault_21_frozen_api_server_is_waited_for(fragile: Rig) -> None:
    service = fragile.scene(*NAMES)
    fragile.kube.server.pause()
    fragile.upstream(NAMES[0], "v2")
    time.sleep(6)
    service.assert_alive()
    fragile.kube.server.resume()
    fragile.wait_synced(NAMES[0], "v2")
    fragile.upstream("late")
    fragile.external_secret("late")
    fragile.wait_synced("late")


@pytest.mark.xdist_group("fragile")
def test_fault_21_history_that_was_compacted(fragile: Rig) -> None:
    """A real 410: the watches come back with versions that etcd has forgotten."""
    rig = fragile
    service = rig.scene(*NAMES)
    rig.kube.server.stop_apiserver()
    rig.kube.server.start_apiserver()
    rig.upstream("late")
    rig.external_secret("late")
    rig.kube.server.compact()
    rig.wait_synced("late", "v1")
    service.assert_alive()


@pytest.mark.xdist_group("fragile")
def test_fault_20_terminating_namespace(fragile: Rig) -> None:
    rig = fragile
    rig.scene("sibling")
    rig.external_secret("one")
    rig.wait_condition("one", "False")
    rig.kube.admin.request("DELETE", f"/api/v1/namespaces/{rig.site.namespace}")
    rig.upstream("one")
    rig.wait_condition("one", "False", "could not update secret", "because it is being terminated")
    rig.upstream("sibling", "v2")
    rig.wait_synced("sibling", "v2")
    with pytest.raises(KubeRequestError, match="being terminated"):
        rig.kube.admin.request("POST", rig.kube.path("Secret"), {"metadata": {"name": "x"}})
    rig.services[0].assert_alive()
