"""Proves a Google identity to others: a token that its service account signed.

Neighbours: `login` says whose; `providers.vault.logins_clouds` hands the token to Vault.
Reads the clock, as the tokens of Google's SDK do: a proof says until when it is good.

Source: the Google Cloud auth method of Vault, "IAM login"; IAM Credentials API, signJwt.
"""

from __future__ import annotations

import json
import time
from typing import Any

from google.auth import crypt, jwt

from providers.base import AuthFailed, CallObserver, InvalidRef, Unavailable
from providers.gcp.login import ClusterLogin, KeyLogin, Login
from providers.gcp.token_requests import TokenRequests
from providers.gcp.tokens import TokenSource

__all__ = ["signed_identity"]

#: Vault takes none that is good for longer than 15 minutes unless told otherwise.
_LIFE_S = 600
_SIGN = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{}:signJwt"


def signed_identity(login: Login, *, audience: str, observe: CallObserver) -> str:
    """Return a token that says who signed it, for one audience.

    Raises:
        InvalidRef: the identity has no service account whose key could sign.
        ProviderError: it cannot be signed.
    """
    if isinstance(login, KeyLogin):
        return _with_key(login, audience)
    if isinstance(login, ClusterLogin) and login.account:
        return _by_google(login, audience, observe)
    raise InvalidRef(
        "only the key of a Google service account, or a ServiceAccount with the annotation "
        "iam.gke.io/gcp-service-account, can sign a login",
        remedy="set gcp.secretRef or gcp.workloadIdentity in the store",
    )


def _with_key(login: KeyLogin, audience: str) -> str:
    signer: Any = None
    try:
        make: Any = crypt.RSASigner.from_service_account_info
        signer = make(login.info)
    except (ValueError, KeyError):
        pass
    if signer is None:
        # Outside of the handler: the parser's error may hold the key.
        raise AuthFailed("the key of the Google service account cannot be used")
    encode: Any = jwt.encode
    signed: bytes = encode(signer, _claims(str(login.info["client_email"]), audience))
    return signed.decode()


def _by_google(login: ClusterLogin, audience: str, observe: CallObserver) -> str:
    source = TokenSource(login, observe=observe)
    requests = TokenRequests(observe)
    try:
        answer = requests(
            _SIGN.format(login.account),
            method="POST",
            body=json.dumps({"payload": json.dumps(_claims(login.account, audience))}).encode(),
            headers={
                "Authorization": f"Bearer {source.token()}",
                "Content-Type": "application/json",
            },
        )
    finally:
        source.close()
        requests.close()
    if answer.status != 200:
        raise AuthFailed(
            f'Google does not sign for "{login.account}" (HTTP status {answer.status})',
            remedy="grant it roles/iam.serviceAccountTokenCreator on itself",
        )
    signed = json.loads(answer.data).get("signedJwt")
    if not isinstance(signed, str) or not signed:
        raise Unavailable("Google's answer holds no signed token")
    return signed


def _claims(account: str, audience: str) -> dict[str, Any]:
    now_s = int(time.time())
    return {"iss": account, "sub": account, "aud": audience, "iat": now_s, "exp": now_s + _LIFE_S}
