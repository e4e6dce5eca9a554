"""Who asks the remote API server, and how it is reached.

Order: `authRef`, else the one of `auth`. Neighbours: `kubeconfig` reads what `authRef`
holds; `api` sends.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from providers.addresses import Reach
from providers.base import (
    AuthFailed,
    CallObserver,
    Credentials,
    InvalidRef,
    SecretBytes,
    SecretKeySelector,
)
from providers.http import HttpClient
from providers.http_tls import ClientCertificate
from providers.kubernetes.api import KubeApi
from providers.kubernetes.config import KubernetesConfig, KubernetesServer
from providers.kubernetes.kubeconfig import KubeContext, read_kubeconfig

__all__ = ["open_api"]

#: A page of a list without values, with the annotations that Secrets may have.
MAX_BODY_BYTES = 16 * 1024 * 1024
_OWN_CA = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")


def open_api(
    config: KubernetesConfig, credentials: Credentials, *, observe: CallObserver
) -> KubeApi:
    """Return what sends requests; nothing is sent yet.

    API servers are in private networks as a rule, and what is asked of them gives nothing
    to whoever has no credentials there: only the addresses that no store may reach are
    refused.

    Raises:
        InvalidRef: the block contradicts itself.
        AuthFailed: a credential cannot be used.
    """
    if credentials.local_api is not None and config.is_local:
        return KubeApi(credentials.local_api, {}, observe)
    context = _context(config, credentials)
    headers = {}
    if context.token is not None:
        token = context.token.reveal().strip()
        if not token or not token.isascii():
            raise AuthFailed("the bearer token is empty or no token", remedy="store a token")
        headers["Authorization"] = f"Bearer {token.decode()}"
    certificate = None
    if context.certificate is not None and context.key is not None:
        certificate = ClientCertificate(context.certificate, context.key)
    if not headers and certificate is None:
        raise AuthFailed("there is neither a token nor a certificate", remedy="set auth")
    client = HttpClient(
        context.server,
        ca_pem=context.ca_pem,
        client_cert=certificate,
        max_body_bytes=MAX_BODY_BYTES,
        reach=Reach.everywhere(),
    )
    return KubeApi(client, headers, observe)


def _context(config: KubernetesConfig, credentials: Credentials) -> KubeContext:
    if config.auth_ref is not None:
        return _checked(read_kubeconfig(credentials.secrets[config.auth_ref].reveal()))
    server = _checked(KubeContext(config.server.address, _authority(config.server, credentials)))
    auth = config.auth
    given = [] if auth is None else [auth.cert, auth.token, auth.service_account]
    if auth is None or sum(one is not None for one in given) != 1:
        raise InvalidRef(
            "spec.provider.kubernetes names no credentials, or several",
            remedy="set one of auth.serviceAccount, auth.token, auth.cert and authRef",
        )
    if auth.service_account is not None:
        token: SecretBytes | None = credentials.tokens[auth.service_account].token
        return KubeContext(server.server, server.ca_pem, token)
    if auth.token is not None:
        token = _secret(auth.token.bearer_token, "auth.token.bearerToken", credentials)
        return KubeContext(server.server, server.ca_pem, token)
    cert = auth.cert
    assert cert is not None  # noqa: S101 - one of three is given
    return KubeContext(
        server.server,
        server.ca_pem,
        certificate=_secret(cert.client_cert, "auth.cert.clientCert", credentials).reveal(),
        key=_secret(cert.client_key, "auth.cert.clientKey", credentials),
    )


def _secret(
    selector: SecretKeySelector | None, field: str, credentials: Credentials
) -> SecretBytes:
    if selector is None:
        raise InvalidRef(f"spec.provider.kubernetes.{field} is required", remedy=f"set {field}")
    return credentials.secrets[selector]


def _checked(context: KubeContext) -> KubeContext:
    if not context.server.startswith("https://"):
        raise InvalidRef(
            "the API server's URL is not https: credentials would be sent in the clear",
            remedy="use https, and caBundle or caProvider for its authority",
        )
    return context


def _authority(server: KubernetesServer, credentials: Credentials) -> bytes | None:
    if server.ca_bundle:
        try:
            return base64.b64decode("".join(server.ca_bundle.split()), validate=True)
        except (binascii.Error, ValueError):
            problem = "caBundle is not base64"
        raise InvalidRef(problem, remedy="encode the PEM certificates, as base64 -w0 does")
    if server.ca_provider is not None:
        return credentials.authorities[server.ca_provider]
    if server.is_own and _OWN_CA.is_file():
        return _OWN_CA.read_bytes()
    return None
