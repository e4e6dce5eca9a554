"""A command as it runs in a pod: with a ServiceAccount mounted where Kubernetes mounts it.

The mount is in a namespace of the command's own, so that no right on the machine is needed
and nobody else sees it. `network_namespace` says what a machine must allow.
"""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from tests.support.kube import KubeServer

__all__ = ["POD_NAMESPACE", "as_pod", "mount_account", "pod_environment"]

POD_NAMESPACE = "apps"
#: Where the kubelet mounts it; client libraries look nowhere else.
_PLACE = "/var/run/secrets/kubernetes.io/serviceaccount"
#: What is in /run of this machine is out of the command's sight: a pod has its own.
_MOUNT = (
    "mount -t tmpfs none $(readlink -f /var/run) && mkdir -p $1 && mount --bind $2 $1"
    ' && shift 2 && exec "$@"'
)


def mount_account(server: KubeServer, folder: Path, *, token: str = "") -> Path:
    """Write what the kubelet would mount for an account of POD_NAMESPACE.

    Args:
        token: in place of the account's own.

    Returns:
        The folder to mount, for `as_pod`.
    """
    folder.mkdir()
    (folder / "token").write_text(token or server.admin.create_token(POD_NAMESPACE, "job"))
    (folder / "ca.crt").write_bytes(server.ca.read_bytes())
    (folder / "namespace").write_text(POD_NAMESPACE)
    return folder


def as_pod(account: Path) -> list[str | Path]:
    """Return what goes before a command."""
    return ["unshare", "--map-root-user", "--mount", "sh", "-ec", _MOUNT, "pod", _PLACE, account]


def pod_environment(server: KubeServer) -> dict[str, str]:
    """Return the variables that say where the API server is, as the kubelet sets them."""
    url = urllib.parse.urlsplit(server.url)
    return {
        "KUBERNETES_SERVICE_HOST": str(url.hostname),
        "KUBERNETES_SERVICE_PORT": str(url.port),
    }
