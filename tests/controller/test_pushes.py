"""PushSecrets and makers of objects in the running service."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.controller.live import MovableClock, serving
from tests.e2e.rig import STORE, Rig, eventually, ready, steady

PUSHES = ("CreateSecret", "PutSecretValue", "DeleteSecret", "TagResource")


def secret(rig: Rig, name: str = "source", **values: str) -> None:
    rig.site.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": rig.site.namespace},
            "data": {
                key: base64.b64encode(rig.value(text).encode()).decode()
                for key, text in values.items()
            },
        }
    )


def push_secret(rig: Rig, name: str = "out", **spec: Any) -> dict[str, Any]:
    entry = {"match": {"secretKey": "password", "remoteRef": {"remoteKey": f"pushed-{name}"}}}
    obj = {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {"name": name, "namespace": rig.site.namespace},
        "spec": {
            "secretStoreRefs": [{"name": STORE, "kind": "ClusterSecretStore"}],
            "selector": {"secret": {"name": "source"}},
            "data": [entry],
            **spec,
        },
    }
    rig.site.put(obj)
    return obj


def held(rig: Rig, key: str = "pushed-out") -> bytes:
    """Return what AWS holds, without a trace among the calls that are counted."""
    found = rig.aws.call("GetSecretValue", SecretId=key)
    calls = rig.front.calls
    names = [call.operation for call in calls]
    del calls[len(names) - 1 - names[::-1].index("GetSecretValue")]
    return base64.b64decode(found["SecretBinary"])


def condition(rig: Rig, name: str = "out", kind: str = "PushSecret") -> dict[str, Any]:
    return ready(rig.site.get(kind, name))


def is_pushed(rig: Rig, name: str = "out") -> bool:
    return condition(rig, name).get("reason") == "Synced"


def test_push_secret_is_pushed_when_it_comes_and_when_its_source_changes(
    rig: Rig, clock: MovableClock
) -> None:
    secret(rig, password="one", other="x")
    push_secret(rig)
    eventually(lambda: is_pushed(rig))
    assert held(rig) == rig.value("one").encode()
    status = (rig.site.get("PushSecret", "out") or {})["status"]
    assert list(status["syncedPushSecrets"][f"ClusterSecretStore/{STORE}"]) == ["pushed-out"]
    assert status["refreshTime"]
    rig.front.calls.clear()
    secret(rig, password="one", other="y")
    steady(lambda: list(rig.front.calls), for_s=1.5)
    assert rig.front.calls == []
    secret(rig, password="two", other="y")
    eventually(lambda: rig.front.count("PutSecretValue") == 1)
    eventually(lambda: held(rig) == rig.value("two").encode())


def test_restart_compares_and_writes_nothing(rig: Rig) -> None:
    secret(rig, password="one")
    push_secret(rig)
    with serving(rig.site.root):
        eventually(lambda: is_pushed(rig))
    before = rig.site.get("PushSecret", "out")
    rig.front.calls.clear()
    with serving(rig.site.root):
        eventually(lambda: rig.front.count("GetSecretValue") == 1)
        assert sum(rig.front.count(each) for each in PUSHES) == 0
    assert rig.site.get("PushSecret", "out") == before


def test_edit_that_takes_an_entry_away_deletes_it_with_the_policy(
    rig: Rig, clock: MovableClock
) -> None:
    secret(rig, password="one")
    entries = [
        {"match": {"secretKey": "password", "remoteRef": {"remoteKey": key}}} for key in ("a", "b")
    ]
    push_secret(rig, data=entries, deletionPolicy="Delete")
    eventually(lambda: is_pushed(rig))
    push_secret(rig, data=entries[:1], deletionPolicy="Delete")
    eventually(lambda: rig.front.count("DeleteSecret") == 1)

    def pushed() -> list[str]:
        status = (rig.site.get("PushSecret", "out") or {}).get("status") or {}
        return list((status.get("syncedPushSecrets") or {}).get(f"ClusterSecretStore/{STORE}", ()))

    eventually(lambda: pushed() == ["a"])


def test_store_that_comes_later_gets_what_waited_for_it(rig: Rig, clock: MovableClock) -> None:
    secret(rig, password="one")
    push_secret(rig, secretStoreRefs=[{"name": "late", "kind": "ClusterSecretStore"}])
    eventually(lambda: condition(rig).get("reason") == "Errored")
    assert "ClusterSecretStore late does not exist" in condition(rig)["message"]
    rig.store("late")
    eventually(lambda: is_pushed(rig))


def test_invalid_push_secret_says_why_and_holds_up_no_other(rig: Rig, clock: MovableClock) -> None:
    secret(rig, password="one")
    push_secret(rig, "bad", selector={})
    push_secret(rig, "good")
    eventually(lambda: is_pushed(rig, "good"))
    why = "exactly one of secret and generatorRef is needed"
    eventually(lambda: why in condition(rig, "bad").get("message", ""))


def test_store_says_that_it_is_written_too(rig: Rig, clock: MovableClock) -> None:
    eventually(
        lambda: (
            ((rig.site.get("ClusterSecretStore", STORE) or {}).get("status") or {}).get(
                "capabilities"
            )
            == "ReadWrite"
        )
    )


def namespace(rig: Rig, name: str, **labels: str) -> None:
    rig.site.put(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )


def maker(rig: Rig, selector: dict[str, Any], **spec: Any) -> None:
    rig.site.put(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterExternalSecret",
            "metadata": {"name": "everywhere"},
            "spec": {
                "externalSecretSpec": {
                    "secretStoreRef": {"name": STORE, "kind": "ClusterSecretStore"},
                    "data": [
                        {"secretKey": "password", "remoteRef": {"key": "k", "property": "password"}}
                    ],
                },
                "namespaceSelectors": [{"matchLabels": selector}],
                **spec,
            },
        }
    )


def provisioned(rig: Rig) -> list[str]:
    status = (rig.site.get("ClusterExternalSecret", "everywhere") or {}).get("status") or {}
    return status.get("provisionedNamespaces", [])


def test_cluster_external_secret_follows_the_labels_of_namespaces(
    rig: Rig, clock: MovableClock
) -> None:
    rig.upstream("k")
    namespace(rig, "a", team="web")
    namespace(rig, "b", team="shop")
    maker(rig, {"team": "web"})
    eventually(lambda: provisioned(rig) == ["a"])
    eventually(lambda: rig.site.get("Secret", "everywhere", "a"))
    child = rig.site.get("ExternalSecret", "everywhere", "a") or {}
    [owner] = child["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == (
        "ClusterExternalSecret",
        "everywhere",
        True,
    )
    namespace(rig, "b", team="web")
    eventually(lambda: provisioned(rig) == ["a", "b"])
    namespace(rig, "a", team="none")
    eventually(lambda: provisioned(rig) == ["b"])
    assert rig.site.get("ExternalSecret", "everywhere", "a") is None


def test_external_secret_of_somebody_else_is_never_taken_over(
    rig: Rig, clock: MovableClock
) -> None:
    rig.upstream("k")
    rig.upstream("mine")
    namespace(rig, rig.site.namespace, team="web")
    rig.external_secret("everywhere", ["mine"])
    before = json.dumps((rig.site.get("ExternalSecret", "everywhere") or {})["spec"])
    maker(rig, {"team": "web"})
    eventually(
        lambda: condition(rig, "everywhere", "ClusterExternalSecret").get("status") == "False"
    )
    status = (rig.site.get("ClusterExternalSecret", "everywhere") or {})["status"]
    assert status["failedNamespaces"] == [
        {
            "namespace": rig.site.namespace,
            "reason": "ExternalSecret everywhere exists already and is somebody else's",
        }
    ]
    after = (rig.site.get("ExternalSecret", "everywhere") or {})["spec"]
    assert json.dumps(after) == before


def test_edits_of_the_maker_reach_its_children_and_edits_of_children_are_undone(
    rig: Rig, clock: MovableClock
) -> None:
    rig.upstream("k")
    namespace(rig, "a", team="web")
    maker(rig, {"team": "web"})

    def child() -> dict[str, Any]:
        found = rig.site.get("ExternalSecret", "everywhere", "a")
        assert found is not None, "not there yet"
        return found

    eventually(child)
    maker(rig, {"team": "web"}, externalSecretMetadata={"labels": {"x": "one"}})
    eventually(lambda: child()["metadata"].get("labels") == {"x": "one"})
    spec = {
        "metadata": {"namespace": "a", "labels": {"x": "two"}},
        "spec": {"refreshInterval": "9h"},
    }
    edited = {**child(), "spec": {**child()["spec"], **spec["spec"]}}
    rig.site.put(edited)
    eventually(lambda: "refreshInterval" not in child()["spec"])
    rig.site.put({**child(), "metadata": {**child()["metadata"], "annotations": {"force": "1"}}})
    eventually(lambda: child()["metadata"].get("annotations") == {"force": "1"})
    steady(lambda: child()["metadata"]["annotations"], for_s=1)
