"""What whoever runs the process allows to stores that tenants write.

A store of a tenant may name any server and any folder, and the process stands where the
tenant does not: inside the cluster's network, and on its own files. None of it is allowed
unless the environment of the process says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["allowances"]

#: Variable of the environment → key of `providers.base.Credentials.context`.
_ALLOWANCES = {
    # Private networks that webhooks may be in: 10.0.0.0/8,192.168.1.7
    "SECRETSYNC_WEBHOOK_NETWORKS": "webhook_networks",
    # Folders below which `directory` stores may be, split as PATH is.
    "SECRETSYNC_DIRECTORY_ROOTS": "directory_roots",
}


def allowances(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what is allowed, as adapters read it.

    Args:
        environment: None is that of the process.
    """
    given = os.environ if environment is None else environment
    return {key: given[name] for name, key in _ALLOWANCES.items() if given.get(name)}
