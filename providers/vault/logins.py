"""How a store's auth block becomes a token: what is sent to which login.

Neighbours: `session` runs the login and keeps the token; `logins_clouds` proves identities
of AWS and Google. Everything that the store's selectors name has been resolved by the
caller; of the machine only the token of this process's own ServiceAccount is read.

Of several methods the first counts, in External Secrets Operator's order: token, appRole,
kubernetes, ldap, jwt, cert, userPass, iam, gcp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from providers.base import (
    AuthFailed,
    CallObserver,
    Credentials,
    InvalidRef,
    SecretBytes,
    SecretKeySelector,
    ServiceAccountSelector,
)
from providers.http import ClientCertificate
from providers.vault.config import (
    VaultAppRole,
    VaultAuth,
    VaultConfig,
    VaultJwtAuth,
    VaultKubernetesAuth,
    VaultPasswordAuth,
)
from providers.vault.paths import api_path

__all__ = ["Login", "certificate_of", "login_of"]

#: Logs in with an hvac client and returns the reply, which holds the token.
Login = Callable[[Any], Mapping[str, Any]]

_OWN_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def login_of(
    config: VaultConfig, credentials: Credentials, *, observe: CallObserver
) -> Login | SecretBytes:
    """Return how to log in, or the token that the store was given.

    Raises:
        InvalidRef: the block lacks a field, or names no method.
        AuthFailed: a selector holds no usable credential.
    """
    auth = config.auth
    held = _Held(credentials)
    if auth.token_secret_ref is not None:
        return SecretBytes(held.secret(auth.token_secret_ref, "tokenSecretRef").encode())
    if auth.app_role is not None:
        return _app_role(auth.app_role, held)
    if auth.kubernetes is not None:
        return _kubernetes(auth.kubernetes, held)
    if auth.ldap is not None:
        return _password(auth.ldap, held, "ldap")
    if auth.jwt is not None:
        return _jwt(auth.jwt, held)
    if auth.cert is not None:
        return _certificate(auth)
    if auth.user_pass is not None:
        return _password(auth.user_pass, held, "userPass")
    if auth.iam is not None or auth.gcp is not None:
        # Imported here: these two need an SDK of a cloud, which others must not pay for.
        from providers.vault.logins_clouds import cloud_login  # noqa: PLC0415 - see above

        return cloud_login(auth, credentials, observe=observe)
    raise InvalidRef(
        "the store's auth block names no method", remedy="set one of its methods, e.g. kubernetes"
    )


def certificate_of(config: VaultConfig, credentials: Credentials) -> ClientCertificate | None:
    """Return the client certificate that the store shows, if any.

    Raises:
        InvalidRef: one of certificate and key is not named.
        AuthFailed: one of them cannot be had.
    """
    cert, tls = config.auth.cert, config.tls
    if cert is not None:
        pair = (cert.client_cert, cert.secret_ref)
        names = ("cert.clientCert", "cert.secretRef")
    else:
        pair = (tls.cert_secret_ref, tls.key_secret_ref)
        names = ("tls.certSecretRef", "tls.keySecretRef")
    if pair == (None, None) and cert is None:
        return None
    held = _Held(credentials)
    chain, key = (held.raw(selector, name) for selector, name in zip(pair, names, strict=True))
    return ClientCertificate(chain.reveal(), key)


class _Held:
    """What the selectors resolved to, or the error that says which one did not."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def raw(self, selector: SecretKeySelector | None, field: str) -> SecretBytes:
        if selector is None:
            raise InvalidRef(f"{field} of the store is missing", remedy=f"set {field}")
        found = self._credentials.secrets.get(selector)
        if not found:
            raise _unusable(field, f'Secret "{selector.name}" has nothing under "{selector.key}"')
        return found

    def text(self, selector: SecretKeySelector | None, field: str) -> str:
        value = self.raw(selector, field).reveal()
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
        # Outside of the handler: its error holds the value.
        raise _unusable(field, "the value is not text")

    def secret(self, selector: SecretKeySelector | None, field: str) -> str:
        """Return a token or an id, without the line break that editors and `echo` leave."""
        value = self.text(selector, field).strip()
        if not value or not value.isascii() or not value.isprintable():
            raise _unusable(field, "the value is empty or not plain ASCII")
        return value

    def token(self, selector: ServiceAccountSelector, field: str) -> str:
        issued = self._credentials.tokens.get(selector)
        if issued is None or not issued.token:
            raise _unusable(field, f'no token for ServiceAccount "{selector.name}"')
        return issued.token.reveal().decode()


def _unusable(field: str, why: str) -> AuthFailed:
    return AuthFailed(f"{field} of the store: {why}", remedy="put a valid credential there")


def _app_role(auth: VaultAppRole, held: _Held) -> Login:
    if auth.role_id and auth.role_ref is None:
        role_id = auth.role_id.strip()
    else:
        role_id = held.secret(auth.role_ref, "appRole.roleId or appRole.roleRef")
    secret_id = held.secret(auth.secret_ref, "appRole.secretRef")
    return lambda client: _mapping(
        client.auth.approle.login(role_id, secret_id, mount_point=_mount(auth.path))
    )


def _kubernetes(auth: VaultKubernetesAuth, held: _Held) -> Login:
    if auth.service_account_ref is not None:
        token = held.token(auth.service_account_ref, "kubernetes.serviceAccountRef")
    elif auth.secret_ref is not None:
        token = held.secret(auth.secret_ref, "kubernetes.secretRef")
    else:
        token = _own_token()
    return lambda client: _mapping(
        client.auth.kubernetes.login(auth.role, token, mount_point=_mount(auth.mount_path))
    )


def _own_token() -> str:
    try:
        return _OWN_TOKEN.read_text().strip()
    except OSError as exc:
        raise AuthFailed(
            f"this process has no ServiceAccount's token of its own ({exc.strerror})",
            remedy="set kubernetes.serviceAccountRef or kubernetes.secretRef in the store",
        ) from None


def _jwt(auth: VaultJwtAuth, held: _Held) -> Login:
    issued = auth.kubernetes_service_account_token
    if issued is not None and issued.service_account_ref is not None:
        token = held.token(issued.service_account_ref, "jwt.kubernetesServiceAccountToken")
    else:
        token = held.secret(auth.secret_ref, "jwt.secretRef or jwt.kubernetesServiceAccountToken")
    return lambda client: _mapping(
        client.auth.jwt.jwt_login(auth.role, token, path=_mount(auth.path))
    )


def _password(auth: VaultPasswordAuth, held: _Held, method: str) -> Login:
    if not auth.username:
        raise InvalidRef(f"{method}.username of the store is missing", remedy="set it")
    password = held.text(auth.secret_ref, f"{method}.secretRef")
    # hvac puts names into the path as they are; one with a slash must not leave it.
    url = f"{api_path('auth', _mount(auth.path), 'login')}/{quote(auth.username, safe='')}"
    return lambda client: _mapping(client.adapter.login(url=url, json={"password": password}))


def _certificate(auth: VaultAuth) -> Login:
    cert = auth.cert
    assert cert is not None  # noqa: S101 - the caller looked
    url = api_path("auth", _mount(cert.path), "login")
    body = {"name": cert.vault_role} if cert.vault_role else {}
    return lambda client: _mapping(client.adapter.login(url=url, json=body))


def _mount(path: str) -> str:
    """Return a mount as the API takes it; stores often spell it with slashes around."""
    return path.strip("/")


def _mapping(reply: object) -> Mapping[str, Any]:
    return reply if isinstance(reply, Mapping) else {}
