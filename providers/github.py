"""GithubAccessToken: a token of one installation of a GitHub App.

The App proves itself by a JSON Web Token that its private key signs; GitHub answers a
token that ends after an hour. Neighbour: `tokens_over_http` asks.

Source: `generators.external-secrets.io/v1alpha1` GithubAccessToken (ESO 2.9);
https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from providers import defaults
from providers.base import (
    AuthFailed,
    CallObserver,
    Credentials,
    InvalidRef,
    SecretBytes,
    SecretKeySelector,
)
from providers.spec import wire
from providers.tokens_over_http import ask_for_token

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["CONFIG", "GithubAccessTokenSpec", "audiences", "generate"]

PUBLIC_API = "https://api.github.com"
#: GitHub's clock may be behind ours; it takes tokens of at most ten minutes.
_BEFORE = timedelta(seconds=60)
_AFTER = timedelta(seconds=300)
#: Larger keys take seconds to sign with; GitHub makes keys of 2048.
_MAX_RSA_BITS = 8192
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class GithubPrivateKey:
    """`spec.auth.privateKey`: where the App's private key is kept, in PEM."""

    secret_ref: SecretKeySelector = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class GithubAuth:
    """`spec.auth`."""

    private_key: GithubPrivateKey = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class GithubAccessTokenSpec:
    """`spec`.

    Args:
        url: of the API, for GitHub Enterprise Server `https://HOST/api/v3`.
        app_id: the App's number, or its client ID.
        install_id: the installation's number.
        repositories: names of those that the token is for; none: all of the installation.
        permissions: those that the token has, a subset of the App's; none: all of them.
    """

    app_id: str = field(metadata=wire(name="appID", required=True))
    install_id: str = field(metadata=wire(name="installID", required=True))
    auth: GithubAuth = field(metadata=wire(required=True))
    url: str = ""
    repositories: tuple[str, ...] = ()
    permissions: tuple[tuple[str, str], ...] = ()


CONFIG = GithubAccessTokenSpec
audiences = defaults.no_audiences


def generate(
    config: GithubAccessTokenSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Mapping[str, bytes]:
    """Ask for a token of an hour.

    Args:
        config: the object's spec.
        credentials: what its selectors resolved to.
        observe: is told of the request.
        entropy: not needed.
        now: the time, for the App's own token.

    Returns:
        `token`.

    Raises:
        ProviderError: there is no token; the class and message say why.
    """
    if not _IDENTIFIER.fullmatch(config.install_id) or config.install_id in (".", ".."):
        raise InvalidRef("spec.installID is not an identifier", remedy="give the number")
    key = _private_key(credentials.secrets[config.auth.private_key.secret_ref])
    token = ask_for_token(
        (config.url or PUBLIC_API).rstrip("/"),
        "POST",
        f"/app/installations/{config.install_id}/access_tokens",
        name="GitHub",
        operation="CreateInstallationAccessToken",
        headers={
            "Authorization": f"Bearer {_app_token(key, config.app_id, now)}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
        },
        body=_wanted(config),
        credentials=credentials,
        observe=observe,
    )
    return {"token": token.encode()}


def _wanted(config: GithubAccessTokenSpec) -> bytes:
    wanted: dict[str, Any] = {}
    if config.repositories:
        wanted["repositories"] = list(config.repositories)
    if config.permissions:
        wanted["permissions"] = dict(config.permissions)
    return json.dumps(wanted).encode()


def _private_key(pem: SecretBytes) -> RSAPrivateKey:
    # Imported here: only who signs pays for it.
    from cryptography.hazmat.primitives.asymmetric.rsa import (  # noqa: PLC0415 - see above
        RSAPrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - see above
        load_pem_private_key,
    )

    key: Any = None
    try:
        key = load_pem_private_key(pem.reveal(), None, unsafe_skip_rsa_key_validation=True)
    except Exception:  # noqa: BLE001 - OpenSSL's errors are many, and may quote the key
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size > _MAX_RSA_BITS:
        raise AuthFailed(
            "the GitHub App's private key is no RSA key in PEM without a passphrase",
            remedy="store the file that GitHub gave when the key was made",
        )
    return key


def _app_token(key: RSAPrivateKey, app_id: str, now: datetime) -> str:
    """Return the App's token (RFC 7519), signed with RS256 (RFC 7518, 3.3)."""
    from cryptography.hazmat.primitives.asymmetric.padding import (  # noqa: PLC0415 - see above
        PKCS1v15,
    )
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see above

    claims = {
        "iat": int((now - _BEFORE).timestamp()),
        "exp": int((now + _AFTER).timestamp()),
        "iss": app_id,
    }
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    text = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{text}.{_base64url(key.sign(text.encode(), PKCS1v15(), SHA256()))}"


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
