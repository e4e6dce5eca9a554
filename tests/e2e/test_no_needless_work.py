"""What nothing changed in costs nothing: cycles, restarts, takeovers."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from secretsync.core.hashes import created_by_hash, data_hash, synced_resource_version
from tests.e2e.rig import Rig, eventually, settled, steady
from tests.support.service import RunningService

NAMES = [f"app-{index}" for index in range(12)]
CYCLES_S = 6.5
FINALIZER = "externalsecrets.external-secrets.io/externalsecret-cleanup"
#: As long as makes ESO's two rules for its field manager disagree.
LONG = "a-name-of-more-than-twenty-seven-characters"


def _writes(rig: Rig) -> int:
    """Count the writes at the API server's door, where there is one."""
    front = getattr(rig.site, "front", None)
    return len(front.writes()) if front else 0


def _at_rest(rig: Rig, service: RunningService) -> None:
    """Wait until all that a first sync has written, statuses and events too, is there."""
    rig.wait_condition("aws", "True", kind="ClusterSecretStore")
    settled(lambda: (service.writes(), _writes(rig)), for_s=2)


def _count_after(rig: Rig, operation: str) -> None:
    """Count from a tick on: one that came late would be an extra one of those to come."""
    seen = rig.front.count(operation)
    eventually(lambda: rig.front.count(operation) > seen)
    rig.front.calls.clear()


def test_unchanged_cycle_lists_and_does_nothing_else(rig: Rig) -> None:
    service = rig.scene(*NAMES)
    _at_rest(rig, service)
    before, written, arrived = rig.versions(), service.writes(), _writes(rig)
    _count_after(rig, "ListSecrets")
    time.sleep(CYCLES_S)
    assert rig.front.counts().keys() == {"ListSecrets"}
    assert 2 <= rig.front.count() <= 4
    assert service.writes() == written
    assert _writes(rig) == arrived
    assert rig.versions() == before
    avoided = "secretsync_provider_reads_avoided_total"
    eventually(lambda: service.total(avoided) >= 2 * len(NAMES))


def test_restart_reads_and_writes_nothing(rig: Rig) -> None:
    first = rig.scene(*NAMES)
    _at_rest(rig, first)
    first.stop()
    before, arrived = rig.versions(), _writes(rig)
    rig.front.calls.clear()
    service = rig.start()
    avoided = "secretsync_provider_reads_avoided_total"
    eventually(lambda: service.total(avoided) >= len(NAMES))
    time.sleep(CYCLES_S)
    assert rig.reads() == 0
    assert service.writes() == 0
    assert _writes(rig) == arrived
    assert rig.versions() == before
    ready = service.total("externalsecret_status_condition", condition="Ready", status="True")
    assert ready == len(NAMES)


def test_rotation_while_stopped_is_found_at_start(rig: Rig) -> None:
    rig.scene(*NAMES).stop()
    rig.upstream(NAMES[3], "v2")
    service = rig.start()
    rig.wait_holds(NAMES[3], "v2")
    # Counted after it is written, so the file may be seen first.
    eventually(lambda: service.writes(kind="Secret") == 1)


def test_identity_without_list_reads_in_batches_and_writes_nothing(rig: Rig) -> None:
    rig.front.denied_operations.add("ListSecrets")
    service = rig.scene(*NAMES)
    _at_rest(rig, service)
    before, written = rig.versions(), service.writes()
    _count_after(rig, "BatchGetSecretValue")
    time.sleep(CYCLES_S)
    counts = rig.front.counts()
    assert counts.keys() <= {"ListSecrets", "BatchGetSecretValue"}
    assert 2 <= counts["BatchGetSecretValue"] <= 4
    assert service.writes() == written
    assert rig.versions() == before
    rig.upstream(NAMES[0], "v2")
    rig.wait_holds(NAMES[0], "v2")


def test_interval_zero_is_never_asked_again(rig: Rig) -> None:
    rig.scene("one", refreshInterval="0s")
    # The store is looked at beside the first sync.
    rig.wait_condition("aws", "True", kind="ClusterSecretStore")
    settled(rig.front.count, for_s=1)
    rig.front.calls.clear()
    time.sleep(3)
    assert rig.front.count() == 0


def _eso_secret(rig: Rig, name: str, uid: str, data: dict[str, bytes]) -> dict[str, Any]:
    namespace = rig.site.namespace
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "reconcile.external-secrets.io/managed": "true",
                "reconcile.external-secrets.io/created-by": created_by_hash(namespace, name),
            },
            "annotations": {"reconcile.external-secrets.io/data-hash": data_hash(data)},
            "ownerReferences": [
                {
                    "apiVersion": "external-secrets.io/v1",
                    "kind": "ExternalSecret",
                    "name": name,
                    "uid": uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def _written_by_eso(rig: Rig, name: str, data: dict[str, bytes]) -> None:
    """Leave an ExternalSecret, its status and its Secret as ESO does."""
    site = rig.kube
    rig.external_secret(name, ["db", "more"], metadata={"finalizers": [FINALIZER]})
    found = site.get("ExternalSecret", name)
    assert found is not None
    metadata = found["metadata"]
    manager = f"externalsecrets.external-secrets.io/{name}"
    site.admin.request(
        "POST",
        f"{site.path('Secret')}?fieldManager={manager.replace('/', '%2F')}",
        _eso_secret(rig, name, metadata["uid"], data),
    )
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "SecretSynced",
        "message": "secret synced",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {
        "refreshTime": "2026-01-01T00:00:00Z",
        "syncedResourceVersion": synced_resource_version(metadata["generation"], {}, {}),
        "binding": {"name": name},
        "conditions": [condition],
    }
    path = site.path("ExternalSecret", name) + "/status"
    site.admin.request(
        "PATCH", path, {"status": status}, content_type="application/merge-patch+json"
    )


@pytest.mark.parametrize("name", ["database", LONG])
def test_takeover_from_eso_writes_nothing_and_leaves_no_stale_key(kube_rig: Rig, name: str) -> None:
    rig = kube_rig
    rig.store()
    rig.upstream("db")
    rig.upstream("more")
    value = rig.value("v1").encode()
    _written_by_eso(rig, name, {"key-0": value, "key-1": value})
    before = {kind: rig.site.get(kind, name) for kind in ("Secret", "ExternalSecret")}
    service = rig.start()
    eventually(lambda: service.total("externalsecret_sync_calls_total", name=name) >= 1)
    steady(lambda: service.writes(kind="Secret") + service.writes(kind="ExternalSecret"), for_s=3)
    assert {kind: rig.site.get(kind, name) for kind in before} == before
    rig.upstream("db", "v2")
    eventually(lambda: rig.holds(name, "v2", "key-0"))
    rig.external_secret(name, ["db"], metadata={"finalizers": [FINALIZER]})
    eventually(lambda: rig.data(name) == {"password": rig.value("v2").encode()})
    secret = rig.site.get("Secret", name)
    assert secret is not None
    assert "secretsync.io/provider-versions" in secret["metadata"]["annotations"]
    rig.site.delete("ExternalSecret", name)
    eventually(lambda: rig.site.get("ExternalSecret", name) is None)
