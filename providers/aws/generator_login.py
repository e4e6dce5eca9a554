"""One request by a generator at AWS: a session of its own, closed afterwards.

Neighbours: `ecr_generator` and `sts_generator` say what is asked; `login` and `session`
log in as they do for stores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from providers.aws.config import AwsAuth, AwsConfig
from providers.base import CallObserver, Credentials, ProviderError

__all__ = ["as_store", "ask_once"]

_STORE_FIELD = "spec.provider.aws."


def as_store(region: str, role: str, auth: AwsAuth) -> AwsConfig:
    """Return the store's block that logs in as a generator's spec says."""
    return AwsConfig(service="SecretsManager", region=region, role=role, auth=auth)


def ask_once(
    store: AwsConfig,
    credentials: Credentials,
    *,
    service: str,
    operation: str,
    ask: Callable[[Any], Callable[..., Any]],
    params: Mapping[str, Any],
    observe: CallObserver,
) -> Mapping[str, Any]:
    """Log in, send one request and return its reply.

    Args:
        store: from `as_store`.
        credentials: what the selectors resolved to.
        service: as the SDK calls it.
        operation: as the service calls it.
        ask: gives the client's method.
        params: of the request.
        observe: is told of each request, STS included.

    Raises:
        ProviderError: there is no reply; the class and message say why.
    """
    # Imported here: the SDK costs what only those who use AWS need.
    from providers.aws.calls import CallError, Calls  # noqa: PLC0415 - see above
    from providers.aws.login import plan_login  # noqa: PLC0415 - see above
    from providers.aws.session import open_session  # noqa: PLC0415 - see above

    problem: ProviderError
    try:
        session = open_session(plan_login(store, credentials), region=store.region, observe=observe)
        try:
            return Calls(observe).run(operation, ask(session.client(service)), **params)
        finally:
            session.close()
    except CallError as failed:
        problem = failed.error()
    except ProviderError as exc:
        problem = exc
    # The block is a store's; what is wrong in it is said of where it stands here.
    problem.message = problem.message.replace(_STORE_FIELD, "spec.")
    problem.args = (problem.message,)
    raise problem
