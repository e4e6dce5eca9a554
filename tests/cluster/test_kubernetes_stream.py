"""One line of a watch stream as a WatchEvent: the parts a server sends rarely."""

from __future__ import annotations

import json

import pytest

from secretsync.cluster.base import WatchEventType
from secretsync.cluster.kubernetes_watch import WatchRefusedError, _event, without_managed_fields
from secretsync.errors import ClusterUnavailable


def line(kind, metadata, **rest):
    return json.dumps({"type": kind, "object": {"metadata": metadata, **rest}}).encode()


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, WatchEventType.BOOKMARK, id="progress"),
        pytest.param(None, WatchEventType.BOOKMARK, id="null-annotations"),
        pytest.param({"k8s.io/initial-events-end": "true"}, WatchEventType.SYNCED, id="synced"),
    ],
)
def test_bookmark_line_gives_its_version_only(annotations, expected):
    event = _event(line("BOOKMARK", {"resourceVersion": "7", "annotations": annotations}))
    assert (event.type, event.resource_version) == (expected, "7")
    assert event.object == {"metadata": {"resourceVersion": "7"}}


def test_annotation_of_an_object_cannot_fake_the_end_of_the_state():
    annotations = {"k8s.io/initial-events-end": "true"}
    event = _event(line("ADDED", {"resourceVersion": "7", "annotations": annotations}))
    assert event.type is WatchEventType.ADDED


def test_error_line_carries_the_status():
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    with pytest.raises(WatchRefusedError) as caught:
        _event(json.dumps({"type": "ERROR", "object": status}).encode())
    assert (caught.value.status.code, caught.value.status.reason) == (410, "Expired")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"<html>", id="no-json"),
        pytest.param(b'{"type":"ADDED"}', id="no-object"),
        pytest.param(b'{"type":"ADDED","object":[]}', id="object-is-a-list"),
        pytest.param(b'{"type":"NEWS","object":{}}', id="unknown-type"),
    ],
)
def test_line_that_is_no_event_is_unavailable(broken):
    with pytest.raises(ClusterUnavailable, match="sent a watch event that is none"):
        _event(broken)


def test_without_managed_fields_accepts_objects_without_metadata():
    assert without_managed_fields({"kind": "Status", "metadata": None}) == {
        "kind": "Status",
        "metadata": None,
    }
