"""From templates to one request, and from its answer to a value.

Neighbours: `store` and `generator` ask through this. The dot of templates is a map of maps:
`remoteRef`, and each Secret under the name that the block gives it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from providers.addresses import Reach
from providers.base import Credentials, InvalidRef, MalformedSecret, Render, Unavailable
from providers.http import HttpAnswer, HttpClient
from providers.metadata import metadata_json
from providers.webhook.config import WebhookConfig
from providers.webhook.jsonpath import JsonPathError, evaluate

__all__ = ["Dot", "WebhookRequests"]

Dot = Mapping[str, Mapping[str, bytes]]

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 120.0
#: Twice what a Kubernetes Secret holds: the value may be a part of an answer.
MAX_BODY_BYTES = 2 * 1024 * 1024

_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")


class WebhookRequests:
    """Requests of one block.

    Args:
        config: the block.
        credentials: what its selectors resolved to; `webhook_networks` in the context names
            the private networks that webhooks of this process may be in.

    Raises:
        InvalidRef: the block cannot work.
    """

    def __init__(self, config: WebhookConfig, credentials: Credentials) -> None:
        self._config = config
        self._rendering = credentials.rendering
        self._secrets = {
            secret.name: {
                key: value.reveal()
                for key, value in credentials.whole_secrets[secret.secret_ref].items()
            }
            for secret in config.secrets
        }
        self._client = HttpClient(
            name="the webhook",
            ca_pem=_authority(config, credentials),
            deadline_s=_timeout_s(config.timeout),
            max_body_bytes=MAX_BODY_BYTES,
            reach=_reach(credentials.context.get("webhook_networks", "")),
        )

    def send(
        self,
        remote: Mapping[str, bytes],
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        default_body: bytes | None = None,
    ) -> HttpAnswer:
        """Send the request that the templates make.

        Args:
            remote: `.remoteRef` of the templates.
            method: where the block names none.
            headers: besides those of the block.
            default_body: where the block has none.

        Raises:
            ProviderError: it cannot be made, or there is no whole answer.
        """
        raw = {"remoteRef": remote, **self._secrets}
        escaped = {name: quote_plus(value).encode() for name, value in remote.items()}
        render = self._rendering()
        own = {
            name: _rendered(render, f"headers.{name}", text, raw).decode("latin-1")
            for name, text in self._config.headers
        }
        body = default_body
        if self._config.body:
            body = _rendered(render, "body", self._config.body, raw)
        # As in ESO, what is asked for is escaped and the block's own Secrets are not.
        dot = {"remoteRef": escaped, **self._secrets}
        url = _rendered(render, "url", self._config.url, dot).decode(errors="replace")
        return self._client.request(
            (self._config.method or method).upper(),
            url.strip(),
            headers={**own, **(headers or {})},
            body=body,
        )

    def value(self, answer: HttpAnswer, remote: Mapping[str, bytes]) -> bytes:
        """Return what `result.jsonPath` takes from an answer, or all of it.

        Raises:
            MalformedSecret: the answer is none, or the path finds nothing in it.
            Unavailable: the answer may be cut.
            InvalidRef: the path cannot be read.
        """
        path = ""
        if self._config.result.json_path:
            raw = {"remoteRef": remote, **self._secrets}
            template = self._config.result.json_path
            rendered = _rendered(self._rendering(), "result.jsonPath", template, raw)
            path = rendered.decode(errors="replace")
        if path:
            return _text(_found(path, answer.json("the webhook's answer")))
        if answer.headers.get("content-type", "").startswith("text/html"):
            raise MalformedSecret(
                "the webhook's answer is a page of HTML, not a value",
                remedy="check the address and what stands before it",
            )
        if not answer.framed:
            raise Unavailable(
                "the webhook does not say how long its answer is: it may be cut",
                remedy="have it send Content-Length, or set result.jsonPath",
            )
        return answer.body

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _rendered(render: Render, name: str, text: str, dot: Dot) -> bytes:
    problem = ""
    try:
        return render(name, text, dot)
    except ValueError as exc:
        problem = str(exc)
    # Outside of the handler: its frames hold values.
    raise InvalidRef(problem, remedy=f"correct the template of {name}")


def _found(path: str, value: Any) -> Any:
    problem = ""
    try:
        return evaluate(path, value)
    except JsonPathError as exc:
        problem = str(exc)
    raise MalformedSecret(problem, remedy="correct result.jsonPath, or the answer")


def _text(value: Any) -> bytes:
    """Return a JSON value as ESO makes a Secret's value of it: the first of several."""
    while isinstance(value, list):
        if not value:
            raise MalformedSecret(
                "jsonPath finds nothing in the answer", remedy="correct result.jsonPath"
            )
        value = value[0]
    if isinstance(value, str):
        return value.encode(errors="replace")
    if isinstance(value, dict):
        return _object(value)
    if value is None:
        return b""
    if isinstance(value, float):
        # As Go's format 'f' with the shortest digits: no exponents.
        return format(Decimal(repr(value)), "f").removesuffix(".0").encode()
    return json.dumps(value).encode()


def _object(value: Mapping[str, Any]) -> bytes:
    try:
        return metadata_json(value)
    except RecursionError:
        pass
    raise MalformedSecret("the webhook's answer nests too deeply")


def _timeout_s(text: str) -> float:
    if not text:
        return DEFAULT_TIMEOUT_S
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    return min(seconds, MAX_TIMEOUT_S) or DEFAULT_TIMEOUT_S


def _reach(networks: str) -> Reach:
    try:
        return Reach.parse(networks)
    except ValueError:
        problem = "the networks that this process allows to webhooks cannot be read"
    raise InvalidRef(problem, remedy="write them as 10.0.0.0/8,192.168.1.7")


def _authority(config: WebhookConfig, credentials: Credentials) -> bytes | None:
    if config.ca_bundle:
        try:
            return base64.b64decode("".join(config.ca_bundle.split()), validate=True)
        except (binascii.Error, ValueError):
            problem = "caBundle is not base64"
        raise InvalidRef(problem, remedy="encode the PEM certificates, as base64 -w0 does")
    return credentials.authorities[config.ca_provider] if config.ca_provider else None
