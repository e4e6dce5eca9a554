"""Both clusters, for the tests of key rings."""

from __future__ import annotations

import pytest

from tests.contract.cluster_cases import CLUSTERS, open_arena


@pytest.fixture(params=CLUSTERS)
def arena(request, tmp_path, monkeypatch):
    """A cluster and namespaces of the test's own, directory and Kubernetes in turn."""
    with open_arena(request.param, request, tmp_path, monkeypatch) as opened:
        yield opened


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
