"""Pushes to Google: what is made, compared, kept and refused."""

from __future__ import annotations

import threading

import pytest
from google.cloud.secretmanager_v1.types import Secret

from providers.base import (
    InvalidRef,
    MalformedSecret,
    NotManaged,
    PushItem,
    PushRef,
    SecretBytes,
    Unavailable,
)
from tests.support.gcp_account import PROJECT, State

WRITES = ("CreateSecret", "AddSecretVersion", "UpdateSecret", "DeleteSecret")


def item(value=b"value", prop="", key="app", **spec):
    metadata = {}
    if spec:
        metadata = {
            "apiVersion": "kubernetes.external-secrets.io/v1alpha1",
            "kind": "PushSecretMetadata",
            "spec": spec,
        }
    return PushItem(PushRef(key, prop), SecretBytes(value), metadata)


def stored(server, key="app", location=""):
    parent = f"projects/{PROJECT}" + (f"/locations/{location}" if location else "")
    return server.account.secret(f"{parent}/secrets/{key}")


def writes(server):
    return [operation for operation, _ in server.calls if operation in WRITES]


def test_a_push_makes_a_labelled_secret_with_a_checked_version(server, open_gcp):
    assert open_gcp().push(item()) is True
    resource = stored(server).resource
    assert dict(resource.labels) == {"managed-by": "external-secrets"}
    assert "automatic" in resource.replication
    assert [one.data for one in stored(server).versions] == [b"value"]
    assert writes(server) == ["CreateSecret", "AddSecretVersion"]


def test_a_push_of_the_same_is_no_write_even_while_latest_is_late(server, open_gcp):
    provider = open_gcp()
    provider.push(item())
    provider.push(item(b"other"))
    server.account.latest_lag_s = 300
    before = writes(server)
    assert provider.push(item(b"other")) is False
    assert writes(server) == before


def test_a_regional_secret_has_no_replication_and_its_own_key(server, open_gcp):
    provider = open_gcp(location="europe-west3")
    assert provider.push(item(cmekKeyName="projects/p/keys/k")) is True
    resource = stored(server, location="europe-west3").resource
    assert resource.customer_managed_encryption.kms_key_name == "projects/p/keys/k"
    assert "automatic" not in resource.replication


@pytest.mark.parametrize(
    ("spec", "locations"),
    [
        ({"replicationLocation": "europe-west3"}, ["europe-west3"]),
        ({"replicationLocations": ["us-east1", "us-west1"]}, ["us-east1", "us-west1"]),
        (
            {"replicationLocation": "europe-west3", "replicationLocations": ["us-east1"]},
            ["us-east1"],
        ),
    ],
)
def test_metadata_says_where_a_new_secret_is_replicated(server, open_gcp, spec, locations):
    open_gcp().push(item(**spec, cmekKeyName="projects/p/keys/k"))
    replicas = stored(server).resource.replication.user_managed.replicas
    assert [one.location for one in replicas] == locations
    keys = {one.customer_managed_encryption.kms_key_name for one in replicas}
    assert keys == {"projects/p/keys/k"}


@pytest.mark.parametrize(
    ("spec", "labels", "annotations"),
    [
        pytest.param({}, {"team": "red"}, {"note": "old"}, id="no-metadata-keeps-all"),
        pytest.param({"labels": {"env": "dev"}}, {"env": "dev"}, {}, id="replace"),
        pytest.param(
            {"labels": {"env": "dev"}, "annotations": {"by": "us"}, "mergePolicy": "Merge"},
            {"team": "red", "env": "dev"},
            {"note": "old", "by": "us"},
            id="merge",
        ),
    ],
)
def test_metadata_of_an_existing_secret(server, open_gcp, spec, labels, annotations):
    provider = open_gcp()
    provider.push(item())
    resource = stored(server).resource
    resource.labels = {"managed-by": "external-secrets", "team": "red"}
    resource.annotations = {"note": "old"}
    provider.push(item(**spec))
    assert dict(resource.labels) == {"managed-by": "external-secrets", **labels}
    assert dict(resource.annotations) == annotations
    assert len(stored(server).versions) == 1
    before = writes(server)
    assert provider.push(item(**spec)) is False
    assert writes(server) == before


def test_topics_are_set_and_compared(server, open_gcp):
    provider = open_gcp()
    topics = ["projects/p/topics/a"]
    assert provider.push(item(topics=topics)) is True
    assert provider.push(item(topics=topics)) is False
    assert provider.push(item(topics=["projects/p/topics/b"])) is True
    assert [topic.name for topic in stored(server).resource.topics] == ["projects/p/topics/b"]


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"topics": []}, id="bare"),
        pytest.param({"apiVersion": "v1", "kind": "PushSecretMetadata", "spec": {}}, id="version"),
        pytest.param(item(unknown=1).metadata, id="unknown-field"),
        pytest.param(item(labels=["a"]).metadata, id="kind-of-value"),
        pytest.param(item(labels={"a": 1}).metadata, id="kind-of-label"),
        pytest.param(item(mergePolicy="Sometimes").metadata, id="policy"),
    ],
)
def test_metadata_that_is_none_is_refused(server, open_gcp, metadata):
    pushed = PushItem(PushRef("app"), SecretBytes(b"value"), metadata)
    with pytest.raises(InvalidRef):
        open_gcp().push(pushed)
    assert server.calls == []


def test_metadata_and_property_together_are_refused(open_gcp):
    with pytest.raises(InvalidRef):
        open_gcp().push(item(prop="user", labels={"a": "b"}))


@pytest.mark.parametrize("state", [State.DISABLED, State.DESTROYED])
def test_a_disabled_version_is_replaced_as_a_whole_and_never_merged_into(server, open_gcp, state):
    provider = open_gcp()
    provider.push(item(b'{"a":"b"}'))
    stored(server).versions[0].state = state
    with pytest.raises(MalformedSecret):
        provider.push(item(b"c", prop="user"))
    assert len(stored(server).versions) == 1
    assert provider.exists(PushRef("app")) is True
    assert provider.push(item(b'{"a":"b"}')) is True
    assert len(stored(server).versions) == 2


def test_a_push_finishes_a_secret_that_was_left_without_version(server, open_gcp):
    labels = {"managed-by": "external-secrets"}
    left = Secret(labels=labels, replication={"automatic": {}})
    server.account.create(f"projects/{PROJECT}", "app", left)
    provider = open_gcp()
    assert provider.exists(PushRef("app")) is False
    assert provider.push(item()) is True
    assert writes(server) == ["AddSecretVersion"]


def test_a_push_whose_answer_was_lost_is_not_made_twice(server, open_gcp):
    provider = open_gcp()
    server.fail("AddSecretVersion")
    with pytest.raises(Unavailable):
        provider.push(item())
    server.heal()
    assert provider.push(item()) is False
    assert [one.data for one in stored(server).versions] == [b"value"]


def test_properties_pushed_by_eight_threads_are_all_kept(server, open_gcp):
    provider, start = open_gcp(), threading.Barrier(8)

    def work(number):
        start.wait()
        provider.push(item(b"value", prop=f"key{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = stored(server).versions[-1].data
    assert all(f'"key{number}":"value"'.encode() in held for number in range(8))


def test_deleting_the_last_property_deletes_the_secret(server, open_gcp):
    provider = open_gcp()
    provider.push(item(b"alice", prop="user"))
    assert provider.delete(PushRef("app", "user")) is True
    assert server.account.secrets == {}


def test_what_lost_its_label_is_neither_changed_nor_deleted(server, open_gcp):
    provider = open_gcp()
    provider.push(item())
    stored(server).resource.labels = {"managed-by": "terraform"}
    before = writes(server)
    for act in (
        lambda: provider.push(item(b"other")),
        lambda: provider.delete(PushRef("app")),
        lambda: provider.delete(PushRef("app", "user")),
    ):
        with pytest.raises(NotManaged):
            act()
    assert writes(server) == before


@pytest.mark.parametrize("key", ["../app", "app/versions/1", "", "a" * 256])
def test_a_hostile_key_is_pushed_nowhere(server, open_gcp, key):
    provider = open_gcp()
    for act in (
        lambda: provider.push(item(key=key)),
        lambda: provider.exists(PushRef(key)),
        lambda: provider.delete(PushRef(key)),
    ):
        with pytest.raises(InvalidRef):
            act()
    assert server.calls == []


def test_a_value_that_google_does_not_store_is_refused_first(server, open_gcp):
    with pytest.raises(InvalidRef):
        open_gcp().push(item(bytes(64 * 1024 + 1)))
    assert writes(server) == []
