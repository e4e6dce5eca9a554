"""AWS: one session and login for the services that a store may name.

Neighbours: `providers.registry` loads this module; `config` describes the store's
block. Importing it is cheap, the SDK is imported when the first session opens.

Least permissions of Secrets Manager (`parameter_store` names its own, `secret_writing` and
`parameter_writing` those of pushes): `secretsmanager:GetSecretValue` on the secrets. With
`BatchGetSecretValue` and `ListSecrets` (both only grantable on "*") reads cost a
twentieth and unchanged secrets are not read at all; with `DescribeSecret` a secret
that is scheduled for deletion is told apart, and metadata is read; `dataFrom.find` needs
`ListSecrets`.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers import defaults
from providers.aws.config import AwsConfig
from providers.base import CallObserver, Credentials, InvalidRef, Provider, ServiceAccountSelector

__all__ = [
    "CONFIG",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]

CONFIG = AwsConfig
capability = defaults.read_and_write


def metric_name(config: AwsConfig) -> str:
    """Return the name of the service that the store uses, as metrics report it."""
    return f"AWS/{config.service}"


def audiences(
    config: AwsConfig, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the audience that an EKS ServiceAccount names, or the one that STS expects.

    Source: the annotations of the EKS pod identity webhook, as ESO honours them.
    """
    named = annotations.get("eks.amazonaws.com/audience", "sts.amazonaws.com")
    return selector.audiences or (named,)


def identity_names_namespace(config: AwsConfig) -> bool:
    """Return whether the session's tags name the namespace that uses the store."""
    return config.session_tags_policy in ("Simple", "Custom")


def open_provider(
    config: AwsConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Open a session for a store; it logs in at its first request.

    Args:
        config: the store's `spec.provider.aws`.
        credentials: what its selectors resolved to.
        observe: is told of each request, STS included.

    Raises:
        InvalidRef: the block contradicts itself, or names a service that is not served.
        AuthFailed: a selector holds no usable credential.
    """
    # Imported here: the SDK costs half a second and 30 MB that only stores at AWS need.
    if config.service == "ParameterStore":
        from providers.aws.parameter_store import AwsParameterStore  # noqa: PLC0415 - see above

        return AwsParameterStore.from_config(config, credentials, observe=observe)
    if config.service == "SecretsManager":
        from providers.aws.secrets_manager import AwsSecretsManager  # noqa: PLC0415 - see above

        return AwsSecretsManager.from_config(config, credentials, observe=observe)
    raise InvalidRef(
        f'spec.provider.aws.service "{config.service}" is not supported: certificates are '
        "only imported there, and never read",
        remedy="use SecretsManager or ParameterStore",
    )
