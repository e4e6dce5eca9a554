"""Both clusters, for the tests of key rings."""

from __future__ import annotations

import pytest

from tests.contract.cluster_cases import CLUSTERS, open_arena
from tests.keys.command import RingPlace, seal_command


@pytest.fixture
def directory(request, tmp_path, monkeypatch):
    """A directory cluster, for what does not depend on the kind of cluster."""
    with open_arena("directory", request, tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def kubernetes(kube_server, request, tmp_path, monkeypatch):
    """A real API server, for what only it does."""
    del kube_server  # named, so that the tests that use it are marked
    with open_arena("kubernetes", request, tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def seal(capsys, monkeypatch):
    """The command, in this process."""
    monkeypatch.delenv("POD_NAMESPACE", raising=False)
    return seal_command(capsys)


@pytest.fixture(params=CLUSTERS)
def place(request, tmp_path, monkeypatch):
    """Where the command keeps a ring, in both kinds of cluster; nobody else has it open."""
    with open_arena(request.param, request, tmp_path, monkeypatch) as opened:
        namespace = opened.namespace
    to = f"dir:{tmp_path / 'cluster'}" if request.param == "directory" else "kube"
    return RingPlace(to, namespace)


@pytest.fixture
def local(tmp_path):
    """A ring in a directory, for what does not depend on the kind of cluster."""
    return RingPlace(f"dir:{tmp_path / 'cluster'}", "keys")
