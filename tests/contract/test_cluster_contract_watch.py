"""The laws of watches, for both clusters."""

from __future__ import annotations

import threading

import pytest

from secretsync.errors import Gone
from tests.contract.cluster_cases import SECRET, Arena, Recorder
from tests.support.kube_waits import watches_served


def test_watch_gives_the_state_then_synced_then_changes(arena: Arena) -> None:
    arena.secret("a", data={"k": "1"})
    arena.secret("elsewhere", namespace=arena.other_namespace)
    with Recorder(arena) as watch:
        expected = ["ADDED a", "SYNCED"]
        assert watch.wait(*expected) == expected
        for step, event in (
            (lambda: arena.secret("b"), "ADDED b"),
            (lambda: arena.patch("a", {"data": {"k": "Mg=="}}), "MODIFIED a"),
            (lambda: arena.delete("b"), "DELETED b"),
        ):
            step()
            expected.append(event)
            assert watch.wait(*expected) == expected
        assert watch.events[-2].object["data"] == {"k": "Mg=="}


def test_watch_from_the_version_of_a_list_misses_nothing(arena: Arena) -> None:
    arena.secret("kept")
    arena.secret("doomed")
    version = arena.cluster.list(SECRET, arena.namespace).resource_version
    arena.secret("new")
    arena.patch("kept", {"data": {"k": "MQ=="}})
    arena.delete("doomed")
    with Recorder(arena, resource_version=version) as watch:
        expected = ["ADDED new", "MODIFIED kept", "DELETED doomed"]
        assert sorted(watch.wait(*expected)) == sorted(expected)


def test_watch_from_the_version_of_an_event_goes_on_after_it(arena: Arena) -> None:
    with Recorder(arena) as watch:
        watch.wait("SYNCED")
        arena.secret("a")
        watch.wait("SYNCED", "ADDED a")
        version = watch.events[-1].resource_version
    arena.secret("b")
    with Recorder(arena, resource_version=version) as watch:
        assert watch.wait("ADDED b") == ["ADDED b"]


def test_watch_with_selector_tells_what_comes_in_and_goes_out(arena: Arena) -> None:
    arena.secret("in", labels={"app": "web"})
    arena.secret("out")
    with Recorder(arena, label_selector="app=web") as watch:
        expected = ["ADDED in", "SYNCED"]
        assert watch.wait(*expected) == expected
        arena.patch("out", {"metadata": {"labels": {"app": "web"}}})
        expected.append("ADDED out")
        assert watch.wait(*expected) == expected
        arena.patch("in", {"metadata": {"labels": {"app": "db"}}})
        expected.append("DELETED in")
        assert watch.wait(*expected) == expected


def test_list_of_metadata_gives_nothing_but_metadata(arena: Arena) -> None:
    arena.secret("a", data={"k": "hidden"}, annotations={"note": "shown"}, labels={"app": "web"})
    arena.secret("b")
    (item,) = arena.cluster.list(
        SECRET, arena.namespace, label_selector="app=web", metadata_only=True
    ).items
    assert item.keys() == {"apiVersion", "kind", "metadata"}
    assert (item["apiVersion"], item["kind"]) == ("v1", "Secret")
    whole = arena.cluster.list(SECRET, arena.namespace, label_selector="app=web").items[0]
    assert item["metadata"] == whole["metadata"]
    assert item["metadata"]["annotations"] == {"note": "shown"}
    assert "managedFields" not in item["metadata"]


def test_watch_of_metadata_gives_each_event_without_data(arena: Arena) -> None:
    arena.secret("a", data={"k": "1"})
    with Recorder(arena, metadata_only=True) as watch:
        expected = ["ADDED a", "SYNCED"]
        assert watch.wait(*expected) == expected
        for step, event in (
            (lambda: arena.secret("b", data={"k": "2"}), "ADDED b"),
            (lambda: arena.patch("a", {"data": {"k": "Mg=="}}), "MODIFIED a"),
            (lambda: arena.delete("b"), "DELETED b"),
        ):
            step()
            expected.append(event)
            assert watch.wait(*expected) == expected
        told = [each for each in watch.events if each.object["metadata"].get("name")]
        assert len(told) == 4
        for each in told:
            assert each.object.keys() == {"apiVersion", "kind", "metadata"}
            assert each.object["kind"] == "Secret"
            assert each.object["metadata"]["uid"]
        live = arena.live("a")["metadata"]["resourceVersion"]
        changed = next(each for each in told if each.type == "MODIFIED")
        assert changed.object["metadata"]["resourceVersion"] == live


def test_watch_of_metadata_resumes_from_a_version(arena: Arena) -> None:
    version = arena.cluster.list(SECRET, arena.namespace, metadata_only=True).resource_version
    arena.secret("a", data={"k": "1"})
    with Recorder(arena, resource_version=version, metadata_only=True) as watch:
        assert watch.wait("ADDED a") == ["ADDED a"]
        assert "data" not in watch.events[-1].object


def test_watch_of_all_namespaces_sees_each(arena: Arena) -> None:
    version = arena.cluster.list(SECRET).resource_version
    arena.secret("a", labels={"arena": arena.namespace})
    arena.secret("b", namespace=arena.other_namespace, labels={"arena": arena.namespace})
    selector = f"arena={arena.namespace}"
    with Recorder(arena, namespace="", label_selector=selector, resource_version=version) as watch:
        expected = ["ADDED a", "ADDED b"]
        assert watch.wait(*expected) == expected


def test_watch_tells_a_deleted_and_recreated_object(arena: Arena) -> None:
    old = arena.secret("a")["metadata"]["uid"]
    version = arena.cluster.list(SECRET, arena.namespace).resource_version
    arena.delete("a")
    new = arena.secret("a")["metadata"]["uid"]
    with Recorder(arena, resource_version=version) as watch:
        assert watch.wait("DELETED a", "ADDED a") == ["DELETED a", "ADDED a"]
        assert [event.object["metadata"]["uid"] for event in watch.events[-2:]] == [old, new]


def test_watch_from_a_version_that_is_too_old_raises_gone(
    arena: Arena, request: pytest.FixtureRequest
) -> None:
    """The directory forgets with its process; the server when its history is compacted."""
    version = "00000000.1"
    if "kubernetes" in request.node.callspec.id:
        version = arena.cluster.list(SECRET, arena.namespace).resource_version
        for turn in range(3):
            arena.secret(f"s{turn}")
        server = request.getfixturevalue("kube_server")
        server.compact()
        server.restart()
        watches_served(server.admin, arena.namespace)
    events = arena.cluster.watch(
        SECRET, arena.namespace, resource_version=version, stop=threading.Event()
    )
    with pytest.raises(Gone):
        list(events)


def test_watch_ends_when_it_is_stopped(arena: Arena) -> None:
    with Recorder(arena) as watch:
        assert watch.wait("SYNCED") == ["SYNCED"]
    assert watch.said() == ["SYNCED"]
