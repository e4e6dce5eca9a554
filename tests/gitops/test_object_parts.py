"""The pure parts of comparing one object: normalizing, ownership, local differences."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from secretsync.gitops.diff.drift import UNKNOWN_ACTOR, Actor, drifts_of, sentence
from secretsync.gitops.diff.local_diff import local_differences
from secretsync.gitops.diff.revision_diff import every_change, renders_compared
from secretsync.gitops.diff.secret_diff import secret_changes
from secretsync.gitops.diff.takeover import dropped_by_takeover, takeover_patch
from secretsync.gitops.model import FIELD_MANAGER, FieldChange, ObjectKey, Pair, SyncStatus
from secretsync.gitops.objects.field_paths import render_path
from secretsync.gitops.objects.normalizing import LAST_APPLIED, folded, normalized
from secretsync.gitops.objects.owned_fields import owns, surely_same
from tests.gitops.comparing_kit import FINGERPRINTS, config_map, deployment, plain_secret


def entry(manager: str, operation: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    """Return one entry of managedFields."""
    version = more.pop("apiVersion", "v1")
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


def paths(found: Any) -> list[str]:
    return [render_path(each.path) for each in found]


def test_normalized_keeps_wishes_and_drops_what_the_cluster_writes() -> None:
    obj = {
        **config_map(
            "a", {"x": "1"}, labels={"l": "1"}, annotations={LAST_APPLIED: "{}", "b": "c"}
        ),
        "status": {"phase": "x"},
    }
    obj["metadata"] |= {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 3,
        "creationTimestamp": None,
        "managedFields": [],
        "ownerReferences": [],
        "finalizers": ["f"],
    }
    assert normalized(obj) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "labels": {"l": "1"},
            "annotations": {"b": "c"},
            "finalizers": ["f"],
        },
        "data": {"x": "1"},
    }


@pytest.mark.parametrize(
    ("given", "data"),
    [
        ({"stringData": {"a": "1"}}, {"a": "MQ=="}),
        ({"data": {"a": "eA=="}, "stringData": {"a": "1"}}, {"a": "MQ=="}),
        ({"data": {"a": None}, "stringData": {"b": None}}, {"a": "", "b": ""}),
        ({"stringData": {"a": 5}}, {"a": 5}),
        ({"data": None, "stringData": {"a": "1"}}, {"a": "MQ=="}),
        ({}, None),
    ],
)
def test_string_data_is_folded_as_the_api_server_does(given: Any, data: Any) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, **given}
    before = copy.deepcopy(secret)
    assert folded(secret).get("data") == data
    assert "stringData" not in folded(secret)
    assert secret == before


def test_data_that_is_no_map_is_left_for_the_cluster_to_refuse() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": ["x"]}
    assert folded(secret) == secret


OWNED = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:ports": {
            ".": {},
            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}},
            'k:{"port":443,"protocol":"TCP"}': {".": {}, "f:port": {}},
        },
        "f:selector": {},
        "f:set": {'v:"x"': {}},
    },
}


def service(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "labels": {"app": "s"}},
        "spec": {
            "ports": [{"port": 80, "name": "http"}, {"port": 443}],
            "selector": {"app": "s"},
            "set": ["x"],
            **spec,
        },
    }


def live_service() -> dict[str, Any]:
    """Return the Service as a cluster has it: with defaults, and fields of others."""
    live = service()
    live["metadata"] |= {"uid": "u", "labels": {"app": "s", "theirs": "1"}}
    live["metadata"]["managedFields"] = [entry(FIELD_MANAGER, "Apply", OWNED)]
    for port in live["spec"]["ports"]:
        port |= {"protocol": "TCP", "targetPort": port["port"]}
    live["spec"] |= {"clusterIP": "10.0.0.1", "type": "ClusterIP"}
    return live


def test_what_we_own_as_we_want_it_needs_no_question() -> None:
    assert surely_same(normalized(service()), live_service(), FIELD_MANAGER)
    assert surely_same(normalized(service(sessionAffinity=None)), live_service(), FIELD_MANAGER)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"selector": {"app": "x"}}, id="atomic-map"),
        pytest.param({"selector": {"app": "s", "b": "c"}}, id="atomic-map-grown"),
        pytest.param({"set": ["x", "y"]}, id="set-grown"),
        pytest.param({"set": ["y"]}, id="set-changed"),
        pytest.param({"ports": [{"port": 80, "name": "http"}]}, id="item-gone"),
        pytest.param({"ports": [{"port": 80}, {"port": 443}]}, id="field-of-item-gone"),
        pytest.param({"ports": [{"port": 443}, {"port": 80, "name": "http"}]}, id="order"),
        pytest.param({"ports": [{"port": 80, "name": "x"}, {"port": 443}]}, id="item-changed"),
        pytest.param(
            {"ports": [{"port": 80, "name": "http"}, {"port": 443, "protocol": "UDP"}]},
            id="key-changed",
        ),
        pytest.param({"type": "ClusterIP"}, id="a-default-spelt-out"),
        pytest.param({"clusterIP": None}, id="a-null-where-there-is-a-value"),
    ],
)
def test_anything_else_must_be_asked(spec: dict[str, Any]) -> None:
    assert not surely_same(normalized(service(**spec)), live_service(), FIELD_MANAGER)


def test_a_value_that_somebody_changed_must_be_asked() -> None:
    live = live_service()
    live["spec"]["ports"][0]["name"] = "theirs"
    assert not surely_same(normalized(service()), live, FIELD_MANAGER)


def test_fields_of_another_version_must_be_asked() -> None:
    live = live_service()
    live["metadata"]["managedFields"][0]["apiVersion"] = "v0"
    assert not surely_same(normalized(service()), live, FIELD_MANAGER)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("spec", "ports", 0, "name"), True),
        (("spec", "ports", 1, "name"), False),
        (("spec", "ports"), True),
        (("spec", "selector", "app"), True),
        (("metadata", "labels", "theirs"), False),
        (("spec", "type"), False),
        (("spec",), True),
    ],
)
def test_owns_tells_whose_a_field_is(path: tuple[str | int, ...], *, expected: bool) -> None:
    assert owns(live_service(), OWNED, path) is expected


def test_local_differences_are_only_about_what_the_target_gives() -> None:
    target = service(ports=[{"port": 80, "name": "http"}, {"port": 444}], type="NodePort")
    found = local_differences(normalized(target), normalized(live_service()))
    assert paths(found) == ["spec.ports[1].port", "spec.type"]


def test_a_default_spelt_out_is_no_local_difference() -> None:
    def external_secret(**ref: str) -> dict[str, Any]:
        return {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "e"},
            "spec": {"data": [{"secretKey": "a", "remoteRef": {"key": "k", **ref}}]},
        }

    live = external_secret()
    same = external_secret(conversionStrategy="Default", decodingStrategy="None")
    assert local_differences(same, live) == []
    other = external_secret(decodingStrategy="Base64")
    assert paths(local_differences(other, live)) == ["spec.data[0].remoteRef.decodingStrategy"]


def test_secret_changes_tell_added_changed_and_removed_keys() -> None:
    before = normalized(plain_secret("s", same="canary", changed="canary-1", gone="canary-2"))
    after = normalized(plain_secret("s", same="canary", changed="canary-3", added="canary-2"))
    found = {each.path: each for each in secret_changes(before, after, FINGERPRINTS)}
    assert found.keys() == {"data.added", "data.changed", "data.gone"}
    # Another key of the same value has another fingerprint.
    assert found["data.added"].target != found["data.gone"].live
    assert "canary" not in repr(found)
    assert secret_changes(before, None, FINGERPRINTS)[0].target is None
    assert secret_changes(before, before, FINGERPRINTS) == ()


def test_renders_that_differ_only_in_secrets_differ() -> None:
    """An `app diff` that drops Secrets shows nothing here."""
    before = [plain_secret("s", a="canary-1"), config_map("c", {"x": "1"})]
    after = [plain_secret("s", a="canary-2"), config_map("c", {"x": "1"})]
    (pair,) = renders_compared(before, after, FINGERPRINTS)
    (change,) = pair.changes
    assert (pair.key.kind, change.path) == ("Secret", "data.a")
    assert change.live != change.target
    back = renders_compared(after, before, FINGERPRINTS)[0].changes[0]
    assert (back.live, back.target) == (change.target, change.live)
    assert "canary" not in repr(pair.changes)


def test_objects_that_one_side_lacks_are_shown_in_full() -> None:
    secret, rest = plain_secret("s", a="canary", b="canary"), deployment("d")
    added = renders_compared([], [secret, rest], FINGERPRINTS)
    shown = {pair.key.kind: {change.path for change in pair.changes} for pair in added}
    assert shown["Secret"] == {"data.a", "data.b"}
    assert shown["Deployment"] == {"metadata.labels", "spec"}
    assert all(change.live is None for pair in added for change in pair.changes)
    removed = renders_compared([secret], [], FINGERPRINTS)
    assert all(change.target is None for change in removed[0].changes)
    assert "canary" not in repr([pair.changes for pair in (*added, *removed)])


def test_renders_may_hold_what_has_no_name_or_is_no_object() -> None:
    hook = plain_secret("", a="canary")
    hook["metadata"] = {"generateName": "job-"}
    (pair,) = renders_compared([{"kind": "X"}], [hook, {}], FINGERPRINTS)
    assert (pair.key.name, [each.path for each in pair.changes][:1]) == ("job-", ["data.a"])


def test_every_change_of_a_missing_secret_names_its_keys() -> None:
    secret = plain_secret("s", a="canary")
    missing = Pair(ObjectKey("", "Secret", "", "s"), secret, None, SyncStatus.OUT_OF_SYNC)
    assert [each.path for each in every_change(missing, FINGERPRINTS)] == ["data.a"]


def test_sealed_secrets_are_shown_by_fingerprint_too() -> None:
    def sealed(text: str) -> dict[str, Any]:
        return {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": "s"},
            "spec": {"encryptedData": {"a": text}},
        }

    (pair,) = renders_compared([sealed("A" * 500)], [sealed("B" * 500)], FINGERPRINTS)
    (change,) = pair.changes
    assert change.path == "spec.encryptedData.a"
    assert len(change.live) == len(change.target) == 12


def client_side(applied: dict[str, Any], **live: Any) -> dict[str, Any]:
    """Return an object that a client-side apply left."""
    obj = copy.deepcopy(live.get("obj", applied))
    obj["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(applied)}
    obj["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    fields = {
        "f:data": {".": {}, **{f"f:{key}": {} for key in applied["data"]}},
        "f:metadata": {"f:annotations": {".": {}, f"f:{LAST_APPLIED}": {}}},
    }
    obj["metadata"]["managedFields"] = [
        entry(live.get("manager", "argocd-controller"), "Update", fields, time="t"),
        entry("somebody", "Update", {"f:data": {"f:theirs": {}}}, time="t"),
    ]
    return obj


def test_a_field_that_an_earlier_tool_applied_and_left_the_sources_is_dropped() -> None:
    applied = config_map("a", {"x": "1", "y": "2"})
    obj = config_map("a", {"x": "1", "y": "2", "theirs": "3"})
    live = client_side(applied, obj=obj)
    found = dropped_by_takeover(normalized(config_map("a", {"x": "1"})), live)
    assert paths(found) == ["data.y"]
    assert dropped_by_takeover(normalized(applied), live) == []


def test_a_field_that_argo_applied_server_side_and_left_the_sources_is_dropped() -> None:
    live = config_map("a", {"x": "1", "y": "2", "theirs": "3"})
    fields = {"f:data": {"f:x": {}, "f:y": {}}}
    live["metadata"]["managedFields"] = [entry("argocd-controller", "Apply", fields)]
    found = dropped_by_takeover(normalized(config_map("a", {"x": "1"})), live)
    assert paths(found) == ["data.y"]


def test_an_object_of_ours_needs_no_takeover() -> None:
    live = live_service()
    assert takeover_patch(live) is None
    assert dropped_by_takeover(normalized(service()), live) == []


@pytest.mark.parametrize("manager", ["argocd-controller", "kubectl-client-side-apply"])
def test_takeover_makes_their_fields_ours_and_removes_the_copy(manager: str) -> None:
    live = client_side(config_map("a", {"x": "1"}), manager=manager)
    patch = takeover_patch(live)
    assert patch is not None
    assert patch["metadata"]["resourceVersion"] == "7"
    assert patch["metadata"]["annotations"] == {LAST_APPLIED: None}
    theirs, ours = patch["metadata"]["managedFields"]
    assert theirs["manager"] == "somebody"
    assert (ours["manager"], ours["operation"]) == (FIELD_MANAGER, "Apply")
    assert ours["fieldsV1"] == {"f:data": {".": {}, "f:x": {}}}


def test_takeover_joins_what_argo_applied_with_what_we_did() -> None:
    live = config_map("a", {"x": "1", "y": "2"})
    live["metadata"]["managedFields"] = [
        entry(FIELD_MANAGER, "Apply", {"f:data": {"f:x": {}}}),
        entry("argocd-controller", "Apply", {"f:data": {"f:y": {}}}),
        entry("argocd-controller", "Update", {"f:status": {}}, subresource="status"),
    ]
    patch = takeover_patch(live)
    assert patch is not None
    kept, ours = patch["metadata"]["managedFields"]
    assert kept["subresource"] == "status"
    assert ours["fieldsV1"] == {"f:data": {"f:x": {}, "f:y": {}}}
    assert "annotations" not in patch["metadata"]


def drifted(changes: dict[str, Any], *owners: dict[str, Any]) -> Pair:
    live = live_service()
    live["metadata"]["managedFields"] += owners
    found = tuple(FieldChange(path, 1, target) for path, target in changes.items())
    return Pair(ObjectKey.of(live), service(), live, SyncStatus.OUT_OF_SYNC, found)


def test_drift_names_the_manager_that_has_the_field_and_when() -> None:
    port = {'k:{"port":80,"protocol":"TCP"}': {"f:name": {}}}
    pair = drifted(
        {"spec.ports[0].name": "http", "spec.type": None, "spec.gone": 1},
        entry("kubectl-edit", "Update", {"f:spec": {"f:ports": port}}, time="2026-01-02T03:04:05Z"),
        entry("early", "Update", {"f:spec": {"f:type": {}}}, time="2025-01-01T00:00:00Z"),
        entry("late", "Update", {"f:spec": {"f:type": {}}}, time="2025-02-01T00:00:00Z"),
        entry(
            "status", "Update", {"f:status": {}}, time="2026-09-01T00:00:00Z", subresource="status"
        ),
    )
    found = drifts_of(pair)
    assert [(drift.actor.manager, drift.paths) for drift in found] == [
        ("kubectl-edit", ("spec.ports[0].name",)),
        ("late", ("spec.type",)),
        ("", ("spec.gone",)),
    ]
    assert found[0].actor.time == "2026-01-02T03:04:05Z"
    assert found[-1].actor == UNKNOWN_ACTOR
    assert sentence(found[0]) == (
        "spec.ports[0].name: changed by kubectl-edit at 2026-01-02T03:04:05Z"
    )
    assert sentence(found[-1]) == "spec.gone: changed, and nothing tells by whom"


def test_we_are_no_drift_of_our_own() -> None:
    assert drifts_of(drifted({"spec.set[0]": "x"}))[0].actor == UNKNOWN_ACTOR
    assert Actor() == UNKNOWN_ACTOR
