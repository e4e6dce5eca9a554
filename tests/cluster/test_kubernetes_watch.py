"""Watches of a real API server: initial state, resuming, errors, ends."""

from __future__ import annotations

import threading
import time

import pytest

from secretsync.cluster.base import KINDS, Kind, WatchEventType
from secretsync.cluster.kubernetes import Timeouts
from secretsync.errors import ClusterUnavailable, Gone, NotFound, Rejected
from tests.support.kube_waits import watches_served
from tests.support.kube_watch import RunningWatch

pytestmark = pytest.mark.built

SECRET = KINDS["Secret"]
ADDED, MODIFIED, DELETED = WatchEventType.ADDED, WatchEventType.MODIFIED, WatchEventType.DELETED
SYNCED = WatchEventType.SYNCED
#: Nothing else ends a watch before `Timeouts.watch_idle_s`, ten times as long.
PROMPTLY_S = 10


def write(cluster, namespace, name, *, value="1", labels=None):
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    obj = {"metadata": metadata, "stringData": {"a": value}}
    return cluster.apply(SECRET, obj, field_manager="secretsync")


def names(events):
    return sorted(event.object["metadata"]["name"] for event in events)


def lists_made(cluster, monkeypatch):
    """Record the list requests of a cluster, which are sent all the same."""
    transport, made = cluster._api.transport, []
    request = transport.request

    def recording(method, target, **options):
        made.append(target)
        return request(method, target, **options)

    monkeypatch.setattr(transport, "request", recording)
    return made


def test_watch_streams_state_without_a_list_where_the_server_can(kube, kube_namespace, monkeypatch):
    written = [write(kube, kube_namespace, name) for name in ("a", "b")]
    lists = lists_made(kube, monkeypatch)
    with RunningWatch(kube, SECRET, kube_namespace) as watch:
        *state, synced = watch.until_synced()
        assert names(state) == ["a", "b"]
        assert {event.type for event in state} == {ADDED}
        assert lists == []
        assert synced.object == {"metadata": {"resourceVersion": synced.resource_version}}
        assert int(synced.resource_version) >= int(written[1]["metadata"]["resourceVersion"])
        write(kube, kube_namespace, "a", value="2")
        assert watch.next().type is MODIFIED
    assert watch.error is None


def test_watch_falls_back_to_a_list_where_the_server_refuses(fragile_server, open_as, monkeypatch):
    cluster = open_as(fragile_server.kubeconfig)
    namespace = fragile_server.admin.create_namespace()
    write(cluster, namespace, "a")
    lists = lists_made(cluster, monkeypatch)
    for expected_lists in (1, 2):
        with RunningWatch(cluster, SECRET, namespace) as watch:
            assert names(watch.until_synced()[:-1]) == ["a"]
            assert len([target for target in lists if "limit=" in target]) == expected_lists
            write(cluster, namespace, f"b-{expected_lists}")
            assert watch.next().type is ADDED
            cluster.delete(SECRET, namespace, f"b-{expected_lists}")
            assert watch.next().type is DELETED
    assert not cluster._streams_state


def test_watch_event_has_type_and_version_and_no_managed_fields(kube, kube_namespace):
    with RunningWatch(kube, SECRET, kube_namespace) as watch:
        watch.until_synced()
        written = write(kube, kube_namespace, "a")
        event = watch.next()
    del written["metadata"]["managedFields"]
    assert event.object == written
    assert event.resource_version == written["metadata"]["resourceVersion"]


def test_watch_by_label_reports_an_object_that_leaves_as_deleted(kube, kube_namespace):
    write(kube, kube_namespace, "other")
    with RunningWatch(kube, SECRET, kube_namespace, label_selector="app=x") as watch:
        assert [event.type for event in watch.until_synced()] == [SYNCED]
        write(kube, kube_namespace, "a", labels={"app": "x"})
        assert watch.next().type is ADDED
        write(kube, kube_namespace, "a", labels={"app": "y"})
        assert watch.next().type is DELETED


def test_watch_from_version_gives_only_what_came_after(kube, kube_namespace):
    first = write(kube, kube_namespace, "a")
    write(kube, kube_namespace, "b")
    version = first["metadata"]["resourceVersion"]
    with RunningWatch(kube, SECRET, kube_namespace, resource_version=version) as watch:
        event = watch.next()
        assert (event.type, event.object["metadata"]["name"]) == (ADDED, "b")


def test_idle_watch_stops_promptly(kube, kube_namespace):
    with RunningWatch(kube, SECRET, kube_namespace) as watch:
        watch.until_synced()
        time.sleep(0.5)
        watch.stop()
    assert watch.stopped_in_s < PROMPTLY_S
    assert watch.error is None


def test_busy_watches_all_stop_promptly_and_the_cluster_stays_usable(kube, kube_namespace):
    done = threading.Event()

    def keep_writing():
        count = 0
        while not done.is_set():
            count += 1
            write(kube, kube_namespace, "busy", value=str(count))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(8):
            with RunningWatch(kube, SECRET, kube_namespace) as watch:
                watch.until_synced()
                watch.next()
                watch.stop()
            assert watch.stopped_in_s < PROMPTLY_S
            assert watch.error is None
    finally:
        done.set()
        writer.join()
    assert kube.get(SECRET, kube_namespace, "busy") is not None


def test_close_ends_watches(kube_server, open_as, kube_namespace):
    cluster = open_as(kube_server.kubeconfig)
    with RunningWatch(cluster, SECRET, kube_namespace) as watch:
        watch.until_synced()
        cluster.close()
        watch.wait_end(within_s=PROMPTLY_S)
    assert watch.error is None


def test_watch_of_unserved_kind_or_bad_selector_says_so(kube):
    # Of a group that no test installs: several share this server.
    unserved = Kind("Nothing", "nothings", "example.com", "v1")
    with pytest.raises(NotFound, match="does not serve Nothing"):
        next(iter(kube.watch(unserved, stop=threading.Event())))
    with pytest.raises(Rejected, match="unable to parse requirement"):
        next(iter(kube.watch(SECRET, label_selector="a===b", stop=threading.Event())))
    assert kube._streams_state


def test_watch_resumes_over_a_restart_of_the_server_without_loss(fragile_server, open_as):
    cluster = open_as(fragile_server.kubeconfig)
    namespace = fragile_server.admin.create_namespace()
    seen, version = {}, ""

    def read(watch, wanted):
        nonlocal version
        while set(seen) < wanted:
            event = watch.next()
            version = event.resource_version
            if event.type is not SYNCED:
                seen[event.object["metadata"]["name"]] = event.object

    write(cluster, namespace, "before")
    with RunningWatch(cluster, SECRET, namespace) as watch:
        watch_state = watch.until_synced()
        version = watch_state[-1].resource_version
        seen["before"] = watch_state[0].object
        fragile_server.stop_apiserver(kill=True)
        watch.wait_end()
    assert watch.error is None or isinstance(watch.error, ClusterUnavailable)
    with pytest.raises(ClusterUnavailable, match="Connection refused"):
        cluster.list(SECRET, namespace)
    fragile_server.start_apiserver()
    write(cluster, namespace, "meanwhile")
    with RunningWatch(cluster, SECRET, namespace, resource_version=version) as watch:
        write(cluster, namespace, "after")
        read(watch, {"before", "meanwhile", "after"})


def test_watch_from_compacted_version_is_gone(fragile_server, open_as):
    cluster = open_as(fragile_server.kubeconfig)
    namespace = fragile_server.admin.create_namespace()
    old = write(cluster, namespace, "a", value="old")["metadata"]["resourceVersion"]
    for count in range(5):
        write(cluster, namespace, "a", value=str(count))
    fragile_server.compact()
    # The server's watch cache remembers what etcd forgot, until it starts anew.
    fragile_server.restart()
    watches_served(fragile_server.admin, namespace)
    with pytest.raises(Gone, match="too old"):
        next(iter(cluster.watch(SECRET, namespace, resource_version=old, stop=threading.Event())))


def test_list_whose_pages_expire_starts_over(fragile_server, open_as, monkeypatch):
    monkeypatch.setattr("secretsync.cluster.kubernetes_api.PAGE_ITEMS", 2)
    cluster = open_as(fragile_server.kubeconfig)
    namespace = fragile_server.admin.create_namespace()
    for name in "abcde":
        write(cluster, namespace, name)
    pages = cluster._api.pages(SECRET, namespace, "")
    assert len(next(pages).items) == 2
    cluster.delete(SECRET, namespace, "a")
    fragile_server.compact()
    fragile_server.restart()
    assert next(pages) is None
    (rest,) = pages
    assert [item["metadata"]["name"] for item in rest.items] == ["b", "c", "d", "e"]


def test_frozen_server_is_unavailable_within_the_time_limit(fragile_server, open_as):
    # Before it freezes it must keep to them, too, however busy the machine is.
    limits = Timeouts(connect_s=5, read_s=3, watch_idle_s=8)
    cluster = open_as(fragile_server.kubeconfig, limits)
    patient = open_as(fragile_server.kubeconfig)
    with RunningWatch(cluster, SECRET, "default") as watch:
        watch.until_synced()
        write(patient, "default", f"frozen-{time.time_ns()}")
        assert watch.next().type is ADDED
        fragile_server.pause()
        try:
            with pytest.raises(ClusterUnavailable, match="does not answer in time"):
                cluster.list(SECRET, "default")
            with pytest.raises(ClusterUnavailable, match="is unknown"):
                write(cluster, "default", "unsure")
            # A half-open connection: no end, no error, only silence.
            watch.wait_end(within_s=60)
        finally:
            fragile_server.resume()
    assert watch.error is None
    assert patient.list(SECRET, "default").resource_version
