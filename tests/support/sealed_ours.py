"""Our service beside the real Sealed Secrets, with the same keys and its own namespaces."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.kube import KubeServer
from tests.support.sealed_objects import SealedObjects
from tests.support.service import RunningService

__all__ = ["CRDS", "Ours", "started_ours"]

#: The service wants all its kinds served.
CRDS = Path(__file__).parents[2] / "deploy" / "crds"


@dataclass(frozen=True)
class Ours:
    """The running service.

    Args:
        objects: SealedSecrets and Secrets that it serves.
        elsewhere: those of another namespace that it serves.
    """

    objects: SealedObjects
    elsewhere: SealedObjects


@contextlib.contextmanager
def started_ours(server: KubeServer, key_namespace: str, folder: Path) -> Iterator[Ours]:
    """Run `secretsync run` with the keys of a namespace.

    One process for each of two namespaces: a service of the whole cluster would take up
    what other tests have in it.
    """
    server.admin.install_crds(CRDS)
    namespaces = [server.admin.create_namespace("ours") for _ in range(2)]
    env = {"KUBECONFIG": str(server.kubeconfig), "POD_NAMESPACE": namespaces[0]}
    with contextlib.ExitStack() as stack:
        services = []
        for namespace in namespaces:
            arguments = ["--to", "kube", "--namespace", namespace]
            arguments += ["--sealing-namespace", key_namespace]
            log = folder / f"{namespace}.log"
            services.append(RunningService(arguments, env=env, log=log, sealing=True))
            stack.callback(services[-1].kill)
        for service in services:
            service.wait_ready()
        yield Ours(*(SealedObjects(server, namespace) for namespace in namespaces))
        for service in services:
            service.assert_alive()
