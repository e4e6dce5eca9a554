"""Fault 18: a person changes or deletes a target; it is as it was within five seconds."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.e2e.rig import Rig, eventually, steady

#: Five seconds are the promise; a machine that runs other tests beside gets more.
WITHIN_S = 30.0
MANAGED = "reconcile.external-secrets.io/managed"
CREATED_BY = "reconcile.external-secrets.io/created-by"
DATA_HASH = "reconcile.external-secrets.io/data-hash"
SETTLED = {"refreshInterval": "1h"}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


EDITS: list[Any] = [
    pytest.param({"data": {"password": _encoded("tampered")}}, id="value"),
    pytest.param({"data": {"more": _encoded("added")}}, id="key-added"),
    pytest.param({"data": {"password": None}}, id="key-removed"),
    pytest.param({"metadata": {"labels": {MANAGED: None}}}, id="managed-label"),
    pytest.param({"metadata": {"labels": {CREATED_BY: None}}}, id="created-by-label"),
    pytest.param({"metadata": {"labels": {"team": "other"}}}, id="own-label"),
    pytest.param({"metadata": {"annotations": {DATA_HASH: "0"}}}, id="data-hash"),
    pytest.param({"metadata": {"ownerReferences": None}}, id="owner"),
]


def _essence(rig: Rig, name: str = "one") -> tuple[Any, ...]:
    found = rig.site.get("Secret", name) or {"metadata": {}}
    metadata = found["metadata"]
    names = ("labels", "annotations", "ownerReferences")
    return (found.get("data"), *(metadata.get(field) for field in names))


@pytest.mark.parametrize("edit", EDITS)
def test_fault_18_edit_is_undone(rig: Rig, edit: dict[str, Any]) -> None:
    service = rig.scene("one", metadata={"labels": {"team": "payments"}}, **SETTLED)
    before = _essence(rig)
    reads = rig.reads()
    # It may be undone before anybody looks: the second write is the proof that it was there.
    rig.site.patch("Secret", "one", edit)
    eventually(lambda: service.writes(kind="Secret") == 2, within_s=WITHIN_S)
    eventually(lambda: _essence(rig) == before, within_s=WITHIN_S)
    assert rig.reads() - reads <= 1
    written = steady(lambda: service.writes(kind="Secret"), for_s=1)
    assert written == 2
    assert service.total("secretsync_drift_total") >= 1


def test_fault_18_deleted_secret_is_made_again(rig: Rig) -> None:
    rig.scene("one", "two", **SETTLED)
    before = _essence(rig)
    rig.site.delete("Secret", "one")
    eventually(lambda: _essence(rig) == before, within_s=WITHIN_S)
    assert rig.holds("two")


def test_fault_18_what_others_add_to_metadata_is_theirs(rig: Rig) -> None:
    service = rig.scene("one", **SETTLED)
    added = {"labels": {"theirs": "yes"}, "annotations": {"reloader/match": "true"}}
    rig.site.patch("Secret", "one", {"metadata": added})
    steady(lambda: service.writes(kind="Secret"), for_s=2)
    rig.upstream("one", "v2")
    rig.site.patch("ExternalSecret", "one", {"metadata": {"annotations": {"force": "1"}}})
    rig.wait_holds("one", "v2")
    metadata = (rig.site.get("Secret", "one") or {})["metadata"]
    assert metadata["labels"]["theirs"] == "yes"
    assert metadata["annotations"]["reloader/match"] == "true"


def test_fault_18_orphan_is_not_watched_over(rig: Rig) -> None:
    rig.scene("one", target={"creationPolicy": "Orphan"}, **SETTLED)
    rig.site.patch("Secret", "one", {"data": {"password": _encoded("tampered")}})
    steady(lambda: rig.data("one"), for_s=2)
    assert rig.data("one") == {"password": b"tampered"}


def test_fault_18_merge_target_keeps_foreign_keys_and_gets_its_own_back(rig: Rig) -> None:
    rig.store()
    rig.upstream("one")
    metadata = {"name": "shared", "namespace": rig.site.namespace}
    given = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    rig.site.put({**given, "data": {"theirs": _encoded("kept")}})
    rig.external_secret("one", target={"name": "shared", "creationPolicy": "Merge"}, **SETTLED)
    service = rig.start()
    rig.wait_holds("shared")
    # A write is seen in the cluster an instant before the service has counted it.
    rig.wait_condition("one", "True")
    rig.site.patch("Secret", "shared", {"data": {"theirs": _encoded("edited")}})
    steady(lambda: service.writes(kind="Secret"), for_s=1)
    rig.site.patch("Secret", "shared", {"data": {"password": _encoded("tampered")}})
    rig.wait_holds("shared", within_s=WITHIN_S)
    assert rig.data("shared")["theirs"] == b"edited"


@pytest.mark.parametrize("edit", [EDITS[0], EDITS[4], EDITS[7]])
def test_fault_18_edit_while_nobody_watched_is_undone_at_start(
    rig: Rig, edit: dict[str, Any]
) -> None:
    service = rig.scene("one", "two", **SETTLED)
    before = _essence(rig)
    service.stop()
    rig.site.patch("Secret", "one", edit)
    again = rig.start()
    eventually(lambda: _essence(rig) == before, within_s=WITHIN_S)
    # A write is seen in the cluster an instant before the service has counted it.
    eventually(lambda: again.writes(kind="Secret") == 1, within_s=WITHIN_S)
    assert steady(lambda: again.writes(kind="Secret"), for_s=1) == 1


def test_fault_18_provider_down_cannot_make_it_worse(rig: Rig) -> None:
    """The value is not kept in memory: an edit then waits for the store, and says so."""
    from tests.support.aws_faults import server_error

    rig.scene("one")
    rig.front.inject(server_error())
    rig.site.patch("Secret", "one", {"data": {"password": _encoded("tampered")}})
    rig.wait_condition("one", "False", "InternalServiceError")
    rig.front.heal()
    rig.wait_synced("one")
