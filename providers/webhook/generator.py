"""The Webhook generator: an answer's JSON object becomes the keys of a Secret.

Source: External Secrets Operator 2.9, generators/v1/webhook.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from providers import defaults
from providers.base import CallObserver, Credentials, MalformedSecret, ProviderError
from providers.webhook.config import WebhookGeneratorConfig

__all__ = ["CONFIG", "audiences", "generate"]

CONFIG = WebhookGeneratorConfig
audiences = defaults.no_audiences


def generate(
    config: WebhookGeneratorConfig,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Mapping[str, bytes]:
    """Ask the webhook once.

    Args:
        config: the generator's spec.
        credentials: what its selectors resolved to.
        observe: is told of the request.
        entropy: not used; the webhook makes the values.
        now: not used.

    Raises:
        ProviderError: there is no answer, or it is no object.
    """
    # Imported here: urllib3 is only for those who send.
    from providers.http import status_error  # noqa: PLC0415 - see above
    from providers.webhook.requests import WebhookRequests  # noqa: PLC0415 - see above

    requests = WebhookRequests(config, credentials)
    try:
        answer = requests.send({})
        if not answer.ok:
            raise status_error(answer, "the webhook")
        members = _members(requests.value(answer, {}))
    except ProviderError as exc:
        observe("Generate", "error")
        failed = exc
    else:
        observe("Generate", "success")
        return members
    finally:
        requests.close()
    # Outside of the handler: its frames hold values.
    raise failed.with_traceback(None)


def _members(value: bytes) -> Mapping[str, bytes]:
    found: Any = None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise MalformedSecret(
            "the webhook's answer is no JSON object with members",
            remedy="correct result.jsonPath, or the answer",
        )
    return {key: _text(one) for key, one in found.items()}


def _text(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode(errors="replace")
    if value is None:
        return b""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
