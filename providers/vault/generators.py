"""VaultDynamicSecret: what any engine of Vault answers, e.g. credentials made for the asker.

Neighbours: `session` logs in as for stores. The token that the login gave is not revoked:
what an engine leased to it would go with it. It ends by itself.

Source: `generators.external-secrets.io/v1alpha1` VaultDynamicSecret (ESO 2.9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from providers.base import (
    CallObserver,
    Credentials,
    InvalidRef,
    ProviderError,
    ServiceAccountSelector,
    Unavailable,
)
from providers.spec import wire
from providers.vault import audiences as store_audiences
from providers.vault.config import VaultConfig
from providers.vault.errors import Refused
from providers.vault.paths import api_path, checked
from providers.vault.payload import marshal

__all__ = ["CONFIG", "VaultDynamicSecretSpec", "audiences", "generate"]

_METHODS = ("GET", "LIST", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class VaultDynamicSecretSpec:
    """`spec`.

    Args:
        path: of the API, after `/v1/`.
        parameters: sent as JSON, by methods that send.
        get_parameters: sent in the query, by GET and LIST; lists of texts by name.
        result_type: Data is what the engine gives, Auth what a login gives, Raw everything.
        allow_empty_response: an answer without content gives no keys instead of an error.
    """

    path: str = field(metadata=wire(required=True))
    provider: VaultConfig = field(metadata=wire(required=True))
    controller: str = ""
    method: str = field(default="GET", metadata=wire(choices=_METHODS))
    parameters: Any = None
    get_parameters: Any = None
    result_type: str = field(default="Data", metadata=wire(choices=("Data", "Auth", "Raw")))
    retry_settings: Any = field(
        default=None,
        metadata=wire(
            deprecated="retrySettings is not used: a generator that failed runs again after a "
            "wait that grows"
        ),
    )
    allow_empty_response: bool = False


CONFIG = VaultDynamicSecretSpec


def audiences(
    config: VaultDynamicSecretSpec,
    selector: ServiceAccountSelector,
    annotations: Mapping[str, str],
) -> tuple[str, ...]:
    """Return for whom a ServiceAccount's token is issued; see `providers.vault.audiences`."""
    return store_audiences(config.provider, selector, annotations)


def generate(
    config: VaultDynamicSecretSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Mapping[str, bytes]:
    """Ask the engine once, and return its answer by key.

    Args:
        config: the object's spec.
        credentials: what its selectors resolved to.
        observe: is told of each request.
        entropy: not needed: the engine makes the secret.
        now: not needed.

    Returns:
        A text as it is, anything else as JSON; null gives nothing.

    Raises:
        InvalidRef: the spec cannot be asked.
        ProviderError: there is no answer; the class and message say why.
    """
    # Imported here: only those who ask Vault need its client.
    from providers.vault.session import VaultSession  # noqa: PLC0415 - see above

    path = _path(config)
    query = _query(config.get_parameters)
    session = VaultSession.of(config.provider, credentials, observe=observe)
    try:
        reply = _asked(session, config, path, query)
    finally:
        session.close(revoke=False)
    return _result(config, reply)


def _asked(
    session: Any, config: VaultDynamicSecretSpec, path: str, query: str
) -> Mapping[str, Any]:
    # A LIST is a GET that says so: not everything between here and there knows the verb.
    method, reads = config.method, config.method in ("GET", "LIST")
    if method == "LIST":
        method, query = "GET", f"{query}&list=true" if query else "list=true"
    body = None if reads or config.parameters is None else config.parameters
    error: ProviderError
    try:
        found: Mapping[str, Any] = session.call(
            "GenerateSecret", method, f"{path}?{query}" if reads and query else path, body=body
        )
    except Refused as refused:
        if refused.nothing_there and config.allow_empty_response:
            return {}
        error = session.explain(refused, f'"{config.path}"')
    else:
        return found
    # Outside of the handler: frames of the call hold parameters.
    raise error


def _result(config: VaultDynamicSecretSpec, reply: Mapping[str, Any]) -> Mapping[str, bytes]:
    found: Any = reply if config.result_type == "Raw" else reply.get(config.result_type.lower())
    if not found:
        if config.allow_empty_response:
            return {}
        raise Unavailable(
            f'Vault\'s answer for "{config.path}" has no {config.result_type.lower()}',
            remedy="check path and resultType, or set allowEmptyResponse",
        )
    if not isinstance(found, Mapping):
        raise Unavailable(f'Vault\'s answer for "{config.path}" is no map')
    return {key: _value(value) for key, value in found.items()}


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        # Numbers too: they are the text that the server wrote.
        return value.encode(errors="replace")
    return b"" if value is None else marshal(value)


def _path(config: VaultDynamicSecretSpec) -> str:
    plain = config.path.strip("/").removeprefix("v1/")
    checked(plain, "spec.path")
    if not isinstance(config.parameters, dict | None):
        raise InvalidRef("spec.parameters is no object", remedy="write names and values")
    return api_path(plain)


def _query(parameters: object) -> str:
    """Return the query that `getParameters` asks for: a list of texts by name."""
    if parameters is None:
        return ""
    if not isinstance(parameters, dict) or not all(
        isinstance(values, list) and all(isinstance(one, str) for one in values)
        for values in parameters.values()
    ):
        raise InvalidRef(
            "spec.getParameters is no map of lists of texts", remedy="write name: [value]"
        )
    return urlencode(parameters, doseq=True)
