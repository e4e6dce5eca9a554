"""What this machine itself is asked: its metadata server, and the sources of its identity.

Neighbour: `tokens`. The operator owns what is asked here, so it is sent by the SDK's own
transport, to addresses that no store may name.

Source: https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#metadata_server
"""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from typing import Any

from providers.base import Unavailable

__all__ = ["MachineRequests", "cluster_attribute"]

#: The server is on this machine.
METADATA_TIMEOUT_S = 3

_CLUSTER_PART = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


class MachineRequests:
    """The SDK's own transport; imported when a login first needs it.

    Attributes:
        request: what the SDK's credentials call.
    """

    def __init__(self) -> None:
        from google.auth.transport.requests import Request  # noqa: PLC0415 - see the class
        from requests import Session  # noqa: PLC0415 - see the class

        self._session = Session()
        self.request: Any = Request(self._session)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def cluster_attribute(name: str) -> str:
    """Return what the metadata server knows of the cluster: `cluster-name`, `cluster-location`.

    Raises:
        Unavailable: it does not tell.
        google.auth.exceptions.TransportError: it cannot be asked.
    """
    host = os.environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
    machine = MachineRequests()
    try:
        answer = machine.request(
            f"http://{host}/computeMetadata/v1/instance/attributes/{name}",
            headers={"Metadata-Flavor": "Google"},
            timeout=METADATA_TIMEOUT_S,
        )
        value = str(answer.data.decode(errors="replace").strip())
        told = answer.status == HTTPStatus.OK and answer.headers.get("Metadata-Flavor") == "Google"
    finally:
        machine.close()
    if not told or not _CLUSTER_PART.fullmatch(value):
        raise Unavailable(
            f"the metadata server does not tell {name}",
            remedy="set clusterLocation and clusterName in workloadIdentity",
        )
    return value
