"""Fixtures that several test folders share: pinned programs and clusters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.nodeid import coerce_node_id
from hypothesis import HealthCheck, settings

from tests.contract.cluster_cases import CLUSTERS, Arena, open_arena
from tests.support.kube import KubeServer
from tests.support.sealed_ours import Ours, started_ours
from tests.support.sealed_peer import PEER_TOOLS, Peer, started_peer
from tests.support.tools import KUBERNETES_TOOLS, tool_path
from tests.tools.build import ToolError

# How long a case takes is the machine's business, and no law.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark whatever asks for the API server, so that `-m "not built"` is complete."""
    for item in items:
        if "kube_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.built)
        if "peer" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.built(*PEER_TOOLS))
            # One worker has it, and so there is one.
            item.add_marker(pytest.mark.xdist_group("sealed-secrets"))
        if getattr(config.option, "loadgroup", False):
            _put_group_into_id(item)


def _put_group_into_id(item: pytest.Item) -> None:
    """Do what pytest-xdist 3.8 means to, and pytest 9.2 no longer lets it.

    Its scheduler reads the group from the id. It writes `item._nodeid`, which pytest made
    `_id`: without this the marks mean nothing, and nothing says so.
    """
    group = item.get_closest_marker("xdist_group")
    if group is not None and hasattr(item, "_id"):
        item._id = coerce_node_id(f"{item.nodeid}@{group.args[0]}")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build missing programs before the first test: its time limit is shorter than that."""
    if session.config.option.collectonly:
        return
    marks = [mark for item in session.items for mark in item.iter_markers("built")]
    names = {name: None for mark in marks for name in mark.args or KUBERNETES_TOOLS}
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        for name in names:
            try:
                tool_path(name)
            except ToolError as exc:
                raise pytest.UsageError(str(exc)) from exc


@pytest.fixture(scope="session")
def kube_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    """The API server that the tests of one worker share; each takes its own namespace."""
    server = KubeServer(tmp_path_factory.mktemp("kube"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def kube_namespace(kube_server: KubeServer) -> str:
    """A namespace of the test's own."""
    return kube_server.admin.create_namespace()


@pytest.fixture(scope="session")
def peer(kube_server: KubeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """The real Sealed Secrets controller with a key of its own."""
    with started_peer(kube_server, tmp_path_factory.mktemp("sealed-secrets")) as peer:
        yield peer


@pytest.fixture(scope="session")
def ours(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    """Our service with the peer's keys."""
    folder = tmp_path_factory.mktemp("ours")
    with started_ours(peer.server, peer.namespace, folder) as ours:
        yield ours


@pytest.fixture(params=CLUSTERS)
def arena(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arena]:
    """A cluster and namespaces of the test's own: a directory, and a real API server, in turn."""
    with open_arena(request.param, request, tmp_path, monkeypatch) as opened:
        yield opened
