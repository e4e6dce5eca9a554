"""Which identity a store asks for: its auth block read into a plain description.

Neighbours: `federation` reads the external accounts; `tokens` carries the description out
with the SDK. Pure: everything that the store's selectors name has been resolved by the
caller and is handed in.

A tenant writes the block, so no URL of it is believed: keys and tokens go to Google's own
token services, and a key file that names another one is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from providers.base import AuthFailed, Credentials, InvalidRef, SecretBytes
from providers.gcp.config import GcpConfig, GcpSecretRef, GcpWorkloadIdentity
from providers.gcp.federation import FIELD, PoolLogin, account_of, federated, pod_token

__all__ = ["Ambient", "ClusterLogin", "KeyLogin", "Login", "PoolLogin", "plan_login"]

#: Token services that key files have named over the years.
_TOKEN_HOSTS = ("oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com")
_KEY_REMEDY = "put the JSON key of a service account there, as Google gave it"


@dataclass(frozen=True, slots=True)
class KeyLogin:
    """The key of a service account, as its file holds it."""

    info: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClusterLogin:
    """A ServiceAccount of a GKE cluster.

    Args:
        project: whose identity pool the cluster uses.
        location: of the cluster; "" asks the metadata server.
        cluster: its name; "" asks the metadata server.
        token: of the ServiceAccount.
        account: Google's service account to impersonate; "" for none.
    """

    project: str
    location: str
    cluster: str
    token: SecretBytes
    account: str


@dataclass(frozen=True, slots=True)
class Ambient:
    """Application Default Credentials: what this process itself was given."""


Login = KeyLogin | ClusterLogin | PoolLogin | Ambient


def plan_login(config: GcpConfig, credentials: Credentials) -> Login:
    """Read the auth block.

    Raises:
        InvalidRef: a field is missing or contradicts another.
        AuthFailed: a field names something that holds no usable credential.
    """
    auth = config.auth
    given = {
        "secretRef": auth.secret_ref,
        "workloadIdentity": auth.workload_identity,
        "workloadIdentityFederation": auth.workload_identity_federation,
    }
    named = [name for name, block in given.items() if block is not None]
    if len(named) > 1:
        raise InvalidRef(f"{FIELD} has both {named[0]} and {named[1]}", remedy="keep one of them")
    if auth.secret_ref is not None:
        return _key(auth.secret_ref, credentials)
    if auth.workload_identity is not None:
        return _cluster(auth.workload_identity, config, credentials)
    if auth.workload_identity_federation is not None:
        return federated(auth.workload_identity_federation, credentials)
    return Ambient()


def _key(ref: GcpSecretRef, credentials: Credentials) -> KeyLogin:
    selector = ref.secret_access_key_secret_ref
    path = f"{FIELD}.secretRef.secretAccessKeySecretRef"
    if selector is None:
        raise InvalidRef(f"{path} is missing", remedy="name the Secret that holds the key file")
    held = credentials.secrets.get(selector)
    where = f'{path}: Secret "{selector.name}", key "{selector.key}"'
    try:
        info = json.loads(held.reveal()) if held else None
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        # Outside of the handler: the parser's error holds the text.
        raise AuthFailed(f"{where} holds no JSON object", remedy=_KEY_REMEDY)
    _check_key(where, info)
    return KeyLogin(info)


def _check_key(where: str, info: Mapping[str, Any]) -> None:
    if info.get("type") != "service_account":
        raise AuthFailed(
            f"{where} is not the key of a service account",
            remedy=f"{_KEY_REMEDY}; external accounts belong in workloadIdentityFederation",
        )
    for name in ("client_email", "private_key", "token_uri"):
        if not isinstance(info.get(name), str) or not info[name]:
            raise AuthFailed(f"{where} has no {name}", remedy=_KEY_REMEDY)
    if info.get("universe_domain", "googleapis.com") != "googleapis.com":
        raise AuthFailed(f"{where} belongs to another universe than googleapis.com")
    try:
        uri = urlsplit(info["token_uri"])
        good = uri.scheme == "https" and uri.netloc in _TOKEN_HOSTS
    except ValueError:
        good = False
    if not good:
        raise AuthFailed(
            f"{where} names a token_uri that is not Google's",
            remedy="use https://oauth2.googleapis.com/token",
        )


def _cluster(
    identity: GcpWorkloadIdentity, config: GcpConfig, credentials: Credentials
) -> ClusterLogin:
    path = f"{FIELD}.workloadIdentity"
    issued = pod_token(identity.service_account_ref, path, credentials)
    for name, text in (
        ("clusterLocation", identity.cluster_location),
        ("clusterName", identity.cluster_name),
        ("clusterProjectID", identity.cluster_project_id),
    ):
        if not text.replace("-", "").replace(".", "").replace(":", "").isalnum() and text:
            raise InvalidRef(f"{path}.{name} holds characters that no such name has")
    return ClusterLogin(
        project=identity.cluster_project_id or config.project_id,
        location=identity.cluster_location,
        cluster=identity.cluster_name,
        token=issued.token,
        account=account_of(issued),
    )
