"""Faults 16, 17, 19 and 20: targets that may not, or cannot, be written."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.rig import Rig, eventually, steady
from tests.support.aws_faults import server_error
from tests.support.kube_admin import KubeRequestError

FINALIZER = "externalsecrets.external-secrets.io/externalsecret-cleanup"
POLICIES = "/apis/admissionregistration.k8s.io/v1"
#: Long enough for several ticks and retries of a loop that is too eager.
WATCHED_S = 6.0


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_fault_16_older_of_two_owners_wins_without_flip_flop(rig: Rig) -> None:
    rig.scene("older")
    rig.upstream("younger")
    time.sleep(1.1)  # Creation times have whole seconds.
    rig.external_secret("younger", target={"name": "older"})
    rig.wait_condition("younger", "False", "target is owned by another ExternalSecret", "older")
    steady(lambda: rig.site.get("Secret", "older"), for_s=4)
    assert rig.condition("older")["status"] == "True"
    rig.upstream("older", "v2")
    rig.upstream("younger", "v2")
    rig.wait_holds("older", "v2")
    with rig.garbage_collected():
        rig.site.delete("ExternalSecret", "older")
        rig.wait_condition("younger", "True", within_s=180)
        rig.wait_holds("older", "v2")


def test_fault_16_two_merge_into_one_target_side_by_side(rig: Rig) -> None:
    rig.store()
    target = {"name": "shared", "creationPolicy": "CreateOrMerge"}
    for name in ("a", "b"):
        rig.upstream(name)
        data = [{"secretKey": name, "remoteRef": {"key": name, "property": "password"}}]
        rig.external_secret(name, target=target, data=data)
    service = rig.start()
    eventually(lambda: rig.data("shared").keys() == {"a", "b"})
    steady(lambda: rig.data("shared"), for_s=3)
    rig.upstream("a", "v2")
    eventually(lambda: rig.holds("shared", "v2", "a"))
    assert rig.holds("shared", "v1", "b")
    service.assert_alive()


def test_fault_17_foreign_secret_is_refused_until_adopted(rig: Rig) -> None:
    metadata = {"name": "one", "namespace": rig.site.namespace}
    foreign = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    rig.site.put({**foreign, "data": {"theirs": _encoded("kept"), "password": _encoded("x")}})
    before = rig.site.get("Secret", "one")
    rig.store()
    rig.upstream("one")
    rig.external_secret("one")
    rig.start()
    rig.wait_condition("one", "False", "was not made by this ExternalSecret", "secretsync.io/adopt")
    steady(lambda: rig.site.get("Secret", "one"), for_s=3)
    assert rig.site.get("Secret", "one") == before
    adopt = {"metadata": {"annotations": {"secretsync.io/adopt": "true"}}}
    rig.site.patch("ExternalSecret", "one", adopt)
    rig.wait_synced("one")
    assert rig.data("one").keys() == {"password"}


@pytest.mark.built
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_fault_19_deletion_during_an_outage_is_not_held_up(kube_rig: Rig, policy: str) -> None:
    rig = kube_rig
    spec = {"metadata": {"finalizers": [FINALIZER]}, "target": {"deletionPolicy": policy}}
    rig.scene("one", **spec)
    rig.front.inject(server_error())
    rig.front.calls.clear()
    rig.site.delete("ExternalSecret", "one")
    eventually(lambda: rig.site.get("ExternalSecret", "one") is None)
    assert (rig.site.get("Secret", "one") is None) == (policy == "Delete")
    assert rig.reads() == 0


def test_fault_19_foreign_secret_survives_the_deletion(rig: Rig) -> None:
    """A deletionPolicy of Delete is about Secrets that are ours."""
    metadata = {"name": "one", "namespace": rig.site.namespace}
    foreign = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    rig.site.put({**foreign, "data": {"theirs": _encoded("kept")}})
    rig.store()
    rig.upstream("one")
    rig.external_secret("one", target={"deletionPolicy": "Delete"})
    rig.start()
    rig.wait_condition("one", "False", "was not made by this ExternalSecret")
    rig.site.delete("ExternalSecret", "one")
    steady(lambda: rig.data("one"), for_s=2)
    assert rig.data("one") == {"theirs": b"kept"}


def _attempts(rig: Rig, name: str) -> int:
    """Count writes of a Secret that arrived at the API server."""
    front = getattr(rig.site, "front", None)
    return len(front.writes("secrets", name)) if front else 0


def _assert_no_hot_loop(rig: Rig, name: str) -> None:
    """The refusal is repeated at most once a tick, and a sibling is served meanwhile."""
    attempts, calls = _attempts(rig, name), rig.front.count()
    began_s = time.monotonic()
    rig.upstream("sibling", "v2")
    rig.wait_holds("sibling", "v2")
    time.sleep(WATCHED_S)
    # A busy machine makes the wait longer, and a tick comes every 2 s.
    ticks = (time.monotonic() - began_s) / 2
    assert _attempts(rig, name) - attempts <= max(5, ticks + 1)
    assert rig.front.count() - calls <= max(20, 3 * ticks)
    rig.services[0].assert_alive()


def test_fault_20_secret_of_more_than_a_mebibyte(rig: Rig) -> None:
    rig.scene("sibling")
    names = [f"large-{index}" for index in range(20)]
    for name in names:
        rig.upstream(name, "x" * 60_000)
    rig.external_secret("large", names)
    cause = "1048576" if rig.site.kind == "dir" else "TooLong"
    rig.wait_condition("large", "False", "could not update secret", cause)
    assert rig.site.get("Secret", "large") is None
    _assert_no_hot_loop(rig, "large")


def test_fault_20_immutable_target(rig: Rig) -> None:
    rig.scene("one", "sibling", target={"immutable": True})
    rig.external_secret("sibling")
    rig.upstream("one", "v2")
    rig.wait_condition("one", "False", "could not update secret, target is immutable")
    assert rig.holds("one", "v1")
    rig.site.delete("Secret", "sibling")
    rig.wait_synced("sibling")
    _assert_no_hot_loop(rig, "one")


def test_fault_20_type_change(rig: Rig) -> None:
    rig.scene("one", "sibling")
    rig.external_secret("one", target={"template": {"type": "example.com/other"}})
    rig.wait_condition(
        "one", "False", "type of an existing Secret cannot change from Opaque to example.com/other"
    )
    assert rig.holds("one")
    _assert_no_hot_loop(rig, "one")


@pytest.mark.built
def test_fault_20_full_quota(kube_rig: Rig) -> None:
    rig = kube_rig
    rig.scene("sibling")
    quota = {
        "metadata": {"name": "full"},
        "spec": {"hard": {"count/secrets": "1"}},
    }
    path = f"/api/v1/namespaces/{rig.site.namespace}/resourcequotas"
    rig.kube.admin.request("POST", path, quota)
    # The controller that would count does not run.
    status = {"status": {"hard": {"count/secrets": "1"}, "used": {"count/secrets": "1"}}}
    merge = "application/merge-patch+json"
    rig.kube.admin.request("PATCH", f"{path}/full/status", status, content_type=merge)
    eventually(lambda: _is_refused(rig, "one-more", "exceeded quota"))
    rig.upstream("one")
    rig.external_secret("one")
    rig.wait_condition("one", "False", "could not update secret", "exceeded quota")
    _assert_no_hot_loop(rig, "one")
    rig.kube.admin.request("DELETE", f"{path}/full")
    rig.wait_synced("one")


@pytest.fixture
def denying(kube_rig: Rig) -> Iterator[Rig]:
    """A rig whose API server refuses Secrets called `denied` by a policy."""
    admin = kube_rig.kube.admin
    name = f"deny-{kube_rig.site.namespace}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**rule, "resources": ["secrets"]}]},
        "validations": [
            {"expression": "object.metadata.name != 'denied'", "message": "not this name"}
        ],
    }
    where = {"matchLabels": {"kubernetes.io/metadata.name": kube_rig.site.namespace}}
    binding: dict[str, Any] = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": where},
    }
    kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
    for kind, body in zip(kinds, (spec, binding), strict=True):
        admin.request("POST", f"{POLICIES}/{kind}", {"metadata": {"name": name}, "spec": body})
    eventually(lambda: _is_refused(kube_rig, "denied", "not this name"))
    yield kube_rig
    for kind in reversed(kinds):
        admin.request("DELETE", f"{POLICIES}/{kind}/{name}")


def _is_refused(rig: Rig, name: str, why: str) -> bool:
    """Ask the API server, which follows its own rules by watches, whether it knows one yet."""
    try:
        path = rig.kube.path("Secret") + "?dryRun=All"
        rig.kube.admin.request("POST", path, {"metadata": {"name": name}})
    except KubeRequestError as refused:
        return why in str(refused)
    return False


def test_fault_20_admission_denial(denying: Rig) -> None:
    denying.scene("sibling")
    denying.upstream("denied")
    denying.external_secret("denied")
    denying.wait_condition("denied", "False", "could not update secret", "denied")
    _assert_no_hot_loop(denying, "denied")
