"""Logins with an identity of AWS or Google, proved by what it signs.

Neighbours: `logins` asks; the rooms of the two clouds make the proofs with their SDKs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from providers.aws.config import AwsAuth, AwsConfig, AwsJwtAuth, AwsSecretRef
from providers.base import CallObserver, Credentials, InvalidRef
from providers.gcp.config import GcpAuth, GcpConfig, GcpSecretRef, GcpWorkloadIdentity
from providers.vault.config import VaultAuth
from providers.vault.config_clouds import VaultGcpAuth, VaultIamAuth
from providers.vault.paths import api_path

__all__ = ["cloud_login"]

_DEFAULT_REGION = "us-east-1"


def cloud_login(
    auth: VaultAuth, credentials: Credentials, *, observe: CallObserver
) -> Callable[[Any], Mapping[str, Any]]:
    """Return how to log in by `iam` or `gcp`.

    Raises:
        InvalidRef: the block names nothing that can sign.
    """
    if auth.iam is not None:
        return _iam(auth.iam, credentials, observe)
    if auth.gcp is not None:
        return _gcp(auth.gcp, credentials, observe)
    raise InvalidRef("the store's auth block names no cloud")


def _iam(
    auth: VaultIamAuth, credentials: Credentials, observe: CallObserver
) -> Callable[[Any], Mapping[str, Any]]:
    ref, jwt = auth.secret_ref, auth.jwt
    keys = None
    if ref is not None:
        keys = AwsSecretRef(
            ref.access_key_id_secret_ref,
            ref.secret_access_key_secret_ref,
            ref.session_token_secret_ref,
        )
    config = AwsConfig(
        service="SecretsManager",
        region=auth.region or _DEFAULT_REGION,
        role=auth.role,
        external_id=auth.external_id,
        auth=AwsAuth(
            secret_ref=keys, jwt=AwsJwtAuth(jwt.service_account_ref) if jwt is not None else None
        ),
    )

    def login(client: Any) -> Mapping[str, Any]:
        # Imported here: the SDK is for those who log in with AWS.
        from providers.aws.caller_identity import (  # noqa: PLC0415 - see above
            signed_caller_identity,
        )

        proof = signed_caller_identity(
            config, credentials, server_id=auth.vault_aws_iam_server_id, observe=observe
        )
        headers = json.dumps({name: [value] for name, value in proof.headers.items()})
        body = {
            "role": auth.vault_role,
            "iam_http_request_method": proof.method,
            "iam_request_url": _base64(proof.url.encode()),
            "iam_request_headers": _base64(headers.encode()),
            "iam_request_body": _base64(proof.body),
        }
        return _mapping(client.adapter.login(url=_url(auth.path), json=body))

    return login


def _gcp(
    auth: VaultGcpAuth, credentials: Credentials, observe: CallObserver
) -> Callable[[Any], Mapping[str, Any]]:
    ref, identity = auth.secret_ref, auth.workload_identity
    pool = None
    if identity is not None:
        pool = GcpWorkloadIdentity(
            service_account_ref=identity.service_account_ref,
            cluster_location=identity.cluster_location or auth.location,
            cluster_name=identity.cluster_name,
            cluster_project_id=identity.cluster_project_id,
        )
    key = GcpSecretRef(ref.secret_access_key_secret_ref) if ref is not None else None
    config = GcpConfig(
        project_id=auth.project_id, auth=GcpAuth(secret_ref=key, workload_identity=pool)
    )

    def login(client: Any) -> Mapping[str, Any]:
        # Imported here: the SDK is for those who log in with Google.
        from providers.gcp.login import plan_login  # noqa: PLC0415 - see above
        from providers.gcp.signed_identity import signed_identity  # noqa: PLC0415 - see above

        token = signed_identity(
            plan_login(config, credentials), audience=f"vault/{auth.role}", observe=observe
        )
        body = {"role": auth.role, "jwt": token}
        return _mapping(client.adapter.login(url=_url(auth.path), json=body))

    return login


def _url(path: str) -> str:
    return api_path("auth", path.strip("/"), "login")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _mapping(reply: object) -> Mapping[str, Any]:
    return reply if isinstance(reply, Mapping) else {}
