"""Options of `secretsync run` about SealedSecrets, by their names in Sealed Secrets.

Each is also read from the environment as SEALED_SECRETS_<NAME>; the command line wins.
Neighbours: `run` takes them, `controller.sealing_settings` says what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from secretsync.controller.sealing_settings import SealingSettings

__all__ = ["sealing_options", "sealing_settings"]

F = TypeVar("F", bound=Callable[..., Any])

_ENVIRONMENT = "SEALED_SECRETS_"


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    flag = next(name for name in names if name.startswith("--"))
    variable = _ENVIRONMENT + flag.removeprefix("--").replace("-", "_").upper()
    return click.option(
        *names, envvar=variable, show_default=attributes["default"] != "", **attributes
    )


def _switch(name: str, *, default: bool, text: str) -> Callable[[F], F]:
    """A truth value as Go's flags take it: alone, or with =true or =false."""
    return _option(
        name,
        type=click.BOOL,
        is_flag=False,
        flag_value=True,
        default=default,
        metavar="[=BOOL]",
        help=text,
    )


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--no-sealing", is_flag=True, help="Leave SealedSecrets alone."),
    _option(
        "--sealing-namespace",
        default="",
        help="Namespace of the sealing keys (default: the service's).",
    ),
    _option(
        "--sealing-addr",
        default="127.0.0.1:8081",
        help="Where kubeseal is answered: /v1/cert.pem, /v1/verify, /v1/rotate; 0 for nowhere.",
    ),
    _option("--key-prefix", default="sealed-secrets-key", help="Beginning of key Secrets' names."),
    _option("--key-size", default=4096, type=click.INT, help="Bits of a new sealing key."),
    _option("--key-ttl", default="87600h", help="How long a new key's certificate lasts."),
    _option("--my-cn", default="", help="Common name in a new key's certificate."),
    _option(
        "--key-renew-period",
        "--rotate-period",
        default="720h",
        help="Age at which a new key is added; 0 for never.",
    ),
    _option(
        "--key-order-priority",
        default="CertNotBefore",
        help="What makes a key the newest: CertNotBefore or SecretCreationTimestamp.",
    ),
    _option(
        "--key-cutoff-time",
        default="",
        help="A newest key from before is replaced, in the form of `date -R`.",
    ),
    _option("--privatekey-annotations", default="", help="For new key Secrets: k=v,k2=v2."),
    _option("--privatekey-labels", default="", help="For new key Secrets: k=v,k2=v2."),
    _switch(
        "--accept-deprecated-v1-data",
        default=True,
        text="Open the old form, one blob.",
    ),
    _option(
        "--rate-limit",
        default=2,
        type=click.IntRange(min=1),
        help="Requests a second for verify and for rotate, by peer.",
    ),
    _option(
        "--rate-limit-burst", default=2, type=click.IntRange(min=0), help="And at once beyond that."
    ),
    _switch("--update-status", default=True, text="Write the status of SealedSecrets."),
    _switch("--skip-recreate", default=False, text="Do not make deleted Secrets again."),
    _option("--label-selector", default="", help="Serve only SealedSecrets that match."),
    _switch(
        "--metrics-omit-secret-labels",
        default=False,
        text="Give SealedSecrets no metric series of their own.",
    ),
)


def sealing_options(function: F) -> F:
    """Add the options; they arrive as keyword arguments for `sealing_settings`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def sealing_settings(service_namespace: str, **given: Any) -> SealingSettings | None:
    """Return what the options say, or None where SealedSecrets are not served.

    Args:
        service_namespace: of the keys, unless another one is given.
        given: the values of the options, by their names.

    Raises:
        ConfigError: one of them cannot be.
    """
    if given["no_sealing"]:
        return None
    # Imported here: --help needs no cryptography.
    from secretsync.controller.addresses import parse_address  # noqa: PLC0415 - see above
    from secretsync.controller.ring import Renewing  # noqa: PLC0415 - see above
    from secretsync.controller.sealing_settings import (  # noqa: PLC0415 - see above
        SealingSettings,
        parse_period,
    )
    from secretsync.sealed import key_options as keys  # noqa: PLC0415 - see above

    options = keys.KeyOptions(
        key_bits=given["key_size"],
        ttl=parse_period(given["key_ttl"], flag="--key-ttl"),
        common_name=given["my_cn"],
        labels=keys.parse_labels(given["privatekey_labels"]),
        annotations=keys.parse_annotations(given["privatekey_annotations"]),
    )
    renewing = Renewing(
        period=parse_period(given["key_renew_period"], flag="--key-renew-period"),
        cutoff_at=keys.parse_cutoff(given["key_cutoff_time"]),
        options=options,
    )
    return SealingSettings(
        namespace=given["sealing_namespace"] or service_namespace,
        key_prefix=keys.check_key_prefix(given["key_prefix"]),
        order=keys.parse_key_order(given["key_order_priority"]),
        renewing=renewing,
        accept_v1_data=given["accept_deprecated_v1_data"],
        address=parse_address(given["sealing_addr"]),
        rate_per_s=float(given["rate_limit"]),
        burst=given["rate_limit_burst"],
        update_status=given["update_status"],
        recreates=not given["skip_recreate"],
        label_selector=given["label_selector"],
        names_objects=not given["metrics_omit_secret_labels"],
    )
