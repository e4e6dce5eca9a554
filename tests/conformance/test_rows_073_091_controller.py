"""Rows 73 to 91: the controller at work, on a real API server and over HTTP.

The service is ours; the laws are those of Sealed Secrets' own tests. Where it goes
further on purpose, the test says so.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sealing import Scope, load_key_ring, parse_certificate, seal_secret, unseal_manifest
from secretsync.controller.sealed_metrics import SealedMetrics
from secretsync.core.sealed_conditions import sealed_status
from secretsync.resources.meta import ObjectRef
from secretsync.resources.sealed_secret import SealedSecretStatus
from tests.controller.sealing_front import sealed as sealed_for_front
from tests.controller.sealing_front import serving_front
from tests.e2e.sealed_rig import key_object as live_key_object
from tests.sealing.kit import NOW, YEAR, certificate, key_object, other_key, vector_key
from tests.support.sealed_objects import SealedObjects, data_of
from tests.support.service import RunningService

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
PREFIX = "sealedsecrets.bitnami.com/"
MANAGED, PATCH, SKIP = (
    f"{PREFIX}{name}" for name in ("managed", "patch", "skip-set-owner-references")
)
CLUSTER_WIDE = f"{PREFIX}cluster-wide"
EXISTS = "already exists and is not managed by SealedSecret"
IMMUTABLE = "the target Secret is immutable"


def row(number, law, *values):
    """A case of a row; the law is what a failure shows."""
    del law
    return pytest.param(*values, id=f"row-{number}")


def whole(number, law):
    """Mark a test that is a row by itself; the law is what its id says in words."""
    return pytest.mark.parametrize("law", [pytest.param(law, id=f"row-{number}")])


@pytest.fixture(scope="module")
def objects(kube_server, tmp_path_factory):
    """A namespace that our service serves, with the vectors' key."""
    kube_server.admin.install_crds(CRDS)
    namespace = kube_server.admin.create_namespace("rows")
    found = SealedObjects(kube_server, namespace)
    found.put_secret(live_key_object("sealed-secrets-keyaaaaa", namespace))
    service = RunningService(
        ["--to", "kube", "--namespace", namespace],
        env={"KUBECONFIG": str(kube_server.kubeconfig), "POD_NAMESPACE": namespace},
        log=tmp_path_factory.mktemp("rows") / "service.log",
        sealing=True,
    )
    try:
        service.wait_ready()
        yield found
        service.assert_alive()
    finally:
        service.kill()


def sealed(objects, name, data=None, *, template=None, annotations=None, labels=None, type_=""):
    """A SealedSecret of the namespace; `template` goes over its template's annotations."""
    values = {"foo": "bar"} if data is None else data
    metadata = {"name": name, "namespace": objects.namespace}
    metadata |= {"annotations": annotations or {}, "labels": labels or {}}
    secret = {"metadata": metadata, "stringData": values, "type": type_}
    now = datetime.now(UTC)
    made = seal_secret(secret, certificate(start=now - YEAR, end=now + YEAR), now=now)
    made["spec"]["template"].update(template or {})
    return made


def existing(objects, name, *, data=None, labels=None, annotations=None, **fields):
    """Put a Secret in that somebody else made."""
    metadata = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in (data or {}).items()}
    objects.put_secret(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded, **fields}
    )


def eventually(look, within_s=20.0):
    """Wait until `look` gives something true."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.03)
    return found


def stays(look, for_s=2.0):
    """Hold that `look` stays true for a while."""
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        assert look()
        time.sleep(0.05)


def times_of(objects, name):
    condition = objects.condition(name)
    return condition["lastUpdateTime"], condition["lastTransitionTime"]


# Rows 73 and 74.


@pytest.mark.parametrize(
    ("annotation", "value", "taken"),
    [
        row("073-a", "managed counts when it is true", MANAGED, "true", True),
        row("073-b", "and in no other spelling", MANAGED, "TRUE", False),
        row("073-c", "nor when it is false", MANAGED, "false", False),
        row("073-d", "nor when it is empty", MANAGED, "", False),
        row("073-e", "patch counts when it is true", PATCH, "true", True),
        row("073-f", "and in no other spelling", PATCH, "TRUE", False),
        row("073-g", "nor when it is false", PATCH, "false", False),
        row("073-h", "nor when it is empty", PATCH, "", False),
    ],
)
def test_annotation_on_the_existing_secret_counts_only_as_true(
    objects, annotation, value, taken, request
):
    name = request.node.callspec.id
    existing(objects, name, data={"old": "x"}, annotations={annotation: value})
    objects.put(sealed(objects, name))
    condition = objects.wait_condition(name, "True" if taken else "False")
    assert taken == ("foo" in data_of(objects.secret(name)))
    assert taken or EXISTS in condition["message"]


BEFORE = SealedSecretStatus()
GOOD = SealedSecretStatus(1, "True", "", NOW, NOW)
BAD = SealedSecretStatus(1, "False", "broken", NOW, NOW)
LATER = NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("before", "message", "written"),
    [
        row("074-a", "nothing said yet, success: written", BEFORE, "", True),
        row("074-b", "False, success: written", BAD, "", True),
        row("074-c", "False, the same error: not written", BAD, "broken", False),
        row("074-d", "True, error: written", GOOD, "broken", True),
        row("074-e", "True, success: not written", GOOD, "", False),
        row("074-f", "False, another error: written, by ours alone", BAD, "else", True),
    ],
)
def test_status_is_written_when_it_says_something_new(before, message, written):
    found = sealed_status({}, before, synced=not message, message=message, generation=1, now=LATER)
    assert (found is not None) == written
    if found is None:
        return
    (condition,) = found[0]["conditions"]
    flipped = before.synced != condition["status"]
    assert condition["lastUpdateTime"] == "2026-05-04T03:03:01Z"
    assert (condition["lastTransitionTime"] == condition["lastUpdateTime"]) == flipped
    assert condition.get("message", "") == message


# Rows 75 to 85: on the API server.


@whole("075", "created: data, labels, status, event, equal times")
def test_created_object_becomes_data_labels_status_and_event(objects, law):
    made = sealed(objects, "row-075", labels={"app": "x"}, annotations={"note": "y"})
    secret = objects.unsealed(made)
    assert data_of(secret) == {"foo": b"bar"}
    assert secret["metadata"]["labels"] == {"app": "x"}
    assert secret["metadata"]["annotations"]["note"] == "y"
    event = objects.wait_event("row-075", "Normal", "Unsealed")
    assert event["message"] == "SealedSecret unsealed successfully"
    assert event["source"]["component"] == "sealed-secrets"
    assert objects.get("row-075")["status"]["observedGeneration"] == 1
    updated, changed = times_of(objects, "row-075")
    assert updated == changed


@whole("076", "updated: new data, generation 2, times differ")
def test_updated_object_becomes_new_data_and_a_later_update_time(objects, law):
    objects.unsealed(sealed(objects, "row-076"))
    time.sleep(1.1)  # The times are whole seconds.
    objects.put(sealed(objects, "row-076", {"foo": "new"}))
    eventually(lambda: data_of(objects.secret("row-076")) == {"foo": b"new"})
    objects.wait_condition("row-076", "True")
    assert objects.get("row-076")["status"]["observedGeneration"] == 2
    updated, changed = times_of(objects, "row-076")
    assert updated > changed


def _owner(objects, name):
    return [
        (owner["kind"], owner["name"], owner.get("controller"))
        for owner in objects.secret(name)["metadata"].get("ownerReferences") or []
    ]


@whole("077", "managed: replaced and owned")
def test_managed_secret_is_replaced_and_taken_over(objects, law):
    existing(
        objects,
        "row-077",
        data={"old": "x"},
        labels={"old": "label"},
        annotations={MANAGED: "true", "old": "note"},
    )
    secret = objects.unsealed(sealed(objects, "row-077", labels={"new": "label"}))
    assert data_of(secret) == {"foo": b"bar"}
    assert secret["metadata"]["labels"] == {"new": "label"}
    assert not {MANAGED, "old"} & secret["metadata"].get("annotations", {}).keys()
    assert _owner(objects, "row-077") == [("SealedSecret", "row-077", True)]


@pytest.mark.parametrize(
    ("marks", "owners"),
    [
        row("078", "managed and patch: merged and owned", (MANAGED, PATCH), 1),
        row("079", "patch alone: merged and not owned", (PATCH,), 0),
    ],
)
def test_patched_secret_keeps_what_is_its_own(objects, marks, owners, request):
    name = request.node.callspec.id
    existing(
        objects,
        name,
        data={"old": "x", "foo": "y"},
        labels={"old": "label"},
        annotations={**dict.fromkeys(marks, "true"), "old": "note"},
    )
    made = sealed(objects, name, labels={"new": "label"}, annotations={"new": "note"})
    secret = objects.unsealed(made)
    assert data_of(secret) == {"old": b"x", "foo": b"bar"}
    assert secret["metadata"]["labels"] == {"old": "label", "new": "label"}
    notes = secret["metadata"]["annotations"]
    assert {"old": "note", "new": "note", **dict.fromkeys(marks, "true")}.items() <= notes.items()
    assert len(_owner(objects, name)) == owners


@whole("080", "patch on a Secret without data and labels works")
def test_patch_on_a_bare_secret_works(objects, law):
    existing(objects, "row-080", annotations={PATCH: "true"})
    secret = objects.unsealed(sealed(objects, "row-080", labels={"new": "label"}))
    assert data_of(secret) == {"foo": b"bar"}
    assert secret["metadata"]["labels"] == {"new": "label"}


@pytest.mark.parametrize(
    "annotations",
    [
        row("081", "an owned Secret comes back", None),
        row("082", "so does a managed one", {MANAGED: "true", SKIP: "true"}),
    ],
)
def test_deleted_secret_is_made_again(objects, annotations, request):
    name = request.node.callspec.id
    first = objects.unsealed(sealed(objects, name, annotations=annotations))
    assert len(_owner(objects, name)) == (0 if annotations else 1)
    objects.delete_secret(name)
    again = eventually(lambda: objects.secret(name))
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert data_of(again) == {"foo": b"bar"}


@pytest.mark.parametrize(
    ("before", "template"),
    [
        row("083-a", "a patched Secret does not", {PATCH: "true"}, None),
        row("083-b", "nor one that nobody controls", None, {SKIP: "true"}),
    ],
)
def test_secret_that_nobody_owns_stays_deleted(objects, before, template, request):
    name = request.node.callspec.id
    if before is not None:
        existing(objects, name, data={"old": "x"}, annotations=before)
    objects.unsealed(sealed(objects, name, annotations=template))
    objects.delete_secret(name)
    stays(lambda: objects.secret(name) is None)


@whole("083-c", "a foreign Secret that goes away makes room")
def test_foreign_secret_that_goes_away_makes_room(objects, law):
    """Its deletion is no reason to act; the next attempt of the failed one is, in ours."""
    existing(objects, "row-083-c", data={"old": "x"})
    objects.put(sealed(objects, "row-083-c"))
    objects.wait_condition("row-083-c", "False")
    objects.delete_secret("row-083-c")
    assert objects.secret("row-083-c") is None
    objects.wait_condition("row-083-c", "True")
    assert data_of(objects.secret("row-083-c")) == {"foo": b"bar"}


@whole("084", "a foreign Secret is untouched, and that is said")
def test_foreign_secret_is_untouched_and_the_reason_is_said(objects, law):
    existing(objects, "row-084", data={"old": "x"})
    before = objects.secret("row-084")
    objects.put(sealed(objects, "row-084"))
    message = objects.wait_condition("row-084", "False")["message"]
    text = f'Resource "row-084" {EXISTS}'
    assert message.startswith(text)
    assert objects.wait_event("row-084", "Warning", "ErrUpdateFailed")["message"].startswith(text)
    assert objects.secret("row-084") == before


@pytest.mark.parametrize(
    ("present", "marks", "status"),
    [
        row("085-a", "skip alone, Secret of somebody: False", True, (SKIP,), "False"),
        row("085-b", "skip and managed: True", False, (SKIP, MANAGED), "True"),
        row("085-c", "skip alone, Secret of our own making: True", False, (SKIP,), "True"),
    ],
)
def test_secret_without_owner_is_ours_when_something_says_so(
    objects, present, marks, status, request
):
    """Sealed Secrets calls a Secret foreign that it made itself without owner (085-c)."""
    name = request.node.callspec.id
    if present:
        existing(objects, name, data={"old": "x"})
    annotations = dict.fromkeys(marks, "true")
    objects.put(sealed(objects, name, annotations=annotations))
    objects.wait_condition(name, status)
    objects.put(sealed(objects, name, {"foo": "new"}, annotations=annotations))
    eventually(lambda: (objects.get(name).get("status") or {}).get("observedGeneration") == 2)
    objects.wait_condition(name, status)
    assert (data_of(objects.secret(name)) == {"foo": b"new"}) == (status == "True")
    assert _owner(objects, name) == []


# Rows 86 to 90: over HTTP.


@whole("086", "the certificate follows a key change")
def test_certificate_follows_the_newest_key(law):
    with serving_front() as front:
        first = parse_certificate(front.ask("/v1/cert.pem").body)
        assert first.fingerprint == vector_key().fingerprint
        newer = key_object("newer", other_key(), start=NOW - YEAR / 2)
        front.ring = load_key_ring([key_object("first"), newer])
        second = parse_certificate(front.ask("/v1/cert.pem").body)
        assert second.fingerprint == other_key().fingerprint


@whole("087", "not ready, then ready")
def test_readiness_is_503_and_then_200(law):
    with serving_front() as front:
        front.ready = False
        assert (front.ask("/readyz").status, front.ask("/readyz").body) == (503, b"not ready\n")
        front.ready = True
        assert (front.ask("/readyz").status, front.ask("/readyz").body) == (200, b"ok\n")


@whole("088", "rotated text differs and opens")
def test_rotated_text_differs_and_opens(law):
    with serving_front() as front:
        made = sealed_for_front({"password": "hunter2"})
        again = json.loads(front.ask("/v1/rotate", made).body)
        assert again["spec"]["encryptedData"] != made["spec"]["encryptedData"]
        opened = unseal_manifest(again, [vector_key()])
        assert data_of(opened) == {"password": b"hunter2"}


@whole("089", "a scope in the template widens nothing")
def test_scope_slipped_into_the_template_never_gets_out(law):
    """Sealed Secrets answers with a strict one; ours refuses what contradicts itself."""
    with serving_front() as front:
        made = sealed_for_front(metadata={"annotations": {CLUSTER_WIDE: "true"}})
        reply = front.ask("/v1/rotate", made)
        assert (reply.status, reply.body) == (500, b"")
        wide = sealed_for_front(scope=Scope.CLUSTER_WIDE)
        del wide["metadata"]["annotations"]
        assert front.ask("/v1/rotate", wide).status == 500


@pytest.mark.parametrize("path", ["/v1/verify", "/v1/rotate"])
@pytest.mark.parametrize(
    "text",
    [
        row("090-a", "a failing template changes no answer", '{{ fail "x" }}'),
        row(
            "090-b",
            "nor does one that guesses",
            '{{ if eq .password "hunter2" }}{{ fail "y" }}{{ end }}',
        ),
    ],
)
def test_template_has_no_say_over_http(path, text):
    with serving_front() as front:
        made = sealed_for_front({"password": "hunter2"}, data={"probe": text})
        assert front.ask(path, made).status == 200


# Row 91.

REF = ObjectRef("SealedSecret", "web", "db")
SERIES = (
    'sealed_secrets_controller_condition_info{condition="Synced",name="db",'
    'namespace="web",ss_app_kubernetes_io_instance="shop"}'
)


def page(registry):
    return generate_latest(registry).decode()


@whole("091-a", "four labels, gone with its object")
def test_condition_series_has_four_labels_and_goes_with_its_object(law):
    registry = CollectorRegistry()
    metrics = SealedMetrics(registry)
    metrics.gone(REF)  # Nothing said of it yet: harmless.
    for status, number in (("True", 1.0), ("False", -1.0), ("Unknown", 0.0)):
        metrics.condition(REF, "Synced", status, instance="shop")
        assert f"{SERIES} {number}" in page(registry)
    metrics.gone(REF)
    assert SERIES not in page(registry)


@whole("091-b", "names may be left out")
def test_names_may_be_left_out_of_the_metrics(law):
    registry = CollectorRegistry()
    metrics = SealedMetrics(registry, names_objects=False)
    metrics.condition(REF, "Synced", "True", instance="shop")
    assert "condition_info{" not in page(registry)
