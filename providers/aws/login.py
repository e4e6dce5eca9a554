"""Which identity a store asks for: its auth block read into plain steps.

Neighbour: `session` carries the steps out with the SDK. Pure: everything that the
store's selectors name has been resolved by the caller and is handed in.

Order, as External Secrets Operator documents it: `auth.jwt`, else `auth.secretRef`,
else the SDK's default chain; then `additionalRoles` in order; then `role`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.aws.config import AwsConfig, AwsJwtAuth, AwsSecretRef
from providers.base import (
    AuthFailed,
    Credentials,
    InvalidRef,
    SecretBytes,
    SecretKeySelector,
)

__all__ = ["LoginPlan", "RoleStep", "StaticKeys", "WebIdentity", "plan_login"]

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
_FIELD = "spec.provider.aws.auth"

#: STS limits a RoleSessionName to 64 of these characters.
_SESSION_NAME_CHARS = 64
_NOT_IN_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class StaticKeys:
    """Keys that the store's Secrets hold."""

    access_key_id: str
    secret_access_key: SecretBytes
    session_token: SecretBytes | None


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A ServiceAccount's token and the role that it is exchanged for."""

    role_arn: str
    token: SecretBytes


@dataclass(frozen=True, slots=True)
class RoleStep:
    """One AssumeRole: the role, and what STS is told besides."""

    role_arn: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LoginPlan:
    """How to come by the identity; `first` is None for the SDK's default chain."""

    first: StaticKeys | WebIdentity | None
    roles: tuple[RoleStep, ...]
    session_name: str


def plan_login(config: AwsConfig, credentials: Credentials) -> LoginPlan:
    """Read the auth block.

    Raises:
        InvalidRef: a field is missing or contradicts another.
        AuthFailed: a field names something that holds no usable credential.
    """
    roles = [RoleStep(arn, {}) for arn in config.additional_roles]
    if config.role:
        roles.append(RoleStep(config.role, _role_options(config, credentials.context)))
    return LoginPlan(
        first=_first_identity(config, credentials),
        roles=tuple(roles),
        session_name=_session_name(credentials.context),
    )


def _first_identity(config: AwsConfig, credentials: Credentials) -> StaticKeys | WebIdentity | None:
    if config.auth.jwt is not None:
        return _web_identity(config.auth.jwt, credentials)
    if config.auth.secret_ref is not None:
        return _static_keys(config.auth.secret_ref, credentials)
    return None


def _web_identity(jwt: AwsJwtAuth, credentials: Credentials) -> WebIdentity:
    selector = jwt.service_account_ref
    if selector is None or not selector.name:
        raise InvalidRef(
            f"{_FIELD}.jwt.serviceAccountRef is missing",
            remedy="name the ServiceAccount whose token is exchanged for its role",
        )
    issued = credentials.tokens.get(selector)
    if issued is None or not issued.token:
        raise AuthFailed(
            f'{_FIELD}.jwt.serviceAccountRef: no token for ServiceAccount "{selector.name}"',
            remedy="check that the ServiceAccount exists and that its tokens may be created",
        )
    role_arn = issued.annotations.get(ROLE_ANNOTATION, "").strip()
    if not role_arn:
        raise AuthFailed(
            f'ServiceAccount "{selector.name}" has no annotation {ROLE_ANNOTATION}',
            remedy=f"kubectl annotate serviceaccount {selector.name} "
            f"{ROLE_ANNOTATION}=arn:aws:iam::<account>:role/<role>",
        )
    return WebIdentity(role_arn, issued.token)


def _static_keys(ref: AwsSecretRef, credentials: Credentials) -> StaticKeys:
    key_id = _required(ref.access_key_id_secret_ref, "accessKeyIDSecretRef", credentials)
    secret = _required(ref.secret_access_key_secret_ref, "secretAccessKeySecretRef", credentials)
    token = None
    if ref.session_token_secret_ref is not None:
        token = _required(ref.session_token_secret_ref, "sessionTokenSecretRef", credentials)
    return StaticKeys(key_id.reveal().decode(), secret, token)


def _required(
    selector: SecretKeySelector | None, field: str, credentials: Credentials
) -> SecretBytes:
    """Return one credential, without the white space that editors and `echo` leave."""
    path = f"{_FIELD}.secretRef.{field}"
    if selector is None:
        raise InvalidRef(
            f"{path} is missing",
            remedy="give accessKeyIDSecretRef and secretAccessKeySecretRef together",
        )
    held = credentials.secrets.get(selector)
    value = held.reveal().strip() if held is not None else b""
    if not value.isascii() or not value:
        raise AuthFailed(
            f'{path}: Secret "{selector.name}" holds no usable value under "{selector.key}"',
            remedy="put the credential there as plain ASCII text",
        )
    return SecretBytes(value)


def _role_options(config: AwsConfig, context: Mapping[str, str]) -> dict[str, Any]:
    """Return what STS is told when `role` is assumed, and only then, as ESO does it."""
    options: dict[str, Any] = {}
    if config.external_id:
        options["ExternalId"] = config.external_id
    tags = _session_tags(config, context)
    if tags:
        options["Tags"] = [{"Key": key, "Value": value} for key, value in tags]
        if config.transitive_tag_keys:
            options["TransitiveTagKeys"] = list(config.transitive_tag_keys)
    return options


def _session_tags(config: AwsConfig, context: Mapping[str, str]) -> list[tuple[str, str]]:
    tags = [(tag.key, tag.value) for tag in config.session_tags]
    if config.session_tags_policy == "Custom":
        tags += config.custom_session_tags
    if config.session_tags_policy in ("Simple", "Custom"):
        tags += [
            ("esoNamespace", context.get("namespace", "")),
            ("esoStoreName", context.get("store_name", "")),
            ("esoStoreKind", context.get("store_kind", "")),
        ]
    _refuse_repeated(key for key, _ in tags)
    return tags


def _refuse_repeated(keys: Iterable[str]) -> None:
    """Refuse a tag that is set twice; a store must not be able to speak for another.

    STS compares tag keys without regard to case.
    """
    seen: set[str] = set()
    for key in keys:
        if key.lower() in seen:
            raise InvalidRef(
                f'spec.provider.aws: session tag "{key}" is set more than once',
                remedy="remove it from sessionTags or customSessionTags; "
                "sessionTagsPolicy sets esoNamespace, esoStoreName and esoStoreKind itself",
            )
        seen.add(key.lower())


def _session_name(context: Mapping[str, str]) -> str:
    """Return the name under which CloudTrail shows this session."""
    parts = ["secretsync", context.get("namespace", ""), context.get("store_name", "")]
    name = "-".join(part for part in parts if part)
    return _NOT_IN_SESSION_NAME.sub("-", name)[:_SESSION_NAME_CHARS]
