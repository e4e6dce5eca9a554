"""GCRAccessToken: what `docker login` to Google's registries takes.

Neighbours: `login` and `tokens` make the token, as they do for stores.

Source: `generators.external-secrets.io/v1alpha1` GCRAccessToken (ESO 2.9);
https://cloud.google.com/artifact-registry/docs/docker/authentication#token
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from providers.base import CallObserver, Credentials, ProviderError, ServiceAccountSelector
from providers.gcp import audiences as store_audiences
from providers.gcp.config import GcpAuth, GcpConfig
from providers.spec import wire

__all__ = ["CONFIG", "GCRAccessTokenSpec", "audiences", "generate"]

#: The user name that says that the password is an access token.
USERNAME = b"oauth2accesstoken"


@dataclass(frozen=True, slots=True)
class GCRAccessTokenSpec:
    """`spec`.

    Args:
        project_id: whose identity pool a GKE cluster uses, unless `auth` says otherwise.
        auth: as in a store; without any, Application Default Credentials.
    """

    project_id: str = field(default="", metadata=wire(name="projectID", required=True))
    auth: GcpAuth = field(default_factory=GcpAuth)


CONFIG = GCRAccessTokenSpec


def audiences(
    config: GCRAccessTokenSpec, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return for whom a ServiceAccount's token is issued; see `providers.gcp.audiences`."""
    return store_audiences(_as_store(config), selector, annotations)


def generate(
    config: GCRAccessTokenSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Mapping[str, bytes]:
    """Log in, and return the token with the name to use it under.

    Args:
        config: the object's spec.
        credentials: what its selectors resolved to.
        observe: is told of each request.
        entropy: not needed.
        now: not needed: Google says until when the token is good.

    Returns:
        `username`, `password`, and `expiry` in seconds of Unix time.

    Raises:
        ProviderError: there is no token; the class and message say why.
    """
    # Imported here: the SDK costs what only those who log in to Google need.
    from providers.gcp.login import plan_login  # noqa: PLC0415 - see above
    from providers.gcp.tokens import TokenSource  # noqa: PLC0415 - see above

    try:
        source = TokenSource(plan_login(_as_store(config), credentials), observe=observe)
        try:
            token, expiry = source.token(), source.expiry()
        finally:
            source.close()
    except ProviderError as exc:
        # The block is a store's; what is wrong in it is said of where it stands here.
        exc.message = exc.message.replace("spec.provider.gcpsm.", "spec.")
        exc.args = (exc.message,)
        raise
    return {
        "username": USERNAME,
        "password": token.encode(),
        "expiry": b"" if expiry is None else str(expiry).encode(),
    }


def _as_store(config: GCRAccessTokenSpec) -> GcpConfig:
    return GcpConfig(project_id=config.project_id, auth=config.auth)
