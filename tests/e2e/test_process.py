"""The process itself: probes, metrics, logs, addresses, and how it stops."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from pathlib import Path

import pytest

from tests.e2e.endpoints import hanging
from tests.e2e.kube_front import ApiReply, api_error
from tests.e2e.rig import Rig, eventually
from tests.support.aws_faults import server_error
from tests.support.service import RunningService

STOP_S = 10.0


@pytest.mark.built
def test_readiness_waits_for_every_watch(kube_rig: Rig) -> None:
    """Not ready before the initial state is known, alive from the first moment on."""
    api = kube_rig.kube.front
    assert api is not None
    api.inject(
        api_error(503, "ServiceUnavailable"), match=lambda call: call.resource == "secretstores"
    )
    service = kube_rig.start(ready=False)
    eventually(lambda: service.probe("/readyz") == 503)
    assert service.probe("/healthz") == 200
    time.sleep(1)
    assert service.probe("/readyz") == 503
    api.heal()
    service.wait_ready()


def test_probes_answer_and_unknown_paths_do_not(dir_rig: Rig) -> None:
    service = dir_rig.start()
    assert [service.probe(path) for path in ("/healthz", "/readyz", "/metrics", "/")] == [
        200,
        200,
        404,
        404,
    ]


def test_metrics_have_the_names_of_eso(rig: Rig) -> None:
    rig.scene("good")
    rig.external_secret("bad", ["not-there"])
    rig.wait_condition("bad", "False", "not-there")
    eventually(lambda: _has_the_names_of_eso(rig, rig.services[0]))


def _has_the_names_of_eso(rig: Rig, service: RunningService) -> bool:
    """Or raise: what a look took, and what stores are, is told after the statuses are written."""
    page = service.metrics_page()
    where = {"namespace": rig.site.namespace}
    total = service.total
    assert total("externalsecret_sync_calls_total", name="good", **where) >= 1
    assert total("externalsecret_sync_calls_error", name="bad", **where) >= 1
    assert total("externalsecret_sync_calls_error", name="good", **where) == 0
    ready = {"condition": "Ready", **where}
    assert total("externalsecret_status_condition", name="good", status="True", **ready) == 1
    assert total("externalsecret_status_condition", name="bad", status="True", **ready) == 0
    assert total("externalsecret_status_condition", name="bad", status="False", **ready) == 1
    store = {"name": "aws", "condition": "Ready", "status": "True"}
    assert total("clustersecretstore_status_condition", **store) == 1
    call = {"provider": "AWS/SecretsManager", "status": "success"}
    assert total("externalsecret_provider_api_calls_count", call="ListSecrets", **call) >= 1
    assert total("externalsecret_reconcile_duration", name="good", **where) > 100_000
    assert total("clustersecretstore_reconcile_duration", name="aws") > 1_000
    for name, kind in (
        ("externalsecret_sync_calls_total", "counter"),
        ("externalsecret_reconcile_duration", "gauge"),
    ):
        assert re.search(rf"^# TYPE {name} {kind}$", page, re.MULTILINE), name
    return True


def test_metrics_of_a_namespaced_store_and_of_what_is_gone(rig: Rig) -> None:
    rig.store("own", "SecretStore")
    rig.upstream("one")
    rig.external_secret("one", secretStoreRef={"name": "own"})
    service = rig.start()
    rig.wait_synced("one")
    own = {"name": "own", "status": "True"}
    eventually(lambda: service.total("secretstore_status_condition", **own) == 1)
    rig.site.delete("ExternalSecret", "one")
    rig.site.delete("SecretStore", "own")
    eventually(lambda: 'name="one"' not in service.metrics_page())
    eventually(lambda: 'name="own"' not in service.metrics_page())


def test_service_listens_on_loopback_only(dir_rig: Rig) -> None:
    service = dir_rig.start()
    sockets = _open_files(service.pid)
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{service.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                listening.append(fields[1].partition(":")[0])
    loopback = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), 'little'):08X}"
    assert listening == [loopback, loopback]


def _open_files(pid: int) -> set[str]:
    """Return what the file descriptors of a process lead to."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # One that was closed since it was listed.
        with contextlib.suppress(FileNotFoundError):
            found.add(str(entry.readlink()))
    return found


def test_default_addresses_are_loopback() -> None:
    from secretsync.cli.run import command

    defaults = {option.name: option.default for option in command.params}
    assert defaults["metrics_addr"] == "127.0.0.1:8080"
    assert defaults["live_addr"] == "127.0.0.1:8082"


def test_every_log_line_is_json_with_time_level_and_message(rig: Rig) -> None:
    service = rig.scene("one")
    rig.external_secret("bad", ["not-there"])
    rig.wait_condition("bad", "False")
    rig.front.inject(server_error())
    eventually(lambda: "store not compared" in service.log_text())
    service.stop()
    lines = service.log_lines()
    assert len(lines) >= 4
    assert all({"ts", "level", "logger", "msg"} <= line.keys() for line in lines)
    assert {"ready", "secret written", "not synced", "stopping"} <= {line["msg"] for line in lines}


def test_stop_while_idle_is_clean_and_within_ten_seconds(rig: Rig) -> None:
    assert rig.scene("one").stop() < STOP_S


def test_stop_before_ready_is_clean(rig: Rig) -> None:
    service = rig.start(ready=False)
    eventually(lambda: service.probe("/healthz") == 200)
    assert service.stop() < STOP_S


def test_stop_while_the_provider_hangs_is_within_ten_seconds(rig: Rig) -> None:
    rig.store()
    service = rig.start()
    rig.upstream("one")
    rig.front.inject(hanging(12))
    rig.external_secret("one")
    eventually(lambda: rig.front.count() > 0)
    assert service.stop() < STOP_S
    assert rig.site.get("Secret", "one") is None


@pytest.mark.built
def test_stop_while_the_api_server_hangs_is_within_ten_seconds(kube_rig: Rig) -> None:
    def hang(call: object) -> ApiReply:
        time.sleep(12)
        return ApiReply(drop=True)

    service = kube_rig.scene("one")
    api = kube_rig.kube.front
    assert api is not None
    api.inject(hang, match=lambda call: call.is_write)
    kube_rig.upstream("one", "v2")
    eventually(lambda: any(call.method == "PATCH" for call in api.writes("secrets", "one")))
    assert service.stop() < STOP_S


def test_stop_during_a_large_sync_is_clean_and_the_next_start_goes_on(rig: Rig) -> None:
    names = [f"app-{index:03}" for index in range(150)]
    rig.store()
    rig.upstream("shared")
    for name in names:
        rig.external_secret(name, ["shared"], refreshInterval="1h")
    service = rig.start()
    eventually(lambda: len(rig.site.secrets()) > 5)
    assert service.stop() < STOP_S
    rig.start()
    eventually(lambda: len(rig.site.secrets()) == len(names), within_s=180)
    assert all(rig.holds(name) for name in names)


def test_second_service_on_a_directory_is_refused(dir_rig: Rig) -> None:
    dir_rig.start()
    second = dir_rig.start(ready=False)
    assert second.wait_end(within_s=120) == 2
    assert "is being written by another process" in second.log_text()
