"""The real External Secrets Operator, beside a test's API server.

Its build serves AWS and fake stores and fake generators alone (tests/tools/README.md);
what it does with Secrets is as published. Neighbour: `kube`, the server it works on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from examples.ports import free_port
from tests.support.kube import KubeServer
from tests.support.kube_process import ChildProcess
from tests.support.tools import tool_path
from tests.tools.build import HERE, PROGRAMS, go_program, module_folder

__all__ = ["PROGRAM", "EsoOperator", "eso_crds", "published_crds"]

PROGRAM = "external-secrets"


def published_crds() -> list[dict[str, Any]]:
    """Return the CRDs of the operator, as its module publishes them."""
    program = PROGRAMS[PROGRAM]
    module = HERE / program.module
    source = module_folder(program.package, module, go_program(module))
    files = sorted((source / "config" / "crds" / "bases").glob("*.yaml"))
    documents = [yaml.load(file.read_text(), yaml.CSafeLoader) for file in files]
    crds = [each for each in documents if each["kind"] == "CustomResourceDefinition"]
    assert crds, f"{source} has no CRDs"
    return crds


def eso_crds(folder: Path) -> Path:
    """Write the CRDs of the operator into a file.

    Args:
        folder: takes the file.

    Returns:
        Its path. It is JSON, which is YAML.
    """
    crds = published_crds()
    path = folder / "eso-crds.yaml"
    path.write_text("\n---\n".join(json.dumps(crd) for crd in crds))
    return path


class EsoOperator:
    """One operator process; start it again after stop().

    Args:
        server: a started API server that serves its CRDs.
        folder: takes the log.
        env: on top of ours, such as the endpoint of AWS.
    """

    def __init__(self, server: KubeServer, folder: Path, *, env: Mapping[str, str]) -> None:
        self._server = server
        self._folder = folder
        self._env = dict(env)
        self._process: ChildProcess | None = None

    def start(self) -> None:
        """Start it; what it does is to be awaited on the objects."""
        command = [
            tool_path(PROGRAM),
            f"--metrics-addr=127.0.0.1:{free_port()}",
            "--concurrent=4",
            "--client-qps=200",
            "--client-burst=200",
            "--zap-time-encoding=rfc3339",
        ]
        env = {"KUBECONFIG": str(self._server.kubeconfig), **self._env}
        self._process = ChildProcess(PROGRAM, command, self._folder / "eso.log", env=env)

    def assert_alive(self) -> None:
        """Fail with the end of its log where it has ended."""
        assert self._process is not None, "not started"
        assert self._process.is_running, self._process.log_tail()

    def stop(self) -> None:
        """End it as a rollout does; nothing happens where it does not run."""
        if self._process is not None:
            self._process.stop()
