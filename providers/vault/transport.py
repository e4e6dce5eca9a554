"""The one place where hvac is used: its client over this project's own HTTP limits.

hvac knows the API; what it sends goes through `providers.http`, so that a request ends at
a deadline and a size, follows no redirect to another host, uses no proxy that the
environment names, and verifies TLS against certificates that need no file. Nothing of
Vault's environment variables (`VAULT_TOKEN`, `VAULT_ADDR`, …) is read.

Neighbours: `session` logs in and calls through this; `errors` classifies.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import hvac  # type: ignore[import-untyped] # it ships no type information
from hvac.adapters import Adapter  # type: ignore[import-untyped] # as above

from providers.base import CallObserver, MalformedSecret, ProviderError, Unavailable
from providers.http import HttpAnswer, HttpClient
from providers.vault.errors import UNREADABLE_REMEDY, Refused
from providers.vault.payload import unmarshal

__all__ = ["Wire", "client_over"]

_INDEX = "x-vault-index"


class Wire:
    """Sends one store's requests.

    Args:
        http: where and within which limits.
        headers: the store's own; they never replace Vault's.
        forward: let a standby hand on what it cannot answer consistently.
        read_your_writes: carry the state of each answer to the next request.
        observe: is told of each request.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        headers: Mapping[str, str],
        forward: bool,
        read_your_writes: bool,
        observe: CallObserver,
    ) -> None:
        self._http = http
        self._headers = dict(headers)
        if forward:
            self._headers["X-Vault-Inconsistent"] = "forward-active-node"
        self._read_your_writes = read_your_writes
        self._observe = observe
        self._lock = threading.Lock()
        self._index = ""

    def send(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        own: Mapping[str, str],
        body: object = None,
    ) -> Mapping[str, Any]:
        """Send one request.

        Args:
            operation: as metrics name it.
            path: with its query, beginning with /v1/.
            own: Vault's headers: token and namespace.
            body: to be sent as JSON.

        Returns:
            The JSON object of the answer, numbers as the source has them; {} for none.

        Raises:
            Refused: an error status.
            ProviderError: there was no answer, or none that can be read.
        """
        headers = {**self._headers, "X-Vault-Request": "true", **own}
        with self._lock:
            if self._index:
                headers["X-Vault-Index"] = self._index
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            answer = self._http.request(method, path, headers=headers, body=payload)
        except ProviderError:
            self._observe(operation, "error")
            raise
        self._note_index(answer)
        if not answer.ok:
            self._observe(operation, "error")
            raise Refused(answer, operation)
        reply = _reply(answer)
        self._observe(operation, "error" if reply is None else "success")
        if reply is None:
            raise Unavailable(
                f"Vault, {operation}: the answer is not JSON", remedy=UNREADABLE_REMEDY
            )
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _note_index(self, answer: HttpAnswer) -> None:
        if self._read_your_writes and answer.headers.get(_INDEX):
            with self._lock:
                self._index = answer.headers[_INDEX]


class _HvacAdapter(Adapter):  # type: ignore[misc] # hvac has no types
    """What hvac sends through; of its own settings it keeps token and namespace only."""

    def __init__(
        self, base_uri: str, token: str, namespace: str | None, wire: Wire, **_ignored: object
    ) -> None:
        self.base_uri = base_uri
        self.token = token
        self.namespace = namespace
        self._wire = wire

    def get_login_token(self, response: Mapping[str, Any]) -> str:
        """Return the token that a login gave; hvac asks for it."""
        return str((response.get("auth") or {}).get("client_token") or "")

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        operation: str = "",
        json: object = None,
        params: Mapping[str, str] | None = None,
        **_ignored: object,
    ) -> Mapping[str, Any]:
        """Send what hvac, or this room through it, asks for."""
        query = f"?{urlencode(params)}" if params else ""
        own = {"X-Vault-Token": self.token} if self.token else {}
        if self.namespace:
            own["X-Vault-Namespace"] = self.namespace
        return self._wire.send(
            operation or _operation(url), method.upper(), url + query, own=own, body=json
        )


def client_over(wire: Wire, *, token: str, namespace: str) -> Any:
    """Return an hvac client that sends through `wire`.

    Args:
        token: "" before the login; never taken from the environment.
        namespace: "" for the root.
    """
    return hvac.Client(
        url="https://vault.invalid",  # unused: the wire knows where to
        token=token,
        verify=True,
        namespace=namespace or None,
        adapter=_HvacAdapter,
        wire=wire,
    )


def _operation(url: str) -> str:
    """Name what hvac itself asks for, as ESO's metrics do."""
    last = url.rpartition("/")[2]
    return {
        "lookup-self": "LookupSelf",
        "renew-self": "RenewSelf",
        "revoke-self": "RevokeSelf",
    }.get(last, "Login")


def _reply(answer: HttpAnswer) -> Mapping[str, Any] | None:
    if answer.status == 204 or not answer.body:
        return {} if answer.status == 204 else None
    try:
        found = unmarshal(answer.body)
    except MalformedSecret:
        return None
    return found if isinstance(found, dict) else None
