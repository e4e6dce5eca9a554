"""A key ring as a document, and which saved keys a cluster is to get. No cluster, no file."""

from __future__ import annotations

import base64
import copy
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sealing import load_key_ring
from secretsync.errors import InputError
from secretsync.sealed.key_backup import RestoreAction, plan_restore, read_ring, write_ring
from secretsync.sealed.key_secrets import CREATED_AT_ANNOTATION
from tests.keys.kit import DAY, LABEL, NOW
from tests.sealing.kit import key_object, other_key, vector_key

PREFIX = "sealed-secrets-key"
CREATE, UNCHANGED, REFUSED = RestoreAction.CREATE, RestoreAction.UNCHANGED, RestoreAction.REFUSED


def key(name, number=0, **options):
    """A key Secret as a cluster gives it."""
    made = key_object(name, other_key(number), **options)
    made["metadata"] |= {"uid": "u", "resourceVersion": "7", "managedFields": [{}]}
    return made


def plan(saved, live, namespace="keys"):
    saved = read_ring(write_ring(saved), key_prefix=PREFIX)
    return plan_restore(saved, live, namespace=namespace, key_prefix=PREFIX)


def actions(steps):
    return {step.name: step.action for step in steps}


def test_document_brings_the_ring_back_as_it_was():
    before = [
        key("new", start=NOW - DAY),
        key("old", 1, start=NOW - 9 * DAY),
        key("bad", 2, status="compromised"),
    ]
    before[0]["metadata"]["annotations"] = {"note": "é", "lines": "a\nb"}
    saved = read_ring(write_ring(before), key_prefix=PREFIX)
    rings = [load_key_ring(secrets) for secrets in (before, saved)]
    first, second = ([(key.name, key.certificate) for key in ring.keys] for ring in rings)
    assert first == second
    assert rings[0].inactive == rings[1].inactive
    for old, new in zip(before, saved, strict=True):
        for field in ("name", "labels", "annotations", "creationTimestamp"):
            assert new["metadata"].get(field) == old["metadata"].get(field)
        assert set(new["metadata"]).isdisjoint({"uid", "resourceVersion", "managedFields"})
        assert (new["data"], new["type"]) == (old["data"], old["type"])


def test_document_is_a_list_that_any_reader_of_manifests_takes():
    document = json.loads(write_ring([key("a")]))
    assert (document["apiVersion"], document["kind"]) == ("v1", "List")
    assert [item["kind"] for item in document["items"]] == ["Secret"]
    as_yaml = yaml.safe_dump(document).encode()
    assert read_ring(as_yaml, key_prefix=PREFIX) == read_ring(write_ring([key("a")]), key_prefix="")


def test_broken_key_is_saved_as_it_is():
    broken = key("broken")
    broken["data"]["tls.key"] = base64.b64encode(b"junk").decode()
    (saved,) = read_ring(write_ring([broken]), key_prefix=PREFIX)
    assert saved["data"] == broken["data"]


def altered(**change):
    secret = copy.deepcopy(key("a"))
    for path, value in change.items():
        inner = secret
        *way, last = path.split("__")
        for part in way:
            inner = inner[part]
        inner[last] = value
    return write_ring([]).replace(b'"items": []', b'"items": ' + json.dumps([secret]).encode())


@pytest.mark.parametrize(
    ("document", "says"),
    [
        pytest.param(b"", "no list of Secrets", id="empty"),
        pytest.param(b"\xff\x00", "no list of Secrets", id="not text"),
        pytest.param(b"[", "no list of Secrets", id="not YAML"),
        pytest.param(b"hello", "no list of Secrets", id="text"),
        pytest.param(write_ring([]), "no list of Secrets", id="no key in it"),
        pytest.param(altered(kind="ConfigMap"), "is no Secret", id="another kind"),
        pytest.param(altered(metadata__name="A/../b"), "is no Secret", id="a path"),
        pytest.param(altered(metadata__name=7), "is damaged", id="name is a number"),
        pytest.param(altered(metadata__labels=[]), "is damaged", id="labels are a list"),
        pytest.param(altered(data={"tls.key": 7}), "is damaged", id="data is a number"),
        pytest.param(altered(metadata__labels={}), "Secret a in it is no sealing key", id="no key"),
        pytest.param(write_ring([key("a"), key("a", 1)]), "have the same name", id="a name twice"),
    ],
)
def test_document_that_is_no_ring_is_refused_without_a_word_of_it(document, says):
    with pytest.raises(InputError, match=says) as caught:
        read_ring(document, key_prefix=PREFIX)
    assert "tls.key" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_as_a_ring(document):
    with pytest.raises(InputError, match="the backup opened, and holds no key ring"):
        read_ring(document, key_prefix=PREFIX)


def test_unlabelled_key_named_as_the_prefix_is_one():
    secret = key(PREFIX)
    secret["metadata"]["labels"] = {}
    assert actions(plan([secret], [])) == {PREFIX: CREATE}


def test_empty_cluster_gets_all_keys_oldest_first_and_marked_ones_before():
    saved = [
        key("new", 0, created_at="2026-03-01T00:00:00Z"),
        key("old", 1, created_at="2026-01-01T00:00:00Z"),
        key("bad", 2, status="compromised", created_at="2026-02-01T00:00:00Z"),
    ]
    steps = plan(saved, [], "elsewhere")
    assert [(step.name, step.action) for step in steps] == [
        ("bad", CREATE),
        ("old", CREATE),
        ("new", CREATE),
    ]
    for step in steps:
        metadata = step.secret["metadata"]
        assert metadata["namespace"] == "elsewhere"
        assert "creationTimestamp" not in metadata
        assert metadata["annotations"][CREATED_AT_ANNOTATION].startswith("2026-")
        assert metadata["labels"][LABEL] == ("compromised" if step.name == "bad" else "active")


@pytest.mark.parametrize(
    ("saved", "live", "action", "says"),
    [
        pytest.param(key("a"), key("a"), UNCHANGED, "", id="there"),
        pytest.param(key("a"), key("b"), UNCHANGED, "it is there as b", id="under another name"),
        pytest.param(
            key("a"),
            key("a", status="compromised"),
            REFUSED,
            "marked compromised as a, and stays so",
            id="marked in the cluster",
        ),
        pytest.param(
            key("a"),
            key("b", status="compromised"),
            REFUSED,
            "marked compromised as b, and stays so",
            id="marked under another name",
        ),
        pytest.param(
            key("a", status="compromised"),
            key("a", status="compromised"),
            UNCHANGED,
            "",
            id="marked in both",
        ),
        pytest.param(
            key("a", status="compromised"),
            key("a"),
            REFUSED,
            "was marked compromised when it was saved, and is in use as a: mark it there",
            id="marked in the backup",
        ),
    ],
)
def test_what_is_in_the_cluster_is_never_changed(saved, live, action, says):
    (step,) = plan([saved], [live])
    assert step.action is action
    assert says in step.reason
    assert step.fingerprint == other_key(0).fingerprint


@pytest.mark.parametrize("name", ["a", PREFIX])
def test_key_whose_name_is_taken_gets_another_one_and_once(name):
    saved, live = key(name), key(name, 1)
    if name == PREFIX:
        saved["metadata"]["labels"] = {}
    (step,) = plan([saved], [live])
    assert (step.action, step.reason) == (CREATE, f"another Secret is called {name}")
    assert step.name.startswith(PREFIX)
    assert step.name != name
    assert load_key_ring([step.secret]).keys[0].certificate.fingerprint == step.fingerprint
    (again,) = plan([saved], [live, step.secret])
    assert (again.action, again.reason) == (UNCHANGED, f"it is there as {step.name}")


def test_key_with_another_certificate_is_the_same_key():
    renewed = key("again", start=NOW - DAY)
    (step,) = plan([renewed], [key("a", status="compromised")])
    assert step.action is REFUSED


def test_key_that_is_active_and_marked_in_one_backup_comes_back_marked_only():
    twice = [key("a", created_at="2020-01-01T00:00:00Z"), key("b", status="compromised")]
    assert actions(plan(twice, [])) == {"b": CREATE, "a": REFUSED}


def test_broken_key_is_compared_by_its_text():
    broken = key("a")
    broken["data"] = {"tls.key": "eA==", "tls.crt": "eA=="}
    other = copy.deepcopy(broken)
    other["data"]["tls.key"] = "eQ=="
    assert actions(plan([broken], [broken])) == {"a": UNCHANGED}
    assert plan([broken], [other])[0].action is CREATE
    assert actions(plan([broken], [])) == {"a": CREATE}


@pytest.mark.parametrize("status", ["active", "compromised"])
def test_damaged_copy_in_the_cluster_does_not_keep_a_good_key_away(status):
    damaged = key("damaged", status=status)
    damaged["data"]["tls.key"] = "eA=="
    (step,) = plan([key("good")], [damaged])
    assert step.action is (CREATE if status == "active" else REFUSED)


def test_step_does_not_show_the_key_it_holds():
    (step,) = plan([key_object("a", vector_key())], [])
    assert repr(step) == "RestoreStep(a, create, '')"
