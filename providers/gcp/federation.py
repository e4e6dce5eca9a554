"""Workload identity federation: what an external account's description may say.

Neighbours: `login` reads the rest of the auth block; `tokens` exchanges what is named
here. Pure.

Such a description is known to be a way into networks: it may name files, programs and
URLs to fetch tokens from, and services to send them to. Of all that only its audience and
the account to impersonate are taken. Tokens come from a ServiceAccount or from keys that
the store names, and go to Google.

Source: https://cloud.google.com/docs/authentication/client-libraries#external-credentials
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import (
    AuthFailed,
    Credentials,
    InvalidRef,
    SecretBytes,
    ServiceAccountSelector,
    ServiceAccountToken,
)
from providers.gcp.config import AwsSecurityCredentials, GcpWorkloadIdentityFederation

__all__ = ["FIELD", "AwsKeys", "PoolLogin", "account_of", "federated", "pod_token"]

FIELD = "spec.provider.gcpsm.auth"
ACCOUNT_ANNOTATION = "iam.gke.io/gcp-service-account"
STS_URL = "https://sts.googleapis.com/v1/token"

_FEDERATION = f"{FIELD}.workloadIdentityFederation"
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}@[a-z0-9.-]{1,200}\.gserviceaccount\.com")
_IMPERSONATION = re.compile(
    r"https://iamcredentials\.googleapis\.com/v1/projects/-/serviceAccounts/"
    r"(?P<account>[^/:]+):generateAccessToken"
)
#: Pools of workloads and of a workforce, and the pool of a fleet of clusters.
_AUDIENCE = re.compile(
    r"(?:https:)?//iam\.googleapis\.com/[\w./:-]{1,400}|identitynamespace:[\w./:-]{1,400}",
    re.ASCII,
)
#: Where a Pod finds its own token. Named in many descriptions, and taken from nobody: it
#: would be this service's own identity.
_OWN_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Keys of AWS, which sign a request that proves who has them."""

    region: str
    access_key_id: str
    secret_access_key: SecretBytes
    session_token: SecretBytes | None


@dataclass(frozen=True, slots=True)
class PoolLogin:
    """Somebody whom an identity pool knows.

    Args:
        audience: full name of the pool's provider.
        subject: the token, or the keys.
        account: Google's service account to impersonate; "" for none.
    """

    audience: str
    subject: SecretBytes | AwsKeys
    account: str


def federated(block: GcpWorkloadIdentityFederation, credentials: Credentials) -> PoolLogin:
    """Read the `workloadIdentityFederation` block.

    Raises:
        InvalidRef: a field is missing, contradicts another, or asks for what is refused.
        AuthFailed: a field names something that holds no usable credential.
    """
    described = _description(block, credentials)
    audience = block.audience or described.audience
    subject: SecretBytes | AwsKeys
    named = ""
    if block.service_account_ref is not None and block.aws_security_credentials is not None:
        raise InvalidRef(
            f"{_FEDERATION} has both serviceAccountRef and awsSecurityCredentials",
            remedy="keep one of them",
        )
    if block.service_account_ref is not None:
        if not block.audience:
            raise InvalidRef(
                f"{_FEDERATION}.audience is missing",
                remedy="name the pool's provider, for which the token is issued",
            )
        issued = pod_token(block.service_account_ref, _FEDERATION, credentials)
        subject, named = issued.token, account_of(issued)
    elif block.aws_security_credentials is not None:
        subject = _aws_keys(block.aws_security_credentials, credentials)
    else:
        raise InvalidRef(
            f"{_FEDERATION} names nobody whose token is exchanged{described.source}",
            remedy="give serviceAccountRef or awsSecurityCredentials",
        )
    if not _AUDIENCE.fullmatch(audience):
        raise InvalidRef(
            f"{_FEDERATION}.audience is not the full name of an identity pool's provider",
            remedy="use //iam.googleapis.com/projects/<number>/locations/global/"
            "workloadIdentityPools/<pool>/providers/<provider>",
        )
    account = block.gcp_service_account_email or named or described.account
    return PoolLogin(audience, subject, _account(account, _FEDERATION))


def pod_token(
    selector: ServiceAccountSelector | None, path: str, credentials: Credentials
) -> ServiceAccountToken:
    """Return the token that was issued for a block's ServiceAccount.

    Raises:
        InvalidRef: none is named.
        AuthFailed: none was issued.
    """
    if selector is None or not selector.name:
        raise InvalidRef(
            f"{path}.serviceAccountRef is missing",
            remedy="name the ServiceAccount whose token is exchanged",
        )
    issued = credentials.tokens.get(selector)
    if issued is None or not issued.token:
        raise AuthFailed(
            f'{path}.serviceAccountRef: no token for ServiceAccount "{selector.name}"',
            remedy="check that the ServiceAccount exists and that its tokens may be created",
        )
    return issued


def account_of(issued: ServiceAccountToken) -> str:
    """Return the account of Google that a ServiceAccount's annotation names, or "".

    Raises:
        InvalidRef: it is none.
    """
    return _account(issued.annotations.get(ACCOUNT_ANNOTATION, "").strip(), ACCOUNT_ANNOTATION)


@dataclass(frozen=True, slots=True)
class _Description:
    """What is taken of an external account; `source` says what is not."""

    audience: str = ""
    account: str = ""
    source: str = ""


def _description(block: GcpWorkloadIdentityFederation, credentials: Credentials) -> _Description:
    if block.cred_config is None:
        return _Description()
    where = f'{_FEDERATION}.credConfig: ConfigMap "{block.cred_config.name}"'
    try:
        info = json.loads(credentials.config_maps.get(block.cred_config, ""))
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict) or info.get("type") != "external_account":
        raise InvalidRef(
            f"{where} holds no JSON object of type external_account",
            remedy="create it by gcloud iam workload-identity-pools create-cred-config",
        )
    if info.get("token_url", STS_URL) != STS_URL:
        raise InvalidRef(f"{where} names a token_url that is not {STS_URL}")
    if info.get("universe_domain", "googleapis.com") != "googleapis.com":
        raise InvalidRef(f"{where} belongs to another universe than googleapis.com")
    return _Description(
        audience=str(info.get("audience", "")),
        account=_impersonated(info, where),
        source=_source(info.get("credential_source"), where),
    )


def _impersonated(info: Mapping[str, Any], where: str) -> str:
    url = info.get("service_account_impersonation_url") or ""
    found = _IMPERSONATION.fullmatch(url) if isinstance(url, str) else None
    if url and found is None:
        raise InvalidRef(
            f"{where} names a service_account_impersonation_url that is not Google's",
            remedy="use https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            "<account>:generateAccessToken",
        )
    return found["account"] if found else ""


def _source(source: object, where: str) -> str:
    """Refuse sources of tokens; say which one was passed over."""
    if not isinstance(source, Mapping):
        return ""
    for name in ("executable", "url", "certificate"):
        if name in source and "environment_id" not in source:
            raise InvalidRef(
                f"{where}: credential_source.{name} is not allowed",
                remedy="remove it, and give serviceAccountRef or awsSecurityCredentials",
            )
    file = source.get("file")
    if file and file != _OWN_TOKEN:
        raise InvalidRef(
            f"{where}: credential_source.file is not allowed",
            remedy="remove it, and give serviceAccountRef",
        )
    return "; the identity of this service's own machine is lent to nobody"


def _account(account: str, where: str) -> str:
    if account and not _ACCOUNT.fullmatch(account):
        raise InvalidRef(
            f"{where} names no service account of Google",
            remedy="use <name>@<project>.iam.gserviceaccount.com",
        )
    return account


def _aws_keys(block: AwsSecurityCredentials, credentials: Credentials) -> AwsKeys:
    path = f"{_FEDERATION}.awsSecurityCredentials"
    selector = block.aws_credentials_secret_ref
    if selector is None:
        raise InvalidRef(f"{path}.awsCredentialsSecretRef is missing", remedy="name the Secret")
    if not re.fullmatch(r"[a-z0-9-]{1,40}", block.region, re.ASCII):
        raise InvalidRef(f"{path}.region is no region of AWS", remedy="use one such as eu-west-1")
    held = credentials.whole_secrets.get(selector, {})
    values = {
        name: held[name].reveal().strip()
        for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        if name in held
    }
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        if not values.get(name) or not values[name].isascii():
            raise AuthFailed(
                f'{path}: Secret "{selector.name}" holds no usable value under "{name}"',
                remedy="put the credential there as plain ASCII text",
            )
    token = values.get("aws_session_token")
    return AwsKeys(
        region=block.region,
        access_key_id=values["aws_access_key_id"].decode(),
        secret_access_key=SecretBytes(values["aws_secret_access_key"]),
        session_token=SecretBytes(token) if token else None,
    )
