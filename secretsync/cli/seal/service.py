"""The controller's three endpoints, as a client behind the API server's service proxy."""

from __future__ import annotations

import json
from typing import Any

from secretsync.cli.seal.console import warn
from secretsync.cluster.client_config import KubectlFlags
from secretsync.cluster.service_proxy import CONFLICT, ProxyRefused, ServiceProxy, ServiceUnread
from secretsync.errors import ClusterError

__all__ = ["SealedSecretsService", "kubectl_flags"]

ACCEPT_PEM = "application/x-pem-file, */*"


def kubectl_flags(options: Any) -> KubectlFlags:
    """Return what the options say of the cluster."""
    return KubectlFlags(
        kubeconfig=options.kubeconfig,
        context=options.context,
        cluster=options.cluster,
        user=options.user,
        namespace=getattr(options, "namespace", None) or "",
        server=options.server,
        token=options.token,
        username=options.username,
        password=options.password,
        as_user=getattr(options, "as"),
        as_groups=tuple(options.as_group),
        as_uid=options.as_uid,
        certificate_authority=options.certificate_authority,
        client_certificate=options.client_certificate,
        client_key=options.client_key,
        insecure_skip_tls_verify=options.insecure_skip_tls_verify,
        tls_server_name=options.tls_server_name,
        proxy_url=options.proxy_url,
        request_timeout=options.request_timeout,
    )


class SealedSecretsService:
    """The controller, reached through the API server.

    Args:
        proxy: to its Service.
        namespace, name: of the Service.
    """

    def __init__(self, proxy: ServiceProxy, namespace: str, name: str) -> None:
        self._proxy = proxy
        #: Where the controller is, for messages and pins.
        self.place = f"{namespace}/{name}"
        self.server = proxy.server

    @classmethod
    def from_options(cls, options: Any) -> SealedSecretsService:
        """Make ready to reach the controller that the options name.

        What weakens the connection is said on standard error.

        Raises:
            ConfigError: there is no usable configuration.
        """
        place = (options.controller_namespace, options.controller_name)
        proxy = ServiceProxy(kubectl_flags(options), *place)
        cluster = proxy.config.cluster
        if cluster.get("insecure-skip-tls-verify"):
            warn(f"the API server {proxy.server} is not verified; anybody may answer for it")
        elif str(cluster.get("server", "")).startswith("http:"):
            warn(f"the API server {proxy.server} is reached without TLS; no credentials are sent")
        return cls(proxy, *place)

    def certificate_pem(self) -> bytes:
        """Return the certificate that the controller seals for.

        Raises:
            ClusterError: it cannot be had.
        """
        try:
            return self._proxy.get("/v1/cert.pem", accept=ACCEPT_PEM)
        except ClusterError as exc:
            raise _explained(exc, "cannot fetch certificate") from exc

    def verify(self, manifest: bytes) -> bool:
        """Ask whether the controller can open a SealedSecret.

        Args:
            manifest: one SealedSecret as JSON.

        Raises:
            ClusterError: there is no answer to that.
        """
        try:
            self._proxy.post("/v1/verify", manifest)
        except ClusterError as exc:
            if _is_conflict(exc):
                return False
            raise _explained(exc, "cannot validate sealed secret") from exc
        return True

    def rotate(self, manifest: bytes) -> dict[str, Any]:
        """Have a SealedSecret sealed anew for the controller's newest key.

        Args:
            manifest: one SealedSecret as JSON.

        Returns:
            What the controller made of it; older ones leave parts of the template out.

        Raises:
            ClusterError: it could not.
        """
        try:
            answer = self._proxy.post("/v1/rotate", manifest)
        except ClusterError as exc:
            if _is_conflict(exc):
                raise ClusterError("unable to rotate secret") from exc
            raise _explained(exc, "cannot re-encrypt secret") from exc
        try:
            rotated = json.loads(answer)
        except (ValueError, RecursionError) as exc:
            raise ClusterError("cannot re-encrypt secret: the answer is not JSON") from exc
        if not isinstance(rotated, dict):
            raise ClusterError("cannot re-encrypt secret: the answer is not an object")
        return rotated


def _is_conflict(exc: ClusterError) -> bool:
    return isinstance(exc, ProxyRefused) and exc.http_status == CONFLICT


def _explained(exc: ClusterError, attempt: str) -> ClusterError:
    if isinstance(exc, ServiceUnread):
        return ClusterError(
            f"cannot get sealed secret service: {exc.message}.\n"
            "Please, use the flag --controller-name and --controller-namespace "
            "to set up the name and namespace of the sealed secrets controller",
            remedy=exc.remedy,
        )
    return ClusterError(f"{attempt}: {exc.message}", remedy=exc.remedy)
