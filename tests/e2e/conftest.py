"""Fixtures of the end-to-end tests: a rig over either kind of cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.kit import store, write
from tests.e2e.kube_front import KubeFront
from tests.e2e.rig import Rig
from tests.e2e.sites import DirectorySite, KubeSite, Site, clean
from tests.support.aws import AwsApi, shared_moto
from tests.support.aws_front import StrictFront
from tests.support.kube import KubeServer

CRDS = Path(__file__).parents[2] / "deploy" / "crds"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder: it takes minutes, and `make test-fast` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def crd_server(kube_server: KubeServer) -> KubeServer:
    """The shared API server, once it serves our CRDs."""
    kube_server.admin.install_crds(CRDS)
    return kube_server


@pytest.fixture
def front() -> Iterator[StrictFront]:
    """A store of the test's own."""
    with StrictFront(shared_moto().url) as front:
        yield front


@pytest.fixture
def dir_site(tmp_path: Path) -> DirectorySite:
    """A directory cluster."""
    return DirectorySite(tmp_path / "cluster")


@pytest.fixture
def kube_site(crd_server: KubeServer, tmp_path: Path) -> Iterator[KubeSite]:
    """A namespace of the API server, behind a front that counts and breaks."""
    clean(crd_server)
    api = KubeFront(crd_server, tmp_path)
    yield KubeSite(crd_server, crd_server.admin.create_namespace("shop"), api)
    api.close()


@pytest.fixture(params=["dir", pytest.param("kube", marks=pytest.mark.built)])
def site(request: pytest.FixtureRequest) -> Site:
    """Either kind of cluster."""
    return request.getfixturevalue(f"{request.param}_site")


def _rig(site: Site, front: StrictFront, folder: Path) -> Iterator[Rig]:
    api = AwsApi(front.url)
    rig = Rig(site, front, api, folder)
    yield rig
    rig.close()
    api.close()


@pytest.fixture
def rig(site: Site, front: StrictFront, tmp_path: Path) -> Iterator[Rig]:
    """A rig over each kind of cluster in turn."""
    yield from _rig(site, front, tmp_path)


@pytest.fixture
def kube_rig(kube_site: KubeSite, front: StrictFront, tmp_path: Path) -> Iterator[Rig]:
    """A rig over the API server."""
    yield from _rig(kube_site, front, tmp_path)


@pytest.fixture
def dir_rig(dir_site: DirectorySite, front: StrictFront, tmp_path: Path) -> Iterator[Rig]:
    """A rig over a directory."""
    yield from _rig(dir_site, front, tmp_path)


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A folder for PATH, with the store in it."""
    return write(tmp_path / "manifests" / "store.yaml", store()).parent
