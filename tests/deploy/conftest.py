"""The CRDs of deploy/, installed once on the API server that a worker's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.api import Answer, Api, load_manifests
from tests.support.kube import KubeServer

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="session")
def kube_api(kube_server: KubeServer, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """The administrator's requests."""
    return Api(kube_server.kubeconfig, tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="session")
def installed_crds(kube_api: Api) -> dict[str, Answer]:
    """Install every CRD; the answer to each apply, by the CRD's plural."""
    files = sorted((DEPLOY / "crds").glob("*.yaml"))
    crds = [crd for path in files for crd in load_manifests(path)]
    return {crd["spec"]["names"]["plural"]: kube_api.install_crd(crd) for crd in crds}


@pytest.fixture(scope="session")
def crd_api(kube_api: Api, installed_crds: dict[str, Answer]) -> Api:
    """The administrator's requests, once the CRDs are served."""
    return kube_api
