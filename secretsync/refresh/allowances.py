"""What whoever runs the process allows to objects that tenants write.

A store of a tenant may name any server and any folder, and the process stands where the
tenant does not: inside the cluster's network, and on its own files. None of it is allowed
unless the command line or the environment of the process says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Allowances"]

WEBHOOK_NETWORKS = "SECRETSYNC_WEBHOOK_NETWORKS"
DIRECTORY_ROOTS = "SECRETSYNC_DIRECTORY_ROOTS"


@dataclass(frozen=True, slots=True)
class Allowances:
    """What the command line allows.

    Args:
        generic_targets: targets that are not Secrets (`target.manifest`).
        webhook_networks: private networks that webhooks may be in: 10.0.0.0/8, 192.168.1.7.
        directory_roots: folders below which `directory` stores may be.
    """

    generic_targets: bool = False
    webhook_networks: tuple[str, ...] = ()
    directory_roots: tuple[str, ...] = ()

    def context(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what adapters read, in the keys of `providers.base.Credentials.context`.

        Args:
            environment: what it allows comes first; None is that of the process.
        """
        given = os.environ if environment is None else environment
        networks = [*filter(None, [given.get(WEBHOOK_NETWORKS)]), *self.webhook_networks]
        # Split as PATH is: a folder's name may hold a comma.
        roots = [*filter(None, [given.get(DIRECTORY_ROOTS)]), *self.directory_roots]
        found = {
            "webhook_networks": ",".join(networks),
            "directory_roots": os.pathsep.join(roots),
        }
        return {key: value for key, value in found.items() if value}
